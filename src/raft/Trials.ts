// Where do commands wait that must be tried before they may enter the log? In a lane of their actor's: what hangs there
// keeps nobody else waiting.

import { Effect, Queue, type Scope } from "effect"
import type { Admission } from "../machine/MachineHost.ts"
import type { Group } from "./Group.ts"
import type { Run } from "./run.ts"
import type { Waiter } from "./waiters.ts"

/** Commands that came together, and what the machine said of each. They go on together, in order. */
export interface Trial {
  readonly waiters: ReadonlyArray<Waiter>
  readonly admissions: ReadonlyArray<Admission>
}

/** One lane for each actor with something to try; it ends when there is nothing left. */
export class Trials {
  readonly #group: Group
  readonly #lanes = new Map<string, Queue.Queue<Trial>>()
  readonly #done: (trial: Trial) => void
  readonly #run: Run
  readonly #scope: Scope.Scope

  /** `done`: called with what may be proposed now, and what is settled. */
  constructor(group: Group, done: (trial: Trial) => void, run: Run, scope: Scope.Scope) {
    this.#group = group
    this.#done = done
    this.#run = run
    this.#scope = scope
  }

  /** Begins, or waits behind those of the same actor. */
  readonly add = Effect.fnUntraced(function* (this: Trials, actor: string, trial: Trial) {
    const lane = this.#lanes.get(actor)
    if (lane !== undefined) return void Queue.offerUnsafe(lane, trial)
    const opened = yield* Queue.unbounded<Trial>()
    this.#lanes.set(actor, opened)
    Queue.offerUnsafe(opened, trial)
    yield* this.#run(this.#life(actor, opened), this.#scope)
  }).bind(this)

  readonly #life = Effect.fnUntraced(function* (this: Trials, actor: string, lane: Queue.Queue<Trial>) {
    while (Queue.sizeUnsafe(lane) > 0) {
      const trials = yield* Queue.takeAll(lane)
      // Who waits for nothing any more is not worth a try.
      for (const trial of trials) this.#done(yield* this.#try(trial))
    }
    this.#lanes.delete(actor)
  }).bind(this)

  readonly #try = Effect.fnUntraced(function* (this: Trials, { waiters, admissions }: Trial) {
    const untried = admissions.flatMap((admission, at) =>
      admission._tag === "Untried" && !waiters[at]!.isSettled ? [{ at, command: admission.command }] : [],
    )
    if (untried.length === 0) return { waiters, admissions }
    const tried = yield* this.#group.machine.trial(untried.map(({ command }) => command))
    const places = new Map(untried.map(({ at }, place) => [at, tried[place]!]))
    return { waiters, admissions: admissions.map((admission, at) => places.get(at) ?? admission) }
  }).bind(this)
}
