// Has this node's state parted from the others'? What outlives the group's lives, which end with a bad state.

import type { Clock } from "effect"
import type { Observer } from "./observer.ts"
import type { Parting, PartingReason } from "./Raft.ts"

/** `found`: what the log of the node says of it. */
export interface Found {
  readonly reason: PartingReason
  readonly index: number
  readonly details: Readonly<Record<string, unknown>>
}

interface Around {
  readonly clock: Clock.Clock
  readonly observer: Observer
}

export class Partings {
  readonly #counts: Record<PartingReason, number> = { differs: 0, stuck: 0 }
  #current: Parting | null = null
  /** Checkpoints at which no majority can agree. */
  splits = 0

  /** Not null: nothing of the state may be shown to anybody. */
  get current(): Parting | null {
    return this.#current
  }

  get counts(): Readonly<Record<PartingReason, number>> {
    return this.#counts
  }

  /** The first word counts: what is found later of the same state is nothing new. */
  part({ clock, observer }: Around, { reason, index, details }: Found): void {
    if (this.#current !== null) return
    this.#current = { reason, index, since: clock.currentTimeMillisUnsafe() }
    this.#counts[reason]++
    observer.event("this node's state has parted from the others'", { reason, index, ...details })
  }
}
