// How does a group live? Take all mail, decide in one turn, hand out what follows; and when the role changes,
// end the old one's life before the new one's begins.

import { Effect, Exit, Scope } from "effect"
import { applicableIndex, knownLeader, type Role, type Turn } from "../consensus/node.ts"
import { isSentAll } from "../consensus/replication.ts"
import { step } from "../consensus/step.ts"
import { takeTurn } from "../consensus/turn.ts"
import type { Millis } from "../consensus/types.ts"
import { Acquaintances } from "./Acquaintances.ts"
import type { Day } from "./Day.ts"
import { daily } from "./daily.ts"
import { Errand } from "./Errand.ts"
import { electionTimer } from "./electionTimer.ts"
import { type Group, type Mail, nowOf } from "./Group.ts"
import type { Life } from "./Life.ts"
import { leaderDay, leaderLife } from "./leader.ts"
import type { OperationOrigin, ProposalOrigin, ReadOrigin } from "./origins.ts"
import { areReplicating, replicateToMembers } from "./replicators.ts"
import { StageClock } from "./StageClock.ts"

/**
 * One turn after the other: by day a life that waits for mail, and by night one for whatever comes. What follows from one turn for
 * the next is kept here. `scope`: the group's; a role's lies within it.
 */
export class Turns {
  readonly #life: Life
  readonly #scope: Scope.Scope
  readonly #stages: StageClock
  readonly #acquaintances: Acquaintances
  readonly #errand: Errand
  /** What others knew of this node's log when it was found to be shorter. */
  #outrun: number
  #role: Role | null = null
  /** Of what lasts from day to day: a leader alone has that. */
  #roleScope: Scope.Closeable | null = null
  #begun: Begun | null = null

  constructor(life: Life, scope: Scope.Scope) {
    const { group, run } = life
    this.#life = life
    this.#scope = scope
    this.#stages = new StageClock(group)
    this.#acquaintances = new Acquaintances(group)
    this.#outrun = group.outrunAtLoad
    this.#errand = new Errand(
      (turning) => run(turning, scope),
      (errand) => this.#live(errand),
    )
  }

  begin(): Effect.Effect<void> {
    return Effect.andThen(
      this.#acquaintances.follow(),
      Effect.sync(() => {
        this.#life.group.mailbox.tells(() => this.#errand.raise())
        this.#errand.raise()
      }),
    )
  }

  #live(errand: Errand) {
    return Effect.gen({ self: this }, function* () {
      const { mailbox } = this.#life.group
      while (true) {
        yield* this.#beginWhatIsDue()
        if (mailbox.size === 0 && this.#life.day !== null) yield* errand.raised
        // All that comes at the same time is taken together.
        yield* Effect.yieldNow
        errand.lower()
        const mail = mailbox.takeAll()
        if (mail.length > 0) yield* this.#turn(mail)
        else if (this.#life.day === null) return
      }
    })
  }

  #turn(mail: ReadonlyArray<Mail>) {
    return Effect.gen({ self: this }, function* () {
      const { group } = this.#life
      const { node, rest, clock } = group
      const leader = knownLeader(node)
      const now = nowOf(clock)
      this.#lookForLoss(now)
      rest.begin(now)
      for (const item of mail) open(this.#life, item, now)
      rest.end(now)
      this.#stages.look()
      carryOut(this.#life, takeTurn(node))
      yield* this.#replicate()
      yield* this.#acquaintances.follow()
      const { day } = this.#life
      if (knownLeader(node) !== null && knownLeader(node) !== leader) {
        day?.proposals.retryParked()
        day?.reads.retryParked()
      }
      if (day?.isOver) {
        // Nothing of it is to be held by anybody.
        this.#begun = null
        yield* this.#life.endDay
      }
    })
  }

  #lookForLoss(now: Millis): void {
    const { group, run } = this.#life
    const witnessed = group.transport.witnessed()
    // Another group of this node may have been the first to learn of it: then the log is said to be longer already.
    const lost = Math.max(witnessed > group.log.sequence() ? witnessed : 0, group.log.outran())
    if (lost > this.#outrun) {
      this.#outrun = lost
      step(group.node, { type: "LossFound" }, now)
      run(group.log.outrun(lost), this.#scope)
    }
  }

  #replicate(): Effect.Effect<void> {
    const { group, day } = this.#life
    const { role } = group.node
    const begun = this.#begun
    const isDue = begun !== null && begun.day === day && role === this.#role && role.kind === "leader"
    if (!isDue || areReplicating(group, role)) return Effect.void
    return replicateToMembers(group, role, begun.day.run, begun.scope)
  }

  /** The life of a role that has begun, and what ticks when the group is awake. */
  #beginWhatIsDue() {
    return Effect.gen({ self: this }, function* () {
      const { group, day } = this.#life
      const { role } = group.node
      if (role !== this.#role) yield* this.#beginRole(role)
      else if (!group.rest.isResting && (this.#begun === null || this.#begun.day !== day)) {
        this.#begun = yield* beginDay(this.#life, role, false, false)
      }
    })
  }

  #beginRole(role: Role) {
    return Effect.gen({ self: this }, function* () {
      const { group } = this.#life
      if (this.#begun !== null) yield* Scope.close(this.#begun.scope, Exit.void)
      this.#begun = null
      if (this.#roleScope !== null) yield* Scope.close(this.#roleScope, Exit.void)
      this.#roleScope = null
      noteRole(group, this.#role)
      const isFirst = this.#role === null
      this.#role = role
      if (role.kind !== "candidate") group.options.polls?.leave(group.node.group)
      if (role.kind === "leader") {
        this.#roleScope = yield* Scope.fork(this.#scope)
        yield* leaderLife(this.#life, role, this.#roleScope)
      }
      this.#begun = yield* beginDay(this.#life, role, isFirst, true)
    })
  }
}

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
