// Time for a client that passes only when nothing else is left to do.

import type { Clock } from "../../src/client/Clock.ts"

interface Timer {
  readonly at: number
  readonly end: () => void
}

/** Ticks of the event loop in which whatever is not waiting for the clock comes to its end: bodies are read in several. */
const ticksMax = 6

export class VirtualClock implements Clock {
  #now = 0
  readonly #timers = new Set<Timer>()
  readonly #chance: () => number
  /** How long it was slept each time, whole. */
  readonly slept: Array<number> = []

  constructor(chance: () => number = () => 0.5) {
    this.#chance = chance
  }

  readonly now = (): number => this.#now
  readonly random = (): number => this.#chance()

  readonly sleep = (millis: number, signal: AbortSignal): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    if (signal.aborted) return Promise.resolve()
    const timer = {
      at: this.#now + millis,
      end: () => {
        this.#timers.delete(timer)
        signal.removeEventListener("abort", timer.end)
        resolve()
      },
    }
    this.#timers.add(timer)
    signal.addEventListener("abort", timer.end)
    return promise
  }

  /** Those that somebody still waits for. */
  get timers(): number {
    return this.#timers.size
  }

  /** Lets time pass until that is settled. */
  async run<A>(promise: Promise<A>): Promise<A> {
    let isSettled = false
    const settle = () => {
      isSettled = true
    }
    promise.then(settle, settle)
    for (;;) {
      for (let tick = 0; tick < ticksMax && !isSettled; tick++) await new Promise(setImmediate)
      if (isSettled) return promise
      const [next] = [...this.#timers].sort((left, right) => left.at - right.at)
      if (next === undefined) throw new Error("nobody waits for the clock, and nothing happens")
      this.#now = Math.max(this.#now, next.at)
      next.end()
    }
  }
}
