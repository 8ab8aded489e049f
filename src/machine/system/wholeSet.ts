// Do backups of several groups make up one cluster? By what `main` says of groups and of actors' places, and what each of the
// others says that it has.

import { mainGroup } from "../../consensus/groups.ts"
import type { GroupId, Index } from "../../consensus/types.ts"
import type { StoredInstance } from "../../storage/StateStore.ts"
import { canonicalise } from "../json.ts"
import { type SlotRange, shardAt, sizeOf, slotsCount, united } from "../slots.ts"
import type { GroupRow } from "./GroupDirectory.ts"
import type { Owned, Place } from "./Whereabouts.ts"

interface BackupRows {
  /** As of which entry of its group. */
  readonly index: Index
  readonly rows: ReadonlyArray<StoredInstance>
}

/**
 * A set is whole when it has every open group once, no keys are on their way, and each slot of an actor is in just that group
 * where `main` says that it is. What a group has of an actor only ever shrinks, but for the once that it takes something in: so
 * a group that has just the slots that `main` says was copied when all that belongs to them was there.
 */
export const wholeSet = {
  actors: ["$group", "$place", "$shard"],
  problemOf: (set: ReadonlyMap<GroupId, BackupRows>): string | null => {
    const main = set.get(mainGroup)!
    return groupsProblem(set, main) ?? placesProblem(set, main)
  },
  /**
   * Seats were given to data directories of the other cluster: without them all members run the group, as they do in the
   * beginning of any cluster that is made of a backup.
   */
  amended: (rows: ReadonlyArray<StoredInstance>): ReadonlyArray<StoredInstance> =>
    rows.flatMap((row) => {
      if (row.actor !== "$group") return []
      const { seating, ...unseated } = JSON.parse(row.state) as GroupRow
      return seating === undefined ? [] : [{ ...row, state: JSON.stringify(canonicalise(unseated).json) }]
    }),
  /** A backup does not say of which group it is; what its group has of each actor, and lacks, it does say. */
  partsIn: (rows: ReadonlyArray<StoredInstance>) =>
    valuesOf<Owned>({ rows }, "$shard").flatMap(({ key: actor, value: { ranges } }) => {
      const slots = sizeOf(ranges)
      return slots === slotsCount ? [] : [{ actor, slots, slotsInAll: slotsCount }]
    }),
}

const groupsProblem = (set: ReadonlyMap<GroupId, BackupRows>, main: BackupRows): string | null => {
  const open = valuesOf<GroupRow>(main, "$group")
    .filter(({ value }) => !value.isClosed)
    .map(({ key }) => key)
  const missing = open.filter((group) => !set.has(group))
  if (missing.length > 0) {
    const names = missing.slice(0, namedMax).join(", ")
    const more = missing.length > namedMax ? ` and ${missing.length - namedMax} more` : ""
    return `the cluster has other groups, and nothing of them is here: ${names}${more}. Take a backup of all of them, into one directory: backup --all-groups DIR`
  }
  const unknown = [...set.keys()].find((group) => group !== mainGroup && !open.includes(group))
  return unknown === undefined ? null : `${mainGroup} knows of no open group ${unknown}`
}

const placesProblem = (set: ReadonlyMap<GroupId, BackupRows>, main: BackupRows): string | null => {
  const places = new Map(valuesOf<Place>(main, "$place").map(({ key, value }) => [key, value]))
  for (const [actor, { move }] of places) {
    if (move !== undefined) {
      return `keys of ${actor} were on their way from the group ${move.from} to ${move.to}: take it again when they have come there`
    }
  }
  for (const [group, backup] of set) {
    if (group === mainGroup) continue
    const shards = new Map(valuesOf<Owned>(backup, "$shard").map(({ key, value }) => [key, value]))
    for (const actor of new Set([...places.keys(), ...shards.keys()])) {
      if (!isAsSaid(group, places.get(actor), shards.get(actor), main.index)) {
        return `${mainGroup} says otherwise of where keys of ${actor} are than the group ${group}: they went to another group meanwhile; take it again`
      }
    }
  }
  return null
}

const isAsSaid = (
  group: GroupId,
  place: Place | undefined,
  shard: Owned | undefined,
  indexOfMain: Index,
): boolean => {
  const said = united((place?.placement ?? []).filter((range) => range.group === group))
  // It was settled since, or the group was not told of it yet: nobody had anything there.
  if (shard === undefined) return !(place?.moved ?? []).some(({ from }) => shardAt(said, from) !== undefined)
  const { ranges, underWay, lastMove = 0 } = shard
  // Of a move that `main` does not know, the group would think later that it is over.
  return underWay === undefined && lastMove <= indexOfMain && isSame(ranges, said)
}

const isSame = (one: ReadonlyArray<SlotRange>, other: ReadonlyArray<SlotRange>): boolean =>
  one.length === other.length &&
  one.every(({ from, to }, at) => from === other[at]!.from && to === other[at]!.to)

const valuesOf = <Value>(
  { rows }: Pick<BackupRows, "rows">,
  actor: string,
): ReadonlyArray<{ readonly key: string; readonly value: Value }> =>
  rows.flatMap((row) => {
    const value = row.actor === actor ? (JSON.parse(row.state) as Value | null) : null
    return value === null ? [] : [{ key: row.key, value }]
  })

const namedMax = 10
