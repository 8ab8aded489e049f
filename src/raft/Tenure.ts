// When does that begin which users have run where their group leads, and when has it ended? It begins when the leader
// serves, and has ended before leadership is given up, unless that is taken away.

import { Cause, Effect, Exit, Scope } from "effect"
import { isServing, type Leader } from "../consensus/node.ts"
import { isLeaving } from "../consensus/reconfiguration.ts"
import type { Leadership, LeadingService, Led } from "../machine/leading/Leading.ts"
import type { Outcome } from "../machine/outcome.ts"
import { Errand } from "./Errand.ts"
import { type Group, nowOf, post } from "./Group.ts"
import type { Hands } from "./Hands.ts"
import type { Listeners } from "./Listeners.ts"
import type { Failure } from "./Raft.ts"
import type { Run } from "./run.ts"

/** Somebody wants that nothing runs. */
interface Wish {
  readonly told: () => void
  isTold: boolean
}

export class Tenure {
  readonly #group: Group
  readonly #today: () => Hands
  readonly #listeners: Listeners
  readonly #service: LeadingService | null
  /** Raised when what runs may not be what should. Null: nothing ever ran. */
  #errand: Errand | null = null
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
      readonly today: () => Hands
      readonly listeners: Listeners
      readonly service: LeadingService | null
    },
  ) {
    this.#group = group
    this.#today = around.today
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
    if (this.#isWanted(role) !== this.#isBusy || mustLetGo) this.#errand?.raise()
  }

  /**
   * Has what runs ended in good order, and calls `told`; at once when nothing runs. Nothing begins again before what
   * this gives back is called.
   */
  quieten(told: () => void): () => void {
    const wish: Wish = { told, isTold: false }
    this.#wishes.add(wish)
    if (this.#isBusy) this.#errand?.raise()
    else this.#tell()
    return () => {
      this.#wishes.delete(wish)
      this.look()
    }
  }

  /** The same for good: the node is about to stop. */
  close(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      this.#isClosed = true
      this.quieten(() => resume(Effect.void))
    })
  }

  /** The node leads, until the scope ends; what runs ends with it at the latest, and then at once. */
  begin(role: Leader, run: Run, scope: Scope.Scope): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const service = this.#service
      if (service === null) return
      yield* Scope.addFinalizer(scope, this.#abandon())
      this.#isHolding = false
      this.#errand = new Errand(
        (life) => run(life, scope),
        () => this.#follow(role, service),
      )
      this.look()
    })
  }

  #follow(role: Leader, service: LeadingService) {
    return Effect.gen({ self: this }, function* () {
      if (!this.#isWanted(role)) yield* this.#end(role)
      // The turn must know before it begins: then no change of members takes this node's vote away before it has ended.
      else if (!this.#isHolding) this.#hold(true)
      else if (role.isHeld && !this.#isBusy) yield* this.#begin(service)
    })
  }

  #isWanted(role: Leader): boolean {
    const { node, partings } = this.#group
    const isOver = node.role !== role || role.transfer !== null || isLeaving(node)
    const isUnwished = this.#isClosed || this.#wishes.size > 0 || partings.current !== null
    return !isOver && !isUnwished && isServing(node)
  }

  #begin(service: LeadingService) {
    return Effect.gen({ self: this }, function* () {
      this.#isBusy = true
      this.#scope = yield* Scope.make()
      const begun = yield* Effect.exit(Scope.provide(service.lead(this.#leadership()), this.#scope))
      if (Exit.isSuccess(begun)) this.#led = begun.value
      // Whatever is broken there, the group goes on.
      else this.#noteFault("could not begin", begun.cause)
    })
  }

  #end(role: Leader) {
    return Effect.gen({ self: this }, function* () {
      if (this.#led !== null) {
        const ended = yield* Effect.exit(this.#led.end)
        if (Exit.isFailure(ended)) this.#noteFault("could not be ended in good order", ended.cause)
      }
      yield* this.#abandon()
      if (role.isHeld && isLeaving(this.#group.node)) this.#hold(false)
    })
  }

  /** At once. */
  #abandon() {
    return Effect.gen({ self: this }, function* () {
      const scope = this.#scope
      this.#scope = null
      this.#led = null
      if (scope !== null) {
        const closed = yield* Effect.exit(Scope.close(scope, Exit.void))
        if (Exit.isFailure(closed)) this.#noteFault("could not be ended at once", closed.cause)
      }
      this.#isBusy = false
      this.#tell()
    })
  }

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
          this.#today().proposals.add([{ command, deadline, forward: false, term, answer }])
        }),
      read: (query, consistency, millisMax) =>
        Effect.callback((resume) => {
          this.#today().reads.add({
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
