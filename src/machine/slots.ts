// Where does a key belong? Each falls into one of 65,536 slots, and an actor's slots are spread over groups: whoever knows
// the placement of an actor finds the group of every key of it, without asking anybody.

import { groupNameRule, isGroupName, mainGroup } from "../consensus/groups.ts"
import type { GroupId } from "../consensus/types.ts"
import { replicasMax, replicasMin } from "./seats.ts"

/** A number from 0 to 65,535. */
export type Slot = number

/** Slots behind each other: both ends belong to it. */
export interface SlotRange {
  readonly from: Slot
  readonly to: Slot
}

/** Slots of an actor, and the group whose they are. */
export interface Shard extends SlotRange {
  readonly group: GroupId
}

/** Where an actor lives: all slots, each once, in their order. A group may stand in it more than once. */
export type Placement = ReadonlyArray<Shard>

export const slotsCount = 65_536

/** All of them. */
export const everySlot: SlotRange = { from: 0, to: slotsCount - 1 }

/** Groups that one actor may be spread over. */
export const shardsMax = 1024

/** Of its UTF-8. The same for ever, on every machine: what is stored lies where this says. */
export const slotOf = (key: string): Slot => Number(Bun.hash.xxHash64(key, 7n) & 0xffffn)

/** `count` ranges in their order, none larger than another by more than a slot. */
export const evenShards = (count: number): ReadonlyArray<SlotRange> => {
  const startOf = (at: number) => Math.floor((at * slotsCount) / count)
  return Array.from({ length: count }, (_, at) => ({ from: startOf(at), to: startOf(at + 1) - 1 }))
}

/** The one that has a slot, of some in their order; undefined when none has it. */
export const shardAt = <Range extends SlotRange>(
  shards: ReadonlyArray<Range>,
  slot: Slot,
): Range | undefined => {
  let low = 0
  let high = shards.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (shards[middle]!.to < slot) low = middle + 1
    else high = middle
  }
  const found = shards[low]
  return found !== undefined && found.from <= slot ? found : undefined
}

/** An actor that lives in one group. */
export const wholeIn = (group: GroupId): Placement => [{ group, ...everySlot }]

/** Where a definition wants its actor to live. */
export interface Home {
  readonly group?: GroupId
  /** Spread over so many groups. */
  readonly shards?: number
  /** Each of them run by so many members; absent: by all. */
  readonly replicas?: number
}

/** In `main` when it says nothing. */
export const homeOf = (actor: string, { group, shards }: Home): Placement =>
  shards === undefined
    ? wholeIn(group ?? mainGroup)
    : evenShards(shards).map((range, at) => ({ group: `${group ?? actor}-${at + 1}`, ...range }))

/** Why a definition says of no place where its actor could live; null: it does. */
export const homeProblem = (
  actor: string,
  {
    group,
    shards,
    replicas,
  }: { readonly group?: unknown; readonly shards?: unknown; readonly replicas?: unknown },
): string | null => {
  if (replicas !== undefined) {
    const count = replicas as number
    if (!Number.isSafeInteger(count) || count < replicasMin || count > replicasMax) {
      return `replicas: expected an integer from ${replicasMin} to ${replicasMax}`
    }
    if (shards === undefined && (group === undefined || group === mainGroup)) {
      return `replicas: every member runs the group ${mainGroup}; say another group, or shards`
    }
  }
  if (group !== undefined && !(typeof group === "string" && isGroupName(group))) {
    return `group: expected a name of a group: ${groupNameRule}`
  }
  if (shards === undefined) return null
  if (!Number.isSafeInteger(shards) || (shards as number) < 1 || (shards as number) > shardsMax) {
    return `shards: expected an integer from 1 to ${shardsMax}`
  }
  const last = `${group ?? actor}-${shards}`
  return isGroupName(last)
    ? null
    : `shards: the last of their groups would be called ${last}, and ${last.length} characters are more than 63`
}

/** Why these are no placement; null: they are one. */
export const placementProblem = (shards: Placement): string | null => {
  if (shards.length > shardsMax) return `${shards.length} ranges are more than ${shardsMax}`
  let next = 0
  for (const { group, from, to } of shards) {
    if (!isGroupName(group)) return "a group has a name that is none"
    if (from !== next) return from > next ? `nobody has slot ${next}` : `slot ${from} comes a second time`
    if (!isRange({ from, to })) return `${from} to ${to} is no range of slots`
    next = to + 1
  }
  return next === slotsCount ? null : `nobody has slot ${next}`
}

export const isRange = ({ from, to }: SlotRange): boolean =>
  Number.isInteger(from) && Number.isInteger(to) && 0 <= from && from <= to && to < slotsCount

/** The same slots in as few ranges as can be, in their order. */
export const united = (ranges: ReadonlyArray<SlotRange>): ReadonlyArray<SlotRange> => {
  const joined: Array<SlotRange> = []
  for (const { from, to } of ranges.toSorted((left, right) => left.from - right.from)) {
    const last = joined.at(-1)
    if (last === undefined || last.to + 1 < from) joined.push({ from, to })
    else if (last.to < to) joined[joined.length - 1] = { from: last.from, to }
  }
  return joined
}

/** Whether every slot of `inner` is in `outer`; both as {@link united} gives them. */
export const isWithin = (inner: ReadonlyArray<SlotRange>, outer: ReadonlyArray<SlotRange>): boolean =>
  inner.every(({ from, to }) => {
    const found = shardAt(outer, from)
    return found !== undefined && to <= found.to
  })

/** What is left of some slots without others; both, and what comes of it, as {@link united} gives them. */
export const without = (
  ranges: ReadonlyArray<SlotRange>,
  gone: ReadonlyArray<SlotRange>,
): ReadonlyArray<SlotRange> =>
  gone.reduce<ReadonlyArray<SlotRange>>(
    (left, { from, to }) =>
      left.flatMap((range) => [
        ...(range.from < from ? [{ from: range.from, to: Math.min(range.to, from - 1) }] : []),
        ...(range.to > to ? [{ from: Math.max(range.from, to + 1), to: range.to }] : []),
      ]),
    ranges,
  )

/** How many slots these are. */
export const sizeOf = (ranges: ReadonlyArray<SlotRange>): number =>
  ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0)

/** The higher half of some slots, rounded down: never the lowest one. As {@link united} gives them. */
export const upperHalf = (ranges: ReadonlyArray<SlotRange>): ReadonlyArray<SlotRange> => {
  let lower = Math.ceil(sizeOf(ranges) / 2)
  return ranges.flatMap(({ from, to }) => {
    const passed = Math.min(lower, to - from + 1)
    lower -= passed
    return from + passed > to ? [] : [{ from: from + passed, to }]
  })
}

/** The same placement, but that these slots are another group's. */
export const reassigned = (
  placement: Placement,
  slots: ReadonlyArray<SlotRange>,
  group: GroupId,
): Placement => {
  const kept = placement.flatMap((shard) =>
    without([shard], slots).map(({ from, to }) => ({ group: shard.group, from, to })),
  )
  const shards = [...kept, ...slots.map(({ from, to }) => ({ group, from, to }))]
  return shards.toSorted((left, right) => left.from - right.from)
}
