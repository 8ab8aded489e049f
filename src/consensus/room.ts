// Is there room for new commands? Only on the disks of a quorum, the leader's own among them (HAZARDS S7).

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

/**
 * This leader's disk is short of room, and a quorum without it has room and everything that is in its log: one of those
 * can do what this one cannot, and nothing is lost on the way.
 */
export const givesWay = (node: Node, leader: Leader, now: Millis): boolean => {
  if (!node.isShort || node.commitIndex < node.log.lastIndex) return false
  const canDoWithout = (id: NodeId) => {
    const progress = leader.progress.get(id)
    const isThere = progress !== undefined && now - progress.heardAt <= node.limits.electionTimeoutMaxMillis
    return Number(isThere && !progress.isShort && progress.counted === node.log.lastIndex)
  }
  return quorumReached(node.configurations.current, canDoWithout) > 0
}
