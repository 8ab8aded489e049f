// How do the seats of a group come to be others, one step after the other, and how does `main` know that a step is done?

import { membersProblem } from "../../consensus/configuration.ts"
import type { Configuration, Entry, GroupId, NodeId } from "../../consensus/types.ts"
import type { MachineState } from "../execution.ts"
import * as refusals from "../refusals.ts"
import type { SystemInput } from "./commands.ts"
import { foundedBy, seatedIn } from "./founders.ts"
import type { GroupRow, Seat, Seating } from "./GroupDirectory.ts"
import type { Verdict } from "./versions.ts"

/** Another step. It builds on the one that whoever asks has seen: where there is a newer one nothing is done. */
export const seat = (
  { groups }: MachineState,
  group: GroupId,
  { configuration, seats, after }: SystemInput<"$group/seat">,
  { index }: Entry,
): Verdict => {
  const row = seated(groups.get(group))
  if (row === null) return noSeats(group)
  const { seating } = row
  if (seating.step !== after) return { result: { group, step: seating.step, isNew: false } }
  const main = foundedBy({ configuration })
  const problem = seatsProblem(main, seats, seating.replicas)
  if (problem !== null) return refusals.invalidInput(`These are no seats: ${problem}.`, [])
  const before = [...seating.leaving, ...seating.seats.map(({ id }) => id)]
  const leaving = [...new Set(before)].filter((id) => !seats.includes(id))
  const next = { ...seating, step: index, seats: seatsWith(main, seats), leaving, isReached: false }
  groups.put({ ...row, seating: next }, index)
  return { result: { group, step: index, isNew: true } }
}

/**
 * Whether a step is the newest. Who leads the group asks before it begins with it: as long as it leads, no later one can have
 * been reached. Changes nothing.
 */
export const follow = (
  { groups }: MachineState,
  group: GroupId,
  { step }: SystemInput<"$group/follow">,
): Verdict => {
  const row = seated(groups.get(group))
  if (row === null) return noSeats(group)
  return { result: { group, step: row.seating.step, isNewest: row.seating.step === step } }
}

/** The voters of the group are just those of that step, by what is committed in it. */
export const reached = (
  { groups }: MachineState,
  group: GroupId,
  { step }: SystemInput<"$group/seated">,
  { index }: Entry,
): Verdict => {
  const row = seated(groups.get(group))
  if (row === null) return noSeats(group)
  const { seating } = row
  if (seating.step === step && !seating.isReached) {
    groups.put({ ...row, seating: { ...seating, leaving: [], isReached: true } }, index)
  }
  return { result: { group, step: seating.step, isReached: seating.step === step } }
}

/** In which zone a node is, as it says itself. */
export const settleZone = (
  { groups }: MachineState,
  node: NodeId,
  { zone }: SystemInput<"$node/zone">,
  { index }: Entry,
): Verdict => {
  if ((groups.zones[node] ?? null) !== zone) groups.putZone(node, zone, index)
  return { result: { node, zone } }
}

/** Why these could not be the seats of a group; null: they could. */
export const seatsProblem = (
  main: Configuration,
  seats: ReadonlyArray<NodeId>,
  replicas: number,
): string | null => {
  if (seats.length > replicas) return `${seats.length} are more than ${replicas}`
  const among = seatedIn(main, seats)
  if (among === null) return "every seat is one of a voter"
  const unnamed = seats.find((id) => among.addresses[id]?.incarnation === undefined)
  return unnamed === undefined ? membersProblem(among) : `the data directory of ${unnamed} is not named`
}

export const seatsWith = ({ addresses }: Configuration, seats: ReadonlyArray<NodeId>): ReadonlyArray<Seat> =>
  seats.map((id) => ({ id, incarnation: addresses[id]!.incarnation! }))

const seated = (row: GroupRow | null): (GroupRow & { readonly seating: Seating }) | null =>
  row === null || row.isClosed || row.seating === undefined ? null : { ...row, seating: row.seating }

const noSeats = (group: GroupId): Verdict =>
  refusals.refused("not-found", `There is no group "${refusals.shorten(group)}" with seats of its own.`)
