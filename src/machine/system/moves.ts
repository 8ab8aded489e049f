// How does a shard come to be split, as `main` sees it? It says that a move is under way, and later that it is done: in
// between the two groups have the word.

import { isGroupName, mainGroup } from "../../consensus/groups.ts"
import type { Entry } from "../../consensus/types.ts"
import type { MachineState } from "../execution.ts"
import * as refusals from "../refusals.ts"
import { isRange, isWithin, placementProblem, reassigned, shardsMax, united } from "../slots.ts"
import type { SystemInput } from "./commands.ts"
import type { Verdict } from "./versions.ts"
import { type Move, markedBy, type Place } from "./Whereabouts.ts"

/**
 * Begins a move: of one actor one at a time, into a group that has nothing of it yet. From here on that group cannot be
 * closed. Where the keys are nobody need know before: until the move is done the placement stays.
 */
export const split = (
  { groups, whereabouts }: MachineState,
  actor: string,
  { from, to, slots: given, by }: SystemInput<"$place/split">,
  { index }: Entry,
): Verdict => {
  const place = whereabouts.place(actor)
  if (place === null) {
    return refusals.refused("not-found", `Nobody has settled where "${refusals.shorten(actor)}" lives.`)
  }
  if (place.move !== undefined) return underWay(actor, place.move)
  if (given.length === 0 || given.length > shardsMax || !given.every(isRange)) {
    return refusals.invalidInput(`These are not 1 to ${shardsMax} ranges of slots.`, [])
  }
  if (from === mainGroup || to === mainGroup || !isGroupName(to)) {
    return refusals.invalidInput(`No key is moved out of or into the group ${mainGroup}.`, [])
  }
  const slots = united(given)
  const owned = united(place.placement.filter(({ group }) => group === from))
  if (!isWithin(slots, owned)) {
    return refusals.refused("in-use", `The group ${from} does not have these slots of "${actor}".`)
  }
  if (isWithin(owned, slots)) {
    return refusals.invalidInput(`The group ${from} would have no slot of "${actor}" left.`, [])
  }
  if (place.placement.some(({ group }) => group === to)) {
    return refusals.refused("in-use", `The group ${to} has slots of "${actor}" already.`)
  }
  const opened = groups.get(to)
  if (opened === null || opened.isClosed) {
    return refusals.refused("not-found", `There is no group "${refusals.shorten(to)}".`)
  }
  const problem = placementProblem(reassigned(place.placement, slots, to))
  if (problem !== null) return refusals.invalidInput(`This would be no placement: ${problem}.`, [])
  const move: Move = { id: index, from, to, slots, by, phase: "moving" }
  whereabouts.settle(actor, { ...place, index, move })
  return { result: { move } }
}

/** The other group has them: whoever asks where they are is sent there from here on. */
export const assign = (
  { whereabouts }: MachineState,
  actor: string,
  { move: id }: SystemInput<"$place/assign">,
  { index }: Entry,
): Verdict => {
  const place = whereabouts.place(actor)
  const move = place?.move
  // A late copy, of what has long been done.
  if (place === null || move?.id !== id || move.phase !== "moving") return { result: { isNew: false } }
  const { slots, to } = move
  const next: Place = {
    ...place,
    placement: reassigned(place.placement, slots, to),
    index,
    moved: markedBy(place.moved ?? [], slots, id),
    move: { ...move, phase: "moved" },
  }
  whereabouts.settle(actor, next)
  return { result: { isNew: true } }
}

/** The first group has forgotten them: the move is over. */
export const finish = (
  { whereabouts }: MachineState,
  actor: string,
  { move: id }: SystemInput<"$place/finish">,
  { index }: Entry,
): Verdict => {
  const place = whereabouts.place(actor)
  if (place?.move?.id !== id || place.move.phase !== "moved") return { result: { isNew: false } }
  const { move: _, ...rest } = place
  whereabouts.settle(actor, { ...rest, index })
  return { result: { isNew: true } }
}

/** The first group has refused to let go of them, and refuses every copy of that: nothing has begun. */
export const abandon = (
  { groups, whereabouts }: MachineState,
  actor: string,
  { move: id, reason }: SystemInput<"$place/abandon">,
  { index }: Entry,
): Verdict => {
  const place = whereabouts.place(actor)
  if (place?.move?.id !== id || place.move.phase !== "moving") return { result: { isNew: false } }
  const { move, ...rest } = place
  whereabouts.settle(actor, { ...rest, index, refused: { move: id, reason } })
  // It was opened for this alone; unless somebody has settled another actor there meanwhile.
  const opened = groups.get(move.to)
  if (opened !== null && !whereabouts.groups().has(move.to)) groups.put({ ...opened, isClosed: true }, index)
  return { result: { isNew: true } }
}

const underWay = (actor: string, { from, to }: Move): Verdict =>
  refusals.refused("in-use", `Keys of "${actor}" are on their way from the group ${from} to ${to} already.`)
