// What stands in one half of a mark that lies in memory? A whole mark, and behind it what has changed.

import { type FoundMark, type Mark, type MarkChange, markAfter } from "./mark.ts"

/** Never changed: each change makes another one, which shares all that was there. */
export class MemoryMark implements FoundMark {
  readonly generation: number
  /** Of the last change. */
  readonly sequence: number
  /** How many there are behind the whole mark. */
  readonly changes: number
  readonly #last: Change | Mark

  private constructor(generation: number, changes: number, last: Change | Mark) {
    this.generation = generation
    this.changes = changes
    this.#last = last
    this.sequence = "change" in last ? last.change.sequence : last.sequence
  }

  /** A copy: the groups of `mark` may change afterwards. */
  static whole(generation: number, mark: Mark): MemoryMark {
    return new MemoryMark(generation, 0, { ...mark, groups: new Map(mark.groups) })
  }

  /** Null: no room is left for it. */
  append(change: MarkChange): MemoryMark | null {
    if (this.changes >= changesMax) return null
    return new MemoryMark(this.generation, this.changes + 1, { before: this, change })
  }

  get mark(): Mark {
    const last = this.#last
    return "change" in last ? markAfter(last.before.mark.groups, last.change) : last
  }
}

interface Change {
  readonly before: MemoryMark
  readonly change: MarkChange
}

/** Few, so that halves are begun anew as often as they would be in days. */
const changesMax = 64
