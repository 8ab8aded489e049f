// What becomes of a command? Every outcome, from the door to the state.

import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import { actor } from "../../src/index.ts"
import { encodeCommand } from "../../src/machine/command.ts"
import { Machine } from "../../src/machine/Machine.ts"
import { registryOf } from "../../src/machine/Registry.ts"
import { StateStoreFailed } from "../../src/storage/StateStore.ts"
import { openMemoryStateStore } from "../../src/storage/stateStoreMemory.ts"
import { Bench, command, configurationEntry, entry, initial, refusalOf } from "./Bench.ts"

const Value = Schema.Struct({ value: Schema.Number, note: Schema.optional(Schema.String) })

/** Reducers that keep every promise, and reducers that break one each. */
const counter = actor({
  version: 1,
  state: Value,
  initial: { value: 0 },
  commands: {
    add: {
      input: Schema.Struct({ by: Schema.Int }),
      output: Schema.Int,
      reduce: (state, { by }, ctx) => {
        if (by > 100) ctx.reject("too-big", "add takes 100 at the most", { by, max: 100 })
        return { state: { value: state.value + by }, result: state.value + by }
      },
    },
    context: {
      output: Schema.Unknown,
      reduce: (state, _input, ctx) => {
        const { key, now, index, term, commandId, caller } = ctx
        return {
          state,
          result: { key, now, index, term, commandId, caller, dice: [ctx.random(), ctx.uuid()] },
        }
      },
    },
    throws: {
      output: Schema.Null,
      reduce: () => {
        throw new Error("no luck")
      },
    },
    throwsNothing: {
      output: Schema.Null,
      reduce: () => {
        throw undefined
      },
    },
    mutates: {
      output: Schema.Null,
      reduce: (state) => {
        ;(state as { value: number }).value = 7
        return { state, result: null }
      },
    },
    mutatesInput: {
      input: Schema.Struct({ list: Schema.Array(Schema.Int) }),
      output: Schema.Null,
      reduce: (state, { list }) => {
        ;(list as Array<number>).push(1)
        return { state, result: null }
      },
    },
    promises: {
      output: Schema.Null,
      reduce: (() => Promise.resolve({ state: { value: 9 }, result: null })) as never,
    },
    failsLater: { output: Schema.Null, reduce: (() => Promise.reject(new Error("later"))) as never },
    returnsNothing: { output: Schema.Null, reduce: (() => undefined) as never },
    returnsMore: { output: Schema.Null, reduce: (state) => ({ state, result: null, more: 1 }) },
    spiteful: {
      output: Schema.Null,
      reduce: (() => ({
        get state() {
          throw new Error("mine")
        },
        result: null,
      })) as never,
    },
    notANumber: { output: Schema.Null, reduce: () => ({ state: { value: Number.NaN }, result: null }) },
    endless: { output: Schema.Null, reduce: () => ({ state: { value: Infinity }, result: null }) },
    minusZero: { output: Schema.Number, reduce: () => ({ state: { value: -0 }, result: -0 }) },
    halfPair: { output: Schema.Null, reduce: () => ({ state: { value: 1, note: "\ud800" }, result: null }) },
    otherShape: { output: Schema.Null, reduce: () => ({ state: { valeu: 1 } as never, result: null }) },
    excess: {
      output: Schema.Null,
      reduce: () => ({ state: { value: 1, other: 2 } as { value: number }, result: null }),
    },
    absent: { output: Schema.Null, reduce: () => ({ state: { value: 1, note: undefined }, result: null }) },
    wrongResult: { output: Schema.Int, reduce: (state) => ({ state, result: 1.5 }) },
    large: {
      input: Schema.Int,
      output: Schema.Null,
      reduce: (_state, length) => ({ state: { value: 1, note: "x".repeat(length) }, result: null }),
    },
    largeResult: {
      input: Schema.Int,
      output: Schema.String,
      reduce: (state, length) => ({ state, result: "x".repeat(length) }),
    },
    late: {
      output: Schema.Null,
      reduce: (state, _input, ctx) => {
        kept = ctx.uuid
        return { state, result: null }
      },
    },
    usesKept: { output: Schema.String, reduce: (state) => ({ state, result: kept() }) },
    deep: {
      input: Schema.Int,
      output: Schema.Json,
      reduce: (state, levels) => {
        let value: Schema.Json = 0
        for (let level = 0; level < levels; level++) value = [value]
        return { state, result: value }
      },
    },
    recursive: {
      output: Schema.Null,
      reduce: (state) => {
        const down = (): number => 1 + down()
        down()
        return { state, result: null }
      },
    },
  },
  queries: {
    value: { output: Schema.Number, read: (state) => state.value },
    plus: {
      input: Schema.Struct({ more: Schema.Int }),
      output: Schema.Unknown,
      read: (state, { more }, ctx) => ({ sum: state.value + more, ...ctx }),
    },
    throws: {
      output: Schema.Null,
      read: () => {
        throw new Error("no answer")
      },
    },
    wrong: { output: Schema.Int, read: () => 0.5 },
    promises: { output: Schema.Null, read: (() => Promise.reject(new Error("later"))) as never },
    recursive: {
      output: Schema.Null,
      read: () => {
        const down = (): number => 1 + down()
        down()
        return null
      },
    },
  },
})

let kept: () => string = () => ""

const registry = registryOf({ counter })
const bench = () => new Bench(registry, { stateBytesMax: 200, resultBytesMax: 300, inputBytesMax: 1_000 })

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

  test("a context that outlives its command throws (HAZARDS D8)", () => {
    const { propose } = started()
    propose(command({ command: "late" }))
    expect(refusalOf(propose(command({ command: "usesKept" })))).toMatchObject({
      reason: { code: "reducer-threw" },
    })
  })
})

test("a stack that ran over stops the machine: its depth differs from node to node (HAZARDS D6)", () => {
  const at = bench()
  expect(() => at.propose(command({ command: "recursive" }))).toThrow(
    "counter/a/recursive: the stack ran over",
  )
  expect(() => at.propose(command({ json: { by: 1 } }))).toThrow("the stack ran over")
})

describe("the door settles what is bound to be refused, without a log entry (contract §3)", () => {
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`
  const refusals: ReadonlyArray<readonly [string, Partial<Parameters<typeof command>[0]>, object]> = [
    ["an unknown actor", { actor: "nobody" }, { code: "unknown-actor" }],
    ["an actor named like a property of every object", { actor: "constructor" }, { code: "unknown-actor" }],
    ["an unknown command", { command: "sub" }, { code: "unknown-command" }],
    ["a command named like a property of every object", { command: "toString" }, { code: "unknown-command" }],
    ["an empty key", { key: "" }, { code: "invalid-input" }],
    ["a key of 513 bytes", { key: "ä".repeat(257) }, { code: "invalid-input" }],
    ["a key with NUL", { key: "a\u0000b" }, { code: "invalid-input" }],
    ["an empty idempotency key", { idempotencyKey: "" }, { code: "invalid-input" }],
    ["an idempotency key of 129 bytes", { idempotencyKey: "x".repeat(129) }, { code: "invalid-input" }],
    [
      "input that is not JSON",
      { input: "{" },
      { code: "invalid-input", issues: [{ path: "", message: "Expected JSON" }] },
    ],
    ["no input", { input: "" }, { code: "invalid-input" }],
    ["null where an object is due", { json: null }, { code: "invalid-input" }],
    [
      "a missing field",
      { json: {} },
      { code: "invalid-input", issues: [{ path: "/by", message: "Missing key" }] },
    ],
    [
      "a field of the wrong type",
      { json: { by: "1" } },
      { code: "invalid-input", issues: [{ path: "/by" }] },
    ],
    [
      "an unknown field",
      { json: { by: 1, "a/b~c": 2 } },
      { code: "invalid-input", issues: [{ path: "/a~1b~0c" }] },
    ],
    ["two faults at once", { json: { by: 1.5, x: 1 } }, { issues: [{ path: "/x" }, { path: "/by" }] }],
    ["a fraction for an integer", { json: { by: 0.5 } }, { issues: [{ path: "/by" }] }],
    [
      "a number beyond all numbers",
      { input: '{"by":1e400}' },
      { code: "invalid-input", issues: [{ path: "/by" }] },
    ],
    ["an integer that is not exact", { input: '{"by":9007199254740993}' }, { code: "invalid-input" }],
    [
      "a key that reaches for the prototype",
      { input: '{"__proto__":{"by":1}}' },
      { issues: [{ path: "/__proto__" }] },
    ],
    ["half of a surrogate pair", { input: '{"by":"\\ud800"}' }, { issues: [{ path: "/by" }] }],
    [
      "an index into nothing",
      { command: "mutatesInput", json: { list: [1, "x"] } },
      { issues: [{ path: "/list/1" }] },
    ],
    ["input where none is taken", { command: "throws", json: {} }, { code: "invalid-input" }],
    ["input of more than the limit", { input: `"${"x".repeat(999)}"` }, { code: "too-large" }],
  ]
  for (const [what, given, expected] of refusals) {
    test(what, () => {
      const at = bench()
      const admission = at.admit(command({ json: { by: 1 }, ...given }))
      if (admission._tag !== "Settled") throw new Error("it was let in")
      expect(refusalOf(admission.outcome)).toMatchObject(expected)
      expect(at.state()).toEqual({ state: { value: 0 }, revision: 0, index: 0 })
    })
  }

  test("input nested 100,000 levels deep (HAZARDS D6, H1)", () => {
    const at = new Bench(registry)
    const admission = at.admit(command({ input: deep }))
    expect(admission._tag === "Settled" && refusalOf(admission.outcome)).toMatchObject({
      code: "invalid-input",
    })
  })

  test("bytes that hold no command", () => {
    const at = bench()
    for (const bytes of [
      new Uint8Array(0),
      new Uint8Array(100).fill(255),
      encodeCommand(command()).slice(0, -1),
    ]) {
      const admission = at.machine.admit([bytes])[0]!
      expect(admission._tag === "Settled" && refusalOf(admission.outcome)).toMatchObject({
        code: "invalid-input",
      })
    }
  })

  test("an expected revision that is already past, because revisions never fall", () => {
    const { propose, at } = started()
    for (let round = 0; round < 3; round++) propose(command({ json: { by: 1 } }))
    const settled = at.admit(command({ json: { by: 1 }, ifRevision: 2 }))
    expect(settled._tag === "Settled" && refusalOf(settled.outcome)).toMatchObject({
      code: "revision-mismatch",
      revision: 3,
    })
    expect(at.admit(command({ json: { by: 1 }, ifRevision: 3 }))._tag).toBe("Admitted")
    expect(at.admit(command({ json: { by: 1 }, ifRevision: 4 }))._tag).toBe("Admitted")
  })

  test("what it lets in names the version of the code, and its input in canonical form", () => {
    const at = bench()
    const plain = at.admit(
      command({ command: "mutatesInput", input: ' { "list" : [ ] } ', idempotencyKey: "k" }),
    )
    const other = at.admit(command({ command: "mutatesInput", input: '{"list":[]}', idempotencyKey: "k" }))
    expect(plain).toEqual(other)
  })
})

describe("an entry is checked again, whatever the door let pass", () => {
  const refusals: ReadonlyArray<readonly [string, Partial<Parameters<typeof command>[0]>, object]> = [
    ["an unknown command", { command: "sub" }, { code: "unknown-command" }],
    ["input that does not fit", { json: { by: "x" } }, { code: "invalid-input", issues: [{ path: "/by" }] }],
    ["input that is not JSON", { input: "{" }, { code: "invalid-input" }],
    ["a bad key", { key: "" }, { code: "invalid-input" }],
    ["no idempotency key", { idempotencyKey: "" }, { code: "invalid-input" }],
    ["no version, so that no door ever saw it", { version: "" }, { code: "unknown-actor" }],
    ["another revision", { ifRevision: 7 }, { code: "revision-mismatch", revision: 1 }],
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

describe("memory", () => {
  test("clean instances leave it beyond the limit, and come back from disk", () => {
    const at = new Bench(registry, { cacheBytesMax: 10_000 })
    for (let round = 0; round < 200; round++)
      at.propose(command({ key: `k${round}`, json: { by: round % 100 } }))
    expect(at.machine.status()).toMatchObject({ instancesInMemory: 200, dirty: 200 })
    at.machine.flush()
    for (let round = 0; round < 200; round++) at.read("value", null, `k${round}`)
    const { dirty, instancesInMemory } = at.machine.status()
    expect(dirty).toBe(0)
    expect(instancesInMemory).toBeLessThan(60)
    expect(at.read("value", null, "k0")).toMatchObject({ result: 0, revision: 1 })
    expect(at.propose(command({ key: "k7", json: { by: 1 } }))).toMatchObject({ result: "8", revision: 2 })
  })

  test("what is not on disk yet is flushed when it grows beyond the limit", () => {
    const at = new Bench(registry, { dirtyBytesMax: 10_000 })
    for (let round = 0; round < 200; round++)
      at.propose(command({ key: `k${round}`, json: { by: round % 100 } }))
    expect(at.machine.status().dirty).toBeLessThan(40)
    expect(at.machine.position().index).toBeGreaterThan(150)
  })

  test("a full disk leaves the machine running, and the next flush tries again (HAZARDS S7)", () => {
    const at = bench()
    const store = openMemoryStateStore(at.disk, { group: "main", initial })
    let isFull = true
    const machine = new Machine({
      store: {
        ...store,
        flush: (flush) => {
          if (!isFull) return store.flush(flush)
          const cause = Object.assign(new Error("disk is full"), { code: "SQLITE_FULL" })
          throw new StateStoreFailed("flush", { cause })
        },
      },
      registry,
    })
    const [admission] = machine.admit([encodeCommand(command({ json: { by: 1 } }))])
    const data = admission?._tag === "Admitted" ? admission.command : new Uint8Array(0)
    expect(machine.apply([entry(1, data)])).toMatchObject([{ result: "1" }])
    expect(machine.flush()).toBe(0)
    expect(machine.status()).toMatchObject({ dirty: 1, appliedIndex: 1 })
    isFull = false
    expect(machine.flush()).toBe(1)
    expect(machine.status()).toMatchObject({ dirty: 0 })
  })
})

test("a state that cannot be frozen is spoilt for nobody but the reducer that spoils it (HAZARDS D8)", () => {
  const clock = actor({
    version: 1,
    state: Schema.Struct({ at: Schema.DateFromMillis }),
    initial: { at: new Date(5) },
    commands: {
      touch: { output: Schema.Null, reduce: ({ at }) => ({ state: { at }, result: null }) },
      spoil: {
        output: Schema.Null,
        reduce: (state) => {
          state.at.setTime(7)
          throw new Error("spoilt")
        },
      },
    },
    queries: {
      at: { output: Schema.Number, read: ({ at }) => at.setTime(at.getTime() + 1) - 1 },
    },
  })
  const at = new Bench(registryOf({ clock }))
  const run = (name: string) => at.propose(command({ actor: "clock", command: name }))
  const read = () => at.read("at", null, "a", "clock")
  run("touch")
  expect([read(), read()]).toMatchObject([{ result: 5 }, { result: 5 }])
  run("spoil")
  run("touch")
  expect(read()).toMatchObject({ result: 5, revision: 2 })
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
  const reason = { code: "incompatible-state" }
  expect(refusalOf(at.propose(command({ version: "v2" })))).toMatchObject({ code: "rejected", reason })
  expect(refusalOf(at.read("count") as never)).toMatchObject({ code: "rejected", reason })
  expect(at.state()).toMatchObject({ state: { value: 5 }, revision: 1 })
})

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

function started() {
  const at = bench()
  return { at, propose: (...given: Parameters<Bench["propose"]>) => at.propose(...given) }
}
