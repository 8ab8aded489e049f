// Who may ask the machine while its file is exchanged? Nobody: there is none. They wait until it is back.

import { Effect, Latch } from "effect"

export class InstallGate {
  /** Null: none was ever under way. A latch is made of a dozen closures, and most groups need none. */
  #latch: Latch.Latch | null = null

  /** Begins when no install is under way. */
  pass<A, E, R>(asking: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.suspend(() => (this.#latch === null ? asking : this.#latch.whenOpen(asking)))
  }

  /** Keeps everybody out until it has ended, well or not. */
  install<A, E, R>(exchange: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.suspend(() => {
      this.#latch ??= Latch.makeUnsafe(true)
      const { open, close } = this.#latch
      return Effect.acquireUseRelease(
        close,
        () => exchange,
        () => open,
      )
    })
  }
}
