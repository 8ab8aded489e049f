// How are the entries of a log kept so that an older image of it costs nothing?

import type { Index } from "../consensus/types.ts"
import type { StoredEntry } from "./LogTables.ts"

/**
 * Rows in ascending order of their index. A value never changes: what is appended goes behind its end in an array
 * that all values share, and only where another value has gone on there already is the array copied.
 */
export class EntryRows {
  static readonly none = new EntryRows([], 0, 0)
  readonly #shared: Array<StoredEntry>
  readonly #from: number
  readonly #to: number

  private constructor(shared: Array<StoredEntry>, from: number, to: number) {
    this.#shared = shared
    this.#from = from
    this.#to = to
  }

  get count(): number {
    return this.#to - this.#from
  }

  /** The row at an offset from 0. */
  at(offset: number): StoredEntry | undefined {
    return offset < this.count ? this.#shared[this.#from + offset] : undefined
  }

  find(index: Index): StoredEntry | undefined {
    const stored = this.at(this.offsetOf(index))
    return stored?.entry.index === index ? stored : undefined
  }

  /** How many rows stand before `index`, whether or not there is one of that index. */
  offsetOf(index: Index): number {
    const first = this.at(0)
    if (first === undefined || index <= first.entry.index) return 0
    // Without a gap, as logs nearly always are, its place is where it should be.
    const guess = index - first.entry.index
    if (this.at(guess)?.entry.index === index) return guess
    let [low, high] = [0, this.count]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.at(middle)!.entry.index < index) low = middle + 1
      else high = middle
    }
    return low
  }

  /** `stored` comes behind all that are there. */
  append(stored: StoredEntry): EntryRows {
    const grown = this.#shared.length === this.#to ? this : this.#copy()
    grown.#shared.push(stored)
    return new EntryRows(grown.#shared, grown.#from, grown.#to + 1)
  }

  /** Without the rows from `from` to `to`, both included. */
  remove(from: Index, to: Index): EntryRows {
    const [begin, end] = [this.offsetOf(from), this.offsetOf(to + 1)]
    if (begin >= end) return this
    if (end === this.count) return new EntryRows(this.#shared, this.#from, this.#from + begin)
    if (begin === 0) {
      const rest = new EntryRows(this.#shared, this.#from + end, this.#to)
      // What nobody asks for any more must not stay for ever.
      return rest.#from > 1_024 && rest.#from > rest.count ? rest.#copy() : rest
    }
    const rows = [...this]
    return EntryRows.#of([...rows.slice(0, begin), ...rows.slice(end)])
  }

  /** With another row in the place of the one of the same index. */
  replace(stored: StoredEntry): EntryRows {
    return EntryRows.#of(
      Array.from(this, (each) => (each.entry.index === stored.entry.index ? stored : each)),
    )
  }

  *[Symbol.iterator](): Generator<StoredEntry> {
    for (let offset = 0; offset < this.count; offset++) yield this.at(offset)!
  }

  static #of(rows: Array<StoredEntry>): EntryRows {
    return new EntryRows(rows, 0, rows.length)
  }

  #copy(): EntryRows {
    return EntryRows.#of(this.#shared.slice(this.#from, this.#to))
  }
}
