// Does another group have work as well? Then nobody's is taken in one go.

import type { GroupId, Millis } from "../consensus/types.ts"

interface Worker {
  readonly group: GroupId
  at: Millis
}

/**
 * Of what groups share: a thread, or a node. Who waits for a thread that is at work is seen only when it is through: so
 * what counts is who has had work lately, and is likely to have some again.
 */
export class Crowd {
  #newest: Worker | null = null
  /** The newest of those that are another group. */
  #other: Worker | null = null

  /** That group has work, at that time of a clock that does not jump. */
  note(group: GroupId, now: Millis): void {
    if (this.#newest?.group === group) this.#newest.at = now
    else {
      this.#other = this.#newest
      this.#newest = { group, at: now }
    }
  }

  /** Whether one beside `group` has had work in the last half second. */
  isAround(group: GroupId, now: Millis): boolean {
    const other = this.#newest?.group === group ? this.#other : this.#newest
    return other !== null && now - other.at < lastingMillis
  }
}

const lastingMillis = 500
