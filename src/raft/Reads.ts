// How is a read served so that it misses nothing? Wait for the index, then for the machine, then ask it.

import { Effect, type Scope } from "effect"
import { type Dismissed, knownLeader } from "../consensus/node.ts"
import { leaseHolds } from "../consensus/reading.ts"
import type { Index, Millis, NodeId, Origin, Term } from "../consensus/types.ts"
import type { QueryOutcome } from "../machine/outcome.ts"
import type { QueryReply, QueryRequest } from "../transport/Transport.ts"
import { Errand } from "./Errand.ts"
import type { Freshness } from "./Freshness.ts"
import { type Closing, failure, repairing } from "./failure.ts"
import { type Group, nowOf, post } from "./Group.ts"
import { decodeRead, HandedOn } from "./HandedOn.ts"
import type { Grounds } from "./observer.ts"
import type { ReadOrigin } from "./origins.ts"
import { withoutLeader } from "./outcast.ts"
import type { Failure, Read } from "./Raft.ts"
import type { Applied } from "./reach.ts"
import { isInRepair } from "./repair.ts"
import type { Run } from "./run.ts"

const QUERIES_MAX = 512

/** A read on its way. It answers once, whatever happens later. */
class WaitingRead implements ReadOrigin {
  readonly read: Read
  /** Not to be served before the machine has come here. */
  index: Index
  /** Served by the lease of this term; 0 = not by a lease. */
  leaseTerm: Term = 0
  readonly since: Millis
  handedOnAt = Number.NEGATIVE_INFINITY
  /** A peer's: it has been handed on once, and is not a second time. */
  readonly isPeers: boolean
  readonly #reads: Reads

  constructor(reads: Reads, read: Read, since: Millis, isPeers: boolean) {
    this.#reads = reads
    this.read = read
    this.index = read.minIndex
    this.since = since
    this.isPeers = isPeers
  }

  confirmed(index: Index): void {
    this.index = Math.max(this.index, index)
    this.#reads.confirmed(this)
  }

  dismissed(_reason: Dismissed["reason"]): void {
    this.#reads.park(this)
  }
}

export class Reads {
  readonly #group: Group
  readonly #applied: Readonly<Applied>
  readonly #run: Run
  readonly #scope: Scope.Scope
  /** Raised when some may be served. */
  readonly #ready: Errand
  /** Everybody who has no answer yet. */
  readonly #waiting = new Set<WaitingRead>()
  /** Not yet in a turn. */
  #arrived: Array<WaitingRead> = []
  /** Nobody to ask at the moment. */
  #parked: Array<WaitingRead> = []
  /** May be served as soon as the machine is there. */
  #confirmed: Array<WaitingRead> = []
  /** Actors of which a batch is under way. */
  readonly #busy = new Set<string>()
  #closing: Closing | null = null
  readonly #freshness: Freshness
  readonly #handedOn: HandedOn<WaitingRead>

  constructor(group: Group, applied: Readonly<Applied>, freshness: Freshness, run: Run, scope: Scope.Scope) {
    this.#group = group
    this.#freshness = freshness
    this.#run = run
    this.#scope = scope
    this.#ready = new Errand(
      (life) => run(life, scope),
      () => Effect.sync(() => this.#serveReady()),
    )
    this.#applied = applied
    this.#handedOn = new HandedOn(group, (waiting, answer) => this.#settle(waiting, answer))
  }

  get count(): number {
    return this.#waiting.size
  }

  /** Nothing is left to be looked after by {@link sweep}. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#handedOn.isEmpty
  }

  add(read: Read, isPeers = false): void {
    const waiting = new WaitingRead(this, read, nowOf(this.#group.clock), isPeers)
    if (this.#closing !== null) return read.answer(this.#closing.refused)
    if (this.#waiting.size >= this.#group.options.waitingMax) {
      return read.answer(failure("overloaded", "rejected", "too many reads wait at this node"))
    }
    this.#waiting.add(waiting)
    this.#group.rest.knock()
    if (read.consistency !== "local") this.#request(waiting)
    // What it has now is less than what it had: who read that must not see less.
    else if (isInRepair(this.#group)) this.#settle(waiting, repairing.refused)
    else if (this.#isFresh(read)) this.confirmed(waiting)
    else
      this.#settle(
        waiting,
        failure("stale", "rejected", "this node has not been up to date within the staleness asked for"),
      )
  }

  /** A peer's disk cannot follow: it asks on behalf of its clients. */
  onQueryRequest(from: NodeId, { id, queries }: QueryRequest): void {
    const { clock, node, options, transport } = this.#group
    const answers: Array<string> = new Array(queries.length)
    let missing = queries.length
    for (const [position, text] of queries.entries()) {
      const answer = (given: QueryOutcome | Failure): void => {
        answers[position] = JSON.stringify(given)
        missing--
        if (missing === 0) transport.send(from, node.group, { type: "QueryReply", id, answers })
      }
      const asked = decodeRead(text)
      if (asked === null) answer(failure("timeout", "unknown", "this node does not know such a read"))
      else {
        const deadline = nowOf(clock) + options.forwardRetryMillis
        const strength = {
          consistency: "linearizable",
          maxStalenessMillis: Number.POSITIVE_INFINITY,
        } as const
        this.add({ ...asked, ...strength, deadline, answer }, true)
      }
    }
  }

  onQueryReply(from: NodeId, reply: QueryReply): void {
    this.#handedOn.onReply(from, reply)
  }

  /** Those who arrived since the last turn, for one question to all of them. */
  takeArrived(): { readonly plain: ReadonlyArray<Origin>; readonly lease: ReadonlyArray<Origin> } {
    const arrived = this.#arrived
    this.#arrived = []
    const wantsLease = (waiting: WaitingRead) =>
      waiting.read.consistency === "lease" && leaseHolds(this.#group.node, nowOf(this.#group.clock))
    const lease = arrived.filter(wantsLease)
    for (const waiting of lease) waiting.leaseTerm = this.#group.node.term
    return { plain: arrived.filter((waiting) => waiting.leaseTerm === 0), lease }
  }

  confirmed(waiting: WaitingRead): void {
    this.#confirmed.push(waiting)
    this.#ready.raise()
  }

  park(waiting: WaitingRead): void {
    if (this.#waiting.has(waiting)) this.#parked.push(waiting)
  }

  /** The machine has come further. */
  advanced(): void {
    if (this.#confirmed.length > 0) this.#ready.raise()
  }

  /** Now and then: give up what is too late, and ask again for those that were sent away. */
  sweep(now: Millis): void {
    for (const waiting of this.#waiting) {
      if (now < waiting.read.deadline) continue
      const hasLeader = knownLeader(this.#group.node) !== null
      this.#settle(
        waiting,
        hasLeader
          ? failure("timeout", "unknown", "the read was not answered in time")
          : failure("no-leader", "rejected", withoutLeader(this.#group.transport)),
      )
    }
    this.#parked = this.#parked.filter((waiting) => this.#waiting.has(waiting))
    this.#confirmed = this.#confirmed.filter((waiting) => this.#waiting.has(waiting))
    this.retryParked()
    const ownStrong = ({ read, isPeers }: WaitingRead) => !isPeers && read.consistency !== "local"
    this.#handedOn.ask(this.#waiting.values().filter(ownStrong), now)
  }

  retryParked(): void {
    if (this.#parked.length === 0 || knownLeader(this.#group.node) === null) return
    const parked = this.#parked
    this.#parked = []
    for (const waiting of parked) this.#request(waiting)
  }

  /** Answers everybody, and lets nobody in any more. */
  close(closing: Closing): void {
    this.#closing ??= closing
    for (const waiting of this.#waiting) this.#settle(waiting, this.#closing.refused)
  }

  /** Serves what is ready, one batch of each actor. */
  #serveReady(): void {
    for (const [actor, batch] of Map.groupBy(this.#takeReady(), ({ read }) => read.query.actor)) {
      this.#busy.add(actor)
      this.#run(this.#ask(actor, batch), this.#scope)
    }
  }

  /** Of one actor: code that hangs keeps no other's readers waiting. */
  #ask(actor: string, batch: ReadonlyArray<WaitingRead>) {
    return Effect.gen({ self: this }, function* () {
      const outcomes = yield* this.#group.machine.query(batch.map((waiting) => waiting.read.query))
      this.#busy.delete(actor)
      for (const [position, waiting] of batch.entries()) this.#serve(waiting, outcomes[position]!)
      this.advanced()
    })
  }

  #takeReady(): Array<WaitingRead> {
    const isReady = ({ index, read }: WaitingRead) =>
      index <= this.#applied.index && !this.#busy.has(read.query.actor)
    const ready = this.#confirmed.filter(isReady)
    const batch = ready.slice(0, QUERIES_MAX)
    this.#confirmed = [...this.#confirmed.filter((waiting) => !isReady(waiting)), ...ready.slice(QUERIES_MAX)]
    return batch.filter((waiting) => this.#waiting.has(waiting))
  }

  #serve(waiting: WaitingRead, outcome: QueryOutcome): void {
    const { node, clock } = this.#group
    // The clock is looked at after the state was read: a pause in between must not leak an old value
    // (HAZARDS L6).
    if (waiting.leaseTerm !== 0 && (waiting.leaseTerm !== node.term || !leaseHolds(node, nowOf(clock)))) {
      waiting.leaseTerm = 0
      return this.#request(waiting)
    }
    this.#group.observer.read(groundsOf(waiting))
    this.#settle(waiting, outcome)
  }

  #request(waiting: WaitingRead): void {
    if (this.#arrived.length === 0) post(this.#group, { type: "ReadersWait" })
    this.#arrived.push(waiting)
  }

  #isFresh(read: Read): boolean {
    return this.#freshness.stalenessMillis <= read.maxStalenessMillis
  }

  #settle(waiting: WaitingRead, answer: QueryOutcome | Failure): void {
    if (this.#waiting.delete(waiting)) waiting.read.answer(answer)
  }
}

const groundsOf = ({ read, leaseTerm }: WaitingRead): Grounds => {
  if (read.consistency === "local") return "age"
  return leaseTerm === 0 ? "round" : "lease"
}
