// What becomes of a committed command? Every outcome, and the state behind it.

import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import { actor } from "../../src/index.ts"
import { registryOf } from "../../src/machine/Registry.ts"
import { command, configurationEntry, entry, initial, refusalOf } from "./Bench.ts"
import { bench, started } from "./suspects.ts"

describe("an accepted command (contract §2, §3)", () => {
  test("has the reducer's result, the next revision, and the entry's index and term", () => {
    const { propose, at } = started()
    expect(propose(command({ json: { by: 3 } }))).toEqual({
      _tag: "Accepted",
      result: "3",
      revision: 1,
      index: 1,
      term: 1,
      replayed: false,
    })
    expect(propose(command({ json: { by: 4 } }))).toMatchObject({ result: "7", revision: 2, index: 2 })
    expect(at.state()).toEqual({ state: { value: 7 }, revision: 2, index: 2 })
  })

  test("sees the key, log time, position, its own id and its caller", () => {
    const { propose } = started()
    const outcome = propose(
      command({ command: "context", key: "ключ/%", idempotencyKey: "id-1", caller: "ops" }),
      5_000,
    )
    expect(outcome._tag === "Accepted" && JSON.parse(outcome.result)).toMatchObject({
      key: "ключ/%",
      now: 5_000,
      index: 1,
      term: 1,
      commandId: "id-1",
      caller: "ops",
    })
  })

  test("sees a log time that never goes back (contract §2)", () => {
    const { propose } = started()
    propose(command({ command: "context" }), 5_000)
    const outcome = propose(command({ command: "context" }), 4_000)
    expect(outcome._tag === "Accepted" && JSON.parse(outcome.result).now).toBe(5_000)
  })

  test("stores -0 as 0, because JSON has no other (HAZARDS D3)", () => {
    const { propose, at } = started()
    expect(propose(command({ command: "minusZero" }))).toMatchObject({ _tag: "Accepted", result: "0" })
    expect(at.state()).toMatchObject({ state: { value: 0 } })
  })

  test("stores an optional field that is undefined as an absent one", () => {
    const { propose, at } = started()
    expect(propose(command({ command: "absent" }))).toMatchObject({ _tag: "Accepted" })
    expect(at.state()).toMatchObject({ state: { value: 1 } })
  })
})

describe("a rejected command leaves the state untouched (contract §2, HAZARDS D4)", () => {
  const rejections: ReadonlyArray<readonly [string, unknown, object]> = [
    [
      "add",
      { by: 101 },
      { code: "too-big", message: "add takes 100 at the most", data: { by: 101, max: 100 } },
    ],
    ["throws", null, { code: "reducer-threw", message: "no luck", data: null }],
    ["throwsNothing", null, { code: "reducer-threw", message: "undefined", data: null }],
    ["mutates", null, { code: "reducer-threw" }],
    ["mutatesInput", { list: [1] }, { code: "reducer-threw" }],
    ["promises", null, { code: "reducer-async" }],
    ["failsLater", null, { code: "reducer-async" }],
    ["returnsNothing", null, { code: "invalid-reduction" }],
    ["returnsMore", null, { code: "invalid-reduction" }],
    ["spiteful", null, { code: "reducer-threw", message: "mine" }],
    ["notANumber", null, { code: "invalid-state" }],
    ["endless", null, { code: "invalid-state" }],
    ["halfPair", null, { code: "invalid-state" }],
    ["otherShape", null, { code: "invalid-state" }],
    ["excess", null, { code: "invalid-state" }],
    ["wrongResult", null, { code: "invalid-result" }],
    ["large", 200, { code: "state-too-large" }],
    ["largeResult", 300, { code: "result-too-large" }],
    [
      "deep",
      129,
      { code: "invalid-result", data: { issues: [{ path: "", message: "Expected at most 128 levels" }] } },
    ],
    [
      "deep",
      100_000,
      { code: "invalid-result", data: { issues: [{ path: "", message: "Expected at most 128 levels" }] } },
    ],
  ]
  for (const [name, json, reason] of rejections) {
    test(`${name} ${JSON.stringify(json)}: ${JSON.stringify(reason).slice(0, 60)}`, () => {
      const { propose, at } = started()
      propose(command({ json: { by: 5 } }))
      const outcome = refusalOf(propose(command({ command: name, json })))
      expect(outcome).toMatchObject({ code: "rejected", replayed: false, reason })
      expect(JSON.stringify(outcome)).not.toContain(import.meta.dir)
      expect(at.state()).toEqual({ state: { value: 5 }, revision: 1, index: 2 })
    })
  }

  test("what the engine says of its own error is told once, and only its kind is remembered (HAZARDS D6)", () => {
    const { propose } = started()
    const mutates = command({ command: "mutates", idempotencyKey: "once" })
    const first: object = refusalOf(propose(mutates))
    expect(first).toMatchObject({
      reason: { code: "reducer-threw", message: expect.stringMatching(/^TypeError: .*readonly/) },
    })
    // Code that has run for longer, or in another release, would have worded it otherwise.
    expect<object>(refusalOf(propose(mutates))).toEqual({
      ...first,
      reason: { code: "reducer-threw", message: "TypeError", data: null },
      replayed: true,
    })
    const throws = command({ command: "throws", idempotencyKey: "also once" })
    expect(refusalOf(propose(throws))).toEqual({ ...refusalOf(propose(throws)), replayed: false })
  })

  test("a state of exactly the limit is stored, one byte more is refused", () => {
    const { propose, at } = started()
    // {"note":"…","value":1} has 21 bytes around its note.
    const outcomes = [179, 180, 178].map((length) => propose(command({ command: "large", json: length })))
    expect(outcomes).toMatchObject([{ _tag: "Accepted" }, { _tag: "Refused" }, { _tag: "Accepted" }])
    expect(JSON.stringify((at.state() as { readonly state: object }).state).length).toBe(199)
  })

  test("a context that outlives its command throws (HAZARDS D8)", () => {
    const { propose } = started()
    propose(command({ command: "late" }))
    expect(refusalOf(propose(command({ command: "usesKept" })))).toMatchObject({
      reason: { code: "reducer-threw" },
    })
  })
})

test("a stack that ran over is no outcome: its depth differs from node to node (HAZARDS D6)", () => {
  const at = bench()
  at.propose(command({ json: { by: 1 } }))
  expect(at.propose(command({ command: "recursive" }))).toBeUndefined()
  expect(at.machine.stuck).toEqual({
    index: 2,
    actor: "counter",
    key: "a",
    fault: { kind: "overflow", detail: "counter/a/recursive: the stack ran over" },
  })
  expect(at.machine.stateHash().index).toBe(1)
  // The same place in the log again, with another command: nothing is left of the attempt.
  at.index--
  expect(at.propose(command({ json: { by: 1 } }))).toMatchObject({ result: "2", revision: 2, index: 2 })
  expect(at.machine.stuck).toBeNull()
})

describe("an entry is checked again, whatever the door let pass", () => {
  const refusals: ReadonlyArray<readonly [string, Partial<Parameters<typeof command>[0]>, object]> = [
    ["an unknown command", { command: "sub" }, { code: "unknown-command" }],
    ["input that does not fit", { json: { by: "x" } }, { code: "invalid-input", issues: [{ path: "/by" }] }],
    ["input that is not JSON", { input: "{" }, { code: "invalid-input" }],
    ["a bad key", { key: "" }, { code: "invalid-input" }],
    ["no idempotency key", { idempotencyKey: "" }, { code: "invalid-input" }],
    ["no version, so that no door ever saw it", { version: "" }, { code: "unknown-actor" }],
    ["a later revision", { ifRevision: 7 }, { code: "revision-mismatch", revision: 1 }],
    // Another command came between the door and the log.
    ["an earlier revision", { ifRevision: 0 }, { code: "revision-mismatch", revision: 1 }],
  ]
  for (const [what, given, expected] of refusals) {
    test(`${what}: refused, and the state untouched`, () => {
      const { propose, at } = started()
      propose(command({ json: { by: 5 } }))
      expect(refusalOf(at.apply(command({ json: { by: 1 }, ...given })))).toMatchObject(expected)
      expect(at.state()).toEqual({ state: { value: 5 }, revision: 1, index: 2 })
    })
  }

  test("bytes that hold no command: refused", () => {
    const at = bench()
    expect(refusalOf(at.applyBytes(new Uint8Array(3)))).toMatchObject({ code: "invalid-input" })
  })

  test("a version that this node does not have: the machine stops and names both (HAZARDS D7)", () => {
    const at = bench()
    const foreign = command({ json: { by: 1 }, version: "v9" })
    expect(() => at.apply(foreign)).toThrow(
      'entry 1 runs the actor "counter" at version v9, but this node has v1',
    )
    expect(() => at.apply({ ...foreign, version: "v1" })).toThrow("v9")
  })

  test("a format of a later release: the machine stops", () => {
    const at = bench()
    expect(() => at.applyBytes(Uint8Array.of(2, 0, 0))).toThrow("a later version")
  })

  test("a gap: the machine stops", () => {
    const at = bench()
    expect(() => at.machine.apply([entry(2, new Uint8Array(0))])).toThrow("entry 2 does not follow on 0")
  })
})

test("no-ops and configurations move the position, and the newest configuration counts", () => {
  const at = bench()
  const next = { ...initial, voters: ["n1", "n2", "n3"] }
  const outcomes = at.machine.apply([entry(1, new Uint8Array(0), 50, "noop"), configurationEntry(2, next)])
  expect(outcomes).toEqual([null, null])
  expect(at.machine.flush()).toBe(2)
  expect(at.machine.position()).toEqual({ index: 2, term: 1, time: 1_002, configuration: next })
})

test("a state that another version wrote and this one cannot read refuses, and stays", () => {
  const at = bench()
  at.propose(command({ json: { by: 5 } }))
  at.machine.flush()
  const narrower = actor({
    version: 2,
    state: Schema.Struct({ count: Schema.Int }),
    initial: { count: 0 },
    commands: { add: { output: Schema.Null, reduce: (state) => ({ state, result: null }) } },
    queries: { count: { output: Schema.Int, read: ({ count }) => count } },
  })
  at.restart(registryOf({ counter: narrower }))
  // By its place, as any other value that does not fit.
  const issues = [
    { path: "/value", message: "Expected no excess property" },
    { path: "/count", message: "Missing key" },
  ]
  const message =
    "The instance's state was written by another version of the actor and does not fit this one: at /value: Expected no excess property; at /count: Missing key"
  const refusal = {
    code: "rejected" as const,
    reason: { code: "incompatible-state", message, data: { issues } },
    issues,
  }
  expect(refusalOf(at.propose(command({ version: "v2" })))).toEqual({ ...refusal, replayed: false })
  expect(refusalOf(at.read("count") as never)).toMatchObject(refusal)
  expect(at.state()).toMatchObject({ state: { value: 5 }, revision: 1 })
})
