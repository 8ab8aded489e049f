// Where do actors live, and which of their keys are this group's? As of the last applied entry.

import { mainGroup } from "../../consensus/groups.ts"
import type { GroupId, Index } from "../../consensus/types.ts"
import type { Instances } from "../Instances.ts"
import { everySlot, type Placement, type SlotRange, shardAt, slotOf, united } from "../slots.ts"
import { isSystemName, Rows } from "./rows.ts"

/** Where an actor lives, as `main` knows it. */
export interface Place {
  readonly placement: Placement
  /** Node whose word it was. */
  readonly by: string
  /** The entry of `main` that changed it last. */
  readonly index: Index
}

/** All actors that are settled, in order of their names. Any other lives in `main`, if there is one of that name. */
export interface Places {
  /** The entry of `main` that changed one of them last; 0: none is settled. */
  readonly index: Index
  readonly places: ReadonlyArray<Place & { readonly actor: string }>
}

/** What a group other than `main` has of an actor. */
interface Owned {
  /** As few as can be, in their order. */
  readonly ranges: ReadonlyArray<SlotRange>
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

  constructor(instances: Instances, group: GroupId) {
    this.#group = group
    this.#placeRows = new Rows(instances, "$place")
    this.#shardRows = new Rows(instances, "$shard")
    for (const { key, value } of this.#shardRows.all()) this.#owned.set(key, value.ranges)
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
    const all = Array.from(this.#places.values(), ({ placement }) => placement.map(({ group }) => group))
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

  /** The first shard of it: what an actor has once, and not in each of its groups, is there. */
  ownsFirst(actor: string): boolean {
    return this.owned(actor)[0]?.from === 0
  }

  settle(actor: string, place: Place): void {
    this.#placeRows.put(actor, place, place.index)
    this.#note(actor, place)
  }

  own(actor: string, ranges: ReadonlyArray<SlotRange>, index: Index): void {
    this.#shardRows.put(actor, { ranges }, index)
    this.#owned.set(actor, ranges)
  }

  #note(actor: string, place: Place): void {
    this.#places.set(actor, place)
    const here = place.placement.filter(({ group }) => group === this.#group)
    this.#owned.set(actor, united(here))
  }
}

/** Nobody need look where the key belongs. */
const isWhole = (ranges: ReadonlyArray<SlotRange>): boolean =>
  ranges[0]?.from === everySlot.from && ranges[0].to === everySlot.to

const all: ReadonlyArray<SlotRange> = [everySlot]
const none: ReadonlyArray<SlotRange> = []
