// How does a proposal find the leader, and its answer the way back? It may take several attempts: the
// idempotency key that every command carries makes them one execution.

import { Effect, type Scope } from "effect"
import { mainGroup } from "../consensus/groups.ts"
import { knownLeader, lacksState } from "../consensus/node.ts"
import { takesCommands } from "../consensus/room.ts"
import type { Index, Millis, NodeId } from "../consensus/types.ts"
import { decodeCommand } from "../machine/command.ts"
import type { Admission } from "../machine/MachineHost.ts"
import { isLasting, type Outcome } from "../machine/outcome.ts"
import { foundersIn } from "../machine/system/founders.ts"
import type { ForwardReply, ForwardRequest } from "../transport/Transport.ts"
import { arrivalAt, doubtful, settle } from "./doubt.ts"
import { type Closing, failure } from "./failure.ts"
import { type Group, nowOf, post } from "./Group.ts"
import { Inbox } from "./Inbox.ts"
import { COMMANDS_MAX, Intake } from "./Intake.ts"
import type { ReadOrigin } from "./origins.ts"
import { withoutLeader } from "./outcast.ts"
import type { Failure, Proposal } from "./Raft.ts"
import type { Applied } from "./reach.ts"
import type { Run } from "./run.ts"
import { type Trial, Trials } from "./Trials.ts"
import { Client, ClientUnit, LeaderCommand, type Unit, type Waiter } from "./waiters.ts"

const FORWARD_BYTES_MAX = 1024 * 1024

export class Proposals {
  readonly #group: Group
  readonly #inbox: Inbox<Unit>
  readonly #intake: Intake
  /** Clients of this node without an answer. */
  readonly #clients = new Set<Client>()
  #clientBytes = 0
  /** Nobody to give them to at the moment. */
  #parked: Array<ClientUnit> = []
  /** Given to another node, by the number of the request. */
  readonly #forwarded = new Map<number, Forwarded>()
  /**
   * Begins anywhere: an answer to a request that this node made before it restarted must not be taken for the
   * answer to a newer one (HAZARDS R12).
   */
  #nextForwardId: number
  readonly #trials: Trials
  readonly #applied: Readonly<Applied>
  /** Refused by a state that may have been too old: to be looked at again when the machine has come further. */
  #behind: Array<Waiter> = []
  #peersWaiting = 0
  #closing: Closing | null = null

  constructor(group: Group, applied: Readonly<Applied>, run: Run, scope: Scope.Scope) {
    this.#group = group
    this.#applied = applied
    this.#inbox = new Inbox(
      (life) => run(life, scope),
      () => this.#placeAll(),
    )
    this.#intake = new Intake(group, this.#inbox)
    this.#trials = new Trials(group, (trial) => this.#propose(trial), run, scope)
    this.#nextForwardId = Math.floor(group.random.nextDoubleUnsafe() * 2 ** 48)
  }

  get count(): number {
    return this.#clients.size + this.#peersWaiting
  }

  /** Nothing is left to be looked after by {@link sweep}. */
  get isEmpty(): boolean {
    return this.#clients.size === 0 && this.#forwarded.size === 0 && this.#parked.length === 0
  }

  /** What one request asks for: waits here until it is answered or its deadline has passed. */
  add(proposals: ReadonlyArray<Proposal>): void {
    const bytes = proposals.reduce((sum, { command }) => sum + command.length, 0)
    const refusal = this.#refusal(proposals.length, bytes)
    if (refusal !== null) {
      for (const { answer } of proposals) answer(refusal)
      return
    }
    const unit = new ClientUnit(proposals, this.#settled, this.#again)
    for (const client of unit.clients) this.#clients.add(client)
    this.#clientBytes += bytes
    this.#group.rest.stir()
    this.#inbox.offer(unit)
  }

  /** A peer's request. It is never handed on: who does not lead says so (HAZARDS C3). */
  onForwardRequest(from: NodeId, request: ForwardRequest): void {
    const { id, commands } = request
    const answers: Array<string> = new Array(commands.length)
    let missing = commands.length
    const answer = (position: number, answer: Outcome | Failure): void => {
      this.#peersWaiting--
      answers[position] = JSON.stringify(answer)
      missing--
      if (missing > 0) return
      this.#group.transport.send(from, this.#group.node.group, { type: "ForwardReply", id, answers })
    }
    const refusal = this.#closing?.toPeer ?? this.#refusal(commands.length, 0)
    this.#group.rest.stir()
    this.#peersWaiting += commands.length
    const waiters = commands.map((command, at) => new LeaderCommand(command, (result) => answer(at, result)))
    if (refusal === null) this.#inbox.offer({ kind: "leader", waiters })
    else for (const waiter of waiters) waiter.settle(refusal)
  }

  /** Commands of the machine's own. `settled` is called for each, when it was executed or will not be here. */
  addOwn(commands: ReadonlyArray<Uint8Array>, settled: () => void): void {
    const waiters = commands.map((command) => new LeaderCommand(command, settled))
    this.#group.rest.stir()
    this.#inbox.offer({ kind: "leader", waiters })
  }

  /** The node that these were given to has answered. */
  onForwardReply(from: NodeId, reply: ForwardReply): void {
    const forwarded = this.#forwarded.get(reply.id)
    if (forwarded === undefined || forwarded.to !== from) return
    this.#forwarded.delete(reply.id)
    const { placed, isGivenUp } = forwarded
    for (const [position, client] of placed.entries()) {
      const answer = JSON.parse(reply.answers[position]!) as Outcome | Failure
      if (answer._tag !== "Failure" || answer.outcome === "rejected") client.returned()
      if (answer._tag !== "Failure") client.hears(answer)
      else if (!isGivenUp && isFinal(answer, client.wasOut)) client.settle(answer)
      if (!isGivenUp) client.unit.resolved()
    }
  }

  /** Now and then: give up what is too late, and try again where an answer stays out. */
  sweep(now: Millis): void {
    for (const client of this.#clients) {
      if (now >= client.proposal.deadline) client.settle(this.#tooLate(client))
    }
    const leader = knownLeader(this.#group.node)
    for (const [id, forwarded] of this.#forwarded) {
      if (forwarded.isGivenUp) {
        if (forwarded.placed.every(({ isSettled }) => isSettled)) this.#forwarded.delete(id)
        continue
      }
      const isOverdue = now - forwarded.sentAt > this.#group.options.forwardRetryMillis
      const isElsewhere = leader !== null && leader !== forwarded.to
      if (!isOverdue && !isElsewhere) continue
      // Its answer may still come, and says that this attempt has ended.
      forwarded.isGivenUp = true
      for (const client of forwarded.placed) client.unit.resolved()
    }
    this.#parked = this.#parked.filter((unit) => unit.waiters.length > 0)
    this.retryParked()
  }

  /** There may be a leader now. */
  retryParked(): void {
    const { role } = this.#group.node
    const takesNone = role.kind === "leader" && (role.transfer !== null || lacksState(this.#group.node))
    if (this.#parked.length === 0 || takesNone || knownLeader(this.#group.node) === null) return
    const parked = this.#parked
    this.#parked = []
    for (const unit of parked) this.#inbox.offer(unit)
  }

  /** Answers everybody, and lets nobody in any more. */
  close(closing: Closing): void {
    this.#closing ??= closing
    const { unanswered, refused } = this.#closing
    for (const client of this.#clients) client.settle(client.isOut ? unanswered : refused)
  }

  /** Places what has arrived, one portion after the other. */
  #placeAll() {
    return Effect.gen({ self: this }, function* () {
      for (let portion = this.#intake.next(); portion !== null; portion = this.#intake.next()) {
        yield* this.#place(portion.units)
        yield* this.#intake.passed(portion)
      }
    })
  }

  #place(units: ReadonlyArray<Unit>) {
    return Effect.gen({ self: this }, function* () {
      const { node } = this.#group
      if (this.#group.partings.isOver) return this.#turnAway(units)
      // Without a state nobody can say what need not enter the log, nor what became of what does.
      const admits = node.role.kind === "leader" && node.role.transfer === null && !lacksState(node)
      if (admits) return yield* this.#admit(units)
      // Whoever hands leadership over takes in nothing more; its successor will, or it goes on itself.
      const leader = node.role.kind === "leader" ? null : knownLeader(node)
      const forwarded: Array<ClientUnit> = []
      for (const unit of units) {
        if (unit.kind === "leader") for (const waiter of unit.waiters) waiter.dismissed("not-leader")
        else if (leader === null || !unit.forward) this.#again(unit)
        else forwarded.push(unit)
      }
      if (leader !== null) this.#forward(leader, forwarded)
    })
  }

  /** What need not enter the log is answered at once; the rest goes to the turn. */
  #admit(units: ReadonlyArray<Unit>) {
    return Effect.gen({ self: this }, function* () {
      const { clock, machine, observer } = this.#group
      const groups = units.map((unit) => place<Waiter>(unit))
      const waiters = groups.flat()
      if (waiters.length === 0) return
      const began = clock.monotonicTimeNanosUnsafe()
      const asOf = this.#applied.index
      const arrival = arrivalAt(this.#group.node)
      const admissions = yield* machine.admit(waiters.map((waiter) => waiter.command))
      // What it says comes from a state that is no good.
      if (this.#group.partings.isOver) return this.#turnAway(units)
      observer.stage("admit", Number(clock.monotonicTimeNanosUnsafe() - began) / 1e6)
      const waiting: Array<Waiter> = []
      const admitted: Array<Admission> = []
      let at = 0
      for (const group of groups) {
        const own = admissions.slice(at, at + group.length)
        at += group.length
        const untried = own.find((admission) => admission._tag === "Untried")
        // What came together stays together, also when only a part of it must be tried.
        if (untried !== undefined)
          this.#trials.add(untried.actor, { waiters: group, admissions: own, asOf }, arrival)
        else {
          waiting.push(...group)
          admitted.push(...own)
        }
      }
      this.#propose({ waiters: waiting, admissions: admitted, asOf })
    })
  }

  /** To the turn, unless the answer is there already. */
  #propose({ waiters, admissions, asOf }: Trial): void {
    const { clock, node, partings } = this.#group
    // What was tried was tried on a state that is no good.
    if (partings.isOver) return waiters.forEach((waiter) => void waiter.dismissed("not-leader"))
    const proposals = []
    const doubts: Array<ReadOrigin> = []
    for (const [position, waiter] of waiters.entries()) {
      const admission = admissions[position]!
      // Who was answered while the machine looked at it may have been told that it did not happen, and never will (C2).
      if (waiter.isSettled) waiter.dismissed("not-leader")
      else if (admission._tag === "Settled") {
        const { outcome } = admission
        if (isLasting(outcome) || asOf >= waiter.readIndex) settle(waiter, outcome)
        else doubts.push(doubtful(waiter, outcome, asOf, node, this.#askAgain))
      } else if (admission._tag === "Admitted")
        proposals.push({
          kind: "command" as const,
          data: admission.command,
          origin: waiter,
          term: waiter.term,
          members: node.group === mainGroup ? foundersIn(admission.command) : null,
        })
      else waiter.dismissed("not-leader")
    }
    if (doubts.length > 0) post(this.#group, { type: "ReadRequested", origins: doubts, lease: true })
    if (proposals.length === 0) return
    // Not before: who asks again for what was executed long ago gets its answer on a full disk as well.
    if (!takesCommands(node)) return void proposals.forEach(({ origin }) => origin.refused(noRoom()))
    for (const { origin } of proposals) if (origin instanceof Client) origin.leaves(true)
    post(this.#group, { type: "Proposed", time: clock.currentTimeMillisUnsafe(), proposals })
  }

  #forward(leader: NodeId, units: ReadonlyArray<ClientUnit>): void {
    // Answers of one request come together: who waits for one actor is not to wait for another, whatever that does.
    const groups = Map.groupBy(units, actorOf)
    for (const batch of groups.values().flatMap((group) => inBatches(group, FORWARD_BYTES_MAX))) {
      const clients = batch.flatMap(place)
      if (clients.length === 0) continue
      const id = this.#nextForwardId++
      const commands = clients.map((client) => client.command)
      const request: ForwardRequest = { type: "ForwardRequest", id, commands }
      if (this.#group.transport.send(leader, this.#group.node.group, request)) {
        for (const client of clients) client.leaves(false)
        const sentAt = nowOf(this.#group.clock)
        this.#forwarded.set(id, { to: leader, placed: clients, sentAt, isGivenUp: false })
      } else for (const client of clients) client.unit.resolved()
    }
  }

  /** Peers look for another leader; this node's own clients were told when its door was closed. */
  #turnAway(units: ReadonlyArray<Unit>): void {
    for (const { waiters } of units.filter(({ kind }) => kind === "leader")) {
      for (const waiter of waiters) waiter.dismissed("not-leader")
    }
  }

  /** The machine is to look at it once more when it has come there; its placement goes on. */
  readonly #askAgain = (waiter: Waiter, index: Index): void => {
    waiter.readIndex = index
    this.#behind.push(waiter)
    this.advanced()
  }

  /** The machine has come further. */
  advanced(): void {
    this.#intake.advanced()
    if (this.#behind.length === 0) return
    const isReached = ({ readIndex }: Waiter) => readIndex <= this.#applied.index
    const waiters = this.#behind.filter(isReached)
    this.#behind = this.#behind.filter((waiter) => !isReached(waiter))
    if (waiters.length > 0) this.#inbox.offer({ kind: "leader", waiters })
  }

  /** Another attempt, a little later: whoever said "not me" may not know better yet. */
  readonly #again = (unit: ClientUnit): void => {
    if (unit.forward || this.#mayStay(unit)) this.#parked.push(unit)
    else {
      for (const client of unit.waiters) {
        client.settle(failure("not-leader", client.isOut ? "unknown" : "rejected", "this node does not lead"))
      }
    }
  }

  /** What is not to be handed on is tried again where it is, as long as that makes sense. */
  #mayStay(unit: ClientUnit): boolean {
    const { role, term } = this.#group.node
    if (role.kind !== "leader" || role.transfer !== null) return false
    return unit.waiters.every((waiter) => waiter.term === null || waiter.term === term)
  }

  readonly #settled = (client: Client, answer: Outcome | Failure): void => {
    this.#clients.delete(client)
    this.#clientBytes -= client.command.length
    client.proposal.answer(answer)
  }

  #refusal(count: number, bytes: number): Failure | null {
    const { waitingMax, waitingBytesMax } = this.#group.options
    if (this.#closing !== null) return this.#closing.refused
    if (this.count + count <= waitingMax && this.#clientBytes + bytes <= waitingBytesMax) return null
    return failure("overloaded", "rejected", "too many proposals wait at this node")
  }

  #tooLate(client: Client): Failure {
    if (client.isOut) {
      return failure("timeout", "unknown", "the command was not answered in time; it may still be executed")
    }
    // Its own disk has no room for a leader's entries, and the others may be as full.
    if (this.#group.node.isShort) return noRoom()
    return knownLeader(this.#group.node) === null
      ? failure("no-leader", "rejected", withoutLeader(this.#group.transport))
      : failure("timeout", "unknown", "the command was not answered in time")
  }
}

/** The actor that all its commands are for; the unit itself when they are for several. */
const actorOf = (unit: ClientUnit): string | ClientUnit => {
  const actors = new Set(unit.waiters.map(({ command }) => decodeCommand(command)?.actor))
  const [actor] = actors
  return actors.size === 1 && actor !== undefined ? actor : unit
}

const noRoom = (): Failure =>
  failure("storage-full", "rejected", "the disks of this group have no room for another command")

interface Forwarded {
  readonly to: NodeId
  readonly placed: ReadonlyArray<Client>
  readonly sentAt: Millis
  /** They were placed again meanwhile. */
  isGivenUp: boolean
}

/**
 * A refusal of this attempt is the end only when there was no other before it: what may still be executed is
 * asked for again until the deadline, and never called rejected (HAZARDS C2).
 */
const isFinal = (refused: Failure, wasOut: boolean): boolean =>
  !wasOut && refused.code !== "not-leader" && refused.code !== "leadership-lost"

/** The commands of a unit that still have somebody waiting; each is now under way. */
const place = <W extends Waiter>(unit: {
  readonly kind: string
  readonly waiters: ReadonlyArray<W>
}): ReadonlyArray<W> => {
  const { waiters } = unit
  if (unit instanceof ClientUnit) unit.placed(unit.waiters)
  return waiters
}

/** Whole units, as many as come to about so many commands and bytes. */
function* inBatches<U extends Unit>(units: ReadonlyArray<U>, bytesMax: number): Generator<ReadonlyArray<U>> {
  let batch: Array<U> = []
  let count = 0
  let bytes = 0
  for (const unit of units) {
    batch.push(unit)
    count += unit.waiters.length
    bytes += unit.waiters.reduce((sum, waiter) => sum + waiter.command.length, 0)
    if (count < COMMANDS_MAX && bytes < bytesMax) continue
    yield batch
    batch = []
    count = 0
    bytes = 0
  }
  if (batch.length > 0) yield batch
}
