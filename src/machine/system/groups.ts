// How does a group come into the directory of the cluster, and out of it?

import { membersProblem } from "../../consensus/configuration.ts"
import { groupNameRule, isGroupName, mainGroup } from "../../consensus/groups.ts"
import type { Entry, GroupId } from "../../consensus/types.ts"
import type { MachineState } from "../execution.ts"
import * as refusals from "../refusals.ts"
import type { SystemInput } from "./commands.ts"
import { foundedBy, seatedIn } from "./founders.ts"
import type { GroupRow } from "./GroupDirectory.ts"
import { seatsProblem, seatsWith } from "./seating.ts"
import type { Verdict } from "./versions.ts"

/** The first who opens a group decides how it begins: two founders would make two groups of one name. */
export const openGroup = (
  state: MachineState,
  group: GroupId,
  { configuration, seating }: SystemInput<"$group/open">,
  { index }: Entry,
): Verdict => {
  if (group === mainGroup || !isGroupName(group)) {
    const reason = group === mainGroup ? "it is always there" : groupNameRule
    return refusals.invalidInput(`"${refusals.shorten(group)}" is no name for another group: ${reason}.`, [])
  }
  const { groups } = state
  const known = groups.get(group)
  if (known !== null && !known.isClosed) return { result: { group, founded: known.founded, isNew: false } }
  const problem = membersProblem(configuration)
  if (problem !== null) return refusals.invalidInput(`These are no members for a group: ${problem}.`, [])
  const lacking = roomProblem(state, [group])
  if (lacking !== null) return refusals.invalidInput(lacking, [])
  const row: GroupRow = {
    group,
    founded: index,
    configuration: foundedBy({ configuration }),
    isClosed: false,
  }
  if (seating === undefined) groups.put(row, index)
  else {
    const among = seatedIn(row.configuration, seating.seats)
    const wrong = seatsProblem(row.configuration, seating.seats, seating.replicas)
    if (wrong !== null || among === null) return refusals.invalidInput(`These are no seats: ${wrong}.`, [])
    const { replicas, like } = seating
    const seats = seatsWith(among, seating.seats)
    const begun = { replicas, like, step: index, seats, leaving: [], isReached: false }
    groups.put({ ...row, configuration: among, seating: begun }, index)
  }
  return { result: { group, founded: index, isNew: true } }
}

/** Whoever has it lets it go. Not while an actor lives in it: its instances would be nowhere. */
export const closeGroup = (
  { groups, whereabouts }: MachineState,
  group: GroupId,
  { index }: Entry,
): Verdict => {
  if (whereabouts.groups().has(group)) {
    return refusals.refused("in-use", `An actor lives in the group ${group}.`)
  }
  const known = groups.get(group)
  if (known === null) {
    return refusals.refused("not-found", `There is no group "${refusals.shorten(group)}".`)
  }
  if (!known.isClosed) groups.put({ ...known, isClosed: true }, index)
  return { result: { group, isClosed: true } }
}

/** Why no more groups may be called by such names; null: there is room for them. What is settled has room already. */
export const roomProblem = (
  { groups, whereabouts }: MachineState,
  names: ReadonlyArray<GroupId>,
): string | null => {
  const closed = names.find((group) => groups.get(group)?.isClosed === true)
  if (closed !== undefined) return `The group ${closed} was closed: no other one is ever called so.`
  const settledNow = whereabouts.groups()
  // Far from full, as nearly always: nobody need know which of the settled ones are open.
  if (groups.count + settledNow.size + names.length <= groupsMax) return null
  const settled = [...settledNow].filter((group) => groups.get(group) === null)
  const taken = groups.openCount + settled.length
  const isNew = (name: GroupId) => name !== mainGroup && groups.get(name) === null && !settled.includes(name)
  const more = new Set(names.filter(isNew)).size
  if (more > 0 && taken + more > groupsMax) {
    return `There are ${taken} groups besides ${mainGroup}; ${groupsMax} are allowed.`
  }
  return more > 0 && groups.count + settled.length + more > namesMax
    ? `${namesMax} names have been used up.`
    : null
}

/** Each has a log, a leader and heartbeats on every member. */
export const groupsMax = 4096
/** Rows of closed groups stay. */
const namesMax = 65_536
