// Has anything happened in the groups of a node? Who looks at all of them now and then need not when nothing has: of a thousand
// that rest, none gets another leader or other members.

import type { Millis } from "../consensus/types.ts"

/** Of one node. */
export class Unrest {
  #count = 0

  /** A group has taken a turn awake, has come or has gone. */
  note(): void {
    this.#count++
  }

  get count(): number {
    return this.#count
  }
}

/** Of somebody who looks now and then: whether another look could find anything. */
export class Looks {
  readonly #unrest: Unrest | undefined
  #seen = -1
  #lookedAt: Millis = Number.NEGATIVE_INFINITY

  /** Without an `unrest` every look is due. */
  constructor(unrest: Unrest | undefined) {
    this.#unrest = unrest
  }

  /** What is not told by any group is found within {@link BOUND_MILLIS}. */
  isDue(now: Millis): boolean {
    return this.#unrest?.count !== this.#seen || now - this.#lookedAt >= BOUND_MILLIS
  }

  /** Before each look. */
  begin(now: Millis): void {
    this.#seen = this.#unrest?.count ?? -1
    this.#lookedAt = now
  }

  /** There is something left to do: the next look is due whatever happens. */
  again(): void {
    this.#seen = -1
  }
}

const BOUND_MILLIS = 60_000
