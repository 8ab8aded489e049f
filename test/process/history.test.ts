// Does the checker of the histories see every lie that it is there to see?

import { expect, test } from "bun:test"
import { type Final, longestPauseMillis, type Operation, violations } from "./support/history.ts"

const operation = (of: Partial<Operation>): Operation => ({
  client: 1,
  instance: "c",
  kind: "add",
  by: 5,
  startedAt: 0,
  endedAt: 1000,
  outcome: "acknowledged",
  revision: 0,
  value: 0,
  index: 0,
  ...of,
})

const first = operation({ startedAt: 0, endedAt: 10, revision: 1, value: 5, index: 11 })
const second = operation({ startedAt: 20, endedAt: 30, revision: 2, value: 10, index: 12 })
const seen = operation({ kind: "read", by: 0, startedAt: 40, endedAt: 50, revision: 2, value: 10, index: 13 })
const end = (revision: number, value: number) => new Map<string, Final>([["c", { revision, value }]])

test("a history that one machine could have made is accepted, whatever overlaps", () => {
  expect(violations([first, second, seen], end(2, 10))).toEqual([])
  const overlapping = { ...seen, startedAt: 5, revision: 0, value: 0 }
  const rejected = operation({ outcome: "rejected" })
  expect(violations([overlapping, rejected, second, first], end(2, 10))).toEqual([])
})

test.each<[string, ReadonlyArray<Operation>, ReadonlyMap<string, Final>, RegExp]>([
  ["an acknowledged command is lost", [first, second], end(1, 5), /2 additions were acknowledged/],
  ["a command was executed twice", [first, second], end(3, 15), /its last revision is 3/],
  ["a rejected command was executed", [first, operation({ outcome: "rejected" })], end(2, 10), /ends at 10/],
  ["a revision is missing", [first, { ...second, revision: 3 }], end(3, 10), /revision 2 is missing/],
  ["a revision was given twice", [first, second, { ...second, index: 14 }], end(2, 10), /or doubled/],
  ["a result does not fit", [first, { ...second, value: 11 }], end(2, 10), /should have made 10/],
  ["one log entry was executed twice", [first, { ...second, index: 11 }], end(2, 10), /one log entry/],
  ["a read is old", [first, second, { ...seen, revision: 1, value: 5 }], end(2, 10), /began after/],
  ["a read shows what never was", [first, second, { ...seen, value: 9 }], end(2, 10), /should have shown 10/],
  ["a read is ahead", [first, { ...seen, startedAt: 12, endedAt: 15 }, second], end(2, 10), /began after/],
  ["order is turned round", [{ ...first, endedAt: 100, startedAt: 60 }, second], end(2, 10), /began after/],
  ["an outcome stayed unknown", [first, operation({ outcome: "unknown" })], end(1, 5), /stayed unknown/],
  ["an instance was written by nobody", [], end(1, 5), /nobody wrote it/],
])("it is seen when %s", (_what, operations, finals, message) => {
  expect(violations(operations, finals).join("\n")).toMatch(message)
})

test("the longest pause is that between two acknowledged additions", () => {
  expect(longestPauseMillis([second, seen, first, operation({ endedAt: 31 })])).toBe(20)
})
