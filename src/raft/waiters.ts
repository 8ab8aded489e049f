// Who waits for a command, and which commands keep their order while they look for a leader?

import type { Dismissed } from "../consensus/node.ts"
import type { Index, Term } from "../consensus/types.ts"
import { isElsewhere, isLasting, isMoved, type Outcome } from "../machine/outcome.ts"
import { failure } from "./failure.ts"
import type { ProposalOrigin } from "./origins.ts"
import type { Failure, Proposal } from "./Raft.ts"

/** One command and whoever wants to know what became of it. */
export interface Waiter extends ProposalOrigin {
  readonly command: Uint8Array
  /** No entry of another term may hold it; null: of any. */
  readonly term: Term | null
  readonly isSettled: boolean
  /** Since it came, a majority has said that this is all there was: what the machine knows from there on is new enough. */
  readIndex: Index
  /** It was tried on all that this node knew of as leader of that term when it came; null: it was not, or on less. */
  triedIn: Term | null
  readonly settle: (answer: Outcome | Failure) => void
  /** This leader does not take it, and it is in no log for this attempt. */
  readonly refused: (refusal: Failure) => void
}

/** Commands that came together. They are placed together, in order, and so is what is left of them. */
export type Unit = ClientUnit | LeaderUnit

/**
 * What one request of a client of this node asks for. While any of its commands is placed somewhere none is
 * placed anywhere else: a later one must not overtake an earlier one on the way to another leader.
 */
export class ClientUnit {
  readonly kind = "client"
  readonly clients: ReadonlyArray<Client>
  readonly forward: boolean
  /** Placements of which nothing has been heard yet. */
  #outstanding = 0
  readonly #again: (unit: ClientUnit) => void

  constructor(
    proposals: ReadonlyArray<Proposal>,
    settled: (client: Client, answer: Outcome | Failure) => void,
    again: (unit: ClientUnit) => void,
  ) {
    this.clients = proposals.map((proposal) => new Client(this, proposal, settled))
    this.forward = proposals.every(({ forward }) => forward)
    this.#again = again
  }

  /** Those who still wait, in order. */
  get waiters(): ReadonlyArray<Client> {
    return this.clients.filter((client) => !client.isSettled)
  }

  /** These of its commands are given away. */
  placed(clients: ReadonlyArray<Client>): void {
    this.#outstanding += clients.length
    for (const client of clients) client.begins()
  }

  /** One placement has come to its end. After the last one, what is left is placed again. */
  resolved(): void {
    this.#outstanding--
    if (this.#outstanding === 0 && this.clients.some((client) => !client.isSettled)) this.#again(this)
  }
}

/** A client of this node. Its origin is called once for each placement, also after its deadline. */
export class Client implements Waiter {
  readonly unit: ClientUnit
  readonly proposal: Proposal
  isSettled = false
  readIndex = endless
  triedIn: Term | null = null
  /** It was given to a leader: from now on nobody here can say that it will not happen. */
  isOut = false
  /** An attempt before this one was given to a leader. */
  wasOut = false
  /** Attempts that may still be executed, as far as this node knows. */
  doubts = 0
  /** The present one stands in this node's log, or is about to. */
  #isLogged = false
  readonly #settled: (client: Client, answer: Outcome | Failure) => void

  constructor(
    unit: ClientUnit,
    proposal: Proposal,
    settled: (client: Client, answer: Outcome | Failure) => void,
  ) {
    this.unit = unit
    this.proposal = proposal
    this.#settled = settled
  }

  get command(): Uint8Array {
    return this.proposal.command
  }

  get term(): Term | null {
    return this.proposal.term ?? null
  }

  /** Another attempt. */
  begins(): void {
    this.wasOut = this.isOut
  }

  /** What was admitted for a version that is no longer active was not executed: it is asked for anew. */
  applied(outcome: Outcome): void {
    this.#comesBack()
    if (!isMoved(outcome)) this.hears(outcome)
    this.unit.resolved()
  }

  /**
   * What the state says of an attempt that has ended. A refusal that a later state need not give says nothing of another one,
   * which may find such a state: then it is asked for again, and what was executed is remembered (HAZARDS C2).
   */
  hears(outcome: Outcome): void {
    if (this.doubts === 0 || isLasting(outcome)) this.settle(outcome)
    // The group may get the key before that one is executed (seed 160). Nobody has to wait here to learn that it did not.
    else if (isElsewhere(outcome)) this.settle(keyIsElsewhere())
  }

  /** Into the log of this node, or to another one. */
  leaves(isLogged: boolean): void {
    this.isOut = true
    this.doubts++
    this.#isLogged = isLogged
  }

  /** An attempt has ended, with or without an entry. */
  returned(): void {
    this.doubts--
  }

  dismissed(reason: Dismissed["reason"]): void {
    if (reason === "lost") this.#isLogged = false
    else this.#comesBack()
    if (reason === "members-changed" && this.doubts === 0) this.settle(membersChanged())
    this.unit.resolved()
  }

  #comesBack(): void {
    if (this.#isLogged) this.returned()
    this.#isLogged = false
  }

  /** What was out before may still be executed: its client is never told that it will not (HAZARDS C2). */
  refused(refusal: Failure): void {
    if (!this.isOut) this.settle(refusal)
    this.unit.resolved()
  }

  /** Tells the client, once; not the end of a placement. */
  settle(answer: Outcome | Failure): void {
    if (this.isSettled) return
    this.isSettled = true
    this.#settled(this, answer)
  }
}

/** For the leader alone: what a peer asks on behalf of its clients, or the machine's own timers. */
export interface LeaderUnit {
  readonly kind: "leader"
  readonly waiters: ReadonlyArray<Waiter>
}

export class LeaderCommand implements Waiter {
  readonly command: Uint8Array
  readonly term = null
  isSettled = false
  readIndex = endless
  triedIn: Term | null = null
  readonly #answer: (answer: Outcome | Failure) => void

  constructor(command: Uint8Array, answer: (answer: Outcome | Failure) => void) {
    this.command = command
    this.#answer = answer
  }

  applied(outcome: Outcome): void {
    this.settle(isMoved(outcome) ? failure("not-leader", "rejected", outcome.detail) : outcome)
  }

  dismissed(reason: Dismissed["reason"]): void {
    switch (reason) {
      case "lost":
        return this.settle(
          failure("leadership-lost", "unknown", "leadership was lost before the command was committed"),
        )
      case "members-changed":
        return this.settle(membersChanged())
      case "not-leader":
        return this.settle(failure("not-leader", "rejected", "this node does not lead"))
    }
  }

  refused(refusal: Failure): void {
    this.settle(refusal)
  }

  settle(answer: Outcome | Failure): void {
    if (this.isSettled) return
    this.isSettled = true
    this.#answer(answer)
  }
}

const keyIsElsewhere = (): Failure =>
  failure(
    "leadership-lost",
    "unknown",
    "the key is in another group now; an earlier attempt may still be executed in this one",
  )

const membersChanged = (): Failure =>
  failure("change-in-progress", "rejected", "it was meant for other members than the group has now")

const endless: Index = Number.POSITIVE_INFINITY
