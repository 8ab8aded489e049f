// What does a node do with a leader's word?

import { assert } from "./assert.ts"
import { becomeFollower } from "./election.ts"
import type { AppendRequest, HeartbeatRequest } from "./message.ts"
import type { Follower, Node } from "./node.ts"
import { followsToRest } from "./quiet.ts"
import { askLeader } from "./reading.ts"
import { appendEntry, recordHardState, say, truncateLog } from "./turn.ts"
import type { Entry, Index, Millis, NodeId } from "./types.ts"

/** A leader of this very term was heard: whatever this node was, it follows now. */
export const followLeader = (node: Node, leader: NodeId, now: Millis): Follower => {
  assert(
    node.role.kind !== "leader",
    "one leader per term (§5.2)",
    `${node.id} leads term ${node.term}`,
    leader,
  )
  if (node.role.kind !== "follower") becomeFollower(node, node.term, leader, now)
  const follower = node.role as Follower
  assert(
    follower.leader === null || follower.leader === leader,
    "one leader per term (§5.2)",
    follower.leader,
    leader,
  )
  if (follower.leader === null) {
    follower.leader = leader
    node.leaderChanges++
  }
  follower.leaderHeardAt = now
  follower.timerBeganAt = now
  follower.timeoutsLeft = 0
  return follower
}

/** Raft §5.3, figure 2. The answer leaves when everything that it vouches for is on disk. */
export const onAppendRequest = (node: Node, from: NodeId, request: AppendRequest): void => {
  const { log } = node
  // What lies at or before the base is committed, so this leader has it too: begin there.
  const skipped = Math.max(0, Math.min(log.base.index - request.prevIndex, request.entries.length))
  const prevIndex = request.prevIndex + skipped
  const prevTerm = request.entries[skipped - 1]?.term ?? request.prevTerm
  if (prevIndex < log.base.index) return acceptThrough(node, from, request, log.base.index)
  if (log.termAt(prevIndex) !== prevTerm) return refuse(node, from, request)
  appendMatching(node, skipped === 0 ? request.entries : request.entries.slice(skipped))
  acceptThrough(node, from, request, request.prevIndex + request.entries.length)
}

/**
 * Appends what is new. What is there already stays, however late the message comes: only a real conflict
 * cuts the log (HAZARDS R2), and never what is committed (R3).
 */
const appendMatching = (node: Node, entries: ReadonlyArray<Entry>): void => {
  const { log } = node
  const isNew = (entry: Entry) => log.termAt(entry.index) !== entry.term
  const position = entries.findIndex(isNew)
  if (position === -1) return
  const first = entries[position]!
  if (first.index <= log.lastIndex) {
    assert(
      first.index > node.commitIndex,
      "what is committed is never cut (§5.4.3)",
      first.index,
      node.commitIndex,
    )
    truncateLog(node, first.index)
  }
  for (const entry of entries.slice(position)) appendEntry(node, entry)
}

const acceptThrough = (node: Node, from: NodeId, request: AppendRequest, verified: Index): void => {
  // Not the last entry of this log, but the last one that this message has verified (HAZARDS R5).
  node.commitIndex = Math.max(node.commitIndex, Math.min(request.commit, verified))
  if (node.role.kind === "follower") node.role.matched = Math.max(node.role.matched, verified)
  becomeWhole(node, request, verified)
  say(
    node,
    from,
    {
      type: "AppendReply",
      term: node.term,
      accepted: true,
      index: verified,
      hintIndex: 0,
      hintTerm: 0,
      whole: node.standing === "whole",
      session: request.session,
    },
    verified,
  )
}

/** The leader learns the last place that can still match, so that each round skips a whole term (§5.3 end). */
const refuse = (node: Node, from: NodeId, request: AppendRequest): void => {
  const { log } = node
  const hintIndex = Math.max(
    log.lastIndexWithTermAtMost(Math.min(request.prevIndex, log.lastIndex), request.prevTerm),
    log.base.index,
  )
  say(node, from, {
    type: "AppendReply",
    term: node.term,
    accepted: false,
    index: request.prevIndex,
    hintIndex,
    hintTerm: log.termAt(hintIndex) ?? 0,
    whole: node.standing === "whole",
    session: request.session,
  })
}

/**
 * A suspect node holds again everything that it can ever have acknowledged, once it has all that the leader
 * had when it learned of the damage: whatever counted on this node is either in that leader's log or was
 * never committed (Leader Completeness, §5.4.3).
 *
 * The session in which this node first hears a leader may have begun before this damage, for an earlier one:
 * what the leader had then is not enough. It begins another as soon as it sees the promise not taken up.
 */
export const becomeWhole = (
  node: Node,
  { term, session, repairThrough }: Pick<AppendRequest, "term" | "session" | "repairThrough">,
  verified: Index,
): void => {
  if (node.standing === "whole") return
  if (node.firstHeard?.term !== term) node.firstHeard = { term, session }
  if (session <= node.firstHeard.session || repairThrough === 0 || verified < repairThrough) return
  node.standing = "whole"
  node.turn.draft.standing = "whole"
  // The damage may have cost it the vote that it gave in this term: the leader counts as having got it.
  if (node.votedFor === null && node.role.kind === "follower") {
    node.votedFor = node.role.leader
    recordHardState(node)
  }
}

/**
 * True when it was sent, not when it was read: a node that was paused finds old ones in its sockets. What a
 * heartbeat took longer than the fastest one it has spent waiting (HAZARDS L6, L7).
 */
const noteAcknowledged = (follower: Follower, request: HeartbeatRequest, now: Millis): void => {
  follower.clockOffsetMillis = Math.min(follower.clockOffsetMillis, now - request.sentAt)
  follower.acknowledged = { at: request.sentAt + follower.clockOffsetMillis, index: request.acknowledged }
}

/** Others remember that its log was longer: it gave its word on more than it has (HAZARDS S6). */
export const onLossFound = (node: Node, now: Millis): void => {
  if (node.role.kind !== "follower") becomeFollower(node, node.term, null, now)
  becomeSuspect(node)
}

const becomeSuspect = (node: Node): void => {
  if (node.standing === "suspect") return
  node.standing = "suspect"
  node.turn.draft.standing = "suspect"
  // The session that it hears next may have begun before anybody knew.
  node.firstHeard = null
}

export const onHeartbeatRequest = (
  node: Node,
  from: NodeId,
  request: HeartbeatRequest,
  now: Millis,
): void => {
  if (node.role.kind === "follower") noteAcknowledged(node.role, request, now)
  // A leader says no more than what this node has acknowledged to it, in this very term: who lacks some of that has lost
  // it and could not tell, as with an older copy of the whole directory (HAZARDS S6).
  if (request.commit > node.log.lastIndex) becomeSuspect(node)
  // A short or wiped log cannot have what is said to be committed (HAZARDS R10).
  const commit = Math.min(request.commit, node.log.lastIndex)
  if (node.standing === "whole") node.commitIndex = Math.max(node.commitIndex, commit)
  say(node, from, {
    type: "HeartbeatReply",
    term: node.term,
    round: request.round,
    sentAt: request.sentAt,
    lastIndex: node.log.lastIndex,
    whole: node.standing === "whole",
    isShort: node.isShort,
    rests: node.role.kind === "follower" && followsToRest(node, node.role, request),
  })
  if (node.role.kind === "follower") askLeader(node, node.role, from, now)
}
