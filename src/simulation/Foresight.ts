// What do answers say about a state before it is their turn? Each that tells its revision must fit the one state
// that has it.

import type { Model } from "./Model.ts"
import type { Known } from "./Timeline.ts"

/** An answer that a state leaves without any place. */
export interface Misfit {
  readonly known: Known
  /** False: it may only be that the wrong unknown operation was taken to have made the state. */
  readonly isTelling: boolean
}

export class Foresight<State> {
  readonly #model: Model<State>
  /** Those whose answers tell the revision, by revision. */
  readonly #seen: ReadonlyArray<Known>
  /**
   * How many of them have a place in the order: all that saw a revision before the state's, and maybe some that
   * saw its own.
   */
  #placed = 0

  constructor(model: Model<State>, known: ReadonlyArray<Known>) {
    this.#model = model
    this.#seen = known
      .filter(({ seenRevision }) => seenRevision !== null)
      .sort((one, other) => one.seenRevision! - other.seenRevision!)
  }

  place({ seenRevision }: Known): void {
    if (seenRevision !== null) this.#placed++
  }

  putBack({ seenRevision }: Known): void {
    if (seenRevision !== null) this.#placed--
  }

  /** An answer tells something of the state with this revision, which comes next. */
  isSeen(revision: number): boolean {
    return this.#seen[this.#placed]?.seenRevision === revision
  }

  /**
   * An answer that saw an earlier revision and is left behind, or saw another state at this one, or another past. It
   * need not have started: no other state will have this revision.
   */
  misfit(state: State): Misfit | null {
    const { revisions } = this.#model
    if (revisions === undefined) return null
    const revision = revisions.of(state)
    let at = this.#placed
    if (at < this.#seen.length && this.#seen[at]!.seenRevision! < revision) {
      return { known: this.#seen.find(({ isPlaced }) => !isPlaced)!, isTelling: true }
    }
    for (; this.#seen[at]?.seenRevision === revision; at++) {
      const known = this.#seen[at]!
      // When others fit, it is not the state that is wrong.
      if (this.#model.step(state, known.operation) === null) return { known, isTelling: at > this.#placed }
    }
    if (revisions.mayLeadTo === undefined) return null
    const isTelling = at > this.#placed
    while (at < this.#seen.length && !this.#seen[at]!.isPure) at++
    const query = this.#seen[at]
    if (query === undefined || revisions.mayLeadTo(state, query.operation)) return null
    return { known: query, isTelling }
  }
}
