// How does one life wake another? "There may be work": raised often, heard once.

import { type Effect, Latch } from "effect"

/** Wakes one fiber. Raising it twice before it is heard is the same as raising it once. */
export class Signal {
  readonly #latch = Latch.makeUnsafe(false)

  raise(): void {
    this.#latch.openUnsafe()
  }

  /** Succeeds at once when it was raised since the last `lower`. */
  get raised(): Effect.Effect<void> {
    return this.#latch.await
  }

  /** Call before looking for work, so that work that comes meanwhile raises it again. */
  lower(): void {
    this.#latch.closeUnsafe()
  }
}
