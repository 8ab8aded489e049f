// What does `main` say of groups and of actors' places, as far as this node has come? Looked at by one at a time.

import { Effect, Semaphore } from "effect"
import { priorityOf } from "../consensus/configuration.ts"
import type { Configuration, GroupId, Index, NodeId } from "../consensus/types.ts"
import type { MachineHost } from "../machine/MachineHost.ts"
import { leadersOf } from "../machine/seats.ts"
import type { Placement } from "../machine/slots.ts"
import type { GroupRow, Seating } from "../machine/system/GroupDirectory.ts"
import type { Place } from "../machine/system/Whereabouts.ts"
import type { GroupStopped } from "../raft/Raft.ts"
import { Signal } from "../raft/Signal.ts"
import type { SeatedGroup } from "./following.ts"
import { type Hosting, isSeatOf } from "./Hosting.ts"

export class Directory {
  readonly #machine: MachineHost["Service"]
  readonly #hosting: Hosting
  readonly #alone = Semaphore.makeUnsafe(1).withPermits(1)
  #placesIndex = 0
  #places: ReadonlyMap<string, Place> = new Map()
  #moving: ReadonlyArray<string> = []
  /** Raised as long as there are any. */
  readonly #moves = new Signal()
  #open: ReadonlySet<GroupId> = new Set()
  #asOf: Index = 0
  /** Of groups that not all members run, the newest that was ever seen; in the order in which they were opened. */
  #seated: ReadonlyMap<GroupId, Seating> = new Map()
  #zones: Readonly<Record<NodeId, string>> = {}

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

  /** Until there are such actors. */
  get moves(): Effect.Effect<void> {
    return this.#moves.raised
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

  /** Undefined: all members run it. */
  seatingOf(group: GroupId): Seating | undefined {
    return this.#seated.get(group)
  }

  /** Open ones that not all members run, in the order in which they were opened. */
  get seated(): ReadonlyArray<SeatedGroup> {
    return Array.from(this.#seated, ([group, seating]) => ({ group, seating }))
  }

  /** In which zones nodes have said that they are. */
  get zones(): Readonly<Record<NodeId, string>> {
    return this.#zones
  }

  /** This node runs it, or will. */
  isHere(group: GroupId, self: NodeId): boolean {
    const seating = this.#seated.get(group)
    return seating === undefined || isSeatOf(seating, self)
  }

  /** Who should lead the groups that not all members run, so that leaders are even. */
  leaders(main: Configuration): ReadonlyMap<GroupId, NodeId> {
    return leadersOf(
      this.seated.map(({ group, seating }) => {
        const ids = seating.seats.map(({ id }) => id)
        const highest = Math.max(...ids.map((id) => priorityOf(main, id)))
        return { group, able: ids.filter((id) => priorityOf(main, id) === highest) }
      }),
    )
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
      if (this.#moving.length > 0) this.#moves.raise()
      else this.#moves.lower()
    }
    this.#asOf = asOf
    this.#zones = said[0].zones ?? {}
    this.#open = new Set(groups.flatMap(({ group, isClosed }) => (isClosed ? [] : [group])))
    const rows = groups.map((row) => this.#newest(row))
    const seated = rows.filter(({ isClosed, seating }) => seating !== undefined && !isClosed)
    this.#seated = new Map([
      // An older state does not know all of them.
      ...[...this.#seated].filter(([group]) => !rows.some((row) => row.group === group)),
      ...seated
        .toSorted((one, other) => one.founded - other.founded)
        .map(({ group, seating }) => [group, seating!] as const),
    ])
    return rows
  }).bind(this)

  /** A state that was given up, and comes back, knows of earlier steps first. */
  #newest(row: GroupRow): GroupRow {
    const known = this.#seated.get(row.group)
    const { seating } = row
    if (known === undefined || seating === undefined) return row
    const isOlder = seating.step < known.step || (seating.step === known.step && known.isReached)
    return isOlder ? { ...row, seating: known } : row
  }
}
