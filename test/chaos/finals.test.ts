// Does every way to break a promise show in the end? Each on contents that are made for it.

import { describe, expect, test } from "bun:test"
import { broken, differences, sharedEntries, silentAlarms } from "../../scripts/chaos/finals.ts"
import type { Observed } from "../../scripts/chaos/History.ts"
import type { NodeContent } from "../process/support/Cluster.ts"

let index = 0
const operation = (part: Partial<Observed> & Pick<Observed, "op" | "input">): Observed => ({
  ...{
    client: "c1",
    output: null,
    start: 0,
    end: 1,
    outcome: "ok",
    node: "n1",
    attempts: 1,
    consistency: null,
  },
  ...{ instance: `${part.op.split(/[.?]/)[0]}/k`, index: ++index },
  ...part,
})

const append = (item: string, part: Partial<Observed> = {}) =>
  operation({ op: "list.append", input: { item }, ...part })
const add = (by: number, part: Partial<Observed> = {}) =>
  operation({ op: "counter.add", input: { by }, ...part })
const set = (value: number, part: Partial<Observed> = {}) =>
  operation({ op: "register.set", input: { value }, ...part })
const arm = (item: string, part: Partial<Observed> = {}) =>
  operation({ op: "alarm.arm", input: { item, afterMillis: 5 }, ...part })
const unknown = { outcome: "unknown", end: null, index: 0 } as const
const rejected = { outcome: "rejected", index: 0 } as const

describe("a list", () => {
  const check = (operations: ReadonlyArray<Observed>, items: ReadonlyArray<string>) =>
    broken("list", operations, { k: { state: { items }, revision: items.length } })

  test("holds what was acknowledged, and of what is unknown some", () => {
    expect(check([append("a"), append("b"), append("c", unknown)], ["a", "b"])).toEqual([])
    expect(check([append("a"), append("b"), append("c", unknown)], ["c", "a", "b"])).toEqual([])
  })

  test("that lost an item, though the count is right", () => {
    expect(check([append("a"), append("b"), append("c", unknown)], ["a", "c"])).toEqual([
      expect.stringContaining('list/k: lost: c1\'s list.append of {"item":"b"}'),
    ])
  })

  test("that has one twice", () => {
    expect(check([append("a"), append("b", unknown)], ["a", "a"])).toEqual(["list/k: it holds a 2 times"])
  })

  test("that has one which was rejected", () => {
    expect(check([append("a"), append("b", rejected), append("c", unknown)], ["a", "b"])).toEqual([
      "list/k: it holds b, which must not be",
    ])
  })

  test("with more or fewer executions than can be", () => {
    const counted = expect.stringContaining("1 commands were acknowledged and 0 are unknown, but")
    expect(check([append("a")], ["a", "b"])).toEqual([counted])
    expect(check([append("a")], [])).toEqual([counted])
  })

  test("that is not there at all", () => {
    expect(broken("list", [append("a")], {})).toHaveLength(1)
    expect(broken("list", [append("a", unknown)], {})).toEqual([])
  })

  test("that nobody wrote", () => {
    expect(broken("list", [], { x: { state: { items: [] }, revision: 0 } })).toEqual([
      "list/x: nobody wrote it",
    ])
  })
})

describe("a counter", () => {
  const check = (operations: ReadonlyArray<Observed>, value: number, revision: number) =>
    broken("counter", operations, { k: { state: { value }, revision } })

  test("is what was added, with some of what is unknown", () => {
    const operations = [add(5), add(2), add(7, unknown), add(3, unknown), add(9, rejected)]
    expect(check(operations, 7, 2)).toEqual([])
    expect(check(operations, 10, 3)).toEqual([])
    expect(check(operations, 14, 3)).toEqual([])
    expect(check(operations, 17, 4)).toEqual([])
  })

  test("that is anything else", () => {
    const operations = [add(5), add(2), add(7, unknown), add(3, unknown), add(9, rejected)]
    expect(check(operations, 16, 3)).toEqual([expect.stringContaining("cannot make 9")])
    expect(check(operations, 7, 3)).toHaveLength(1)
    expect(check(operations, 17, 3)).toHaveLength(1)
    expect(check(operations, 14, 5)).toEqual([expect.stringContaining("but 5 were executed")])
  })
})

test("a register holds a value that somebody set, and was not refused", () => {
  const check = (value: number) =>
    broken("register", [set(4), set(5, unknown), set(6, { outcome: "refused" })], {
      k: { state: { value }, revision: 1 },
    })
  expect([check(4), check(5)]).toEqual([[], []])
  expect(check(6)).toEqual(["register/k: it holds 6, which nobody set"])
})

describe("an alarm", () => {
  const state = (...items: ReadonlyArray<string>) => ({
    k: {
      state: { rung: items.map((item) => ({ item, dueAt: 10, rangAt: 12 })) },
      revision: 2 * items.length,
    },
  })

  test("rings once, and not before its time", () => {
    expect(broken("alarm", [arm("a")], state("a"))).toEqual([])
    expect(broken("alarm", [arm("a"), arm("b", unknown)], state("a", "a"))).toEqual([
      "alarm/k: it rang for a 2 times",
    ])
    const early = { k: { state: { rung: [{ item: "a", dueAt: 10, rangAt: 9 }] }, revision: 2 } }
    expect(broken("alarm", [arm("a")], early)).toEqual(["alarm/k: a was due at 10 and rang at 9"])
  })

  test("is waited for, when its setting was acknowledged", () => {
    const operations = [arm("a"), arm("b"), arm("c", unknown), arm("d", rejected)]
    expect(silentAlarms(operations, {})).toBe(2)
    expect(silentAlarms(operations, state("a", "x"))).toBe(1)
    expect(silentAlarms(operations, state("a", "b"))).toBe(0)
  })
})

describe("nodes", () => {
  const content = (node: string, value: number, digest = "d", index = 9): NodeContent => ({
    node,
    instances: { k: { state: { value }, revision: 1 } },
    position: { index, digest },
  })

  test("that have the same", () => {
    expect(differences("counter", [content("n1", 1), content("n2", 1), content("n3", 1)])).toEqual([])
  })

  test("that differ in a state, in an instance or in what is not shown, and not in how far a checkpoint has taken them", () => {
    const first = content("n1", 1)
    expect(differences("counter", [first, content("n2", 1), content("n3", 2)])).toEqual([
      'counter/k: n1 has {"state":{"value":1},"revision":1}, n3 has {"state":{"value":2},"revision":1}',
    ])
    expect(differences("counter", [first, { ...first, node: "n2", instances: {} }])).toEqual([
      'counter/k: n1 has {"state":{"value":1},"revision":1}, n2 has null',
    ])
    expect(differences("counter", [first, content("n2", 1, "e")])).toHaveLength(1)
    expect(differences("counter", [first, content("n2", 1, "d", 8)])).toHaveLength(0)
    expect(differences("counter", [])).toHaveLength(1)
  })
})

test("two acknowledged commands never share an entry of the log; reads may", () => {
  const read = operation({ op: "list?items", input: null, consistency: "lease", index: 3 })
  expect(sharedEntries([append("a", { index: 3 }), append("b", { index: 4 }), read, read])).toEqual([])
  expect(sharedEntries([append("a", { index: 3 }), append("b", { index: 3 })])).toHaveLength(1)
  expect(sharedEntries([append("a", unknown), append("b", unknown)])).toEqual([])
})
