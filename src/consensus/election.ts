// Who may lead? Pre-vote, vote, and the guard that keeps a living leader (Raft §5.2, §5.4.1; thesis §4.2.3, §9.6).

import { isVoter, members, priorityOf } from "./configuration.ts"
import type { VoteReply, VoteRequest } from "./message.ts"
import { applicableIndex, type Candidate, makeFollower, type Node, type Role } from "./node.ts"
import { quorumVote, type VoteResult } from "./quorum.ts"
import { isFactDurable, recordHardState, say } from "./turn.ts"
import type { Millis, NodeId, Term } from "./types.ts"

/**
 * True when this node may stand: its disk and state are whole, and it is a voter. One whom its newest configuration
 * leaves out still stands until that is committed: it may be the only one to hold it, and nobody can be elected
 * without its vote, nor with it (thesis §4.2.2). It leads without counting itself, and retires.
 */
export const mayStand = (node: Node): boolean =>
  node.standing === "whole" &&
  node.pendingInstall === null &&
  priorityOf(node.configurations.current, node.id) > 0 &&
  node.configurations.from(node.commitIndex).some((configuration) => isVoter(configuration, node.id))

/** How many election timeouts it leaves to voters with a higher priority before it stands itself. */
export const patienceOf = ({ configurations, id }: Node): number => {
  const { current } = configurations
  const own = priorityOf(current, id)
  return current.voters.filter((voter) => priorityOf(current, voter) > own).length
}

/** Asks all voters whether they would vote for this node. Nothing changes on either side (thesis §9.6). */
export const beginPreVote = (node: Node, now: Millis): void => {
  const candidate = stand(node, { preVote: true, transfer: false }, now)
  candidate.votes.set(node.id, true)
}

/** Stands for the next term (§5.2). The request leaves only when term and own vote are on disk (HAZARDS E3). */
export const beginElection = (node: Node, transfer: boolean, now: Millis): void => {
  node.term += 1
  node.votedFor = node.id
  recordHardState(node)
  stand(node, { preVote: false, transfer }, now)
}

const stand = (
  node: Node,
  how: { readonly preVote: boolean; readonly transfer: boolean },
  now: Millis,
): Candidate => {
  const candidate: Candidate = {
    kind: "candidate",
    ...how,
    decree: null,
    votes: new Map(),
    timerBeganAt: now,
  }
  enterRole(node, candidate)
  const request: VoteRequest = {
    type: "VoteRequest",
    term: how.preVote ? node.term + 1 : node.term,
    preVote: how.preVote,
    lastIndex: node.log.lastIndex,
    lastTerm: node.log.lastTerm,
    transfer: how.transfer,
  }
  for (const id of members(node.configurations.current)) {
    if (id !== node.id && isVoter(node.configurations.current, id)) say(node, id, request)
  }
  return candidate
}

/** Answers a candidate. */
export const onVoteRequest = (node: Node, from: NodeId, request: VoteRequest, now: Millis): void => {
  const granted = request.preVote ? wouldVote(node, request, now) : castVote(node, from, request, now)
  const term = granted ? request.term : node.term
  say(node, from, { type: "VoteReply", term, preVote: request.preVote, granted })
}

/** Pre-vote: the same questions as for a vote, without a trace. */
const wouldVote = (node: Node, request: VoteRequest, now: Millis): boolean =>
  request.term > node.term &&
  node.standing === "whole" &&
  !leaderLives(node, now) &&
  isUpToDate(node, request)

const castVote = (node: Node, from: NodeId, request: VoteRequest, now: Millis): boolean => {
  // The term rule has run: a request of a newer term that may be heard has made this node its follower.
  if (request.term !== node.term || node.standing !== "whole" || node.role.kind !== "follower") return false
  // The same candidate asks again because the reply was lost: the same answer (HAZARDS E5).
  if (node.votedFor !== null && node.votedFor !== from) return false
  if (node.role.leader !== null || !isUpToDate(node, request)) return false
  if (node.votedFor === null) {
    // The term may have come as a rumour while the leader of an older one still relies on this node.
    if (!request.transfer && leaderLives(node, now)) return false
    node.votedFor = from
    recordHardState(node)
  }
  node.role.timerBeganAt = now
  return true
}

/** The candidate's log holds at least what this one holds (§5.4.1). */
export const isUpToDate = (node: Node, request: Pick<VoteRequest, "lastIndex" | "lastTerm">): boolean =>
  request.lastTerm > node.log.lastTerm ||
  (request.lastTerm === node.log.lastTerm && request.lastIndex >= node.log.lastIndex)

/**
 * A leader was heard within the shortest election timeout: nobody needs another one, and the leader's lease
 * rests on it (thesis §4.2.3, §6.4.1). A node that has just started may have promised this before it
 * stopped, so it waits as long, unless it never took part in any term.
 */
export const leaderLives = (node: Node, now: Millis): boolean => {
  const lease = node.limits.electionTimeoutMinMillis
  if (node.role.kind === "leader") return true
  if (now < node.quietUntil) return true
  return node.role.kind === "follower" && now - node.role.leaderHeardAt < lease
}

/** Counts a reply to this candidacy, one per voter; replies to another one mean nothing (HAZARDS E6). */
export const onVoteReply = (node: Node, from: NodeId, reply: VoteReply): void => {
  const candidate = node.role
  if (candidate.kind !== "candidate" || candidate.preVote !== reply.preVote) return
  const expected: Term = candidate.preVote ? node.term + 1 : node.term
  if (reply.granted && reply.term !== expected) return
  if (!candidate.votes.has(from)) candidate.votes.set(from, reply.granted)
}

/** How this candidacy stands. The own vote counts once it is on disk. */
export const electionResult = (node: Node, candidate: Candidate): VoteResult => {
  if (candidate.decree !== null) return isFactDurable(node) ? "won" : "pending"
  if (!candidate.preVote && isFactDurable(node)) candidate.votes.set(node.id, true)
  const configuration = node.configurations.current
  const vote = (id: NodeId) => candidate.votes.get(id)
  // Nobody is no majority: an empty configuration elects no leader.
  if (configuration.voters.length === 0) return "pending"
  return quorumVote(configuration, vote)
}

/** Follows in this term: `leader` when its word was heard, null when only the term is known. */
export const becomeFollower = (node: Node, term: Term, leader: NodeId | null, now: Millis): void => {
  const before = node.role
  if (term > node.term) {
    node.term = term
    node.votedFor = null
    recordHardState(node)
  }
  const follower = makeFollower(leader, now)
  // A mere rumour of a newer term does not restart the election timer of one that followed already:
  // a candidate that nobody elects must not keep the others from standing. Nor does it end what was promised
  // to the old leader, which cannot know of it: its lease still rests on this node.
  if (before.kind === "follower" && leader === null) {
    follower.timerBeganAt = before.timerBeganAt
    follower.leaderHeardAt = before.leaderHeardAt
  }
  enterRole(node, follower)
  if (leader !== null) node.leaderChanges++
}

/** Ends the role that was, and tells everybody who waited on it what is true. */
export const enterRole = (node: Node, role: Role): void => {
  const before = node.role
  node.role = role
  if (before.kind === "leader") {
    // What is committed will be applied here and answered, unless this disk holds it up; the rest may or may
    // not survive.
    for (const origin of node.log.takeOrigins(applicableIndex(node) + 1)) {
      node.turn.dismissed.push({ origin, reason: "lost" })
    }
    const readers = [...(before.reads.confirming?.readers ?? []), ...before.reads.waiting]
    for (const reader of readers) {
      if (reader.kind === "local") node.turn.dismissed.push({ origin: reader.origin, reason: "not-leader" })
      else say(node, reader.from, { type: "ReadIndexReply", term: node.term, id: reader.id, index: 0 })
    }
  }
  if (before.kind === "follower") {
    for (const origin of [...(before.reads.asked?.origins ?? []), ...before.reads.waiting]) {
      node.turn.dismissed.push({ origin, reason: "not-leader" })
    }
  }
}
