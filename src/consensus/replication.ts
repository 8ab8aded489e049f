// What does the leader send to a follower, and what do its answers prove? (Raft §5.3, §5.4.2)

import { entryBytes } from "./Log.ts"
import type { AppendReply, AppendRequest, HeartbeatReply } from "./message.ts"
import type { Leader, Node } from "./node.ts"
import type { Progress } from "./Progress.ts"
import { quorumReached } from "./quorum.ts"
import { confirmNext } from "./reading.ts"
import type { Entry, Index, Millis, NodeId } from "./types.ts"

/** What a follower needs next. */
export type Sending =
  /** Send this; the progress already counts on it. */
  | { readonly type: "append"; readonly message: AppendRequest }
  /** These entries are no longer in memory: read them, then call {@link appendFrom}. */
  | { readonly type: "read"; readonly from: Index; readonly to: Index }
  /** What it needs is no longer in the log. */
  | { readonly type: "snapshot" }
  /** Nothing, until something changes. */
  | { readonly type: "wait" }

const WAIT: Sending = { type: "wait" }

/** The next message to a follower, as far as its window allows. Call it until it says `wait`. */
export const nextSending = (node: Node, progress: Progress, now: Millis): Sending => {
  if (!speaksFor(node, progress) || progress.state === "snapshot" || progress.probing) return WAIT
  const { limits, log } = node
  if (progress.next <= log.base.index) return { type: "snapshot" }
  const hasEntries = progress.next <= log.lastIndex
  if (progress.isWindowFull(limits.inFlightMessagesMax, limits.inFlightBytesMax)) return WAIT
  // That entries were committed is no reason for a message: the next append or heartbeat says it, and the
  // answer to a follower's read.
  if (!hasEntries) return progress.state === "probe" ? appendFrom(node, progress, [], now) : WAIT
  if (progress.repeated) return appendFrom(node, progress, [], now)
  const entries = log.slice(progress.next, limits.appendEntriesMax, limits.appendBytesMax)
  if (entries !== null) return appendFrom(node, progress, entries, now)
  // A probe asks only where the logs agree: that needs no entries from the disk.
  if (progress.state === "probe") return appendFrom(node, progress, [], now)
  return {
    type: "read",
    from: progress.next,
    // What is in memory may not be on disk yet.
    to: Math.min(log.cachedFrom - 1, progress.next + limits.appendEntriesMax - 1),
  }
}

/** The follower has been sent all that there is: {@link nextSending} would say `wait`, as after nearly all turns. */
export const isSentAll = ({ log }: Node, progress: Progress): boolean =>
  progress.state === "replicate" && progress.next > log.lastIndex

/**
 * Whether the leadership that this progress belongs to still lasts. Whoever sends lives a little longer than
 * the role: what it said then would go out in the successor's term, as if this node led in it (HAZARDS E1, E16).
 */
export const speaksFor = (node: Node, progress: Progress): boolean => {
  if (node.role.kind !== "leader") return false
  for (const own of node.role.progress.values()) if (own === progress) return true
  return false
}

/**
 * An append with these entries, which begin at `progress.next`; `wait` when the world has moved on since
 * they were asked for.
 */
export const appendFrom = (
  node: Node,
  progress: Progress,
  entries: ReadonlyArray<Entry>,
  now: Millis,
): Sending => {
  if (!speaksFor(node, progress)) return WAIT
  const first = entries[0]
  if (
    first !== undefined &&
    (first.index !== progress.next || progress.state === "snapshot" || progress.probing)
  )
    return WAIT
  const prevIndex = progress.next - 1
  const prevTerm = node.log.termAt(prevIndex)
  if (prevTerm === undefined) return { type: "snapshot" }
  const commit = node.commitIndex
  const message: AppendRequest = {
    type: "AppendRequest",
    term: node.term,
    prevIndex,
    prevTerm,
    entries,
    commit,
    repairThrough: progress.whole ? 0 : progress.repairThrough,
    session: progress.session,
  }
  const last = entries.at(-1)
  if (progress.state === "probe") progress.probing = true
  else if (last !== undefined)
    progress.sent(
      last.index,
      entries.reduce((sum, entry) => sum + entryBytes(entry), 0),
      now,
    )
  progress.sentAt = now
  return { type: "append", message }
}

/** An answer to an append. The caller has checked the term. */
export const onAppendReply = (
  node: Node,
  leader: Leader,
  from: NodeId,
  reply: AppendReply,
  now: Millis,
): void => {
  const progress = leader.progress.get(from)
  if (progress === undefined || !isBelieved(node, progress, reply, reply.accepted ? reply.index : null, now))
    return
  if (reply.accepted) onMatched(node, leader, progress, reply.index, now)
  else onConflict(node, progress, reply)
}

/**
 * Whether a reply says something about the follower's disk as it is now. `held`: up to where it claims to hold
 * the leader's log; null when it claims nothing. A disk that lost something is repaired from here on.
 */
export const isBelieved = (
  node: Node,
  progress: Progress,
  reply: { readonly session: number; readonly whole: boolean },
  held: Index | null,
  now: Millis,
): boolean => {
  progress.heardAt = now
  // From before this leader began anew with the follower: says nothing about its disk now (HAZARDS R6).
  if (reply.session !== progress.session) return false
  const isDamaged = !reply.whole && progress.whole
  if (isDamaged || (held !== null && progress.isPromiseUnheard(held, reply.whole))) {
    progress.beginRepair(node.log.lastIndex)
    return false
  }
  if (held !== null) progress.whole = reply.whole
  return true
}

/** The follower holds everything up to `index` on disk, as this leader does. */
export const onMatched = (
  node: Node,
  leader: Leader,
  progress: Progress,
  index: Index,
  now: Millis,
): void => {
  progress.acknowledged(index)
  if (progress.state === "probe") progress.replicate()
  else if (progress.state === "snapshot" && progress.match >= node.log.base.index)
    progress.probeFrom(progress.match + 1)
  advanceCommit(node, leader, now)
}

/** The logs disagree at `reply.index`: one round per term of disagreement, not one per entry (§5.3 end). */
const onConflict = (node: Node, progress: Progress, reply: AppendReply): void => {
  // What it acknowledged in this very session is gone: its disk lost something again.
  if (!progress.whole && reply.index <= progress.match) return progress.beginRepair(node.log.lastIndex)
  const isStale =
    progress.state === "probe" ? reply.index !== progress.next - 1 : reply.index <= progress.match
  if (isStale || progress.state === "snapshot") return
  const agreed = node.log.lastIndexWithTermAtMost(reply.hintIndex, reply.hintTerm)
  progress.probeFrom(Math.min(agreed + 1, reply.index))
}

/** An answer to a heartbeat tells whether appends were lost. The caller has checked the term. */
export const onHeartbeatReply = (
  node: Node,
  leader: Leader,
  from: NodeId,
  reply: HeartbeatReply,
  now: Millis,
): void => {
  const progress = leader.progress.get(from)
  if (progress === undefined) return
  progress.heardAt = now
  progress.isShort = reply.isShort
  if (!reply.whole && progress.whole) return progress.beginRepair(node.log.lastIndex)
  const quietMillis = reply.sentAt - progress.sentAt
  if (quietMillis <= 0 || progress.state === "snapshot") return
  if (progress.state === "probe") return progress.probeAgain()
  // Heartbeats overtake appends, so what left just before this one may still be on its way. And when all is
  // there but its acknowledgement stays out, that may be lost as well (HAZARDS R14).
  const isLost = progress.next > reply.lastIndex + 1
  const isUnheard = progress.match < progress.next - 1 || progress.whole !== reply.whole
  const graceMillis = (isLost ? 1 : 2) * node.limits.heartbeatMillis
  if ((isLost || isUnheard) && quietMillis > graceMillis) {
    progress.probeFrom(Math.min(reply.lastIndex + 1, progress.next))
  }
}

/**
 * Commits what a quorum has on disk.
 *
 * Copies of an older term's entry prove nothing: a later leader may still replace it. They commit with the
 * first entry of our own term (§5.4.2, figure 8).
 */
export const advanceCommit = (node: Node, leader: Leader, now: Millis): void => {
  const onDisk = (id: NodeId) =>
    id === node.id ? node.log.persistedIndex : (leader.progress.get(id)?.counted ?? 0)
  const index = quorumReached(node.configurations.current, onDisk)
  if (index < leader.firstIndexOfTerm || index <= node.commitIndex || !Number.isFinite(index)) return
  const opened = node.commitIndex < leader.firstIndexOfTerm
  node.commitIndex = index
  if (opened) confirmNext(node, leader, now)
}
