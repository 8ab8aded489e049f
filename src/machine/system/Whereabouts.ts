// Where do actors live, and which of their keys are this group's? As of the last applied entry.

import { mainGroup } from "../../consensus/groups.ts"
import type { GroupId, Index } from "../../consensus/types.ts"
import type { Instances } from "../Instances.ts"
import { everySlot, type Placement, type SlotRange, shardAt, slotOf, united, without } from "../slots.ts"
import { isSystemName, Rows } from "./rows.ts"

/** Keys on their way from one group to another, as `main` knows of it. */
export interface Move {
  /** The entry of `main` that began it: later moves have higher ones. */
  readonly id: Index
  readonly from: GroupId
  readonly to: GroupId
  readonly slots: ReadonlyArray<SlotRange>
  readonly by: string
  /** `moving`: the placement names `from`. `moved`: it names `to`, and `from` has yet to forget them. */
  readonly phase: "moving" | "moved"
}

/** Slots, and the move that brought them where they are. */
export interface Moved extends SlotRange {
  readonly move: Index
}

/** A move that has not begun, and never will. */
export interface RefusedMove {
  readonly move: Index
  readonly reason: string
}

/** Where an actor lives, as `main` knows it. */
export interface Place {
  readonly placement: Placement
  /** Node whose word it was. */
  readonly by: string
  /** The entry of `main` that changed it last. */
  readonly index: Index
  /** Under way. Absent: none. */
  readonly move?: Move
  /** The newest that was refused. Absent: none was. */
  readonly refused?: RefusedMove
  /** All slots that have ever been moved. Absent: none has. */
  readonly moved?: ReadonlyArray<Moved>
}

/** All actors that are settled, in order of their names. Any other lives in `main`, if there is one of that name. */
export interface Places {
  /** The entry of `main` that changed one of them last; 0: none is settled. */
  readonly index: Index
  readonly places: ReadonlyArray<Place & { readonly actor: string }>
}

/** What a group other than `main` has of an actor. Ranges of slots: as few as can be, in their order. */
export interface Owned {
  readonly ranges: ReadonlyArray<SlotRange>
  /** Given away, and never to be taken back by a late copy of what first gave them. Absent: none. */
  readonly released?: ReadonlyArray<SlotRange>
  /** Of `ranges`, those that came from another group. Absent: none. */
  readonly moved?: ReadonlyArray<Moved>
  /** The newest move that this group has heard of. All up to it are over, but the one that is under way. */
  readonly lastMove?: Index
  readonly refused?: RefusedMove
  readonly underWay?: Giving | Taking
}

/** The group has let go of the slots: all that belongs to them stands still here, until it is dropped. */
export interface Giving {
  readonly role: "gives"
  readonly move: Index
  readonly to: GroupId
  readonly slots: ReadonlyArray<SlotRange>
  /** Log time of the release. */
  readonly time: number
  /** The other group has them: what is here may go. */
  readonly isDropping: boolean
  /** Keys up to this one have gone. */
  readonly after: string
}

/** What belongs to the slots comes in portions. Nobody sees it before all of it is there. */
export interface Taking {
  readonly role: "takes"
  readonly move: Index
  readonly from: GroupId
  readonly slots: ReadonlyArray<SlotRange>
  /** That are here. */
  readonly portions: number
  /** Where the next one begins, in words of the group that gives them. */
  readonly cursor: string
  /** Over what is here. */
  readonly digest: string
  /** Parts that are here of something that did not fit into one portion. */
  readonly parts: number
}

/** Of one actor: what is under way in a group, and what it has come to. */
export interface ShardStatus extends Owned {
  readonly actor: string
}

/**
 * `main` knows where every actor lives, and has itself whatever was settled nowhere else. Another group knows what it was
 * given. Both say it of any key, and say the same on every replica.
 */
export class Whereabouts {
  readonly #group: GroupId
  readonly #placeRows: Rows<Place>
  readonly #shardRows: Rows<Owned>
  readonly #places = new Map<string, Place>()
  /** Of actors of which this group has not simply all, or nothing. */
  readonly #owned = new Map<string, ReadonlyArray<SlotRange>>()
  /** All that the rows of a group other than `main` say. */
  readonly #shards = new Map<string, Owned>()

  constructor(instances: Instances, group: GroupId) {
    this.#group = group
    this.#placeRows = new Rows(instances, "$place")
    this.#shardRows = new Rows(instances, "$shard")
    for (const { key, value } of this.#shardRows.all()) this.#noteShard(key, value)
    for (const { key, value } of this.#placeRows.all()) this.#note(key, value)
  }

  /** Null: nothing has been settled. */
  place(actor: string): Place | null {
    return this.#places.get(actor) ?? null
  }

  /** What the group was given of an actor; null: nothing, or it is `main`. */
  given(actor: string): ReadonlyArray<SlotRange> | null {
    return this.#group === mainGroup ? null : (this.#owned.get(actor) ?? null)
  }

  places(): Places {
    const places = Array.from(this.#places, ([actor, place]) => ({ actor, ...place }))
    places.sort((left, right) => (left.actor < right.actor ? -1 : 1))
    return { index: places.reduce((last, { index }) => Math.max(last, index), 0), places }
  }

  /** Those in which actors live, or are to live, besides `main`. */
  groups(): ReadonlySet<GroupId> {
    const all = Array.from(this.#places.values(), ({ placement, move }) => [
      ...placement.map(({ group }) => group),
      ...(move === undefined ? [] : [move.to]),
    ])
    return new Set(all.flat().filter((group) => group !== mainGroup))
  }

  /** Slots of which this group executes the commands. */
  owned(actor: string): ReadonlyArray<SlotRange> {
    return this.#owned.get(actor) ?? (this.#group === mainGroup ? all : none)
  }

  owns(actor: string, key: string): boolean {
    if (isSystemName(actor)) return true
    const ranges = this.owned(actor)
    return isWhole(ranges) || shardAt(ranges, slotOf(key)) !== undefined
  }

  /** Some key of it. */
  ownsSome(actor: string): boolean {
    return isSystemName(actor) || this.owned(actor).length > 0
  }

  settle(actor: string, place: Place): void {
    this.#placeRows.put(actor, place, place.index)
    // As whoever opens the state anew has it, down to the order of its keys: answers are made of it, and hashed.
    this.#note(actor, this.#placeRows.get(actor)!)
  }

  /** The move that brought a key's slot here; 0: it has always been here, or is not. */
  movedBy(actor: string, key: string): Index {
    const moved = this.#shards.get(actor)?.moved
    return moved === undefined ? 0 : (shardAt(moved, slotOf(key))?.move ?? 0)
  }

  /** Null: nothing was ever given to this group, or it is `main`. */
  shard(actor: string): Owned | null {
    return this.#shards.get(actor) ?? null
  }

  /** What is active of it must be the same in two groups: nothing is switched meanwhile. */
  isBetweenGroups(actor: string): boolean {
    const underWay = this.#shards.get(actor)?.underWay
    return underWay !== undefined && !(underWay.role === "gives" && underWay.isDropping)
  }

  putShard(actor: string, owned: Owned, index: Index): void {
    this.#shardRows.put(actor, owned, index)
    this.#noteShard(actor, this.#shardRows.get(actor)!)
  }

  #noteShard(actor: string, owned: Owned): void {
    this.#shards.set(actor, owned)
    this.#owned.set(actor, owned.ranges)
  }

  #note(actor: string, place: Place): void {
    this.#places.set(actor, place)
    const here = place.placement.filter(({ group }) => group === this.#group)
    this.#owned.set(actor, united(here))
  }
}

/** With these slots moved last by `move`. In the order of the slots. */
export const markedBy = (
  moved: ReadonlyArray<Moved>,
  slots: ReadonlyArray<SlotRange>,
  move: Index,
): ReadonlyArray<Moved> =>
  [...unmarked(moved, slots), ...slots.map(({ from, to }) => ({ from, to, move }))].toSorted(
    (left, right) => left.from - right.from,
  )

/** Without these slots. */
export const unmarked = (
  moved: ReadonlyArray<Moved>,
  slots: ReadonlyArray<SlotRange>,
): ReadonlyArray<Moved> =>
  moved.flatMap((range) => without([range], slots).map(({ from, to }) => ({ from, to, move: range.move })))

/** Nobody need look where the key belongs. */
const isWhole = (ranges: ReadonlyArray<SlotRange>): boolean =>
  ranges[0]?.from === everySlot.from && ranges[0].to === everySlot.to

const all: ReadonlyArray<SlotRange> = [everySlot]
const none: ReadonlyArray<SlotRange> = []
