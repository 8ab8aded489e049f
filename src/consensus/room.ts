// Is there room for new commands? Only on the disks of a quorum, the leader's own among them (HAZARDS S7).

import { priorityOf } from "./configuration.ts"
import type { Leader, Node } from "./node.ts"
import { quorumReached } from "./quorum.ts"
import type { Millis, NodeId } from "./types.ts"

/**
 * False: a command that entered the log now could not be committed, and would use up the room that is kept for what
 * must go on. Who does not lead leaves that to the leader.
 */
export const takesCommands = (node: Node): boolean => {
  const { role } = node
  if (role.kind !== "leader") return true
  const hasRoom = (id: NodeId) => Number(id === node.id || role.progress.get(id)?.isShort !== true)
  return !node.isShort && quorumReached(node.configurations.current, hasRoom) > 0
}

export const noteRoom = (node: Node, isShort: boolean, now: Millis): void => {
  if (isShort && !node.isShort) node.shortSince = now
  node.isShort = isShort
}

/**
 * This leader's disk is short of room, and has not helped itself by a flush and a cut. A quorum without it has room,
 * and one of those has everything that is in its log: that one can do what this one cannot, and nothing is lost on the
 * way.
 */
export const givesWay = (node: Node, leader: Leader, now: Millis): boolean => {
  const { limits, log, configurations } = node
  const patienceMillis = 2 * limits.electionTimeoutMaxMillis
  if (!node.isShort || now - node.shortSince < patienceMillis) return false
  const hasRoom = (id: NodeId): boolean => {
    const progress = leader.progress.get(id)
    const isThere = progress !== undefined && now - progress.heardAt <= limits.electionTimeoutMaxMillis
    return isThere && !progress.isShort
  }
  const { current } = configurations
  const hasAll = (id: NodeId): boolean => leader.progress.get(id)?.counted === log.lastIndex
  const mayLead = (id: NodeId): boolean => hasRoom(id) && hasAll(id) && priorityOf(current, id) > 0
  return quorumReached(current, (id) => Number(hasRoom(id))) > 0 && current.voters.some(mayLead)
}
