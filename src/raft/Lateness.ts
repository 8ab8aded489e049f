// How late is this process with what is due?

import type { Millis } from "../consensus/types.ts"

/**
 * Of one node: what its timers say. A process that has too much to do is late with all that it hears as well as with all that
 * it says, and so are those that it talks to, for its part: whoever goes by the clock alone then takes everybody for dead, and has
 * more to do by that.
 */
export class Lateness {
  #millis: Millis = 0
  #notedAt: Millis = Number.NEGATIVE_INFINITY

  /** A timer has woken so late. */
  note(lateMillis: Millis, now: Millis): void {
    if (lateMillis < this.at(now)) return
    this.#millis = Math.min(lateMillis, LATE_MILLIS_MAX)
    this.#notedAt = now
  }

  /** The most of late; what was noted counts half after every few seconds. 0: it is in time. */
  at(now: Millis): Millis {
    const millis = this.#millis * 2 ** ((this.#notedAt - now) / HALF_LIFE_MILLIS)
    return millis < LATE_MILLIS_MIN ? 0 : millis
  }
}

const HALF_LIFE_MILLIS = 3_000
/** Less is what a start costs that goes well; half of the shortest election timeout, nearly. */
const LATE_MILLIS_MIN = 120
/** One that stood still for longer is not slow: it was away. */
const LATE_MILLIS_MAX = 1_000
