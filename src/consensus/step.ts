// What does a node decide when something happens? One input at a time, without waiting for anything.

import { assert } from "./assert.ts"
import {
  becomeFollower,
  beginElection,
  beginPreVote,
  electionResult,
  leaderLives,
  mayStand,
  onVoteReply,
  onVoteRequest,
  patienceOf,
} from "./election.ts"
import { followLeader, onAppendRequest, onHeartbeatRequest, onLossFound } from "./follower.ts"
import { beginTransfer, settleRetirement, settleTransfer } from "./handover.ts"
import { becomeLeader, onHeartbeatDue, onHoldChanged, onProposed } from "./leader.ts"
import type { Message } from "./message.ts"
import type { Input, Leader, Node } from "./node.ts"
import {
  askForLeader,
  isResting,
  onPeerAnother,
  onPeerSilent,
  onPulsesSeen,
  onRestAnswered,
  onRestDoubted,
  wakeForNews,
} from "./quiet.ts"
import { onReadIndexReply, onReadIndexRequest, onRoundAnswered, requestReads } from "./reading.ts"
import { beginChange, decree, settleJoint } from "./reconfiguration.ts"
import { advanceCommit, onAppendReply, onHeartbeatReply } from "./replication.ts"
import { beginReset } from "./reset.ts"
import { noteRoom } from "./room.ts"
import { onChunkKept, onSnapshotChunk, onSnapshotCompleted, onSnapshotReply } from "./snapshots.ts"
import { confirmHardState, confirmWrites, say } from "./turn.ts"
import type { Index, LogBase, Millis, NodeId } from "./types.ts"

/** Takes one input in. What follows from it gathers in `node.turn`; `takeTurn` hands it over. */
export const step = (node: Node, input: Input, now: Millis): void => {
  wakeForNews(node, input, now)
  switch (input.type) {
    case "Received":
      onReceived(node, input.from, input.message, now)
      break
    case "Proposed":
      onProposed(node, input)
      break
    case "ChangeAsked":
      node.turn.judged.push({
        origin: input.origin,
        verdict: beginChange(node, input, now),
      })
      break
    case "ResetAsked":
      node.turn.judged.push({ origin: input.origin, verdict: beginReset(node, input.voters, now) })
      break
    case "TransferAsked":
      node.turn.judged.push({ origin: input.origin, verdict: beginTransfer(node, input.to, now) })
      break
    case "HoldChanged":
      onHoldChanged(node, input)
      break
    case "ReadRequested":
      requestReads(node, input.origins, input.lease, now)
      break
    case "ElectionTimedOut":
      onElectionTimedOut(node, input, now)
      break
    case "HeartbeatDue":
      onHeartbeatDue(node, input, now)
      break
    case "Persisted":
      confirmWrites(node, input.sequence)
      boundMemory(node)
      if (node.role.kind === "leader") advanceCommit(node, node.role, now)
      break
    case "HardStatePersisted":
      confirmHardState(node, input.sequence)
      break
    case "LossFound":
      return onLossFound(node, now)
    case "RoomChanged":
      noteRoom(node, input.isShort, now)
      break
    case "Applied":
      onApplied(node, input.index)
      break
    case "ChunkKept":
      onChunkKept(node, input)
      break
    case "SnapshotCompleted":
      onSnapshotCompleted(node, input)
      break
    case "Compacted":
      onCompacted(node, input.through)
      break
    case "RestAllowed":
      node.mayRest = input.isAllowed
      break
    // What it wakes is awake.
    case "Stirred":
      break
    case "RestDoubted":
      onRestDoubted(node)
      break
    case "PulsesSeen":
      onPulsesSeen(node, input, now)
      break
    case "PeerSilent":
      onPeerSilent(node, input.peer, now)
      break
    case "PeerAnother":
      onPeerAnother(node, input.peer, now)
      break
  }
  settleElection(node, now)
  if (node.role.kind === "leader") settleLeadership(node, node.role, now)
}

/** What a leader goes on with by itself. */
const settleLeadership = (node: Node, leader: Leader, now: Millis): void => {
  settleJoint(node, leader, now)
  settleTransfer(node, leader, now)
  settleRetirement(node, leader, now)
}

const onReceived = (node: Node, from: NodeId, message: Message, now: Millis): void => {
  if (message.term > node.term && !adoptsTerm(node, from, message, now)) {
    if (message.type === "VoteRequest") onVoteRequest(node, from, message, now)
    else if (message.type === "VoteReply") onVoteReply(node, from, message)
    return
  }
  if (message.term < node.term) return onOlderTerm(node, from, message, now)
  switch (message.type) {
    case "VoteRequest":
      return onVoteRequest(node, from, message, now)
    case "VoteReply":
      return onVoteReply(node, from, message)
    case "AppendRequest":
      followLeader(node, from, now)
      return onAppendRequest(node, from, message)
    case "HeartbeatRequest":
      followLeader(node, from, now)
      return onHeartbeatRequest(node, from, message, now)
    case "SnapshotChunk":
      followLeader(node, from, now)
      return onSnapshotChunk(node, from, message)
    case "ReadIndexRequest":
      return onReadIndexRequest(node, from, message, now)
    case "ReadIndexReply":
      return onReadIndexReply(node, from, message, now)
    case "TimeoutNow":
      return onTimeoutNow(node, from, now)
    default:
      if (node.role.kind !== "leader") return
      if (message.type === "AppendReply") onAppendReply(node, node.role, from, message, now)
      else if (message.type === "SnapshotReply") onSnapshotReply(node, node.role, from, message, now)
      else {
        onHeartbeatReply(node, node.role, from, message, now)
        if (node.role.kind === "leader") onRoundAnswered(node, node.role, from, message, now)
        if (node.role.kind === "leader") onRestAnswered(node, node.role, from, message, now)
      }
  }
}

/**
 * A newer term ends whatever this node was (§5.1) — unless it is only asked for: a pre-vote runs in a term
 * that nobody has begun (thesis §9.6), and a candidate that a living leader's followers do not want is not
 * heard at all, or it would depose the leader by its term alone (thesis §4.2.3).
 */
const adoptsTerm = (node: Node, from: NodeId, message: Message, now: Millis): boolean => {
  if (message.type === "VoteRequest" && (message.preVote || (!message.transfer && leaderLives(node, now))))
    return false
  if (message.type === "VoteReply" && message.preVote && message.granted) return false
  const isLeadersWord =
    message.type === "AppendRequest" ||
    message.type === "HeartbeatRequest" ||
    message.type === "SnapshotChunk"
  becomeFollower(node, message.term, isLeadersWord ? from : null, now)
  return true
}

/** Whoever speaks in an old term learns the new one; what it says is not heard. */
const onOlderTerm = (node: Node, from: NodeId, message: Message, now: Millis): void => {
  switch (message.type) {
    case "VoteRequest":
      return onVoteRequest(node, from, message, now)
    case "AppendRequest":
    case "SnapshotChunk":
    case "HeartbeatRequest":
      return say(node, from, {
        type: "HeartbeatReply",
        term: node.term,
        round: 0,
        sentAt: 0,
        lastIndex: node.log.lastIndex,
        whole: node.standing === "whole",
        isShort: node.isShort,
        rests: false,
      })
    case "ReadIndexRequest":
      return say(node, from, { type: "ReadIndexReply", term: node.term, id: message.id, index: 0 })
    default:
      return
  }
}

/** The timer of a follower or candidate ran out. It may have begun anew since; then nothing happens. */
const onElectionTimedOut = (
  node: Node,
  { after, asks = false }: Extract<Input, { type: "ElectionTimedOut" }>,
  now: Millis,
): void => {
  if (node.role.kind === "leader" || now - node.role.timerBeganAt < after || isResting(node)) return
  if (!mayStand(node)) {
    if (asks) askForLeader(node)
    return
  }
  if (node.role.kind === "follower" && node.role.timeoutsLeft < patienceOf(node)) {
    node.role.timeoutsLeft++
    node.role.timerBeganAt = now
    return
  }
  beginPreVote(node, now)
}

/** The leader wants this node to succeed it: no pre-vote, and its followers' lease guard does not apply. */
const onTimeoutNow = (node: Node, from: NodeId, now: Millis): void => {
  if (node.role.kind === "follower" && node.role.leader === from && mayStand(node))
    beginElection(node, true, now)
}

const settleElection = (node: Node, now: Millis): void => {
  while (node.role.kind === "candidate") {
    const candidate = node.role
    const result = electionResult(node, candidate)
    if (result === "pending") return
    if (result === "lost") becomeFollower(node, node.term, null, now)
    else if (candidate.preVote) beginElection(node, false, now)
    else {
      becomeLeader(node, now)
      if (candidate.decree !== null) decree(node, candidate.decree, now)
    }
  }
}

const onApplied = (node: Node, index: Index): void => {
  assert(index >= node.appliedIndex, "the machine never goes back", index, node.appliedIndex)
  assert(index <= node.commitIndex, "only what is committed is applied", index, node.commitIndex)
  node.appliedIndex = index
  if (node.pendingInstall !== null && index >= node.pendingInstall.index) node.pendingInstall = null
  boundMemory(node)
}

/**
 * What is on disk need not be in memory, also when the machine is not there yet: it may lack its state for long, or be
 * unable to get past an entry, and the log goes on (HAZARDS R13).
 */
const boundMemory = ({ log, limits }: Node): void => log.evict(log.persistedIndex, limits.cacheBytesMax)

const onCompacted = (node: Node, through: LogBase): void => {
  if (through.index <= node.log.base.index) return
  assert(
    through.index <= Math.min(node.appliedIndex, node.log.persistedIndex),
    "only what is applied is cut",
    through.index,
    node.appliedIndex,
  )
  node.log.compact(through)
  node.configurations.compact(through.index)
  node.turn.compacted = { through, configuration: node.configurations.asOf(through.index) }
}
