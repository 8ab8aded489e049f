// Where does something wait for a life that begins when it comes?

import { Effect } from "effect"
import { type Begin, Errand } from "./Errand.ts"

/** In order, with as many places as there are. */
export class Inbox<A> {
  readonly #errand: Errand
  readonly #placesMax: number
  #waiting: Array<A> = []

  /** `work`: takes until nothing waits. It begins a moment later, and finds all that comes at the same time. */
  constructor(
    begin: Begin,
    work: (inbox: Inbox<A>) => Effect.Effect<void, unknown>,
    placesMax = Number.POSITIVE_INFINITY,
  ) {
    this.#errand = new Errand(
      (life) => begin(Effect.andThen(Effect.yieldNow, life)),
      () => work(this),
    )
    this.#placesMax = placesMax
  }

  get size(): number {
    return this.#waiting.length
  }

  /** What finds no place is dropped. */
  offer(item: A): void {
    if (this.#waiting.length >= this.#placesMax) return
    this.#waiting.push(item)
    this.#errand.raise()
  }

  /** Undefined: nothing waits. */
  take(): A | undefined {
    return this.#waiting.shift()
  }

  takeAll(): ReadonlyArray<A> {
    const all = this.#waiting
    this.#waiting = []
    return all
  }
}
