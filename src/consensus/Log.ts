// What does the log look like from the turn? Its shape as a whole, and its newest entries in memory.

import { assert } from "./assert.ts"
import type { Entry, Index, LogBase, Origin, Term, TermRun } from "./types.ts"

/**
 * The turn's view of one group's log. Where an entry stands is always known (the shape is a few term runs);
 * what it says only while it is among the newest. Older entries are on disk.
 *
 * ```
 *  base        cachedFrom      persistedIndex   lastIndex
 *   |  on disk only  |  disk and memory   |  memory  |
 * ```
 */
export class Log {
  /** The position before the first entry; what is at or below it only a snapshot holds. */
  base: LogBase
  lastIndex: Index
  /** Everything up to here is on disk exactly as it is in memory. */
  persistedIndex: Index
  /** Bytes of the entries in memory. */
  cachedBytes = 0

  /** Runs of one term, ascending; the first begins right behind the base. */
  #runs: Array<TermRun>
  /** The entries `lastIndex - #cached.length + #dropped + 1 … lastIndex`; the first `#dropped` are gone. */
  #cached: Array<Entry | undefined> = []
  #dropped = 0

  constructor(options: {
    readonly base: LogBase
    readonly lastIndex: Index
    readonly terms: ReadonlyArray<TermRun>
    readonly tail: ReadonlyArray<Entry>
  }) {
    this.base = options.base
    this.lastIndex = options.lastIndex
    this.persistedIndex = options.lastIndex
    this.#runs = [...options.terms]
    for (const entry of options.tail) this.#remember(entry)
  }

  get firstIndex(): Index {
    return this.base.index + 1
  }

  get lastTerm(): Term {
    return this.#runs.at(-1)?.term ?? this.base.term
  }

  /** First entry that is in memory; `lastIndex + 1` when none is. */
  get cachedFrom(): Index {
    return this.lastIndex - (this.#cached.length - this.#dropped) + 1
  }

  /** The term at a position from the base to the end; undefined outside. */
  termAt(index: Index): Term | undefined {
    if (index < this.base.index || index > this.lastIndex) return undefined
    if (index === this.base.index) return this.base.term
    return this.#runs[this.#runAt(index)]!.term
  }

  /** An entry that is in memory. */
  entryAt(index: Index): Entry | undefined {
    return index >= this.cachedFrom && index <= this.lastIndex
      ? this.#cached[this.#cached.length - 1 - (this.lastIndex - index)]
      : undefined
  }

  /**
   * The last position at or before `index` whose term is at most `term`: with another log that ends in
   * (`index`, `term`) nothing behind it can match (§5.3 end). Before the base nothing is known:
   * `base.index - 1`.
   */
  lastIndexWithTermAtMost(index: Index, term: Term): Index {
    let candidate = Math.min(index, this.lastIndex)
    while (candidate > this.base.index) {
      const run = this.#runs[this.#runAt(candidate)]!
      if (run.term <= term) return candidate
      candidate = run.firstIndex - 1
    }
    return candidate === this.base.index && this.base.term <= term ? candidate : this.base.index - 1
  }

  append(entry: Entry): void {
    assert(
      entry.index === this.lastIndex + 1,
      "an entry follows on the last one",
      entry.index,
      this.lastIndex,
    )
    assert(entry.term >= this.lastTerm, "terms never fall along a log", entry.term, this.lastTerm)
    if (this.#runs.length === 0 || this.lastTerm !== entry.term) {
      this.#runs.push({ term: entry.term, firstIndex: entry.index })
    }
    this.lastIndex = entry.index
    this.#remember(entry)
  }

  /** Removes `index` and all behind it. */
  truncateFrom(index: Index): void {
    assert(index > this.base.index, "what a snapshot covers is never cut", index, this.base.index)
    while (this.lastIndex >= index) {
      const entry = this.#cached.length > this.#dropped ? this.#cached.pop() : undefined
      if (entry !== undefined) this.cachedBytes -= entryBytes(entry)
      this.lastIndex--
    }
    while (this.#runs.length > 0 && this.#runs.at(-1)!.firstIndex > this.lastIndex) this.#runs.pop()
    this.persistedIndex = Math.min(this.persistedIndex, this.lastIndex)
  }

  /** Up to `countMax` entries and about `bytesMax` bytes from `from`; null when `from` is not in memory. */
  slice(from: Index, countMax: number, bytesMax: number): Array<Entry> | null {
    if (from < this.cachedFrom) return null
    const entries: Array<Entry> = []
    let bytes = 0
    for (let index = from; index <= this.lastIndex && entries.length < countMax; index++) {
      const entry = this.entryAt(index)!
      bytes += entryBytes(entry)
      if (entries.length > 0 && bytes > bytesMax) break
      entries.push(entry)
    }
    return entries
  }

  /**
   * Forgets entries up to `through`, oldest first, until the memory is within its bound. One that somebody waits for
   * stays, and so do those behind it.
   */
  evict(through: Index, bytesMax: number): void {
    this.#forget(({ origin }, index) => this.cachedBytes > bytesMax && index <= through && origin === null)
  }

  /** Moves the base forward to a position that the log holds; what lies behind it stays. */
  compact(through: LogBase): void {
    assert(
      this.termAt(through.index) === through.term,
      "the log is cut where it is known",
      through.index,
      through.term,
    )
    this.#forget((_, index) => index <= through.index)
    while (this.#runs.length > 1 && this.#runs[1]!.firstIndex <= through.index + 1) this.#runs.shift()
    const first = this.#runs[0]
    if (first !== undefined) {
      if (through.index === this.lastIndex) this.#runs = []
      else this.#runs[0] = { term: first.term, firstIndex: Math.max(first.firstIndex, through.index + 1) }
    }
    this.base = through
  }

  /** Everything goes; the log begins anew behind `base`. */
  reset(base: LogBase): void {
    this.base = base
    this.lastIndex = base.index
    this.#runs = []
    this.#cached = []
    this.#dropped = 0
    this.cachedBytes = 0
  }

  /** Takes away who waits for the entries from `from` on. */
  takeOrigins(from: Index): Array<Origin> {
    const origins: Array<Origin> = []
    for (let index = Math.max(from, this.cachedFrom); index <= this.lastIndex; index++) {
      const entry = this.entryAt(index)!
      if (entry.origin === null) continue
      origins.push(entry.origin)
      entry.origin = null
    }
    return origins
  }

  /** The oldest, and the next, as long as it may go. */
  #forget(mayGo: (entry: Entry, index: Index) => boolean): void {
    for (let index = this.cachedFrom; index <= this.lastIndex; index++) {
      const entry = this.#cached[this.#dropped]!
      if (!mayGo(entry, index)) break
      this.cachedBytes -= entryBytes(entry)
      this.#cached[this.#dropped] = undefined
      this.#dropped++
    }
    // Moving the array is paid for by the entries that were dropped since it was last moved.
    if (this.#dropped > 1024 && this.#dropped * 2 > this.#cached.length) {
      this.#cached.splice(0, this.#dropped)
      this.#dropped = 0
    }
  }

  #remember(entry: Entry): void {
    this.#cached.push(entry)
    this.cachedBytes += entryBytes(entry)
  }

  /** Position in `#runs` of the run that holds `index`, by bisection. */
  #runAt(index: Index): number {
    let low = 0
    let high = this.#runs.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#runs[middle]!.firstIndex <= index) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** What an entry weighs against a limit: its data and a share for what is around it. */
export const entryBytes = (entry: Entry): number => entry.data.length + 64
