// Where in the log may a read be served, so that it misses nothing that was acknowledged before it arrived?
// ReadIndex and leases (thesis §6.4).

import { members } from "./configuration.ts"
import type { HeartbeatReply, ReadIndexReply, ReadIndexRequest } from "./message.ts"
import type { Follower, Leader, Node, Reader } from "./node.ts"
import { quorumReached } from "./quorum.ts"
import { say } from "./turn.ts"
import type { Millis, NodeId, Origin } from "./types.ts"

/** Reads of this node's own clients. */
export const requestReads = (
  node: Node,
  origins: ReadonlyArray<Origin>,
  lease: boolean,
  now: Millis,
): void => {
  const { role } = node
  if (role.kind === "leader") {
    if (lease && leaseHolds(node, now)) {
      for (const origin of origins) node.turn.reads.push({ origin, index: node.commitIndex })
      return
    }
    role.reads.waiting.push(...origins.map((origin): Reader => ({ kind: "local", origin })))
    confirmNext(node, role, now)
  } else if (role.kind === "follower" && role.leader !== null && node.standing === "whole") {
    role.reads.waiting.push(...origins)
    askLeader(node, role, role.leader, now)
  } else {
    for (const origin of origins) node.turn.dismissed.push({ origin, reason: "not-leader" })
  }
}

/** A follower asks for its clients. */
export const onReadIndexRequest = (
  node: Node,
  from: NodeId,
  request: ReadIndexRequest,
  now: Millis,
): void => {
  if (node.role.kind !== "leader" || request.term !== node.term) {
    say(node, from, { type: "ReadIndexReply", term: node.term, id: request.id, index: 0 })
    return
  }
  const { reads } = node.role
  // It has one question at a time and repeats it while the answer stays out: one place is enough.
  reads.waiting = reads.waiting.filter((reader) => reader.kind === "local" || reader.from !== from)
  reads.waiting.push({ kind: "peer", from, id: request.id })
  confirmNext(node, node.role, now)
}

/**
 * One round of heartbeats for all reads that wait. Only answers to heartbeats that left after the reads
 * arrived count (HAZARDS L2), and nothing is confirmed before the opening no-op is committed: until then
 * the leader's commit index may lie behind what an earlier leader acknowledged (L1).
 */
export const confirmNext = (node: Node, leader: Leader, now: Millis): void => {
  const { reads } = leader
  if (reads.confirming !== null || reads.waiting.length === 0) return
  if (node.commitIndex < leader.firstIndexOfTerm) return
  const readers = reads.waiting
  reads.waiting = []
  sendHeartbeats(node, leader, now)
  reads.confirming = { round: leader.round, index: node.commitIndex, readers }
  settleRound(node, leader, now)
}

/**
 * Tells everybody that this node still leads, and begins a new confirmation round; or tells `only` one, in the round
 * that has begun.
 */
export const sendHeartbeats = (node: Node, leader: Leader, now: Millis, only: NodeId | null = null): void => {
  if (only === null) leader.round++
  for (const [id, progress] of leader.progress) {
    if (only !== null && id !== only) continue
    say(node, id, {
      type: "HeartbeatRequest",
      term: node.term,
      commit: Math.min(progress.match, node.commitIndex),
      // What an earlier leader acknowledged is committed here with the opening no-op at the latest.
      acknowledged: Math.max(node.commitIndex, leader.firstIndexOfTerm),
      round: leader.round,
      sentAt: now,
      rest: leader.rest.offeredFrom > 0,
    })
  }
}

/** A follower took part in a round; the caller has checked the term. */
export const onRoundAnswered = (
  node: Node,
  leader: Leader,
  from: NodeId,
  reply: HeartbeatReply,
  now: Millis,
): void => {
  const progress = leader.progress.get(from)
  // Round 0 answers no heartbeat of this term: it told the term to one of an older.
  if (progress === undefined || !reply.whole || reply.round === 0) return
  progress.round = Math.max(progress.round, reply.round)
  progress.confirmedAt = Math.max(progress.confirmedAt, reply.sentAt)
  settleRound(node, leader, now)
}

const settleRound = (node: Node, leader: Leader, now: Millis): void => {
  const { confirming } = leader.reads
  if (confirming === null) return
  const answered = (id: NodeId) => (id === node.id ? leader.round : (leader.progress.get(id)?.round ?? 0))
  if (quorumReached(node.configurations.current, answered) < confirming.round) return
  leader.reads.confirming = null
  for (const reader of confirming.readers) {
    if (reader.kind === "local") node.turn.reads.push({ origin: reader.origin, index: confirming.index })
    else
      say(node, reader.from, {
        type: "ReadIndexReply",
        term: node.term,
        id: reader.id,
        index: confirming.index,
      })
  }
  confirmNext(node, leader, now)
}

/**
 * No other leader can have been elected yet: a quorum answered heartbeats sent less than the shortest
 * election timeout ago, less the drift between clocks, and voters keep quiet for that long (thesis §6.4.1).
 * Counted from the sending, never from the answer (HAZARDS L5).
 */
export const leaseHolds = (node: Node, now: Millis): boolean => {
  const leader = node.role
  if (leader.kind !== "leader" || leader.isLeaseVoid || node.commitIndex < leader.firstIndexOfTerm)
    return false
  const confirmedAt = (id: NodeId) =>
    id === node.id ? now : (leader.progress.get(id)?.confirmedAt ?? Number.NEGATIVE_INFINITY)
  const since = quorumReached(node.configurations.current, confirmedAt)
  return now < since + node.limits.electionTimeoutMinMillis - node.limits.clockDriftMillis
}

/** Asks the leader, once for all that wait; asks again when the answer stays out. */
export const askLeader = (node: Node, follower: Follower, leader: NodeId, now: Millis): void => {
  const { reads } = follower
  if (reads.asked === null) {
    if (reads.waiting.length === 0) return
    node.lastReadId = Math.max(node.lastReadId + 1, now)
    reads.asked = { id: node.lastReadId, origins: reads.waiting, askedAt: now }
    reads.waiting = []
  } else if (now - reads.asked.askedAt < node.limits.heartbeatMillis * 2) {
    return
  }
  reads.asked.askedAt = now
  say(node, leader, { type: "ReadIndexRequest", term: node.term, id: reads.asked.id })
}

export const onReadIndexReply = (node: Node, from: NodeId, reply: ReadIndexReply, now: Millis): void => {
  const { role } = node
  if (role.kind !== "follower" || role.leader !== from || role.reads.asked?.id !== reply.id) return
  const { origins } = role.reads.asked
  // What the leader lets be read is committed, and as far as the logs are one it is committed here.
  node.commitIndex = Math.max(node.commitIndex, Math.min(reply.index, role.matched))
  role.reads.asked = null
  for (const origin of origins) {
    if (reply.index === 0) node.turn.dismissed.push({ origin, reason: "not-leader" })
    else node.turn.reads.push({ origin, index: reply.index })
  }
  askLeader(node, role, from, now)
}

/** Everybody else that receives the log. */
export const peersOf = (node: Node): ReadonlyArray<NodeId> =>
  members(node.configurations.current).filter((id) => id !== node.id)
