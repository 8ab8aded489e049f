// Who may exchange what a name stands for? One at a time for each name, in the order in which they came.

import { Effect, Semaphore } from "effect"

interface Exchange {
  readonly turn: Semaphore.Semaphore
  /** Of who is at it, and who waits. Nothing is kept of a name that nobody is at. */
  users: number
}

export class Exchanges<Name> {
  readonly #exchanges = new Map<Name, Exchange>()

  alone<A, E, R>(name: Name, exchanging: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.suspend(() => {
      const exchange = this.#exchanges.get(name) ?? { turn: Semaphore.makeUnsafe(1), users: 0 }
      this.#exchanges.set(name, exchange)
      exchange.users++
      const leave = Effect.sync(() => {
        if (--exchange.users === 0) this.#exchanges.delete(name)
      })
      return Effect.ensuring(exchange.turn.withPermit(exchanging), leave)
    })
  }
}
