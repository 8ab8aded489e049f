// What does the machine keep in memory, when does it go to disk, and what is never shared?

import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import { actor } from "../../src/index.ts"
import { encodeCommand } from "../../src/machine/command.ts"
import { Machine } from "../../src/machine/Machine.ts"
import { registryOf } from "../../src/machine/Registry.ts"
import { StateStoreFull } from "../../src/storage/StateStore.ts"
import { openMemoryStateStore } from "../../src/storage/stateStoreMemory.ts"
import { Bench, command, entry, initial } from "./Bench.ts"
import { bench, registry } from "./suspects.ts"

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

  test("so many instances that a flush would take long are flushed at once, and the index with them", () => {
    const at = new Bench(registry, { dirtyInstancesMax: 50 })
    for (let round = 1; round <= 120; round++) {
      at.propose(command({ key: `k${round}`, json: { by: 1 } }))
      expect(at.machine.status().dirty).toBe(round % 51)
    }
    expect(at.machine.position().index).toBe(102)
    at.restart()
    expect([at.index, at.read("value", null, "k102")]).toMatchObject([102, { result: 1 }])
  })

  test("a full disk leaves the machine running, and the next flush tries again (HAZARDS S7)", () => {
    const at = bench()
    const store = openMemoryStateStore(at.disk, { group: "main", initial })
    let isFull = true
    let tries = 0
    const machine = new Machine({
      store: {
        ...store,
        flush: (flush) => {
          tries++
          if (!isFull) return store.flush(flush)
          const cause = Object.assign(new Error("disk is full"), { code: "SQLITE_FULL" })
          throw new StateStoreFull("flush", { cause })
        },
      },
      registry,
      limits: { dirtyInstancesMax: 1 },
    })
    const [admission] = machine.admit([encodeCommand(command({ json: { by: 1 } }))])
    const data = admission?._tag === "Admitted" ? admission.command : new Uint8Array(0)
    expect(machine.apply([entry(1, data)])).toMatchObject([{ result: "1" }])
    expect(machine.flush()).toBe(0)
    expect(machine.status()).toMatchObject({ dirty: 1, appliedIndex: 1 })
    // Now there is much to flush, and only who asks for a flush has it tried again.
    expect(tries).toBe(1)
    const more = machine.admit([1, 2].map((by) => encodeCommand(command({ key: `k${by}`, json: { by } }))))
    const entries = more.flatMap((one, at) => (one._tag === "Admitted" ? [entry(at + 2, one.command)] : []))
    expect(machine.apply(entries)).toMatchObject([{ result: "1" }, { result: "2" }])
    expect(tries).toBe(1)
    isFull = false
    expect(machine.flush()).toBe(3)
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
