// How does a proposal find the leader, and its answer the way back? It may take several attempts: the
// idempotency key that every command carries makes them one execution.

import { Effect, Queue } from "effect"
import { type Dismissed, knownLeader } from "../consensus/node.ts"
import type { Millis, NodeId } from "../consensus/types.ts"
import type { Outcome } from "../machine/outcome.ts"
import type { ForwardReply, ForwardRequest } from "../transport/Transport.ts"
import { failure } from "./failure.ts"
import { type Group, nowOf, post } from "./Group.ts"
import type { ProposalOrigin } from "./origins.ts"
import type { Failure, Proposal } from "./Raft.ts"
import type { Writer } from "./writer.ts"

const ADMIT_MAX = 1024
const FORWARD_COMMANDS_MAX = 1024
const FORWARD_BYTES_MAX = 1024 * 1024

/** Who waits for a command: a client of this node, or somebody who asked it as the leader. */
interface Waiter extends ProposalOrigin {
  readonly kind: "client" | "other"
  readonly command: Uint8Array
  readonly isSettled: boolean
  readonly fail: (failure: Failure) => void
}

export class Proposals {
  readonly #group: Group
  readonly #writer: Writer
  readonly #inbox: Queue.Queue<Waiter>
  /** Clients of this node without an answer. */
  readonly #clients = new Set<Client>()
  #clientBytes = 0
  /** Nobody to give them to at the moment. */
  #parked: Array<Client> = []
  /** Given to another node, by the number of the request. */
  readonly #forwarded = new Map<number, Forwarded>()
  #nextForwardId = 1
  #peersWaiting = 0
  #isClosed = false

  constructor(group: Group, writer: Writer, inbox: Queue.Queue<Waiter>) {
    this.#group = group
    this.#writer = writer
    this.#inbox = inbox
  }

  static readonly makeInbox = Queue.unbounded<Waiter>()

  get count(): number {
    return this.#clients.size + this.#peersWaiting
  }

  /** A client's proposal: waits here until it is answered or its deadline has passed. */
  add(proposal: Proposal): void {
    const refusal = this.#refusal(proposal.command.length)
    if (refusal !== null) return proposal.answer(refusal)
    const client = new Client(this, proposal)
    this.#clients.add(client)
    this.#clientBytes += proposal.command.length
    Queue.offerUnsafe(this.#inbox, client)
  }

  /** A peer's request. It is never handed on: who does not lead says so (HAZARDS C3). */
  onForwardRequest(from: NodeId, request: ForwardRequest): void {
    const answers: Array<string> = new Array(request.commands.length)
    let missing = request.commands.length
    const answer = (position: number, answer: Outcome | Failure): void => {
      this.#peersWaiting--
      answers[position] = JSON.stringify(answer)
      missing--
      if (missing > 0) return
      this.#group.transport.send(from, this.#group.node.group, {
        type: "ForwardReply",
        id: request.id,
        answers,
      })
    }
    for (const [position, command] of request.commands.entries()) {
      const refusal = this.#refusal(command.length)
      this.#peersWaiting++
      if (refusal !== null) answer(position, refusal)
      else Queue.offerUnsafe(this.#inbox, new LeaderCommand(command, (outcome) => answer(position, outcome)))
    }
  }

  /** Commands of the machine's own; whoever needs to know looks at the machine. */
  addOwn(commands: ReadonlyArray<Uint8Array>): void {
    for (const command of commands) Queue.offerUnsafe(this.#inbox, new LeaderCommand(command, () => {}))
  }

  /** The node that these were given to has answered. */
  onForwardReply(from: NodeId, reply: ForwardReply): void {
    const forwarded = this.#forwarded.get(reply.id)
    if (forwarded === undefined || forwarded.to !== from) return
    this.#forwarded.delete(reply.id)
    for (const [position, client] of forwarded.clients.entries()) {
      const answer = JSON.parse(reply.answers[position]!) as Outcome | Failure
      if (answer._tag !== "Failure") client.applied(answer)
      else if (answer.code === "not-leader" || answer.code === "leadership-lost") this.again(client)
      else client.fail(answer)
    }
  }

  /** Now and then: give up what is too late, and try again where an answer stays out. */
  sweep(now: Millis): void {
    for (const client of this.#clients) {
      if (now >= client.proposal.deadline) this.settle(client, this.#tooLate(client))
    }
    const leader = knownLeader(this.#group.node)
    for (const [id, forwarded] of this.#forwarded) {
      const isOverdue = now - forwarded.sentAt > this.#group.options.forwardRetryMillis
      const isElsewhere = leader !== null && leader !== forwarded.to
      if (!isOverdue && !isElsewhere) continue
      this.#forwarded.delete(id)
      for (const client of forwarded.clients) this.again(client)
    }
    this.#parked = this.#parked.filter((client) => !client.isSettled)
    this.retryParked()
  }

  /** There may be a leader now. */
  retryParked(): void {
    if (this.#parked.length === 0 || knownLeader(this.#group.node) === null) return
    const parked = this.#parked
    this.#parked = []
    for (const client of parked) Queue.offerUnsafe(this.#inbox, client)
  }

  /** Another attempt, a little later: whoever said "not me" may not know better yet. */
  again(client: Client): void {
    if (client.isSettled) return
    if (client.proposal.forward) this.#parked.push(client)
    else
      this.settle(
        client,
        failure("not-leader", client.isOut ? "unknown" : "rejected", "this node does not lead"),
      )
  }

  settle(client: Client, answer: Outcome | Failure): void {
    if (!this.#clients.delete(client)) return
    client.isSettled = true
    this.#clientBytes -= client.command.length
    client.proposal.answer(answer)
  }

  /** Answers everybody: the node stops. */
  close(): void {
    this.#isClosed = true
    for (const client of this.#clients) {
      this.settle(
        client,
        client.isOut
          ? failure("leadership-lost", "unknown", "this node stops before the command was answered")
          : failure("shutting-down", "rejected", "this node stops"),
      )
    }
  }

  /** Places what has arrived, one batch after the other. */
  readonly life = Effect.fnUntraced(function* (this: Proposals) {
    while (true) {
      const arrived = yield* Queue.takeAll(this.#inbox)
      for (let from = 0; from < arrived.length; from += ADMIT_MAX) {
        const waiters = arrived.slice(from, from + ADMIT_MAX).filter((waiter) => !waiter.isSettled)
        if (waiters.length > 0) yield* this.#place(waiters)
      }
    }
  }).bind(this)

  readonly #place = Effect.fnUntraced(function* (this: Proposals, waiters: ReadonlyArray<Waiter>) {
    const { node } = this.#group
    if (node.role.kind === "leader") return yield* this.#admit(waiters)
    for (const waiter of waiters) if (waiter.kind === "other") waiter.dismissed("not-leader")
    const clients = waiters.filter((waiter): waiter is Client => waiter.kind === "client")
    const leader = knownLeader(node)
    if (leader === null) for (const client of clients) this.again(client)
    else this.#forward(leader, clients)
  }).bind(this)

  /** What need not enter the log is answered at once; the rest goes to the turn. */
  readonly #admit = Effect.fnUntraced(function* (this: Proposals, waiters: ReadonlyArray<Waiter>) {
    const { clock, machine, observer } = this.#group
    const began = clock.monotonicTimeNanosUnsafe()
    const admissions = yield* machine.admit(waiters.map((waiter) => waiter.command))
    const proposals = []
    for (const [position, waiter] of waiters.entries()) {
      const admission = admissions[position]!
      if (admission._tag === "Settled") waiter.applied(admission.outcome)
      else proposals.push({ kind: "command" as const, data: admission.command, origin: waiter })
    }
    observer.stage("admit", Number(clock.monotonicTimeNanosUnsafe() - began) / 1e6)
    if (proposals.length === 0) return
    for (const { origin } of proposals) if (origin instanceof Client) origin.isOut = true
    post(this.#group, { type: "Proposed", time: clock.currentTimeMillisUnsafe(), proposals })
  }).bind(this)

  #forward(leader: NodeId, clients: ReadonlyArray<Client>): void {
    let request: Array<Client> = []
    let bytes = 0
    const send = (): void => {
      if (request.length === 0) return
      const id = this.#nextForwardId++
      const commands = request.map((client) => client.command)
      const isSent = this.#group.transport.send(leader, this.#group.node.group, {
        type: "ForwardRequest",
        id,
        commands,
      })
      if (isSent) {
        for (const client of request) client.isOut = true
        this.#forwarded.set(id, { to: leader, clients: request, sentAt: nowOf(this.#group.clock) })
      } else for (const client of request) this.again(client)
      request = []
      bytes = 0
    }
    for (const client of clients) {
      if (!client.proposal.forward) {
        this.again(client)
        continue
      }
      request.push(client)
      bytes += client.command.length
      if (request.length >= FORWARD_COMMANDS_MAX || bytes >= FORWARD_BYTES_MAX) send()
    }
    send()
  }

  #refusal(bytes: number): Failure | null {
    const { waitingMax, waitingBytesMax } = this.#group.options
    if (this.#isClosed) return failure("shutting-down", "rejected", "this node stops")
    if (this.#writer.isFull() && this.#group.node.role.kind === "leader")
      return failure("storage-full", "rejected", "there is no room on this node's disk")
    if (this.count < waitingMax && this.#clientBytes + bytes <= waitingBytesMax) return null
    return failure("overloaded", "rejected", "too many proposals wait at this node")
  }

  #tooLate(client: Client): Failure {
    if (client.isOut)
      return failure("timeout", "unknown", "the command was not answered in time; it may still be executed")
    return knownLeader(this.#group.node) === null
      ? failure("no-leader", "rejected", "no leader is known to this node")
      : failure("timeout", "unknown", "the command was not answered in time")
  }
}

interface Forwarded {
  readonly to: NodeId
  readonly clients: ReadonlyArray<Client>
  readonly sentAt: Millis
}

/** A client of this node. */
class Client implements Waiter {
  readonly kind = "client"
  readonly proposal: Proposal
  isSettled = false
  /** It was given to a leader: from now on nobody here can say that it will not happen. */
  isOut = false
  readonly #proposals: Proposals

  constructor(proposals: Proposals, proposal: Proposal) {
    this.#proposals = proposals
    this.proposal = proposal
  }

  get command(): Uint8Array {
    return this.proposal.command
  }

  applied(outcome: Outcome): void {
    this.#proposals.settle(this, outcome)
  }

  dismissed(_reason: Dismissed["reason"]): void {
    this.#proposals.again(this)
  }

  fail(answer: Failure): void {
    this.#proposals.settle(this, answer)
  }
}

/** For the leader alone: one command of a peer's request, or of the machine's own timers. */
class LeaderCommand implements Waiter {
  readonly kind = "other"
  readonly command: Uint8Array
  isSettled = false
  readonly #answer: (answer: Outcome | Failure) => void

  constructor(command: Uint8Array, answer: (answer: Outcome | Failure) => void) {
    this.command = command
    this.#answer = answer
  }

  applied(outcome: Outcome): void {
    this.#settle(outcome)
  }

  dismissed(reason: Dismissed["reason"]): void {
    this.#settle(
      reason === "lost"
        ? failure("leadership-lost", "unknown", "leadership was lost before the command was committed")
        : failure("not-leader", "rejected", "this node does not lead"),
    )
  }

  fail(answer: Failure): void {
    this.#settle(answer)
  }

  #settle(answer: Outcome | Failure): void {
    if (this.isSettled) return
    this.isSettled = true
    this.#answer(answer)
  }
}
