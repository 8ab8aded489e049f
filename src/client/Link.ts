// When does what is under way end? With whoever asked for it, with the client, or by itself.

/** A signal that is given when any of its parents gives one. Released, it leaves no listener behind. */
export class Link {
  readonly #controller = new AbortController()
  readonly #parents: ReadonlyArray<AbortSignal>

  constructor(...parents: ReadonlyArray<AbortSignal | undefined>) {
    this.#parents = parents.filter((parent) => parent !== undefined)
    for (const parent of this.#parents) {
      if (parent.aborted) this.#controller.abort(parent.reason)
      else parent.addEventListener("abort", this)
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  handleEvent(event: Event): void {
    this.#controller.abort((event.target as AbortSignal).reason)
  }

  /** Ends what goes by it, and lets the parents go. */
  release(): void {
    for (const parent of this.#parents) parent.removeEventListener("abort", this)
    this.#controller.abort()
  }
}
