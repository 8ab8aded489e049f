// Who else wants to know that the machine has come further? Watchers at the door, who must be told at once.

/** Told one after the other, in the applier's life: whoever listens must be quick, and must not throw. */
export class Listeners {
  readonly #listening = new Set<() => void>()

  /** Gives back how to stop listening. */
  add(told: () => void): () => void {
    // Two who listen with one function are two.
    const listener = () => told()
    this.#listening.add(listener)
    return () => this.#listening.delete(listener)
  }

  tell(): void {
    for (const told of this.#listening) told()
  }
}
