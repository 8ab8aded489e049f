// How does a group live? Take all mail, decide in one turn, hand out what follows; and when the role changes,
// end the old one's life before the new one's begins.

import { Effect, Exit, Queue, Scope } from "effect"
import { applicableIndex, knownLeader, type Role, type Turn } from "../consensus/node.ts"
import { isSentAll } from "../consensus/replication.ts"
import { step } from "../consensus/step.ts"
import { takeTurn } from "../consensus/turn.ts"
import { Acquaintances } from "./Acquaintances.ts"
import type { Day } from "./Day.ts"
import { daily } from "./daily.ts"
import { electionTimer } from "./electionTimer.ts"
import { type Group, type Mail, nowOf } from "./Group.ts"
import type { Life } from "./Life.ts"
import { leaderDay, leaderLife } from "./leader.ts"
import type { OperationOrigin, ProposalOrigin, ReadOrigin } from "./origins.ts"
import { areReplicating, replicateToMembers } from "./replicators.ts"
import { StageClock } from "./StageClock.ts"

/** The scope is the group's: a role's scope lies within it. */
export const turns = Effect.fnUntraced(function* (life: Life, groupScope: Scope.Scope) {
  const { group, run } = life
  const { node, mailbox, rest } = group
  const stages = new StageClock(group)
  const acquaintances = new Acquaintances(group)
  yield* acquaintances.follow()
  /** What others knew of this node's log when it was found to be shorter. */
  let outrun = group.outrunAtLoad
  let role: Role | null = null
  /** Of what lasts from day to day: a leader alone has that. */
  let roleScope: Scope.Closeable | null = null
  let begun: Begun | null = null
  while (true) {
    if (node.role !== role) {
      if (begun !== null) yield* Scope.close(begun.scope, Exit.void)
      begun = null
      if (roleScope !== null) yield* Scope.close(roleScope, Exit.void)
      roleScope = null
      noteRole(group, role)
      const isFirst = role === null
      role = node.role
      if (role.kind !== "candidate") group.options.polls?.leave(node.group)
      if (role.kind === "leader") {
        roleScope = yield* Scope.fork(groupScope)
        yield* leaderLife(life, role, roleScope)
      }
      begun = yield* beginDay(life, role, isFirst, true)
    } else if (!rest.isResting && (begun === null || begun.day !== life.day)) {
      begun = yield* beginDay(life, role, false, false)
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
      run(group.log.outrun(lost), groupScope)
    }
    rest.begin(now)
    for (const item of mail) open(life, item, now)
    rest.end(now)
    stages.look()
    carryOut(life, takeTurn(node))
    const isDay = begun !== null && begun.day === life.day
    if (isDay && node.role === role && role.kind === "leader" && !areReplicating(group, role)) {
      yield* replicateToMembers(group, role, begun!.day.run, begun!.scope)
    }
    yield* acquaintances.follow()
    if (knownLeader(node) !== null && knownLeader(node) !== leader) {
      life.day?.proposals.retryParked()
      life.day?.reads.retryParked()
    }
    if (life.day?.isOver) {
      // Nothing of it is to be held by anybody.
      begun = null
      yield* life.endDay
    }
  }
})

/** A role's part of a day. */
interface Begun {
  readonly day: Day
  /** Within the day's. */
  readonly scope: Scope.Closeable
}

/** What ticks while the group is awake. `isFirst`: the group had no role before in this process; `isNew`: the role has just begun. */
const beginDay = Effect.fnUntraced(function* (life: Life, role: Role, isFirst: boolean, isNew: boolean) {
  const { group, today: day } = life
  const scope = yield* Scope.fork(day.scope)
  if (role.kind === "leader") yield* leaderDay(life, role, day, isNew, scope)
  else yield* daily(group, day.run, electionTimer(group, role, isFirst), scope)
  yield* day.begin()
  return { day, scope } satisfies Begun
})

/** One piece of mail: to the decisions, or to the door. */
const open = (life: Life, mail: Mail, now: number): void => {
  const { group } = life
  if ("payload" in mail) {
    const { from, payload } = mail
    if (payload.type === "ForwardRequest") life.today.proposals.onForwardRequest(from, payload)
    else if (payload.type === "ForwardReply") life.day?.proposals.onForwardReply(from, payload)
    else if (payload.type === "QueryRequest") life.today.reads.onQueryRequest(from, payload)
    else if (payload.type === "QueryReply") life.day?.reads.onQueryReply(from, payload)
    else if (payload.type === "StateReport") life.checkpoints.onReport(from, payload)
    else if (payload.type === "StateParted") life.checkpoints.onParted(from, payload)
    else if (payload.type === "StateRequest") life.today.asked.offer({ from, request: payload })
    else if (payload.type === "StatePiece") life.today.receiver.offer({ from, piece: payload })
    else step(group.node, { type: "Received", from, message: payload }, now)
  } else if (mail.type === "WorkDone") {
    // Whether the day is over is looked at behind each turn.
  } else if (mail.type === "ReadersWait") {
    group.options.crowd?.note(group.node.group, now)
    const { plain, lease } = life.today.reads.takeArrived()
    if (lease.length > 0) step(group.node, { type: "ReadRequested", origins: lease, lease: true }, now)
    if (plain.length > 0) step(group.node, { type: "ReadRequested", origins: plain, lease: false }, now)
  } else {
    if (mail.type === "RoomChanged" && mail.isShort !== group.node.isShort) noteShortness(group, mail.isShort)
    step(group.node, mail, now)
    if (mail.type === "SnapshotCompleted") life.today.receiver.taken()
    if (mail.type === "RoomChanged") life.today.flusher.raise()
  }
}

/**
 * The peers are woken and written to before this node's own disk: both work at the same time, and the leader
 * counts itself only when its disk has confirmed (thesis §10.2.1).
 */
const carryOut = (life: Life, turn: Turn): void => {
  const { group } = life
  const { node, transport } = group
  group.observer.turned(node, turn)
  for (const { to, message } of turn.messages) transport.send(to, node.group, message)
  // To wake who has nothing to send costs as much as a small turn, and a leader has thirty in a second that are heartbeats.
  for (const { progress, errand } of group.replicators.values())
    if (!isSentAll(node, progress)) errand.raise()
  if (turn.write !== null) life.today.writer.write(turn.write)
  if (turn.write?.standing === "suspect") {
    const { lastIndex } = node.log
    const message = "the log lacks what this node has acknowledged: waiting for repair"
    group.observer.event(message, { lastIndex }, "warn")
  }
  for (const { origin, index } of turn.reads) (origin as ReadOrigin).confirmed(index)
  for (const { origin, reason } of turn.dismissed) (origin as ProposalOrigin | ReadOrigin).dismissed(reason)
  for (const chunk of turn.chunks) life.today.receiver.offer(chunk)
  if (turn.compacted !== null) life.today.cuts.offer(turn.compacted)
  if (applicableIndex(node) > node.appliedIndex || node.pendingInstall !== null) life.today.applier.raise()
  for (const { origin, verdict } of turn.judged) (origin as OperationOrigin).judged(verdict)
  life.day?.operations.look()
  life.checkpoints.look()
  life.tenure.look()
  life.freshness.note()
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
