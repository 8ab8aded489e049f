// What is the world made of when nothing in it is real? A list of tasks, a clock that jumps, and one seed.

import { type Clock, Duration, Effect, type Random, type Scheduler } from "effect"

/**
 * Runs ordinary Effect programs synchronously: no timer, no promise, no thread. Which of the runnable tasks
 * goes next, and every random number, follow from the seed; time passes only when nothing is left to do.
 * Times are whole milliseconds: fractions could make a loop of ever smaller sleeps.
 */
export class World {
  nowMillis = 0
  #state: number
  #ready: Array<() => void> = []
  #timers: Array<{ readonly at: number; readonly order: number; readonly fire: () => void }> = []
  #order = 0

  constructor(seed: number) {
    this.#state = (seed ^ 0x9e3779b9) >>> 0
  }

  /** From 0 (included) to 1 (excluded); mulberry32. */
  draw(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }

  /** A whole number from 0 to `below`, excluded. */
  drawBelow(below: number): number {
    return Math.floor(this.draw() * below)
  }

  /** Runs `fire` when so many milliseconds have passed. */
  after(millis: number, fire: () => void): () => void {
    const timer = { at: this.nowMillis + Math.max(0, Math.ceil(millis)), order: this.#order++, fire }
    const place = this.#timers.findLastIndex((other) => other.at <= timer.at)
    this.#timers.splice(place + 1, 0, timer)
    return () => {
      const position = this.#timers.indexOf(timer)
      if (position >= 0) this.#timers.splice(position, 1)
    }
  }

  /** Runs one task, or lets time pass to the next timer. False when nothing is left. */
  step(): boolean {
    if (this.#ready.length > 0) {
      const position = this.drawBelow(this.#ready.length)
      const task = this.#ready[position]!
      this.#ready[position] = this.#ready.at(-1)!
      this.#ready.pop()
      task()
      return true
    }
    const timer = this.#timers.shift()
    if (timer === undefined) return false
    this.nowMillis = Math.max(this.nowMillis, timer.at)
    timer.fire()
    return true
  }

  /** Until it is so, at most for so much virtual time. True when it became so. */
  runUntil(isSo: () => boolean, atMostMillis: number): boolean {
    const end = this.nowMillis + atMostMillis
    while (!isSo()) {
      const next = this.#ready.length > 0 ? this.nowMillis : this.#timers[0]?.at
      if (next === undefined || next > end) return isSo()
      this.step()
    }
    return true
  }

  runFor(millis: number): void {
    this.runUntil(() => false, millis)
  }

  readonly scheduler: Scheduler.Scheduler = {
    executionMode: "sync",
    shouldYield: () => false,
    makeDispatcher: () => ({
      scheduleTask: (task) => void this.#ready.push(task),
      flush: () => {},
    }),
  }

  /** A node's clock: the world's time, with an offset on the wall clock. */
  clock(wallOffsetMillis: number): Clock.Clock {
    const wall = () => wallOffsetMillis + this.nowMillis
    return {
      currentTimeMillisUnsafe: wall,
      currentTimeMillis: Effect.sync(wall),
      currentTimeNanosUnsafe: () => BigInt(wall()) * 1_000_000n,
      currentTimeNanos: Effect.sync(() => BigInt(wall()) * 1_000_000n),
      monotonicTimeNanosUnsafe: () => BigInt(this.nowMillis) * 1_000_000n,
      monotonicTimeNanos: Effect.sync(() => BigInt(this.nowMillis) * 1_000_000n),
      sleep: (duration) =>
        Effect.callback((resume) => {
          const cancel = this.after(Duration.toMillis(duration), () => resume(Effect.void))
          return Effect.sync(cancel)
        }),
    }
  }

  readonly random: Random.Random = {
    nextDoubleUnsafe: () => this.draw(),
    nextIntUnsafe: () => Math.floor(this.draw() * 2 ** 53) - 2 ** 52,
  }
}
