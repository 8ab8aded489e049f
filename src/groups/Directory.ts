// What does `main` say of groups and of actors' places, as far as this node has come? Looked at by one at a time.

import { Effect, Semaphore } from "effect"
import type { GroupId, Index } from "../consensus/types.ts"
import type { MachineHost } from "../machine/MachineHost.ts"
import type { Placement } from "../machine/slots.ts"
import type { Place } from "../machine/system/Whereabouts.ts"
import type { GroupStopped } from "../raft/Raft.ts"
import type { Hosting } from "./Hosting.ts"

export class Directory {
  readonly #machine: MachineHost["Service"]
  readonly #hosting: Hosting
  readonly #alone = Semaphore.makeUnsafe(1).withPermits(1)
  #placesIndex = 0
  #places: ReadonlyMap<string, Place> = new Map()
  #moving: ReadonlyArray<string> = []
  #open: ReadonlySet<GroupId> = new Set()
  #asOf: Index = 0

  constructor(machine: MachineHost["Service"], hosting: Hosting) {
    this.#machine = machine
    this.#hosting = hosting
  }

  placementOf(actor: string): Placement | null {
    return this.#places.get(actor)?.placement ?? null
  }

  /** All that is known of where an actor lives; null: nothing was settled. */
  placeOf(actor: string): Place | null {
    return this.#places.get(actor) ?? null
  }

  /** Actors of which keys are on their way from one group to another. */
  get moving(): ReadonlyArray<string> {
    return this.#moving
  }

  /** It was opened, also where it does not run yet. */
  isOpen(group: GroupId): boolean {
    return this.#open.has(group)
  }

  /** The entry of `main` as of which {@link open} is known. */
  get asOf(): Index {
    return this.#asOf
  }

  /** All that were opened, also those that do not run yet. */
  get open(): ReadonlySet<GroupId> {
    return this.#open
  }

  /** False: nobody could be asked, for the state of `main` is in repair, most likely. */
  readonly look = Effect.suspend(() => this.#alone(this.#follow()))

  /** The same, and nobody waits for what has to be opened or closed. */
  readonly glance = Effect.suspend(() => Effect.map(this.#ask(), (rows) => rows !== null))

  readonly #follow = Effect.fnUntraced(function* (this: Directory): Effect.fn.Return<boolean, GroupStopped> {
    const rows = yield* this.#ask()
    if (rows === null) return false
    yield* this.#hosting.follow(rows)
    return true
  }).bind(this)

  readonly #ask = Effect.fnUntraced(function* (this: Directory) {
    const asked = Effect.all([this.#machine.groups, this.#machine.places])
    const said = yield* Effect.orElseSucceed(asked, () => null)
    if (said === null) return null
    const [{ index: asOf, groups }, { index, places }] = said
    // A state that was given up knows nothing at first: what was settled once stays so.
    if (index > this.#placesIndex) {
      this.#placesIndex = index
      this.#places = new Map(places.map(({ actor, ...place }) => [actor, place]))
      this.#moving = places.flatMap(({ actor, move }) => (move === undefined ? [] : [actor]))
    }
    this.#asOf = asOf
    this.#open = new Set(groups.flatMap(({ group, isClosed }) => (isClosed ? [] : [group])))
    return groups
  }).bind(this)
}
