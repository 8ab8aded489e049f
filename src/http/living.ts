// Would this change take a name, an address or a vote away from a node that lives? Then it is most likely a slip of the
// operator's, and only `force` means it.

import type { Address, Change, NodeId } from "../consensus/types.ts"
import type { GroupStatus, MemberStatus } from "../raft/Raft.ts"
import { Problem } from "./problem.ts"

/** Throws a Problem. `status` is the leader's: nobody else knows who lives. */
export const refuseSlips = (status: GroupStatus, change: Change): void => {
  for (const [id, address] of Object.entries(addressesIn(change))) {
    refuseLivingName(status, id, address)
    refuseLivingAddress(status, change, id, address)
  }
  refuseLostVoter(status, change)
}

/** An empty directory under the name of a voter that works would cost the cluster that voter's data (M10). */
const refuseLivingName = (status: GroupStatus, id: NodeId, { incarnation }: Address): void => {
  const known = status.configuration.addresses[id]
  if (incarnation === undefined || known === undefined || known.incarnation === incarnation) return
  const member = status.members.find((each) => each.id === id)
  if (member === undefined || !isAlive(status, member)) return
  throw new Problem(
    "id-in-use",
    `${id} is alive, with another data directory than the one that asks: take another id, or stop that ${id}`,
  )
}

const refuseLivingAddress = (status: GroupStatus, change: Change, id: NodeId, { peer }: Address): void => {
  const goes = change.kind === "replace" ? change.id : null
  const holder = status.members.find((each) => each.peer === peer && each.id !== id && each.id !== goes)
  if (holder === undefined || !isAlive(status, holder)) return
  throw new Problem("address-in-use", `${holder.id} is alive at ${peer}: ${id} cannot be there as well`)
}

/** Two votes would become one, and the cluster would stand fewer failures than before. */
const refuseLostVoter = ({ configuration: { voters } }: GroupStatus, change: Change): void => {
  if (change.kind !== "replace" || change.id === change.by) return
  if (!voters.includes(change.id) || !voters.includes(change.by)) return
  throw new Problem(
    "bad-request",
    `${change.by} votes already, so it replaces nobody: to be without ${change.id}, remove it`,
  )
}

const addressesIn = (change: Change): Readonly<Record<NodeId, Address>> => {
  switch (change.kind) {
    case "add":
      return { [change.id]: change.address }
    case "replace":
      return { [change.by]: change.address }
    case "set":
      return change.addresses
    default:
      return {}
  }
}

const isAlive = (status: GroupStatus, { id, progress }: MemberStatus): boolean =>
  id === status.id ||
  (progress !== null && progress.lastContactMillis !== null && progress.lastContactMillis < heardLatelyMillis)

/** Longer than a heartbeat that comes late; short enough for a node that is started again at once without its data. */
const heardLatelyMillis = 1000
