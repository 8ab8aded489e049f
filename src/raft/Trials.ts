// Where do commands wait that must be tried before they may enter the log? In a lane of their actor's: what hangs there
// keeps nobody else waiting.

import { Effect, type Scope } from "effect"
import type { Index, Term } from "../consensus/types.ts"
import type { Admission } from "../machine/MachineHost.ts"
import type { Arrival } from "./doubt.ts"
import type { Group } from "./Group.ts"
import type { Run } from "./run.ts"
import type { Waiter } from "./waiters.ts"

/** Commands that came together, and what the machine said of each. They go on together, in order. */
export interface Trial {
  readonly waiters: ReadonlyArray<Waiter>
  readonly admissions: ReadonlyArray<Admission>
  /** The machine had come there when it was asked. */
  readonly asOf: Index
}

/** One lane for each actor with something to try; it ends when there is nothing left. */
export class Trials {
  readonly #group: Group
  readonly #lanes = new Map<string, Lane>()
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

  /** Begins, or waits behind those of the same actor. `arrival`: when it came. */
  add(actor: string, trial: Trial, arrival: Arrival | null): void {
    const lane = this.#lanes.get(actor)
    if (lane !== undefined) return void lane.waiting.push({ ...trial, arrival })
    const opened: Lane = { waiting: [{ ...trial, arrival }], tried: [] }
    this.#lanes.set(actor, opened)
    this.#run(this.#life(actor, opened), this.#scope)
  }

  #life(actor: string, lane: Lane) {
    return Effect.gen({ self: this }, function* () {
      while (lane.waiting.length > 0) {
        // Who waits for nothing any more is not worth a try.
        for (const trial of lane.waiting.splice(0)) this.#done(yield* this.#try(trial, lane))
      }
      this.#lanes.delete(actor)
    })
  }

  #try({ waiters, admissions, asOf, arrival }: Waiting, lane: Lane) {
    return Effect.gen({ self: this }, function* () {
      const untried = admissions.flatMap((admission, at) =>
        admission._tag === "Untried" && !waiters[at]!.isSettled ? [{ at, command: admission.command }] : [],
      )
      const fresh: Array<Uint8Array> = []
      for (const { command } of untried) {
        const isKnown = lane.tried.some((one) => isSame(one.command, command))
        if (!isKnown && !fresh.some((one) => isSame(one, command))) fresh.push(command)
      }
      const triedIn = fresh.length === 0 ? null : yield* this.#awaitAll(arrival)
      const made = fresh.length === 0 ? [] : yield* this.#group.machine.trial(fresh)
      const tried = [
        ...lane.tried,
        ...fresh.map((command, at) => ({ command, admission: made[at]!, triedIn })),
      ]
      const places = new Map(
        untried.map(({ at, command }) => [at, tried.find((one) => isSame(one.command, command))!]),
      )
      lane.tried = tried.slice(-triedMax)
      // Who was sent again has come when he was sent first.
      for (const [at, { triedIn }] of places) waiters[at]!.triedIn = triedIn
      return {
        waiters,
        admissions: admissions.map((admission, at) => places.get(at)?.admission ?? admission),
        asOf,
      }
    })
  }

  /** Until the machine has come as far as anybody knew of then: the term in which that is so. Null: not soon. */
  #awaitAll(arrival: Arrival | null) {
    return Effect.gen({ self: this }, function* () {
      const { node } = this.#group
      if (arrival === null) return null
      for (let looks = 0; looks < looksMax && node.appliedIndex < arrival.index; looks++) {
        yield* Effect.sleep(lookMillis)
      }
      return node.appliedIndex >= arrival.index ? arrival.term : null
    })
  }
}

interface Waiting extends Trial {
  readonly arrival: Arrival | null
}

interface Lane {
  readonly waiting: Array<Waiting>
  /**
   * The newest, and what was said of them: a node that has had no answer for long sends the same again, and to try that
   * anew would keep the lane busy for ever.
   */
  tried: ReadonlyArray<{
    readonly command: Uint8Array
    readonly admission: Admission
    readonly triedIn: Term | null
  }>
}

const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.byteLength === other.byteLength && one.every((byte, at) => byte === other[at])

/** More than a few nodes send again meanwhile. */
const triedMax = 64
/** A machine that stands still is not waited for. */
const looksMax = 100
const lookMillis = 2
