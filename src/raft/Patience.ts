// How much longer does a node wait for its leader when it was late itself?

import type { Millis } from "../consensus/types.ts"

/**
 * A process that is so busy that its timers are late may not have read yet what its leader has said in time: it waits as long
 * again as it was late, but not for ever. Otherwise a thousand groups that are awake at once elect new leaders because
 * everybody is busy with electing leaders.
 */
export class Patience {
  readonly #millisMax: Millis
  #beganAt: Millis = Number.NEGATIVE_INFINITY
  #millis = 0

  constructor(millisMax: Millis) {
    this.#millisMax = millisMax
  }

  /** How much longer than it was drawn the timer takes that began then. */
  since(beganAt: Millis): Millis {
    return beganAt === this.#beganAt ? this.#millis : 0
  }

  /** The timer that began then was so late when it woke. */
  woken(beganAt: Millis, lateMillis: Millis): void {
    if (lateMillis < LATE_MILLIS) return
    this.#millis = Math.min(this.since(beganAt) + 2 * lateMillis, this.#millisMax)
    this.#beganAt = beganAt
  }
}

const LATE_MILLIS = 20
