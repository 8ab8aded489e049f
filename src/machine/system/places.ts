// How is it settled where an actor lives, and how does a group come by what it has of one?

import { mainGroup } from "../../consensus/groups.ts"
import type { Entry } from "../../consensus/types.ts"
import type { MachineState } from "../execution.ts"
import { isActorName } from "../Registry.ts"
import * as refusals from "../refusals.ts"
import { isRange, isWithin, placementProblem, shardsMax, united, wholeIn, without } from "../slots.ts"
import type { SystemInput } from "./commands.ts"
import { roomProblem } from "./groups.ts"
import type { Verdict } from "./versions.ts"

/**
 * Once and for all: two nodes whose files say different things ask for different placements, and both go by the first. An
 * actor that is in `main` already has its instances there, and stays.
 */
export const settle = (
  state: MachineState,
  actor: string,
  { placement, by }: SystemInput<"$place/settle">,
  { index }: Entry,
): Verdict => {
  const { whereabouts } = state
  if (!isActorName(actor)) return noActorName(actor)
  const known = whereabouts.place(actor)
  if (known !== null) return { result: { settled: known.placement, isNew: false } }
  if (isHere(state, actor)) {
    const here = wholeIn(mainGroup)
    whereabouts.settle(actor, { placement: here, by, index })
    return { result: { settled: here, isNew: false } }
  }
  const problem = placementProblem(placement)
  if (problem !== null) return refusals.invalidInput(`This is no placement: ${problem}.`, [])
  const lacking = roomProblem(
    state,
    placement.map(({ group }) => group),
  )
  if (lacking !== null) return refusals.invalidInput(lacking, [])
  whereabouts.settle(actor, { placement, by, index })
  return { result: { settled: placement, isNew: true } }
}

/**
 * Takes commands of the actor's keys in these slots from here on. What it was given it keeps: a late copy of an earlier
 * request must not take keys away, of which nobody would then have the instances.
 */
export const own = (
  { group, whereabouts }: MachineState,
  actor: string,
  { ranges: given }: SystemInput<"$shard/own">,
  { index }: Entry,
): Verdict => {
  if (group === mainGroup) {
    return refusals.invalidInput(`What the group ${mainGroup} has of an actor, its placement says.`, [])
  }
  if (!isActorName(actor)) return noActorName(actor)
  if (given.length === 0 || given.length > shardsMax || !given.every(isRange)) {
    return refusals.invalidInput(`These are not 1 to ${shardsMax} ranges of slots.`, [])
  }
  const owned = whereabouts.owned(actor)
  const shard = whereabouts.shard(actor)
  // Where slots have come and gone since, who asks may well know less than the group.
  const ranges =
    shard?.lastMove === undefined
      ? united(given)
      : united([...owned, ...without(united(given), shard.released ?? [])])
  if (!isWithin(owned, ranges)) {
    return refusals.refused("in-use", `The group ${group} has other slots of "${actor}", and keeps them.`)
  }
  const isNew = !isWithin(ranges, owned)
  if (isNew) whereabouts.putShard(actor, { ...shard, ranges }, index)
  return { result: { actor, ranges, isNew } }
}

/** Something of it has been brought into `main`, before anybody settled it elsewhere. */
const isHere = ({ catalogue, instances }: MachineState, actor: string): boolean =>
  catalogue.actors.get(actor) !== null ||
  catalogue.active(actor) !== undefined ||
  instances.list({ actor, prefix: "", after: "", limit: 1 }).length > 0

const noActorName = (actor: string): Verdict =>
  refusals.invalidInput(`"${refusals.shorten(actor)}" is no name for an actor.`, [])
