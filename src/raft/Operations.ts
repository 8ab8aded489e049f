// What becomes of what an operator asks of a leader? It is begun in a turn, and looked at after each one until its end.

import { isJoint } from "../consensus/configuration.ts"
import { successorFor } from "../consensus/handover.ts"
import { type ChangeRefused, isReached } from "../consensus/membership.ts"
import { knownLeader } from "../consensus/node.ts"
import type { Aim, Millis, NodeId, Term } from "../consensus/types.ts"
import { type Closing, failure } from "./failure.ts"
import { type Group, nowOf, post } from "./Group.ts"
import { metBy } from "./met.ts"
import type { OperationOrigin } from "./origins.ts"
import type { Changed, ChangeRequest, Failure, ResetRequest, TransferRequest } from "./Raft.ts"
import type { Tenure } from "./Tenure.ts"

/** Each of them looks at the node after every turn, and answers once. */
interface Operation extends OperationOrigin {
  /** True: it has come to its end, and its client knows. */
  readonly look: () => boolean
  readonly deadline: Millis
  /** Answers with as much as is known. */
  readonly giveUp: (failure: Failure) => void
}

export class Operations {
  readonly #group: Group
  readonly #tenure: Tenure
  readonly #open = new Set<Operation>()
  #closing: Closing | null = null

  constructor(group: Group, tenure: Tenure) {
    this.#group = group
    this.#tenure = tenure
  }

  get count(): number {
    return this.#open.size
  }

  change(request: ChangeRequest): void {
    const { change, force, seen } = request
    const origin = new ChangeUnderWay(this.#group, request)
    if (!this.#admits(origin)) return
    const bound = seen === undefined ? {} : { seen }
    post(this.#group, { type: "ChangeAsked", change, force, met: metBy(this.#group), origin, ...bound })
  }

  reset(request: ResetRequest): void {
    const { voters } = request
    const origin = new ChangeUnderWay(this.#group, request, true)
    if (this.#admits(origin)) post(this.#group, { type: "ResetAsked", voters, origin })
  }

  /** `isOwn`: the node hands over by itself, once in its life, whoever waits at its door. */
  transfer(request: TransferRequest, isOwn = false): void {
    const { clock, node } = this.#group
    const { to } = request
    const origin = new TransferUnderWay(this.#group, request)
    if (!this.#admits(origin, isOwn)) return
    const ask = (): void => post(this.#group, { type: "TransferAsked", to, origin })
    const successor = successorFor(node, to, nowOf(clock))
    // What would be refused, or changes nothing, ends nothing.
    if (typeof successor !== "string" || successor === node.id) ask()
    else origin.whenJudged = this.#tenure.quieten(ask)
  }

  /** After every turn. */
  look(): void {
    for (const operation of this.#open) if (operation.look()) this.#open.delete(operation)
  }

  /** Nothing is left to be looked after by {@link sweep}. */
  get isEmpty(): boolean {
    return this.#open.size === 0
  }

  /** Now and then: gives up what is too late. */
  sweep(now: Millis): void {
    for (const operation of this.#open) {
      if (now < operation.deadline) continue
      this.#open.delete(operation)
      operation.giveUp(failure("timeout", "unknown", "it was not done in time, and may still be done"))
    }
  }

  /** Answers everybody, and lets nobody in any more. */
  close(closing: Closing): void {
    this.#closing ??= closing
    const { code, detail } = this.#closing.refused
    for (const operation of this.#open)
      operation.giveUp(failure(code, "unknown", `${detail} before it is done`))
    this.#open.clear()
  }

  #admits(operation: Operation, isOwn = false): boolean {
    this.#group.rest.stir()
    if (this.#closing !== null) operation.giveUp(this.#closing.refused)
    else if (isOwn || this.#open.size < OPERATIONS_MAX) this.#open.add(operation)
    else operation.giveUp(failure("overloaded", "rejected", "too many operations wait at this node"))
    return this.#open.has(operation)
  }
}

const OPERATIONS_MAX = 64

const isRefused = (verdict: Aim | NodeId | ChangeRefused): verdict is ChangeRefused =>
  typeof verdict === "object" && "code" in verdict

class ChangeUnderWay implements Operation {
  readonly deadline: Millis
  readonly #group: Group
  readonly #request: Pick<ChangeRequest, "deadline" | "answer" | "waits">
  readonly #byDecree: boolean
  #refused: ChangeRefused | null = null
  #begun: { readonly aim: Aim; readonly term: Term } | null = null

  /** `byDecree`: it does not lead yet when that is begun. */
  constructor(group: Group, request: Pick<ChangeRequest, "deadline" | "answer" | "waits">, byDecree = false) {
    this.#group = group
    this.#request = request
    this.#byDecree = byDecree
    this.deadline = request.deadline
  }

  judged(verdict: Aim | NodeId | ChangeRefused): void {
    if (isRefused(verdict)) this.#refused = verdict
    else this.#begun = { aim: verdict as Aim, term: this.#group.node.term }
  }

  look(): boolean {
    const { node } = this.#group
    if (this.#refused !== null) {
      this.#request.answer(failure(this.#refused.code, "rejected", this.#refused.detail))
      return true
    }
    if (this.#begun === null) return false
    const { aim } = this.#begun
    const isDone = this.#isSettled && isReached(node.configurations.current, aim)
    // A leader that has removed itself leads no more when that is done.
    if (!isDone && this.#byDecree) return false
    if (!isDone && (node.role.kind !== "leader" || node.term !== this.#begun.term)) {
      this.#request.answer(failure("leadership-lost", "unknown", "this node no longer leads"))
      return true
    }
    if (!this.#isSettled) return false
    const { goal } = node.configurations.current
    // The goal of a change that was asked for later holds this one's as well, unless it undoes it.
    if (!isDone && goal !== undefined) {
      if (this.#request.waits !== false) return false
      this.#request.answer(this.#changed(false))
      return true
    }
    this.#request.answer(isDone ? this.#changed(true) : failure("change-in-progress", "unknown", SUPERSEDED))
    return true
  }

  giveUp(reason: Failure): void {
    const isWaiting = this.#isSettled && this.#group.node.configurations.current.goal !== undefined
    this.#request.answer(this.#begun !== null && isWaiting ? this.#changed(false) : reason)
  }

  /** What stands in the configuration stays, whoever leads. */
  get #isSettled(): boolean {
    const { configurations, commitIndex } = this.#group.node
    return commitIndex >= configurations.currentIndex && !isJoint(configurations.current)
  }

  #changed(isDone: boolean): Changed {
    const { configurations, term } = this.#group.node
    return { configuration: configurations.current, index: configurations.currentIndex, term, isDone }
  }
}

const SUPERSEDED = "another change took its place"

class TransferUnderWay implements Operation {
  readonly deadline: Millis
  whenJudged: () => void = () => {}
  readonly #group: Group
  readonly #request: TransferRequest
  #refused: ChangeRefused | null = null
  #begun: { readonly to: NodeId; readonly term: Term } | null = null

  constructor(group: Group, request: TransferRequest) {
    this.#group = group
    this.#request = request
    this.deadline = request.deadline
  }

  judged(verdict: Aim | NodeId | ChangeRefused): void {
    if (isRefused(verdict)) this.#refused = verdict
    else this.#begun = { to: verdict as NodeId, term: this.#group.node.term }
    this.whenJudged()
  }

  look(): boolean {
    const { node } = this.#group
    if (this.#refused !== null) {
      this.#request.answer(failure(this.#refused.code, "rejected", this.#refused.detail))
      return true
    }
    if (this.#begun === null) return false
    const { to, term } = this.#begun
    const leader = knownLeader(node)
    const own = node.role.kind === "leader" && node.term === term ? node.role : null
    if (leader === null || (own !== null && own.transfer !== null)) return false
    if (leader === to) this.#request.answer({ leader, term: node.term })
    else if (own === null) this.#request.answer(failure("transfer-failed", "rejected", `${leader} leads now`))
    else {
      const detail = `${to} did not take over in time; ${node.id} goes on`
      // Who was told to stand may still do so, however late the word arrives.
      this.#request.answer(failure("transfer-failed", own.isLeaseVoid ? "unknown" : "rejected", detail))
    }
    return true
  }

  giveUp(reason: Failure): void {
    this.#request.answer(reason)
  }
}
