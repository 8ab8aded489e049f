// Do all replicas come to the same state? The same entries, flushed and restarted wherever it pleases.

import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import fc from "fast-check"
import { actor } from "../../src/index.ts"
import { encodeCommand } from "../../src/machine/command.ts"
import { Machine } from "../../src/machine/Machine.ts"
import type { Outcome } from "../../src/machine/outcome.ts"
import { registryOf } from "../../src/machine/Registry.ts"
import { MemoryDisk } from "../../src/storage/MemoryDisk.ts"
import { openMemoryStateStore } from "../../src/storage/stateStoreMemory.ts"
import { command, entry, initial } from "./Bench.ts"

/** Reads all that an order of keys, a stale cache or a host could make differ. */
const bag = actor({
  version: 1,
  state: Schema.Struct({
    names: Schema.Record(Schema.String, Schema.Number),
    seen: Schema.optional(Schema.DateTimeUtcFromString),
  }),
  initial: { names: {} },
  commands: {
    put: {
      input: Schema.Struct({ name: Schema.String, value: Schema.Number }),
      output: Schema.Json,
      reduce: (state, { name, value }, ctx) => {
        if (value > 900) ctx.reject("too-big", name)
        if (value > 800) throw new Error(`thrown ${ctx.random()}`)
        const next = { ...state, names: { [name]: value + ctx.random(), ...state.names } }
        if (value > 700) ctx.schedule(Math.trunc(value), "put", { name: ctx.uuid(), value: 1 })
        return { state: next, result: [Object.keys(state.names), ctx.uuid(), ctx.now] }
      },
    },
    // A state that is not plain JSON: no view of it may be kept.
    stamp: {
      input: Schema.DateTimeUtcFromString,
      output: Schema.String,
      reduce: (state, seen) => ({
        state: { ...state, seen },
        result: state.seen === undefined ? "never" : String(state.seen.epochMilliseconds),
      }),
    },
  },
  queries: { keys: { output: Schema.Array(Schema.String), read: (state) => Object.keys(state.names) } },
})

const registry = registryOf({ bag })

/** A replica that applies a log in batches, and flushes, restarts or loses its memory between them. */
const replay = (log: ReadonlyArray<Uint8Array>, plan: ReadonlyArray<number>) => {
  const disk = new MemoryDisk({ clusterId: "c", nodeId: "n", incarnation: "i" })
  const open = () =>
    new Machine({
      store: openMemoryStateStore(disk, { group: "main", initial }),
      registry,
      // One byte of cache: every clean instance is read from disk again.
      limits: {
        outcomesMax: 5,
        timersMax: 1,
        timersPerCommandMax: 1,
        cacheBytesMax: (plan[0] ?? 0) % 2 === 0 ? 1 : 1_000_000,
      },
    })
  const outcomes: Array<Outcome | null> = []
  let machine = open()
  let applied = 0
  for (let step = 0; applied < log.length; step++) {
    const choice = plan[step % plan.length] ?? 1
    const batch = log.slice(applied, applied + 1 + (choice % 23))
    const given = batch.map((bytes, at) => entry(applied + at + 1, bytes, 1_000 * (applied + at)))
    for (const [at, outcome] of machine.apply(given).entries()) outcomes[applied + at] = outcome
    applied += batch.length
    if (choice % 4 === 0) machine.stateHash()
    if (choice % 3 === 0) machine.flush()
    if (choice % 5 === 0) {
      machine.close()
      machine = open()
      applied = machine.position().index
    }
  }
  const lists = machine.query([
    { type: "list", actor: "bag", prefix: "", after: "", limit: 100 },
    ...["a", "b"].flatMap((key) => [
      { type: "state", actor: "bag", key } as const,
      { type: "query", actor: "bag", key, query: "keys", input: "null" } as const,
    ]),
  ])
  return {
    outcomes,
    hash: machine.stateHash(),
    lists,
    due: machine.due(1e15, 100),
    next: machine.nextTimer(),
  }
}

const names = fc.oneof(fc.constantFrom("2", "10", "1", "z", "a", "constructor"), fc.string({ maxLength: 3 }))

const commands = fc.record({
  key: fc.constantFrom("a", "b"),
  idempotencyKey: fc.constantFrom(...Array.from({ length: 12 }, (_, number) => `k${number}`)),
  command: fc.constantFrom("put", "put", "put", "stamp", "nothing"),
  json: fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        name: names,
        value: fc.oneof(fc.constantFrom(750, 790), fc.double({ min: -1, max: 1000, noNaN: true })),
      }),
    },
    { weight: 1, arbitrary: fc.constantFrom("2017-05-16T00:00:00.000Z", "never", null) },
  ),
  ifRevision: fc.option(fc.integer({ min: 0, max: 3 }), { nil: null, freq: 8 }),
  seed: fc.uint8Array({ minLength: 16, maxLength: 16 }),
})

const plans = fc
  .array(fc.nat(1_000), { minLength: 1, maxLength: 12 })
  .filter((plan) => plan.some((n) => n % 5 !== 0))

describe("replicas agree (HAZARDS D1, D3, D10, N12)", () => {
  test("on every outcome, query, timer and on the hash, wherever they flushed and restarted", () => {
    fc.assert(
      fc.property(
        fc.array(commands, { maxLength: 60, size: "max" }),
        plans,
        plans,
        (given, onePlan, otherPlan) => {
          const log = given.map((fields) => encodeCommand(command({ actor: "bag", ...fields })))
          // Restarts before any flush apply the same entries again and again: bound the plan's patience.
          const calm = (plan: ReadonlyArray<number>) => plan.map((n) => (n % 5 === 0 ? n * 3 : n))
          expect(replay(log, calm(onePlan))).toEqual(replay(log, calm(otherPlan)))
        },
      ),
      { numRuns: 150 },
    )
  })

  test("and differ in the hash as soon as one entry differs", () => {
    const log = (value: number) => [
      encodeCommand(
        command({ actor: "bag", command: "put", json: { name: "n", value }, idempotencyKey: "k" }),
      ),
    ]
    expect(replay(log(1), [1]).hash).toEqual(replay(log(1), [3]).hash)
    expect(replay(log(1), [1]).hash).not.toEqual(replay(log(2), [1]).hash)
    // A refused command leaves no state, but it is remembered.
    expect(replay(log(950), [1]).hash).not.toEqual(replay(log(951), [1]).hash)
  })

  test("two entries with the same seed roll different dice", () => {
    const put = (key: string) =>
      encodeCommand(command({ actor: "bag", key, command: "put", json: { name: "n", value: 1 } }))
    const { outcomes } = replay([put("a"), put("b")], [1])
    const uuids = outcomes.map((outcome) => outcome?._tag === "Accepted" && JSON.parse(outcome.result)[1])
    expect(uuids[0]).not.toBe(uuids[1])
  })
})
