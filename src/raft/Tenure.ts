// When does that begin which users have run where their group leads, and when has it ended? It begins when the leader
// serves, and has ended before leadership is given up, unless that is taken away.

import { Cause, Effect, Exit, Scope } from "effect"
import { isServing, type Leader } from "../consensus/node.ts"
import { isLeaving } from "../consensus/reconfiguration.ts"
import type { Leadership, LeadingService, Led } from "../machine/leading/Leading.ts"
import type { Outcome } from "../machine/outcome.ts"
import { type Group, nowOf, post } from "./Group.ts"
import type { Listeners } from "./Listeners.ts"
import type { Proposals } from "./Proposals.ts"
import type { Failure } from "./Raft.ts"
import type { Reads } from "./Reads.ts"
import { Signal } from "./Signal.ts"

/** Somebody wants that nothing runs. */
interface Wish {
  readonly told: () => void
  isTold: boolean
}

export class Tenure {
  readonly #group: Group
  readonly #proposals: Proposals
  readonly #reads: Reads
  readonly #listeners: Listeners
  readonly #service: LeadingService | null
  /** Raised when what runs may not be what should. */
  readonly #signal = new Signal()
  readonly #wishes = new Set<Wish>()
  #isClosed = false
  /** What the turn was told last, in this leadership. */
  #isHolding = false
  /** From the moment when it may begin until it has ended. */
  #isBusy = false
  /** Null: nothing of it is there. */
  #scope: Scope.Closeable | null = null
  #led: Led | null = null

  constructor(
    group: Group,
    around: {
      readonly proposals: Proposals
      readonly reads: Reads
      readonly listeners: Listeners
      readonly service: LeadingService | null
    },
  ) {
    this.#group = group
    this.#proposals = around.proposals
    this.#reads = around.reads
    this.#listeners = around.listeners
    this.#service = around.service
  }

  /** What runs is what should, and the turn knows of it. */
  get isSettled(): boolean {
    const { role } = this.#group.node
    if (this.#service === null || role.kind !== "leader") return true
    return this.#isWanted(role) === this.#isBusy && role.isHeld === this.#isHolding
  }

  /** After every turn. */
  look(): void {
    const { role } = this.#group.node
    if (this.#service === null || role.kind !== "leader") return
    const mustLetGo = role.isHeld && isLeaving(this.#group.node)
    if (this.#isWanted(role) !== this.#isBusy || mustLetGo) this.#signal.raise()
  }

  /**
   * Has what runs ended in good order, and calls `told`; at once when nothing runs. Nothing begins again before what
   * this gives back is called.
   */
  quieten(told: () => void): () => void {
    const wish: Wish = { told, isTold: false }
    this.#wishes.add(wish)
    if (this.#isBusy) this.#signal.raise()
    else this.#tell()
    return () => {
      this.#wishes.delete(wish)
      this.look()
    }
  }

  /** The same for good: the node is about to stop. */
  readonly close: Effect.Effect<void> = Effect.callback((resume) => {
    this.#isClosed = true
    this.quieten(() => resume(Effect.void))
  })

  /** Lives while the node leads; what runs ends with it at the latest, and then at once. */
  readonly life = Effect.fnUntraced(function* (this: Tenure, role: Leader, scope: Scope.Scope) {
    if (this.#service === null) return
    yield* Scope.addFinalizer(scope, this.#abandon())
    this.#isHolding = false
    this.look()
    while (true) {
      yield* this.#signal.raised
      this.#signal.lower()
      if (!this.#isWanted(role)) yield* this.#end(role)
      // The turn must know before it begins: then no change of members takes this node's vote away before it has ended.
      else if (!this.#isHolding) this.#hold(true)
      else if (role.isHeld && !this.#isBusy) yield* this.#begin(this.#service)
    }
  }).bind(this)

  #isWanted(role: Leader): boolean {
    const { node, partings } = this.#group
    const isOver = node.role !== role || role.transfer !== null || isLeaving(node)
    const isUnwished = this.#isClosed || this.#wishes.size > 0 || partings.current !== null
    return !isOver && !isUnwished && isServing(node)
  }

  readonly #begin = Effect.fnUntraced(function* (this: Tenure, service: LeadingService) {
    this.#isBusy = true
    this.#scope = yield* Scope.make()
    const begun = yield* Effect.exit(Scope.provide(service.lead(this.#leadership()), this.#scope))
    if (Exit.isSuccess(begun)) this.#led = begun.value
    // Whatever is broken there, the group goes on.
    else this.#noteFault("could not begin", begun.cause)
  }).bind(this)

  readonly #end = Effect.fnUntraced(function* (this: Tenure, role: Leader) {
    if (this.#led !== null) {
      const ended = yield* Effect.exit(this.#led.end)
      if (Exit.isFailure(ended)) this.#noteFault("could not be ended in good order", ended.cause)
    }
    yield* this.#abandon()
    if (role.isHeld && isLeaving(this.#group.node)) this.#hold(false)
  }).bind(this)

  /** At once. */
  readonly #abandon = Effect.fnUntraced(function* (this: Tenure) {
    const scope = this.#scope
    this.#scope = null
    this.#led = null
    if (scope !== null) {
      const closed = yield* Effect.exit(Scope.close(scope, Exit.void))
      if (Exit.isFailure(closed)) this.#noteFault("could not be ended at once", closed.cause)
    }
    this.#isBusy = false
    this.#tell()
  }).bind(this)

  #noteFault(what: string, cause: Cause.Cause<unknown>): void {
    this.#group.observer.event(`what runs where this node leads ${what}`, { reason: Cause.pretty(cause) })
  }

  #tell(): void {
    for (const wish of this.#wishes) {
      if (wish.isTold) continue
      wish.isTold = true
      wish.told()
    }
  }

  #hold(isHeld: boolean): void {
    const { term } = this.#group.node
    this.#isHolding = isHeld
    post(this.#group, { type: "HoldChanged", term, isHeld })
  }

  #leadership(): Leadership {
    const { clock, node } = this.#group
    const { group, id, term } = node
    return {
      group,
      node: id,
      term,
      propose: (command, millisMax) =>
        Effect.callback((resume) => {
          const deadline = nowOf(clock) + millisMax
          const answer = (given: Outcome | Failure) => resume(Effect.succeed(given))
          this.#proposals.add([{ command, deadline, forward: false, term, answer }])
        }),
      read: (query, consistency, millisMax) =>
        Effect.callback((resume) => {
          this.#reads.add({
            query,
            consistency,
            minIndex: 0,
            maxStalenessMillis: Number.POSITIVE_INFINITY,
            deadline: nowOf(clock) + millisMax,
            answer: (given) => resume(Effect.succeed(given)),
          })
        }),
      onApplied: (told) => this.#listeners.add(told),
    }
  }
}
