// Does a definition say of another home than the actor has? Where an actor lives is settled when it first comes in: whoever
// changes `group` or `shards` afterwards should hear that it changes nothing.

import { groupsText } from "../consensus/groups.ts"
import { evenShards, type Home, homeOf, type Placement, shardAt, wholeIn } from "../machine/slots.ts"
import { defaultGroup } from "./Doors.ts"

/** For a person. `placement`: null is `main`. Empty: the definition says what is so, as far as one can tell. */
export const homeNotes = (
  actor: string,
  placement: Placement | null,
  definition: Pick<Home, "group" | "shards">,
): ReadonlyArray<string> => {
  const settled = placement ?? wholeIn(defaultGroup)
  if (mayComeFrom(settled, homeOf(actor, definition))) return []
  const groups = [...new Set(settled.map(({ group }) => group))]
  return [
    `it lives in ${groupsText(groups)}; what its definition says now (${definitionText(definition)}) changes nothing: ` +
      "where an actor lives is settled when it first comes in",
  ]
}

/** Itself, or what splits have made of it: a group that is split keeps its lowest slot, and the new one gets a name of its own. */
const mayComeFrom = (settled: Placement, home: Placement): boolean => {
  if (!home.every(({ group, from }) => shardAt(settled, from)!.group === group)) return false
  if (settled.length === home.length) return true
  // More shards, evenly and in the order of their numbers, are rather what an earlier definition said.
  return settled.length === 2 || !isEven(settled)
}

const isEven = (settled: Placement): boolean =>
  evenShards(settled.length).every(
    ({ from }, at) => settled[at]!.from === from && settled[at]!.group.endsWith(`-${at + 1}`),
  )

const definitionText = ({ group, shards }: Pick<Home, "group" | "shards">): string =>
  [
    ...(group === undefined ? [] : [`group: ${JSON.stringify(group)}`]),
    ...(shards === undefined ? [] : [`shards: ${shards}`]),
  ].join(", ") || "no group and no shards"
