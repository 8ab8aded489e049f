// Where do commands wait that must be tried before they may enter the log? In a lane of their actor's: what hangs there
// keeps nobody else waiting.

import { Effect, Queue, type Scope } from "effect"
import type { Index } from "../consensus/types.ts"
import type { Admission } from "../machine/MachineHost.ts"
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

  /** Begins, or waits behind those of the same actor. */
  readonly add = Effect.fnUntraced(function* (this: Trials, actor: string, trial: Trial) {
    const lane = this.#lanes.get(actor)
    if (lane !== undefined) return void Queue.offerUnsafe(lane.waiting, trial)
    const opened: Lane = { waiting: yield* Queue.unbounded<Trial>(), tried: [] }
    this.#lanes.set(actor, opened)
    Queue.offerUnsafe(opened.waiting, trial)
    yield* this.#run(this.#life(actor, opened), this.#scope)
  }).bind(this)

  readonly #life = Effect.fnUntraced(function* (this: Trials, actor: string, lane: Lane) {
    while (Queue.sizeUnsafe(lane.waiting) > 0) {
      const trials = yield* Queue.takeAll(lane.waiting)
      // Who waits for nothing any more is not worth a try.
      for (const trial of trials) this.#done(yield* this.#try(trial, lane))
    }
    this.#lanes.delete(actor)
  }).bind(this)

  readonly #try = Effect.fnUntraced(function* (
    this: Trials,
    { waiters, admissions, asOf }: Trial,
    lane: Lane,
  ) {
    const untried = admissions.flatMap((admission, at) =>
      admission._tag === "Untried" && !waiters[at]!.isSettled ? [{ at, command: admission.command }] : [],
    )
    const fresh: Array<Uint8Array> = []
    for (const { command } of untried) {
      const isKnown = lane.tried.some((one) => isSame(one.command, command))
      if (!isKnown && !fresh.some((one) => isSame(one, command))) fresh.push(command)
    }
    const made = fresh.length === 0 ? [] : yield* this.#group.machine.trial(fresh)
    const tried = [...lane.tried, ...fresh.map((command, at) => ({ command, admission: made[at]! }))]
    const places = new Map(
      untried.map(({ at, command }) => [at, tried.find((one) => isSame(one.command, command))!.admission]),
    )
    lane.tried = tried.slice(-triedMax)
    return { waiters, admissions: admissions.map((admission, at) => places.get(at) ?? admission), asOf }
  }).bind(this)
}

interface Lane {
  readonly waiting: Queue.Queue<Trial>
  /**
   * The newest, and what was said of them: a node that has had no answer for long sends the same again, and to try that
   * anew would keep the lane busy for ever.
   */
  tried: ReadonlyArray<{ readonly command: Uint8Array; readonly admission: Admission }>
}

const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.byteLength === other.byteLength && one.every((byte, at) => byte === other[at])

/** More than a few nodes send again meanwhile. */
const triedMax = 64
