// With what is a group opened that not all members are to run?

import type { Configuration, GroupId, NodeId } from "../consensus/types.ts"
import { seatsOf } from "../machine/seats.ts"
import type { SystemCommand } from "./deploy.ts"

/** By how many members a group is to be run, and by which name those are chosen. */
export interface Wanted {
  readonly replicas: number
  readonly like: GroupId
}

/** What opens a group with these members of `main`; `wanted` undefined: all of them run it. */
export const openingOf = (
  group: GroupId,
  configuration: Configuration,
  wanted: Wanted | undefined,
  zones: Readonly<Record<NodeId, string>>,
): SystemCommand<"$group/open"> => {
  const { voters, addresses } = configuration
  const candidates = voters.map((id) => ({ id, zone: zones[id], priority: addresses[id]?.priority }))
  const seating =
    wanted === undefined
      ? {}
      : { seating: { ...wanted, seats: seatsOf(wanted.like, wanted.replicas, candidates) } }
  return { name: "$group/open", key: group, input: { configuration, ...seating } }
}
