// Does an outcome come back from its chunk as it went, and never from a broken one?

import { expect, test } from "bun:test"
import fc from "fast-check"
import type { Outcome } from "../../src/machine/outcome.ts"
import { findRows, fingerprintOf, isSameRequest, OutcomeRows, rowsOf } from "../../src/machine/outcomeRows.ts"
import * as refusals from "../../src/machine/refusals.ts"
import { type OutcomeChunk, StateCorrupt } from "../../src/storage/StateStore.ts"
import { command } from "./Bench.ts"

const text = (maxLength: number) =>
  fc
    .oneof(fc.string({ maxLength }), fc.string({ maxLength, unit: "grapheme" }))
    .map((given) => given.toWellFormed())

const logged = fc
  .record({ actor: text(20), key: text(50), command: text(9), idempotencyKey: text(30), input: text(2_000) })
  .map((fields) => ({ ...command(fields), timer: "" }))

const outcomes: fc.Arbitrary<Outcome> = fc.oneof(
  fc
    .record({ result: text(3_000), revision: fc.integer({ min: 1, max: 2 ** 53 - 1 }) })
    .map((fields): Outcome => ({ _tag: "Accepted", ...fields, index: 0, term: 7, replayed: false })),
  // A reducer's own words may hold half of a surrogate pair: the first answer must stay what it was (HAZARDS C6).
  fc
    .record({ code: fc.string({ unit: "binary" }), message: fc.constantFrom("no", "half \ud800", "ключ") })
    .map((reason) => refusals.rejected({ ...reason, data: { at: [1, null] } })),
)

const at = (index: number, outcome: Outcome): Outcome =>
  outcome._tag === "Accepted" ? { ...outcome, index } : outcome

test("every outcome is found by its index, unflushed and in the chunks of a flush", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(logged, outcomes), { minLength: 1, maxLength: 60 }), (given) => {
      const rows = new OutcomeRows()
      const hashes = given.map(([one, outcome], place) =>
        rows.add(one, place * 2 + 1, 7, at(place * 2 + 1, outcome)),
      )
      const chunks = rows.chunksFrom(0)
      for (const [place, [one, outcome]] of given.entries()) {
        const index = place * 2 + 1
        const { actor, key, idempotencyKey } = one
        const expected = {
          index,
          actor,
          key,
          idempotencyKey,
          request: fingerprintOf(one),
          outcome: at(index, outcome),
        }
        const holders = chunks.filter(
          ({ firstIndex, lastIndex }) => firstIndex <= index && index <= lastIndex,
        )
        expect(holders.length).toBe(1)
        expect(findRows(holders[0]!, index)).toEqual([expected])
        expect(findRows(holders[0]!, index + 1)).toEqual([])
        expect(rows.find(index)).toEqual([expected])
      }
      expect(chunks.flatMap((chunk) => Array.from(rowsOf(chunk), ({ hash }) => hash))).toEqual(hashes)
      expect(rows.bytes).toBe(chunks.reduce((sum, chunk) => sum + chunk.rows.byteLength, 0))
    }),
    { numRuns: 60 },
  )
})

test("an outcome of every length in every alphabet comes back whole", () => {
  for (const character of ["x", "é", "€", "😀"]) {
    for (const length of [0, 1, 600, 1_300, 1_340, 1_400, 2_000, 4_000, 4_040, 4_100, 20_000]) {
      const rows = new OutcomeRows()
      const result = character.repeat(length)
      const outcome: Outcome = { _tag: "Accepted", result, revision: 1, index: 1, term: 1, replayed: false }
      rows.add({ ...command({ key: character }), timer: "" }, 1, 1, outcome)
      expect(rows.find(1)).toMatchObject([{ key: character, outcome }])
    }
  }
})

test("a chunk is small enough to be read for one retry, unless one outcome is larger", () => {
  const rows = new OutcomeRows()
  const accepted = (index: number, result: string): Outcome =>
    at(index, { _tag: "Accepted", result, revision: 1, index, term: 1, replayed: false })
  const one = { ...command(), timer: "" }
  for (let index = 1; index <= 2_000; index++) rows.add(one, index, 1, accepted(index, `"${"x".repeat(60)}"`))
  rows.add(one, 2_001, 1, accepted(2_001, `"${"é".repeat(500_000)}"`))
  rows.add(one, 2_002, 1, accepted(2_002, "1"))
  const sizes = rows.chunksFrom(0).map((chunk) => chunk.rows.byteLength)
  expect(sizes.filter((bytes) => bytes > 16 * 1024)).toEqual([expect.any(Number)])
  expect(Math.max(...sizes)).toBeGreaterThan(1_000_000)
  expect(rows.find(2_001)[0]?.outcome).toEqual(accepted(2_001, `"${"é".repeat(500_000)}"`))
  expect(rows.find(2_002)[0]?.outcome).toEqual(accepted(2_002, "1"))
  // What is forgotten before a flush is not written, as far as whole chunks go.
  expect(rows.chunksFrom(2_001).every(({ lastIndex }) => lastIndex >= 2_001)).toBe(true)
  rows.clear()
  expect([rows.bytes, rows.chunksFrom(0), rows.find(5)]).toEqual([0, [], []])
})

test("another command or another input is another request, also of equal length", () => {
  const one = fingerprintOf({ command: "add", input: '{"by":1}' })
  expect(isSameRequest(one, fingerprintOf({ command: "add", input: '{"by":1}' }))).toBe(true)
  for (const other of [
    { command: "sub", input: '{"by":1}' },
    { command: "add", input: '{"by":2}' },
    { command: "add", input: '{"by":11}' },
  ]) {
    expect(isSameRequest(one, fingerprintOf(other))).toBe(false)
  }
})

test("rows whose lengths lead nowhere are corrupt, and do not keep their reader for ever", () => {
  const rows = new OutcomeRows()
  const outcome = at(1, { _tag: "Accepted", result: "1", revision: 1, index: 1, term: 1, replayed: false })
  rows.add({ ...command(), timer: "" }, 1, 1, outcome)
  const [whole] = rows.chunksFrom(0)
  const broken: ReadonlyArray<(bytes: Uint8Array) => Uint8Array> = [
    (bytes) => bytes.fill(0, 0, 4),
    (bytes) => bytes.fill(255, 0, 4),
    (bytes) => bytes.subarray(0, -1),
    (bytes) => Uint8Array.from([...bytes, 1, 2, 3]),
  ]
  for (const breaking of broken) {
    const chunk: OutcomeChunk = { firstIndex: 1, lastIndex: 9, rows: breaking(whole!.rows.slice()) }
    expect(() => findRows(chunk, 9)).toThrow(StateCorrupt)
    expect(() => [...rowsOf(chunk)]).toThrow(StateCorrupt)
  }
})
