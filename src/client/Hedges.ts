// How often may a second node be asked while the first one has not answered? Where all are slow, as nodes with too much to
// do are, that would only be more to do.

/** A budget: one for so many answers, and some in hand. */
export class Hedges {
  #left = hedgesMax

  /** Whether there is one left; then it is used. */
  take(): boolean {
    if (this.#left < 1) return false
    this.#left--
    return true
  }

  /** Somebody has answered. */
  earn(): void {
    this.#left = Math.min(hedgesMax, this.#left + hedgesAnAnswer)
  }
}

/** What is under way at a node when it falls silent. */
const hedgesMax = 100
const hedgesAnAnswer = 0.1
