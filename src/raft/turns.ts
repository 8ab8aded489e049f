// How does a group live? Take all mail, decide in one turn, hand out what follows; and when the role changes,
// end the old one's life before the new one's begins.

import { Effect, Exit, Queue, Scope } from "effect"
import { applicableIndex, knownLeader, type Role, type Turn } from "../consensus/node.ts"
import { isSentAll } from "../consensus/replication.ts"
import { step } from "../consensus/step.ts"
import { takeTurn } from "../consensus/turn.ts"
import { Acquaintances } from "./Acquaintances.ts"
import { daily, nightly } from "./daily.ts"
import { doubts, electionTimer } from "./electionTimer.ts"
import { type Group, type Mail, nowOf } from "./Group.ts"
import type { Hands } from "./Hands.ts"
import { leaderLife } from "./leader.ts"
import type { OperationOrigin, ProposalOrigin, ReadOrigin } from "./origins.ts"
import { areReplicating, replicateToMembers } from "./replicators.ts"
import { StageClock } from "./StageClock.ts"

/** The scope is the group's: a role's scope lies within it. */
export const turns = Effect.fnUntraced(function* (group: Group, hands: Hands, groupScope: Scope.Scope) {
  const { node, mailbox } = group
  const stages = new StageClock(group)
  const acquaintances = new Acquaintances(group)
  yield* acquaintances.follow()
  /** What others knew of this node's log when it was found to be shorter. */
  let outrun = group.outrunAtLoad
  let role: Role | null = null
  let roleScope = yield* Scope.fork(groupScope)
  while (true) {
    if (node.role !== role) {
      yield* Scope.close(roleScope, Exit.void)
      roleScope = yield* Scope.fork(groupScope)
      noteRole(group, role)
      const isFirst = role === null
      role = node.role
      if (role.kind !== "candidate") group.options.polls?.leave(node.group)
      yield* beginRole(group, role, isFirst, hands, roleScope)
    }
    const mail = yield* Queue.takeAll(mailbox)
    const leader = knownLeader(node)
    const now = nowOf(group.clock)
    const witnessed = group.transport.witnessed()
    // Another group of this node may have been the first to learn of it: then the log is said to be longer already.
    const lost = Math.max(witnessed > group.log.sequence() ? witnessed : 0, group.log.outran())
    if (lost > outrun) {
      outrun = lost
      step(node, { type: "LossFound" }, now)
      hands.run(group.log.outrun(lost), groupScope)
    }
    group.rest.begin(now)
    for (const item of mail) open(group, hands, item, now)
    group.rest.end(now)
    stages.look()
    carryOut(group, hands, takeTurn(node))
    if (node.role === role && role.kind === "leader" && !areReplicating(group, role)) {
      yield* replicateToMembers(group, role, hands.run, roleScope)
    }
    yield* acquaintances.follow()
    if (knownLeader(node) !== null && knownLeader(node) !== leader) {
      hands.proposals.retryParked()
      hands.reads.retryParked()
    }
  }
})

/** `isFirst`: the group had none before in this process. */
const beginRole = Effect.fnUntraced(function* (
  group: Group,
  role: Role,
  isFirst: boolean,
  hands: Hands,
  scope: Scope.Scope,
) {
  if (role.kind === "leader") return yield* leaderLife(group, role, hands, scope)
  yield* daily(group, hands.run, electionTimer(group, role, isFirst), scope)
  yield* nightly(group, hands.run, () => doubts(group, role), scope)
})

/** One piece of mail: to the decisions, or to the door. */
const open = (group: Group, hands: Hands, mail: Mail, now: number): void => {
  if ("payload" in mail) {
    const { from, payload } = mail
    if (payload.type === "ForwardRequest") hands.proposals.onForwardRequest(from, payload)
    else if (payload.type === "ForwardReply") hands.proposals.onForwardReply(from, payload)
    else if (payload.type === "QueryRequest") hands.reads.onQueryRequest(from, payload)
    else if (payload.type === "QueryReply") hands.reads.onQueryReply(from, payload)
    else if (payload.type === "StateReport") hands.checkpoints.onReport(from, payload)
    else if (payload.type === "StateParted") hands.checkpoints.onParted(from, payload)
    else if (payload.type === "StateRequest") hands.asked.offer({ from, request: payload })
    else if (payload.type === "StatePiece") hands.receiver.offer({ from, piece: payload })
    else step(group.node, { type: "Received", from, message: payload }, now)
  } else if (mail.type === "ReadersWait") {
    group.options.crowd?.note(group.node.group, now)
    const { plain, lease } = hands.reads.takeArrived()
    if (lease.length > 0) step(group.node, { type: "ReadRequested", origins: lease, lease: true }, now)
    if (plain.length > 0) step(group.node, { type: "ReadRequested", origins: plain, lease: false }, now)
  } else {
    if (mail.type === "RoomChanged" && mail.isShort !== group.node.isShort) noteShortness(group, mail.isShort)
    step(group.node, mail, now)
    if (mail.type === "SnapshotCompleted") hands.receiver.taken()
    if (mail.type === "RoomChanged") hands.flusher.raise()
  }
}

/**
 * The peers are woken and written to before this node's own disk: both work at the same time, and the leader
 * counts itself only when its disk has confirmed (thesis §10.2.1).
 */
const carryOut = (group: Group, hands: Hands, turn: Turn): void => {
  const { node, transport } = group
  group.observer.turned(node, turn)
  for (const { to, message } of turn.messages) transport.send(to, node.group, message)
  // To wake who has nothing to send costs as much as a small turn, and a leader has thirty in a second that are heartbeats.
  for (const { progress, errand } of group.replicators.values())
    if (!isSentAll(node, progress)) errand.raise()
  if (turn.write !== null) hands.writer.write(turn.write)
  if (turn.write?.standing === "suspect") {
    const { lastIndex } = node.log
    const message = "the log lacks what this node has acknowledged: waiting for repair"
    group.observer.event(message, { lastIndex }, "warn")
  }
  for (const { origin, index } of turn.reads) (origin as ReadOrigin).confirmed(index)
  for (const { origin, reason } of turn.dismissed) (origin as ProposalOrigin | ReadOrigin).dismissed(reason)
  for (const chunk of turn.chunks) hands.receiver.offer(chunk)
  if (turn.compacted !== null) hands.cuts.offer(turn.compacted)
  if (applicableIndex(node) > node.appliedIndex || node.pendingInstall !== null) hands.applier.raise()
  for (const { origin, verdict } of turn.judged) (origin as OperationOrigin).judged(verdict)
  hands.operations.look()
  hands.checkpoints.look()
  hands.tenure.look()
  hands.reads.noteFreshness()
}

const noteShortness = (group: Group, isShort: boolean): void =>
  group.observer.event(
    isShort ? "the disk is full: proposals are refused until there is room" : "the disk has room again",
    {},
    isShort ? "warn" : "info",
  )

const noteRole = (group: Group, before: Role | null): void => {
  const { node } = group
  if (before === null) return
  if (node.role.kind === "leader") group.observer.event("this node leads", { term: node.term })
  else if (before.kind === "leader") group.observer.event("this node no longer leads", { term: node.term })
}
