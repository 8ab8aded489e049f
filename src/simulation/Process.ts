// What does a program run on when its processor, its clock and its chance are simulated?

import { Clock, Context, Duration, Effect, type Fiber, Random, Scheduler } from "effect"
import type { Chance } from "./Chance.ts"

/** What a process needs of its world. */
export interface Surface {
  readonly nowMillis: number
  readonly schedule: (process: Process, run: () => void) => void
  readonly afterIn: (process: Process, millis: number, run: () => void) => () => void
}

/** How a process's clocks differ from the world's. */
export interface ClockOptions {
  /** What its monotonic clock shows when the world begins, ms. */
  readonly originMillis: number
  /** Milliseconds that its clocks go forward in one of the world's; 1 = as fast as the world. */
  readonly rate: number
  /** What its wall clock shows when its monotonic one shows 0, ms since 1970. */
  readonly wallMillis: number
}

export const plainClock: ClockOptions = { originMillis: 0, rate: 1, wallMillis: 1_700_000_000_000 }

/**
 * One operating system process of a simulated world. Its fibers run one task at a time, in an order that the
 * seed draws; it can stand still (SIGSTOP) between any two of them, and end between any two of them (SIGKILL):
 * then nothing of it ever runs again, no finalizer either.
 */
export class Process {
  readonly name: string
  /** Tells processes apart in the trace: every start is a new one. */
  readonly number: number
  readonly chance: Chance
  readonly scheduler: Scheduler.Scheduler
  readonly clock: Clock.Clock
  readonly random: Random.Random
  readonly #world: Surface
  readonly #clockOptions: ClockOptions
  /** How far somebody has set the wall clock since. */
  #wallShiftMillis = 0
  #state: "running" | "paused" | "dead" = "running"
  /** Came due while it stood still. */
  #held: Array<() => void> = []

  constructor(
    world: Surface,
    options: {
      readonly name: string
      readonly number: number
      readonly chance: Chance
      readonly clock: ClockOptions
    },
  ) {
    this.#world = world
    this.name = options.name
    this.number = options.number
    this.chance = options.chance
    this.#clockOptions = options.clock
    this.scheduler = {
      executionMode: "sync",
      shouldYield: () => false,
      makeDispatcher: () => ({ scheduleTask: (task) => world.schedule(this, task), flush: () => {} }),
    }
    this.clock = this.#makeClock()
    this.random = {
      nextDoubleUnsafe: () => this.chance.draw(),
      nextIntUnsafe: () => Math.floor(this.chance.draw() * 2 ** 53) - 2 ** 52,
    }
  }

  get isDead(): boolean {
    return this.#state === "dead"
  }

  get isPaused(): boolean {
    return this.#state === "paused"
  }

  /** Its monotonic clock, in whole milliseconds. */
  get nowMillis(): number {
    return this.#localAt(this.#world.nowMillis)
  }

  get wallMillis(): number {
    return this.#clockOptions.wallMillis + this.#wallShiftMillis + this.nowMillis
  }

  /** Somebody sets the wall clock; the monotonic one is not touched (HAZARDS E15). */
  shiftWall(millis: number): void {
    this.#wallShiftMillis += millis
  }

  /** Runs a task of this process soon, like any other of its tasks. */
  post(task: () => void): void {
    this.#world.schedule(this, task)
  }

  /** Runs a task when so many milliseconds have passed on its clock. */
  after(millis: number, task: () => void): () => void {
    return this.#world.afterIn(this, this.#worldMillisUntil(millis), task)
  }

  /** Runs the task, unless the process stands still or is dead. For the world alone. */
  run(task: () => void): void {
    if (this.#state === "running") task()
    else if (this.#state === "paused") this.#held.push(task)
  }

  pause(): void {
    if (this.#state === "running") this.#state = "paused"
  }

  /** All that came due meanwhile is runnable now. */
  resume(): void {
    if (this.#state !== "paused") return
    this.#state = "running"
    for (const task of this.#held.splice(0)) this.post(task)
  }

  kill(): void {
    this.#state = "dead"
    this.#held = []
  }

  /** What an Effect program needs to run on this process. */
  get context(): Context.Context<never> {
    return Context.empty().pipe(
      Context.add(Scheduler.Scheduler, this.scheduler),
      Context.add(Clock.Clock, this.clock),
      Context.add(Random.Random, this.random),
    )
  }

  fork<A, E>(effect: Effect.Effect<A, E>): Fiber.Fiber<A, E> {
    return Effect.runForkWith(this.context)(effect)
  }

  #localAt(worldMillis: number): number {
    const { originMillis, rate } = this.#clockOptions
    return Math.floor(originMillis + worldMillis * rate)
  }

  /** The shortest time of the world after which so many milliseconds have passed here. */
  #worldMillisUntil(millis: number): number {
    const { originMillis, rate } = this.#clockOptions
    const goal = this.nowMillis + Math.max(0, Math.ceil(millis))
    return Math.max(0, Math.ceil((goal - originMillis) / rate) - this.#world.nowMillis)
  }

  #makeClock(): Clock.Clock {
    const wall = () => this.wallMillis
    const monotonic = () => BigInt(this.nowMillis) * 1_000_000n
    return {
      currentTimeMillisUnsafe: wall,
      currentTimeMillis: Effect.sync(wall),
      currentTimeNanosUnsafe: () => BigInt(wall()) * 1_000_000n,
      currentTimeNanos: Effect.sync(() => BigInt(wall()) * 1_000_000n),
      monotonicTimeNanosUnsafe: monotonic,
      monotonicTimeNanos: Effect.sync(monotonic),
      sleep: (duration) =>
        Effect.callback((resume) => {
          const cancel = this.after(Duration.toMillis(duration), () => resume(Effect.void))
          return Effect.sync(cancel)
        }),
    }
  }
}
