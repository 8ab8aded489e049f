// How does leadership go to another node without waiting for a timeout? (thesis §3.10)

import { priorityOf } from "./configuration.ts"
import { becomeFollower } from "./election.ts"
import { firstOf } from "./groups.ts"
import type { ChangeRefused } from "./membership.ts"
import type { Leader, Node } from "./node.ts"
import { isRetired } from "./reconfiguration.ts"
import { say } from "./turn.ts"
import type { Millis, NodeId } from "./types.ts"

/**
 * Begins to hand leadership over, to `to` or to whoever is furthest: no command is taken in until the successor has
 * everything, or has not had it in time. Returns the successor, or why there is none.
 */
export const beginTransfer = (node: Node, to: NodeId | null, now: Millis): NodeId | ChangeRefused => {
  const successor = successorFor(node, to, now)
  if (typeof successor !== "string" || successor === node.id || node.role.kind !== "leader") return successor
  const until = now + node.limits.electionTimeoutMaxMillis
  node.role.transfer = { to: successor, until, isTold: false }
  settleTransfer(node, node.role, now)
  return successor
}

/** Who would take over if leadership were handed to `to`, or to whoever is furthest; or why nobody would. */
export const successorFor = (node: Node, to: NodeId | null, now: Millis): NodeId | ChangeRefused => {
  const { role } = node
  if (role.kind !== "leader") return { code: "not-leader", detail: `${node.id} does not lead` }
  if (role.transfer !== null) return { code: "change-in-progress", detail: `${role.transfer.to} is to lead` }
  if (to === node.id) return to
  const { voters } = node.configurations.current
  if (to !== null && priorityOf(node.configurations.current, to) === 0) {
    return { code: "bad-request", detail: `${to} has the priority 0: it never leads` }
  }
  if (to !== null && !voters.includes(to)) return { code: "unknown-member", detail: `${to} is no voter` }
  const successor = to ?? bestSuccessor(node, role, now)
  if (successor === null || !isFit(node, role, successor, now)) {
    return {
      code: "no-successor",
      detail: `${to ?? "no other voter"} ${to === null ? "answers" : "does not answer"}`,
    }
  }
  return successor
}

/** Tells the successor as soon as it has everything; goes on leading when that takes too long. */
export const settleTransfer = (node: Node, leader: Leader, now: Millis): void => {
  const { transfer } = leader
  if (transfer === null) return
  const progress = leader.progress.get(transfer.to)
  if (progress === undefined || now > transfer.until) {
    leader.transfer = null
  } else if (!transfer.isTold && progress.counted === node.log.lastIndex) {
    leader.transfer = { ...transfer, isTold: true }
    tell(node, leader, transfer.to)
  }
}

/**
 * A leader without a vote has nothing left to do, and one that cannot go on should not keep its followers waiting for
 * a timeout: whoever is furthest stands at once.
 */
export const stepDown = (node: Node, leader: Leader, now: Millis): void => {
  const successor = bestSuccessor(node, leader, now)
  if (successor !== null) tell(node, leader, successor)
  becomeFollower(node, node.term, null, now)
}

export const settleRetirement = (node: Node, leader: Leader, now: Millis): void => {
  if (isRetired(node)) stepDown(node, leader, now)
}

/**
 * From now on its followers may elect another one at any moment, lease or not, however late the word arrives: this
 * leader has no lease any more in this term (HAZARDS L5).
 */
const tell = (node: Node, leader: Leader, successor: NodeId): void => {
  leader.isLeaseVoid = true
  say(node, successor, { type: "TimeoutNow", term: node.term })
}

const bestSuccessor = (node: Node, leader: Leader, now: Millis): NodeId | null => {
  const { voters } = node.configurations.current
  // Of those that are as fit as each other another one takes over in each group: who leads many leaves none of them all.
  const first = firstOf(node.group, voters.length)
  let best: NodeId | null = null
  for (const id of [...voters.slice(first), ...voters.slice(0, first)]) {
    if (!isFit(node, leader, id, now)) continue
    if (best === null || isBetter(node, leader, id, best)) best = id
  }
  return best
}

/** With room on its disk, then by priority, then by how far it is. */
const isBetter = ({ configurations }: Node, { progress }: Leader, id: NodeId, than: NodeId): boolean => {
  const isOthersFull = progress.get(than)!.isShort
  if (progress.get(id)!.isShort !== isOthersFull) return isOthersFull
  const ahead = priorityOf(configurations.current, id) - priorityOf(configurations.current, than)
  return ahead > 0 || (ahead === 0 && progress.get(id)!.match > progress.get(than)!.match)
}

const isFit = (node: Node, leader: Leader, id: NodeId, now: Millis): boolean => {
  const progress = leader.progress.get(id)
  if (progress === undefined || !progress.whole || progress.state === "snapshot") return false
  if (priorityOf(node.configurations.current, id) === 0) return false
  // Who leads at rest hears it only as a process; it is asked again when the group is awake.
  return leader.rest.isResting || now - progress.heardAt <= node.limits.electionTimeoutMaxMillis
}
