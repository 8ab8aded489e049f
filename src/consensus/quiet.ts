// When may a group of which nobody wants anything stop ticking, and what wakes it? A leader offers rest in its heartbeats
// and goes to rest when all members rest; from then on the processes' pulses stand for the heartbeats.

import { isJoint } from "./configuration.ts"
import type { HeartbeatReply, HeartbeatRequest } from "./message.ts"
import { isNewsToFollower, isNewsToLeader } from "./news.ts"
import { type Follower, type Input, type Leader, lacksState, type Node } from "./node.ts"
import { quorumReached } from "./quorum.ts"
import { peersOf, sendHeartbeats } from "./reading.ts"
import { say } from "./turn.ts"
import type { Index, Millis, NodeId } from "./types.ts"

type PulsesSeen = Extract<Input, { type: "PulsesSeen" }>

/** Nothing of this node ticks for the group. */
export const isResting = ({ role }: Node): boolean =>
  role.kind === "leader" ? role.rest.isResting : role.kind === "follower" && role.rest !== null

/** Whose pulses count at present. */
export const watchedPeers = ({ role }: Node): ReadonlyArray<NodeId> => {
  if (role.kind === "leader") return role.rest.offeredFrom > 0 ? [...role.progress.keys()] : []
  return role.kind === "follower" && role.rest !== null && role.leader !== null ? [role.leader] : []
}

/** With every heartbeat, before it leaves: how long has nothing been to do? */
export const noteQuiet = (node: Node, leader: Leader): void => {
  const { rest } = leader
  if (!hasNothingToDo(node, leader)) return withdrawOffer(leader)
  rest.quietBeats++
  if (rest.quietBeats < node.limits.quietBeatsMin || rest.offeredFrom > 0) return
  rest.offeredFrom = leader.round + 1
  // Nobody has to be asked.
  settleRest(node, leader)
}

/** The caller has checked the term. A reply to an earlier heartbeat than the offer says nothing about it. */
export const onRestAnswered = (
  node: Node,
  leader: Leader,
  from: NodeId,
  reply: HeartbeatReply,
  now: Millis,
): void => {
  const progress = leader.progress.get(from)
  if (progress === undefined) return
  if (reply.round === 0) return sendHeartbeats(node, leader, now, from)
  if (leader.rest.offeredFrom === 0 || reply.round < leader.rest.offeredFrom) return
  progress.rests = reply.rests
  settleRest(node, leader)
}

const settleRest = (node: Node, leader: Leader): void => {
  const doAllRest = [...leader.progress.values()].every(({ rests }) => rests)
  if (doAllRest && hasNothingToDo(node, leader)) leader.rest.isResting = true
}

/** A leader's word has been taken in. True: this node rests from now on, or goes on resting. */
export const followsToRest = (node: Node, follower: Follower, request: HeartbeatRequest): boolean => {
  const hasAll = request.commit === node.log.lastIndex && isSettled(node)
  const isAsked = follower.reads.asked !== null || follower.reads.waiting.length > 0
  if (!request.rest || !hasAll || isAsked) return false
  follower.rest ??= { process: null, isDoubted: false }
  follower.rest.isDoubted = false
  return true
}

const hasNothingToDo = (node: Node, leader: Leader): boolean => {
  const { current, currentIndex } = node.configurations
  const { reads, transfer, progress } = leader
  const isChanging = isJoint(current) || current.goal !== undefined || currentIndex > node.commitIndex
  if (!isSettled(node) || isChanging || transfer !== null) return false
  if (reads.confirming !== null || reads.waiting.length > 0) return false
  return [...progress.values()].every(
    ({ state, whole, isShort, match, inFlightCount }) =>
      state === "replicate" && whole && !isShort && match === node.log.lastIndex && inFlightCount === 0,
  )
}

/** This node has everything durable and applied that it has in its log, and nobody waits at it. */
const isSettled = (node: Node): boolean => {
  const { log, commitIndex, appliedIndex, pendingWrites, turn } = node
  const ends: ReadonlyArray<Index> = [log.persistedIndex, commitIndex, appliedIndex]
  const isBusy = pendingWrites.length > 0 || turn.draft.entries.length > 0 || node.pendingInstall !== null
  if (isBusy || !ends.every((index) => index === log.lastIndex)) return false
  return node.mayRest && node.standing === "whole" && !node.isShort && !lacksState(node)
}

/** Before every input: is it news, so that it finds a group that is awake? */
export const wakeForNews = (node: Node, input: Input, now: Millis): void => {
  const { role } = node
  if (role.kind === "leader" && role.rest.quietBeats > 0 && isNewsToLeader(node, role, input)) {
    wakeLeader(node, role, now)
  } else if (role.kind === "follower" && role.rest !== null && isNewsToFollower(node, input)) {
    // What else its leader says may have been on its way for long; after a heartbeat there will be another one.
    const isBeat = input.type === "Received" && input.message.type === "HeartbeatRequest"
    if (isBeat) role.rest = null
    else wakeFollower(node, role, now)
  }
}

/**
 * What is known of the processes behind the peers that count: those of whom nothing is known are not among them. Another
 * process than the one that went to rest has forgotten that it leads, or lacks what it had.
 */
export const onPulsesSeen = (node: Node, { pulses }: PulsesSeen, now: Millis): void => {
  const { role } = node
  if (role.kind === "follower" && role.rest !== null) {
    const pulse = pulses.find(({ peer }) => peer === role.leader)
    role.rest.process ??= pulse?.process ?? null
    const isSame = pulse !== undefined && pulse.process === role.rest.process
    if (isSame) role.leaderHeardAt = Math.max(role.leaderHeardAt, pulse.heardAt)
    if (!isSame || isSilent(node, role.leaderHeardAt, now)) wakeFollower(node, role, now)
  } else if (role.kind === "leader" && role.rest.offeredFrom > 0) {
    let isAnother = false
    for (const { peer, process, heardAt } of pulses) {
      const progress = role.progress.get(peer)
      if (progress === undefined) continue
      progress.process ??= process
      if (progress.process !== process) isAnother = true
      else if (role.rest.isResting) progress.heardAt = Math.max(progress.heardAt, heardAt)
    }
    if (isAnother || !hearsQuorum(node, role, null, now)) wakeLeader(node, role, now)
  }
}

/** A process has been silent for longer than the shortest election timeout. */
export const onPeerSilent = (node: Node, peer: NodeId, now: Millis): void => {
  const { role } = node
  if (role.kind === "follower" && role.rest !== null && role.leader === peer) wakeFollower(node, role, now)
  else if (role.kind === "leader" && role.rest.isResting && !hearsQuorum(node, role, peer, now)) {
    wakeLeader(node, role, now)
  }
}

export const onPeerAnother = (node: Node, peer: NodeId, now: Millis): void => {
  const { role } = node
  if (!watchedPeers(node).includes(peer)) return
  if (role.kind === "follower") wakeFollower(node, role, now)
  else if (role.kind === "leader") wakeLeader(node, role, now)
}

/**
 * At rest: when everything was here that had been acknowledged, by the pulses. A leader that goes on has told so again and
 * again before the shortest election timeout is over, on the way by which the pulses come: so much earlier counts.
 */
export const freshAtRest = (node: Node, pulses: PulsesSeen["pulses"], now: Millis): Millis => {
  const { role } = node
  const heardAt = (id: NodeId, process: string | null): Millis => {
    const pulse = pulses.find(({ peer }) => peer === id)
    return pulse !== undefined && pulse.process === process ? pulse.heardAt : Number.NEGATIVE_INFINITY
  }
  const slackMillis = node.limits.electionTimeoutMinMillis
  if (role.kind === "follower" && role.rest !== null && role.leader !== null) {
    return heardAt(role.leader, role.rest.process) - slackMillis
  }
  if (role.kind !== "leader" || !role.rest.isResting) return Number.NEGATIVE_INFINITY
  const { progress } = role
  return (
    quorumReached(node.configurations.current, (id) =>
      id === node.id ? now : heardAt(id, progress.get(id)?.process ?? null),
    ) - slackMillis
  )
}

/**
 * A follower that has rested for long asks whether its leader still leads, and rests meanwhile: what would have woken it
 * may have been lost while its leader's process lived on.
 */
export const onRestDoubted = (node: Node): void => {
  const { role } = node
  if (role.kind !== "follower" || role.rest === null || role.leader === null) return
  role.rest.isDoubted = true
  ask(node, role.leader, true)
}

/** A node that is in nobody's care and may not stand is heard by no other way. */
export const askForLeader = (node: Node): void => {
  for (const id of peersOf(node)) ask(node, id, false)
}

const ask = (node: Node, to: NodeId, rests: boolean): void =>
  say(node, to, {
    type: "HeartbeatReply",
    term: node.term,
    round: 0,
    sentAt: 0,
    lastIndex: node.log.lastIndex,
    whole: node.standing === "whole",
    isShort: node.isShort,
    rests,
  })

/**
 * Its timer begins now, and its leader learns of it: one that lives beats before the timer has run out, and nobody is
 * asked to vote. What it promised it promised until the leader was heard last, by whatever sign.
 */
const wakeFollower = (node: Node, follower: Follower, now: Millis): void => {
  follower.rest = null
  follower.timerBeganAt = now
  follower.timeoutsLeft = 0
  if (follower.leader !== null) ask(node, follower.leader, false)
}

/** Everybody hears at once that it is awake: who rests wakes by it. */
const wakeLeader = (node: Node, leader: Leader, now: Millis): void => {
  const wasResting = leader.rest.isResting
  withdrawOffer(leader)
  if (!wasResting) return
  giveTime(node, leader, now)
  sendHeartbeats(node, leader, now)
}

/** Who stood still for long, and has not read its sockets yet, is no leader without a quorum: it gets time to hear one. */
const giveTime = (node: Node, leader: Leader, now: Millis): void => {
  const { electionTimeoutMinMillis, electionTimeoutMaxMillis } = node.limits
  const since = now - (electionTimeoutMaxMillis - electionTimeoutMinMillis)
  if (quorumHeardAt(node, leader, null, now) >= since) return
  for (const progress of leader.progress.values()) progress.heardAt = Math.max(progress.heardAt, since)
}

const withdrawOffer = (leader: Leader): void => {
  leader.rest.quietBeats = 0
  leader.rest.offeredFrom = 0
  leader.rest.isResting = false
  for (const progress of leader.progress.values()) {
    progress.rests = false
    progress.process = null
  }
}

const hearsQuorum = (node: Node, leader: Leader, silent: NodeId | null, now: Millis): boolean =>
  !isSilent(node, quorumHeardAt(node, leader, silent, now), now)

const quorumHeardAt = (node: Node, leader: Leader, silent: NodeId | null, now: Millis): Millis => {
  const heardAt = (id: NodeId): Millis => {
    if (id === node.id) return now
    return id === silent
      ? Number.NEGATIVE_INFINITY
      : (leader.progress.get(id)?.heardAt ?? Number.NEGATIVE_INFINITY)
  }
  return quorumReached(node.configurations.current, heardAt)
}

const isSilent = (node: Node, heardAt: Millis, now: Millis): boolean =>
  now - heardAt >= node.limits.electionTimeoutMinMillis
