// When does what is under way end? With whoever asked for it, with the client, or by itself.

/** A signal that is given when any of its parents gives one. Released, it leaves nothing behind with them. */
export class Link {
  readonly #controller = new AbortController()
  readonly #parents: ReadonlyArray<AbortSignal>

  constructor(...parents: ReadonlyArray<AbortSignal | undefined>) {
    this.#parents = parents.filter((parent) => parent !== undefined)
    for (const parent of this.#parents) {
      if (parent.aborted) this.#controller.abort(parent.reason)
      else followersOf(parent).add(this)
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** As a parent does. */
  end(reason: unknown): void {
    this.#controller.abort(reason)
  }

  /** Ends what goes by it, and lets the parents go. */
  release(): void {
    for (const parent of this.#parents) followers.get(parent)?.delete(this)
    this.#controller.abort(released)
  }
}

/** All that follow one signal have one listener there: of more than ten Node says that they are a leak. */
class Followers {
  readonly #signal: AbortSignal
  readonly #links = new Set<Link>()

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  add(link: Link): void {
    if (this.#links.size === 0) this.#signal.addEventListener("abort", this)
    this.#links.add(link)
  }

  delete(link: Link): void {
    if (this.#links.delete(link) && this.#links.size === 0) this.#signal.removeEventListener("abort", this)
  }

  handleEvent(): void {
    for (const link of [...this.#links]) link.end(this.#signal.reason)
  }
}

/** Nobody sees it. An error would cost a stack trace each time. */
const released = "released"

const followers = new WeakMap<AbortSignal, Followers>()

const followersOf = (signal: AbortSignal): Followers => {
  const known = followers.get(signal) ?? new Followers(signal)
  followers.set(signal, known)
  return known
}
