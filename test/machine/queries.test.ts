// What do reads answer?

import { describe, expect, test } from "bun:test"
import { type Bench, command, refusalOf } from "./Bench.ts"
import { bench, started } from "./suspects.ts"

describe("queries (contract §3)", () => {
  test("answer with the result, the revision and the index, also for an instance never written", () => {
    const { propose, at } = started()
    expect(at.read("value")).toEqual({ result: 0, revision: 0, index: 0 })
    propose(command({ json: { by: 5 } }), 7_000)
    expect(at.read("value")).toEqual({ result: 5, revision: 1, index: 1 })
    expect(at.read("plus", { more: 2 })).toEqual({
      result: { key: "a", now: 7_000, revision: 1, sum: 7 },
      revision: 1,
      index: 1,
    })
  })

  const refusals: ReadonlyArray<readonly [string, unknown, object]> = [
    ["nothing", null, { code: "unknown-query" }],
    ["hasOwnProperty", null, { code: "unknown-query" }],
    ["plus", { more: "2" }, { code: "invalid-input", issues: [{ path: "/more" }] }],
    ["value", {}, { code: "invalid-input" }],
    ["throws", null, { code: "rejected", reason: { code: "query-threw", message: "no answer" } }],
    ["wrong", null, { code: "rejected", reason: { code: "invalid-result" } }],
    ["promises", null, { code: "rejected", reason: { code: "query-async" } }],
    ["recursive", null, { code: "rejected", reason: { code: "query-threw" } }],
  ]
  for (const [name, json, expected] of refusals) {
    test(`${name} ${JSON.stringify(json)} is refused, and the machine goes on`, () => {
      const { propose, at } = started()
      expect(refusalOf(at.read(name, json) as never)).toMatchObject(expected)
      expect(propose(command({ json: { by: 5 } }))._tag).toBe("Accepted")
    })
  }

  test("an unknown actor and a bad key are refused", () => {
    const at = bench()
    expect(refusalOf(at.state("a", "nobody") as never)).toMatchObject({ code: "unknown-actor" })
    expect(refusalOf(at.state("") as never)).toMatchObject({ code: "invalid-input" })
  })
})

describe("lists (contract §3)", () => {
  const list = (at: Bench, options: { prefix?: string; after?: string; limit?: number }) => {
    const outcome = at.machine.query([
      { type: "list", actor: "counter", prefix: "", after: "", limit: 100, ...options },
    ])[0]!
    if (outcome._tag !== "Answered") throw new Error(outcome.code)
    const body = JSON.parse(outcome.body) as {
      instances: ReadonlyArray<{ key: string }>
      next: string | null
    }
    return { keys: body.instances.map(({ key }) => key), next: body.next }
  }

  test("show flushed and unflushed instances as one, in the order of their UTF-8 bytes", () => {
    const { propose, at } = started()
    // By UTF-16 code units the last two would change places.
    const keys = ["a", "a/b", "b", "z%'\"", "ä", "\uffee", "\u{1f600}"]
    for (const [position, key] of [...keys].reverse().entries()) {
      propose(command({ key, json: { by: 1 } }))
      if (position === 3) at.machine.flush()
    }
    expect(list(at, {})).toEqual({ keys, next: null })
    expect(list(at, { prefix: "a" })).toEqual({ keys: ["a", "a/b"], next: null })
    expect(list(at, { after: "b" }).keys).toEqual(keys.slice(3))
    expect(list(at, { after: "a" }).keys).toEqual(keys.slice(1))
    expect(list(at, { limit: 2 })).toEqual({ keys: ["a", "a/b"], next: "a/b" })
    expect(list(at, { limit: 2, after: "a/b" })).toEqual({ keys: ["b", "z%'\""], next: "z%'\"" })
    expect(list(at, { limit: 0 }).keys).toEqual(["a"])
  })
})
