// Is the log's shape always that of a plain list of entries?

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { entryBytes, Log } from "../../src/consensus/Log.ts"
import type { Entry, Index, LogBase, Term, TermRun } from "../../src/consensus/types.ts"

/** The slow obvious twin: every entry is there, in memory or not. */
class PlainLog {
  base: LogBase
  entries: Array<Entry>
  /** Whether the entry is in memory. */
  cachedFrom: Index

  constructor(base: LogBase, entries: Array<Entry>, cachedFrom: Index) {
    this.base = base
    this.entries = entries
    this.cachedFrom = cachedFrom
  }

  get lastIndex(): Index {
    return this.base.index + this.entries.length
  }

  termAt(index: Index): Term | undefined {
    return index === this.base.index
      ? this.base.term
      : this.entries.find((entry) => entry.index === index)?.term
  }

  /** In memory. */
  get cached(): Array<Entry> {
    return this.entries.filter((entry) => entry.index >= this.cachedFrom)
  }

  lastIndexWithTermAtMost(index: Index, term: Term): Index {
    for (let at = Math.min(index, this.lastIndex); at >= this.base.index; at--) {
      if (this.termAt(at)! <= term) return at
    }
    return this.base.index - 1
  }
}

const entryOf = (index: Index, term: Term, bytes: number): Entry => ({
  index,
  term,
  time: 0,
  kind: "command",
  data: new Uint8Array(bytes),
  origin: null,
})

type Act =
  | { readonly act: "append"; readonly termStep: number; readonly bytes: number; readonly waits: boolean }
  | { readonly act: "truncate" | "compact" | "takeOrigins"; readonly share: number }
  | { readonly act: "evict"; readonly share: number; readonly bytesMax: number }
  | { readonly act: "reset"; readonly by: number }

const share = fc.double({ min: 0, max: 1, noNaN: true })
const acts: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      act: fc.constant("append" as const),
      termStep: fc.constantFrom(0, 0, 0, 1, 2),
      bytes: fc.nat(40),
      waits: fc.boolean(),
    }),
  },
  fc.record({ act: fc.constantFrom("truncate" as const, "compact" as const, "takeOrigins" as const), share }),
  fc.record({ act: fc.constant("evict" as const), share, bytesMax: fc.nat(300) }),
  {
    weight: 1,
    arbitrary: fc.record({ act: fc.constant("reset" as const), by: fc.integer({ min: 1, max: 5 }) }),
  },
)

const perform = (act: Act, log: Log, plain: PlainLog): void => {
  const within = (part: number) => plain.base.index + Math.round(part * plain.entries.length)
  switch (act.act) {
    case "append": {
      const term = (plain.entries.at(-1)?.term ?? plain.base.term) + act.termStep
      const entry = entryOf(plain.lastIndex + 1, term, act.bytes)
      if (act.waits) entry.origin = { index: entry.index }
      log.append(entry)
      plain.entries.push(entry)
      return
    }
    case "truncate": {
      const from = within(act.share) + 1
      log.truncateFrom(from)
      plain.entries = plain.entries.filter((entry) => entry.index < from)
      plain.cachedFrom = Math.min(plain.cachedFrom, plain.lastIndex + 1)
      return
    }
    case "compact": {
      const index = within(act.share)
      const through = { index, term: plain.termAt(index)! }
      log.compact(through)
      plain.entries = plain.entries.filter((entry) => entry.index > index)
      plain.base = through
      plain.cachedFrom = Math.max(plain.cachedFrom, index + 1)
      return
    }
    case "evict": {
      const through = within(act.share)
      log.evict(through, act.bytesMax)
      const bytes = () => plain.cached.reduce((sum, entry) => sum + entryBytes(entry), 0)
      const isAwaited = () => plain.cached[0]?.origin !== null
      while (bytes() > act.bytesMax && plain.cachedFrom <= through && !isAwaited()) plain.cachedFrom++
      return
    }
    case "takeOrigins": {
      const from = within(act.share)
      const taken = plain.cached.filter((entry) => entry.index >= from && entry.origin !== null)
      const expected = taken.map((entry) => entry.origin!)
      expect(log.takeOrigins(from)).toEqual(expected)
      expect(taken.every((entry) => entry.origin === null)).toBe(true)
      return
    }
    case "reset": {
      const base = {
        index: plain.lastIndex + act.by,
        term: (plain.entries.at(-1)?.term ?? plain.base.term) + 1,
      }
      log.reset(base)
      plain.base = base
      plain.entries = []
      plain.cachedFrom = base.index + 1
    }
  }
}

const expectSame = (log: Log, plain: PlainLog): void => {
  expect(log.base).toEqual(plain.base)
  expect(log.lastIndex).toBe(plain.lastIndex)
  expect(log.lastTerm).toBe(plain.termAt(plain.lastIndex)!)
  expect(log.cachedFrom).toBe(plain.cached[0]?.index ?? plain.lastIndex + 1)
  expect(log.cachedBytes).toBe(plain.cached.reduce((sum, entry) => sum + entryBytes(entry), 0))
  for (let index = plain.base.index - 1; index <= plain.lastIndex + 1; index++) {
    expect(log.termAt(index)).toBe(plain.termAt(index))
    expect(log.entryAt(index)).toBe(plain.cached.find((entry) => entry.index === index))
    for (let term = plain.base.term - 1; term <= log.lastTerm + 1; term++) {
      expect(log.lastIndexWithTermAtMost(index, term)).toBe(plain.lastIndexWithTermAtMost(index, term))
    }
  }
}

const runsOf = (entries: ReadonlyArray<Entry>): Array<TermRun> =>
  entries
    .filter((entry, at) => entries[at - 1]?.term !== entry.term)
    .map((entry) => ({ term: entry.term, firstIndex: entry.index }))

describe("a log against a plain list of its entries", () => {
  test("append, truncate, compact, evict, reset and takeOrigins leave the same log (§5.3, §7)", () => {
    fc.assert(
      fc.property(fc.array(acts, { maxLength: 40 }), (performed) => {
        const base = { index: 0, term: 0 }
        const log = new Log({ base, lastIndex: 0, terms: [], tail: [] })
        const plain = new PlainLog(base, [], 1)
        for (const act of performed) {
          perform(act, log, plain)
          expectSame(log, plain)
        }
      }),
    )
  })

  test("a log that was loaded knows all terms but only the newest entries (§7)", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(2), { maxLength: 20 }),
        fc.nat(9),
        fc.array(acts, { maxLength: 10 }),
        (steps, tail, performed) => {
          const base = { index: 7, term: 3 }
          let term = base.term
          const entries = steps.map((step, at) => {
            term += step
            return entryOf(base.index + 1 + at, term, 5)
          })
          const kept = entries.slice(Math.max(0, entries.length - tail))
          const lastIndex = base.index + entries.length
          const log = new Log({ base, lastIndex, terms: runsOf(entries), tail: kept })
          expect(log.persistedIndex).toBe(lastIndex)
          const plain = new PlainLog(base, entries, lastIndex - kept.length + 1)
          expectSame(log, plain)
          for (const act of performed) {
            perform(act, log, plain)
            expectSame(log, plain)
          }
        },
      ),
    )
  })

  test("a slice begins where asked, holds one entry at least, and keeps to both bounds (R13)", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(100), { maxLength: 20 }),
        fc.nat(22),
        fc.integer({ min: 1, max: 25 }),
        fc.nat(600),
        fc.nat(20),
        (sizes, from, countMax, bytesMax, evicted) => {
          const log = new Log({ base: { index: 0, term: 0 }, lastIndex: 0, terms: [], tail: [] })
          for (const [at, bytes] of sizes.entries()) log.append(entryOf(at + 1, 1, bytes))
          log.evict(evicted, 0)
          const slice = log.slice(from, countMax, bytesMax)
          if (from < log.cachedFrom) return expect(slice).toBeNull()
          const expected: Array<Index> = []
          let bytes = 0
          for (let index = from; index <= sizes.length; index++) {
            bytes += entryBytes(log.entryAt(index)!)
            if (expected.length >= countMax || (expected.length > 0 && bytes > bytesMax)) break
            expected.push(index)
          }
          expect(slice!.map((entry) => entry.index)).toEqual(expected)
        },
      ),
    )
  })

  test("many evicted entries give their memory back and move nothing (R13)", () => {
    const log = new Log({ base: { index: 0, term: 0 }, lastIndex: 0, terms: [], tail: [] })
    for (let index = 1; index <= 5000; index++) log.append(entryOf(index, 1 + Math.floor(index / 1000), 1))
    for (let through = 100; through <= 4900; through += 100) {
      log.evict(through, 0)
      expect(log.cachedFrom).toBe(through + 1)
      expect(log.entryAt(through)).toBeUndefined()
      expect(log.entryAt(through + 1)!.index).toBe(through + 1)
      expect(log.entryAt(5000)!.index).toBe(5000)
    }
    expect(log.cachedBytes).toBe(100 * entryBytes(entryOf(1, 1, 1)))
  })

  test("an entry that leaves a gap, or falls back in term, is broken code (§5.3)", () => {
    const log = new Log({ base: { index: 4, term: 2 }, lastIndex: 4, terms: [], tail: [] })
    expect(() => log.append(entryOf(6, 2, 0))).toThrow("an entry follows on the last one: 6 against 4")
    expect(() => log.append(entryOf(5, 1, 0))).toThrow("terms never fall along a log: 1 against 2")
    expect(() => log.truncateFrom(4)).toThrow("what a snapshot covers is never cut: 4 against 4")
    expect(() => log.compact({ index: 4, term: 1 })).toThrow("the log is cut where it is known: 4 against 1")
  })

  test("cutting the log takes what was on disk down with it (R9)", () => {
    const log = new Log({ base: { index: 0, term: 0 }, lastIndex: 0, terms: [], tail: [] })
    for (let index = 1; index <= 5; index++) log.append(entryOf(index, 1, 0))
    log.persistedIndex = 4
    log.truncateFrom(5)
    expect(log.persistedIndex).toBe(4)
    log.truncateFrom(3)
    expect(log.persistedIndex).toBe(2)
  })
})
