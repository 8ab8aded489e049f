// Is what the checker says of a whole history something that a person can act on?

import { expect, test } from "bun:test"
import { checkHistory } from "../../src/simulation/checkHistory.ts"
import type { Operation } from "../../src/simulation/history.ts"
import { generate } from "./generate.ts"
import { picture } from "./picture.ts"

const on = (instance: string, drawing: string): ReadonlyArray<Operation> =>
  picture(instance.split("/")[0]!, drawing).operations.map((operation) => ({ ...operation, instance }))

test("each instance has an order of its own, and each that has none is named once (C9)", () => {
  const operations = [
    ...on("counter/a", "a [add 1 → 1 @1] [get → 1 @1]"),
    ...on("counter/b", "a [add 1 → 1 @1] [get → 0 @0] [get → 5 @7]"),
    ...on("register/a", "a [set 7 → 0 @1] [set 8 → 7 @3]"),
  ]
  const violations = checkHistory(operations.toReversed())
  expect(violations.map(({ instance, kind, message }) => ({ instance, kind, message }))).toEqual([
    {
      instance: "register/a",
      kind: "violation",
      message:
        'register/a: a: register.set {"value":8} → {"result":7,"revision":3} (17–30) does not fit behind ' +
        'a: register.set {"value":7} → {"result":0,"revision":1} (2–15)',
    },
    {
      instance: "counter/b",
      kind: "violation",
      message:
        'counter/b: a: counter?value → {"result":0,"revision":0} (17–28) does not fit behind ' +
        'a: counter.add {"by":1} → {"result":1,"revision":1} (2–15)',
    },
  ])
})

test("the evidence shows the order, the state behind it, what does not fit, and what else might explain it", () => {
  const [violation] = checkHistory(
    on(
      "register/x",
      `a [set 1 → 0 @1]
       b   [set 2 → 1 @2]
       c   [set 3 ?
       d     [set 4 ✗]
       e   [get ?
       f                   [get → 4 @2]   [set 5 → 4 @3]`,
    ),
  )
  expect(violation!.evidence).toBe(
    [
      "2 of 7 operations fit in this order:",
      '  a: register.set {"value":1} → {"result":0,"revision":1} (2–15)',
      '  b: register.set {"value":2} → {"result":1,"revision":2} (4–17)',
      "  which leaves 2, revision 2",
      "behind them does not fit:",
      '  f: register?value → {"result":4,"revision":2} (20–31)',
      "without a place are besides, the latest first:",
      '  d: register.set {"value":4} rejected (6–14)',
      '  c: register.set {"value":3} unknown (4–?)',
    ].join("\n"),
  )
})

test("long evidence is cut where it says least", () => {
  const history = generate({ ...calm, actor: "list", operations: 400 })
  const spoilt = history.map((one, at) =>
    at === 380 ? { ...one, outcome: "refused" as const, output: "?" } : one,
  )
  const [violation] = checkHistory(spoilt)
  const lines = violation!.evidence.split("\n")
  expect(lines[1]).toMatch(/^ {2}… 3\d\d more$/)
  expect(lines.length).toBeLessThan(35)
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(300)
})

const calm = {
  seed: 1,
  actor: "counter",
  operations: 100,
  clients: 4,
  queries: 0.3,
  unknown: 0,
  conditional: 0,
  never: 0,
  lateMillis: 0,
  values: 50,
  waitMillis: 10,
  cut: null,
} as const

test("an actor without a model is left out", () => {
  expect(
    checkHistory(on("register/x", "a [get → 5 @5]").map((one) => ({ ...one, instance: "alarm/x" }))),
  ).toEqual([])
  expect(checkHistory(on("register/x", "a [get → 5 @5]"), { models: {} })).toEqual([])
})

test("an empty history is no violation", () => expect(checkHistory([])).toEqual([]))
