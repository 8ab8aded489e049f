// How do a thousand groups wait for what is due in an hour? In one life of their node; a fiber of each would cost more than all
// that the group knows.

import { Effect } from "effect"
import type { Millis } from "../consensus/types.ts"
import { type Begin, Errand } from "./Errand.ts"

interface Alarm {
  readonly at: Millis
  readonly ring: () => void
}

export class Alarms {
  readonly #now: () => Millis
  readonly #set = new Set<Alarm>()
  /** Raised when one is due before those that are waited for. */
  readonly #watch: Errand
  /** What is waited for at present. */
  #next: Millis = Number.POSITIVE_INFINITY

  /** `now`: the monotonic clock. */
  constructor(now: () => Millis, begin: Begin) {
    this.#now = now
    this.#watch = new Errand(begin, (watch) => this.#wait(watch))
  }

  /** Rings once, not before that time of the monotonic clock. Quick, and must not throw. Gives back how to take it back. */
  set(at: Millis, ring: () => void): () => void {
    const alarm: Alarm = { at, ring }
    this.#set.add(alarm)
    if (at < this.#next) this.#watch.raise()
    return () => this.#set.delete(alarm)
  }

  #wait(watch: Errand) {
    return Effect.gen({ self: this }, function* () {
      while (this.#set.size > 0) {
        watch.lower()
        const now = this.#now()
        this.#next = this.#ringAll(now)
        if (this.#next !== Number.POSITIVE_INFINITY) {
          yield* Effect.timeoutOption(watch.raised, Math.max(0, this.#next - now))
        }
      }
      this.#next = Number.POSITIVE_INFINITY
    })
  }

  /** All that are due. Gives back when the next one is. */
  #ringAll(now: Millis): Millis {
    const due = [...this.#set].filter(({ at }) => at <= now)
    for (const alarm of due) if (this.#set.delete(alarm)) alarm.ring()
    return this.#set.values().reduce((next, { at }) => Math.min(next, at), Number.POSITIVE_INFINITY)
  }
}
