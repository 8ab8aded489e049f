// Who may ask the machine while its file is exchanged? Nobody: there is none. They wait until it is back.

import { Effect, Latch } from "effect"

export class InstallGate {
  readonly #latch = Latch.makeUnsafe(true)

  /** Begins when no install is under way. */
  pass<A, E, R>(asking: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return this.#latch.whenOpen(asking)
  }

  /** Keeps everybody out until it has ended, well or not. */
  install<A, E, R>(exchange: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.acquireUseRelease(
      this.#latch.close,
      () => exchange,
      () => this.#latch.open,
    )
  }
}
