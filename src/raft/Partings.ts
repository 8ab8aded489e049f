// Is this node's state what it should be? What is known of that outlives the group's lives, which end with a bad state.

import type { Clock } from "effect"
import type { Node } from "../consensus/node.ts"
import type { Index } from "../consensus/types.ts"
import type { Observer } from "./observer.ts"
import type { Parting, PartingReason } from "./Raft.ts"

export interface Found {
  readonly reason: PartingReason
  readonly index: Index
  /** What the node says of it in its log. */
  readonly details: Readonly<Record<string, unknown>>
}

interface Around {
  readonly clock: Clock.Clock
  readonly observer: Observer
  readonly node: Pick<Node, "commitIndex" | "log">
}

export class Partings {
  readonly #counts: Record<PartingReason, number> = { differs: 0, corrupt: 0, scrub: 0, stuck: 0, missing: 0 }
  #current: Parting | null = null
  /** The state is repaired when it has come here: as far as this node had known when it lost it. */
  #goal: Index = 0
  /** Ends the present life. Null: it has come to its end. */
  #end: (() => void) | null = null
  /** Checkpoints at which no majority can agree. */
  splits = 0

  /** Not null: nothing of the state may be shown to anybody. */
  get current(): Parting | null {
    return this.#current
  }

  get counts(): Readonly<Record<PartingReason, number>> {
    return this.#counts
  }

  /** The state of this life is known to be bad: nothing that follows from it counts any more. */
  get isOver(): boolean {
    return this.#end === null
  }

  /**
   * No life has begun, and there is no state though the log has entries. It may have shown what they came to: nothing is
   * shown before the state has come to the end of them. `lost`: why it was given up just now; null: nobody knows.
   */
  lacking({ clock, observer, node }: Around, lost: string | null): void {
    if (this.#current !== null || node.log.lastIndex === 0) return
    const reason = lost === null ? "missing" : "corrupt"
    this.#counts[reason]++
    this.#goal = node.log.lastIndex
    this.#current = { reason, index: 0, since: clock.currentTimeMillisUnsafe() }
    observer.event("there is no state of the log's entries: none is shown before they are applied", {
      reason,
      lastIndex: this.#goal,
      ...(lost === null ? {} : { lost }),
    })
  }

  /** A life begins, with a state that nobody has doubted yet. */
  begin(end: () => void): void {
    this.#end = end
  }

  /** The first word counts: what is found later of the same state is nothing new. */
  part({ clock, observer, node }: Around, { reason, index, details }: Found): void {
    const end = this.#end
    if (end === null) return
    this.#end = null
    this.#counts[reason]++
    this.#goal = Math.max(this.#goal, node.commitIndex)
    this.#current = { reason, index, since: this.#current?.since ?? clock.currentTimeMillisUnsafe() }
    const said = { reason, index, ...details }
    observer.event("this node's state is not what it should be: it is given up", said, "warn")
    end()
  }

  /** The machine has come further. */
  advanced({ clock, observer, node }: Around, appliedIndex: Index): void {
    // Of what was not committed when the goal was set, a leader may have cut some from the log.
    const goal = Math.min(this.#goal, node.log.lastIndex)
    if (this.#current === null || this.isOver || appliedIndex < goal) return
    const tookMillis = clock.currentTimeMillisUnsafe() - this.#current.since
    this.#current = null
    this.#goal = 0
    observer.event("this node's state is repaired", { appliedIndex, tookMillis })
  }
}
