// How does a group come into the directory of the cluster, and out of it?

import { membersProblem } from "../../consensus/configuration.ts"
import { groupNameRule, isGroupName, mainGroup } from "../../consensus/groups.ts"
import type { Configuration, Entry, GroupId } from "../../consensus/types.ts"
import type { MachineState } from "../execution.ts"
import * as refusals from "../refusals.ts"
import type { SystemInput } from "./commands.ts"
import type { Verdict } from "./versions.ts"

/** The first who opens a group decides how it begins: two founders would make two groups of one name. */
export const openGroup = (
  { groups }: MachineState,
  group: GroupId,
  { configuration: { voters, learners, addresses } }: SystemInput<"$group/open">,
  { index }: Entry,
): Verdict => {
  if (group === mainGroup || !isGroupName(group)) {
    const reason = group === mainGroup ? "it is always there" : groupNameRule
    return refusals.invalidInput(`"${refusals.shorten(group)}" is no name for another group: ${reason}.`, [])
  }
  const known = groups.get(group)
  if (known?.isClosed === true) {
    return refusals.invalidInput(`The group ${group} was closed: no other one is ever called so.`, [])
  }
  if (known !== null) return { result: { group, founded: known.founded, isNew: false } }
  const problem = membersProblem({ voters, learners, addresses })
  if (problem !== null) return refusals.invalidInput(`These are no members for a group: ${problem}.`, [])
  if (groups.count >= groupsMax) {
    return refusals.invalidInput(`There are ${groups.count} groups; ${groupsMax} are allowed.`, [])
  }
  if (groups.names >= namesMax) return refusals.invalidInput(`${namesMax} names have been used up.`, [])
  const membersAddresses = [...voters, ...learners].map((id) => [id, addresses[id]!] as const)
  const configuration: Configuration = {
    voters,
    outgoing: [],
    learners,
    learnersNext: [],
    addresses: Object.fromEntries(membersAddresses),
  }
  groups.put({ group, founded: index, configuration, isClosed: false }, index)
  return { result: { group, founded: index, isNew: true } }
}

/** Whoever has it lets it go. */
export const closeGroup = ({ groups }: MachineState, group: GroupId, { index }: Entry): Verdict => {
  const known = groups.get(group)
  if (known === null) {
    return refusals.refused("not-found", `There is no group "${refusals.shorten(group)}".`)
  }
  if (!known.isClosed) groups.put({ ...known, isClosed: true }, index)
  return { result: { group, isClosed: true } }
}

/** Each has a log, a leader and heartbeats on every member. */
export const groupsMax = 4096
/** Rows of closed groups stay. */
const namesMax = 65_536
