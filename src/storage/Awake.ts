// Which of a thread's states have a connection? Each takes 200 KiB, and to open and to close one costs a sync or two.

/** How many may have a connection. */
export interface AwakeLimits {
  readonly max: number
  /** While they are all in use. */
  readonly busyMax: number
  /** In use is what was used so long ago at the most, */
  readonly busyMillis: number
  /** and so long before that as well: whoever is used once alone needs its connection no longer. */
  readonly againMillis: number
}

interface Resting {
  readonly rest: () => void
}

interface Use {
  /** Since when no two uses have been further apart than `busyMillis`. */
  since: number
  at: number
}

/**
 * Those that were used least go to rest when there are too many. Where more are in use than there should be, they keep theirs for
 * a while: otherwise each would wait until another has gone to rest, and be the next to go. But a thousand that begin
 * together are each flushed once, and no sooner used again than all others.
 */
export class Awake {
  readonly #limits: AwakeLimits
  readonly #now: () => number
  /** Also of those that rest. */
  readonly #uses = new WeakMap<Resting, Use>()
  /** Used least first: those that were used once, and those that are in use. */
  readonly #once = new Set<Resting>()
  readonly #again = new Set<Resting>()
  #latest: Resting | null = null

  constructor(limits: AwakeLimits, now: () => number = () => performance.now()) {
    this.#limits = limits
    this.#now = now
  }

  used(store: Resting): void {
    if (this.#latest === store) return
    this.#latest = store
    this.#once.delete(store)
    this.#again.delete(store)
    const isAgain = this.#isAgain(store)
    ;(isAgain ? this.#again : this.#once).add(store)
    // Not all that may go at once: whoever uses one waits for it.
    for (let gone = 0; gone < GONE_AT_ONCE_MAX; gone++) {
      const other = this.#leastUsed()
      if (other === null) return
      this.gone(other)
      try {
        other.rest()
      } catch {
        // Whoever asks it next is told. It is nothing to the store that wants to be awake.
      }
    }
  }

  gone(store: Resting): void {
    this.#once.delete(store)
    this.#again.delete(store)
    if (this.#latest === store) this.#latest = null
  }

  #isAgain(store: Resting): boolean {
    const { busyMillis, againMillis } = this.#limits
    const at = this.#now()
    const use = this.#uses.get(store)
    const since = use !== undefined && at - use.at <= busyMillis ? use.since : at
    this.#uses.set(store, { since, at })
    return at - since >= againMillis
  }

  /** Whose turn it is to rest. Null: nobody's. */
  #leastUsed(): Resting | null {
    const { max, busyMax, busyMillis } = this.#limits
    const size = this.#once.size + this.#again.size
    if (size <= max) return null
    const [once] = this.#once
    if (once !== undefined && once !== this.#latest) return once
    const [again] = this.#again
    if (again === undefined || again === this.#latest) return null
    return size > busyMax || this.#now() - this.#uses.get(again)!.at > busyMillis ? again : null
  }
}

const GONE_AT_ONCE_MAX = 2
