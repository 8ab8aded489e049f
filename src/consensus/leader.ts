// What does a node do while it leads?

import { isSettled } from "./configuration.ts"
import { becomeFollower, enterRole } from "./election.ts"
import { stepDown } from "./handover.ts"
import { hasMembersOf } from "./membership.ts"
import type { Input, Leader, Node } from "./node.ts"
import { Progress } from "./Progress.ts"
import { noteQuiet } from "./quiet.ts"
import { quorumReached } from "./quorum.ts"
import { peersOf, sendHeartbeats } from "./reading.ts"
import { settleGoal } from "./reconfiguration.ts"
import { advanceCommit } from "./replication.ts"
import { givesWay } from "./room.ts"
import { appendEntry } from "./turn.ts"
import type { Entry, Millis, NodeId } from "./types.ts"

/** Won: opens the term with a no-op, without which nothing of earlier terms could be committed (§5.4.2, §8). */
export const becomeLeader = (node: Node, now: Millis): void => {
  const next = node.log.lastIndex + 1
  const leader: Leader = {
    kind: "leader",
    firstIndexOfTerm: next,
    // What earlier leaders have left may hold such entries.
    boundThrough: next,
    since: now,
    progress: new Map(peersOf(node).map((id) => [id, new Progress(next, now)])),
    round: 0,
    reads: { confirming: null, waiting: [] },
    diskBusy: null,
    patienceMillis: 0,
    transfer: null,
    isLeaseVoid: false,
    isHeld: false,
    rest: { quietBeats: 0, offeredFrom: 0, isResting: false },
  }
  enterRole(node, leader)
  node.leaderChanges++
  appendEntry(node, {
    index: next,
    term: node.term,
    time: node.lastTime,
    kind: "noop",
    data: new Uint8Array(0),
    origin: null,
  })
  sendHeartbeats(node, leader, now)
  advanceCommit(node, leader, now)
}

/**
 * Appends proposals, in order. Time never goes back along the log, whatever the leaders' clocks say. Nothing more while
 * leadership is handed over: with one entry more than its successor has, this leader and whoever got that entry, too,
 * could not vote for it (thesis §3.10).
 */
export const onProposed = (node: Node, input: Extract<Input, { type: "Proposed" }>): void => {
  if (node.role.kind !== "leader" || node.role.transfer !== null) {
    for (const { origin } of input.proposals) {
      if (origin !== null) node.turn.dismissed.push({ origin, reason: "not-leader" })
    }
    return
  }
  const time = Math.max(node.lastTime, input.time)
  for (const { kind, data, origin, term, members } of input.proposals) {
    // Terms never fall along a log: what is executed behind the first entry of a later leader is none of this term's.
    if (term != null && term !== node.term) {
      if (origin !== null) node.turn.dismissed.push({ origin, reason: "not-leader" })
      continue
    }
    const { current } = node.configurations
    // Nor does a log that holds this entry have another configuration before it: whoever executes it need not ask again.
    if (members != null && !(isSettled(current) && hasMembersOf(current, members))) {
      if (origin !== null) node.turn.dismissed.push({ origin, reason: "members-changed" })
      continue
    }
    const entry: Entry = { index: node.log.lastIndex + 1, term: node.term, time, kind, data, origin }
    appendEntry(node, entry)
    if (members != null) node.role.boundThrough = entry.index
  }
}

/** Says nothing of a later leadership of the same node. */
export const onHoldChanged = (
  node: Node,
  { term, isHeld }: Extract<Input, { type: "HoldChanged" }>,
): void => {
  if (node.role.kind === "leader" && node.term === term) node.role.isHeld = isHeld
}

/** Once per heartbeat period: is anybody still there? Then say that this node is (thesis §6.2). */
export const onHeartbeatDue = (
  node: Node,
  { met = {}, patienceMillis = 0 }: Extract<Input, { type: "HeartbeatDue" }>,
  now: Millis,
): void => {
  const leader = node.role
  if (leader.kind !== "leader" || leader.rest.isResting) return
  const heardAt = (id: NodeId) => (id === node.id ? now : (leader.progress.get(id)?.heardAt ?? leader.since))
  const quorumHeardAt = quorumReached(node.configurations.current, heardAt)
  // What it was told may lie in its sockets for as long as it is late itself.
  leader.patienceMillis = patienceMillis
  if (now - quorumHeardAt > node.limits.electionTimeoutMaxMillis + patienceMillis) {
    // Cut off from its quorum it can commit nothing; whoever waits learns it now (HAZARDS E11).
    becomeFollower(node, node.term, null, now)
    return
  }
  if (givesWay(node, leader, now)) {
    stepDown(node, leader, now)
    return
  }
  if (isDiskStuck(node, leader, now)) {
    // Its network lives but its disk does not: it only keeps the others from electing one whose disk does
    // (HAZARDS E12).
    stepDown(node, leader, now)
    return
  }
  settleGoal(node, leader, met, now)
  noteQuiet(node, leader)
  if (!leader.rest.isResting) sendHeartbeats(node, leader, now)
}

/** The same write has been on its way to the disk for longer than the longest election timeout. */
const isDiskStuck = (node: Node, leader: Leader, now: Millis): boolean => {
  const oldest = node.pendingWrites[0]
  if (oldest === undefined) leader.diskBusy = null
  else if (leader.diskBusy?.sequence !== oldest.sequence) {
    leader.diskBusy = { sequence: oldest.sequence, since: now }
  }
  return leader.diskBusy !== null && now - leader.diskBusy.since > node.limits.electionTimeoutMaxMillis
}
