// What does every state store promise? One suite, run against the file and its twin in memory.

import { Database } from "bun:sqlite"
import { afterEach, describe, expect, test } from "bun:test"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import * as fc from "fast-check"
import { Awake } from "../../src/storage/Awake.ts"
import { LateStateStore } from "../../src/storage/LateStateStore.ts"
import { MemoryDisk } from "../../src/storage/MemoryDisk.ts"
import {
  type Flush,
  type OutcomeChunk,
  StateCorrupt,
  type StateStore,
  StateStoreFailed,
  type StoredInstance,
  type StoredTimer,
} from "../../src/storage/StateStore.ts"
import { corruptNote, formatVersion } from "../../src/storage/stateRows.ts"
import { openMemoryStateStore } from "../../src/storage/stateStoreMemory.ts"
import { openLateSqliteStateStore, openSqliteStateStore } from "../../src/storage/stateStoreSqlite.ts"
import {
  configurationOf,
  identity,
  initial,
  removeTemporaryDirectories,
  slowDisk,
  temporaryDirectory,
} from "./support.ts"

afterEach(removeTemporaryDirectories)

/** Opens the same state again with every call. */
const stores: Readonly<Record<string, () => () => StateStore>> = {
  memory: () => {
    const disk = new MemoryDisk(identity)
    return () => openMemoryStateStore(disk, { group: "main", initial })
  },
  "a simulated disk": () => slowDisk().disk.layers("main", initial).openState,
  SQLite: () => {
    const path = join(temporaryDirectory(), "state.db")
    return () => openSqliteStateStore(path, initial)
  },
  "SQLite, late": () => {
    const path = join(temporaryDirectory(), "groups", "a", "state.db")
    const awake = new Awake(few(2))
    return () => openLateSqliteStateStore(path, initial, awake)
  },
  "SQLite, late and at rest between any two calls": () => {
    const path = join(temporaryDirectory(), "state.db")
    const awake = new Awake(few(2))
    return () => restless(openLateSqliteStateStore(path, initial, awake))
  },
}

/** So many, however many are in use. */
const few = (max: number) => ({ max, busyMax: max, busyMillis: 0, againMillis: 0 })

const restless = (store: LateStateStore): StateStore =>
  new Proxy(store, {
    get: (_, name: keyof StateStore) => {
      if (name !== "close" && name !== "discard") store.rest()
      return store[name]
    },
  })

const positionAt = (index: number) => ({
  index,
  term: 2,
  time: 1_700_000_000_000 + index,
  configuration: initial,
})

const flushOf = (index: number, part: Partial<Flush> = {}): Flush => ({
  position: positionAt(index),
  instances: [],
  outcomes: [],
  forgetOutcomesBelow: 0,
  timersSet: [],
  timersCleared: [],
  digest: `digest ${index}`,
  ...part,
})

const instanceOf = (key: string, part: Partial<StoredInstance> = {}): StoredInstance => ({
  actor: "counter",
  key,
  state: `{"value":"${key.length}"}`,
  revision: 1,
  version: "v1",
  index: 1,
  ...part,
})

const chunkOf = (firstIndex: number, lastIndex: number, text = `${firstIndex}`): OutcomeChunk => ({
  firstIndex,
  lastIndex,
  rows: new TextEncoder().encode(text),
})

const timerOf = (id: string, dueAt: number): StoredTimer => ({
  id,
  dueAt,
  actor: "counter",
  key: "a",
  command: "tick",
  input: "null",
})

const everything = { actor: "counter", prefix: "", after: "", limit: 1_000 }

describe.each(Object.keys(stores))("a state store: %s", (name) => {
  const openers = () => stores[name]!()

  test("that is discarded is empty when it is opened again (S5)", () => {
    const open = openers()
    const store = open()
    store.flush(flushOf(7, { instances: [instanceOf("a")], timersSet: [timerOf("t", 5)] }))
    store.discard()
    const next = open()
    expect(next.position().index).toBe(0)
    expect(next.list(everything)).toEqual([])
    expect(next.timers()).toEqual([])
  })

  test("begins empty, at position 0 with the initial configuration, also when opened again", () => {
    const open = openers()
    for (let run = 0; run < 2; run++) {
      const store = open()
      expect(store.position()).toEqual({ index: 0, term: 0, time: 0, configuration: initial })
      expect(store.digest()).toBe("")
      expect(store.instance("counter", "a")).toBe(undefined)
      expect(store.list(everything)).toEqual([])
      expect([...store.outcomes()]).toEqual([])
      expect(store.outcomesAt(1)).toBe(undefined)
      expect(store.outcomesForgottenBelow()).toBe(0)
      expect(store.timers()).toEqual([])
      store.close()
    }
  })

  test("holds position, instances, outcomes and timers of a flush together after it is opened again", () => {
    const open = openers()
    const configuration = configurationOf("n1", "n7")
    const first = open()
    first.flush(
      flushOf(7, {
        position: { ...positionAt(7), configuration },
        instances: [instanceOf("a"), instanceOf("b", { state: "x".repeat(100_000) })],
        outcomes: [chunkOf(1, 3), chunkOf(5, 7)],
        forgetOutcomesBelow: 2,
        timersSet: [timerOf("late", 20), timerOf("early", 10)],
      }),
    )
    const check = (store: StateStore): void => {
      expect(store.position()).toEqual({ ...positionAt(7), configuration })
      expect(store.digest()).toBe("digest 7")
      expect(store.instance("counter", "a")).toEqual(instanceOf("a"))
      expect(store.instance("counter", "b")?.state.length).toBe(100_000)
      expect(store.instance("other", "a")).toBe(undefined)
      const found = [1, 3, 4, 5, 6, 7, 8].map((index) => store.outcomesAt(index)?.firstIndex)
      expect(found).toEqual([1, 1, undefined, 5, 5, 5, undefined])
      expect(store.outcomesAt(6)).toEqual(chunkOf(5, 7))
      expect([...store.outcomes()]).toEqual([chunkOf(1, 3), chunkOf(5, 7)])
      expect(store.outcomesForgottenBelow()).toBe(2)
      expect(store.timers()).toEqual([timerOf("early", 10), timerOf("late", 20)])
    }
    check(first)
    first.close()
    const second = open()
    check(second)
    second.close()
  })

  test("replaces what was there: an instance, a timer", () => {
    const store = openers()()
    store.flush(flushOf(1, { instances: [instanceOf("a")], timersSet: [timerOf("t", 5)] }))
    const changed = instanceOf("a", { state: "{}", revision: 2, version: "v2", index: 2 })
    store.flush(flushOf(2, { instances: [changed], timersSet: [timerOf("t", 6)] }))
    expect(store.instance("counter", "a")).toEqual(changed)
    expect(store.timers()).toEqual([timerOf("t", 6)])
    store.close()
  })

  test("has nothing left of an instance that was removed, nor of one that it never had; and tells outcomes behind an index", () => {
    const store = openers()()
    const outcomes = [chunkOf(1, 2), chunkOf(3, 4), chunkOf(5, 5)]
    store.flush(flushOf(1, { instances: [instanceOf("a"), instanceOf("b"), instanceOf("c")], outcomes }))
    const instancesRemoved = ["a", "c", "never was"].map((key) => ({ actor: "counter", key }))
    store.flush(flushOf(2, { instances: [instanceOf("d")], instancesRemoved }))
    expect(store.instance("counter", "a")).toBeUndefined()
    const listed = store.list({ actor: "counter", prefix: "", after: "", limit: 10 })
    expect(listed.map(({ key }) => key)).toEqual(["b", "d"])
    expect([...store.versions("counter").values()]).toEqual([2])
    store.flush(flushOf(3, { instances: [instanceOf("a")] }))
    expect(store.instance("counter", "a")).toEqual(instanceOf("a"))
    expect([...store.outcomes(3)]).toEqual(outcomes.slice(1))
    expect([...store.outcomes(4)]).toEqual(outcomes.slice(2))
    store.close()
  })

  test("forgets outcomes by whole chunks below an index, and timers that are cleared, also those set in the same flush", () => {
    const store = openers()()
    const outcomes = [chunkOf(1, 2), chunkOf(3, 4), chunkOf(5, 5)]
    store.flush(flushOf(5, { outcomes, timersSet: [timerOf("a", 1), timerOf("b", 2)] }))
    store.flush(
      flushOf(6, {
        outcomes: [chunkOf(6, 6)],
        forgetOutcomesBelow: 4,
        timersSet: [timerOf("c", 3)],
        timersCleared: ["a", "c", "never was"],
      }),
    )
    // The chunk of 3 still holds 4, which is remembered.
    expect([...store.outcomes()].map(({ firstIndex }) => firstIndex)).toEqual([3, 5, 6])
    expect(store.outcomesForgottenBelow()).toBe(4)
    expect(store.outcomesAt(2)).toBe(undefined)
    store.flush(flushOf(7, { outcomes: [chunkOf(7, 7)], forgetOutcomesBelow: 7 }))
    expect([...store.outcomes()].map(({ firstIndex }) => firstIndex)).toEqual([7])
    expect(store.timers().map(({ id }) => id)).toEqual(["b"])
    store.close()
  })

  test("tells outcomes in the order of the log, more than fit a page of reading", () => {
    const store = openers()()
    const many = Array.from({ length: 50 }, (_, at) => chunkOf(at * 10 + 1, at * 10 + 9))
    store.flush(flushOf(240, { outcomes: many.slice(0, 24) }))
    store.flush(flushOf(500, { outcomes: many.slice(24) }))
    expect([...store.outcomes()]).toEqual(many)
    store.close()
  })

  test("keeps outcomes as they were when their writer goes on to use the same buffer", () => {
    const store = openers()()
    const buffer = new TextEncoder().encode("__first__")
    store.flush(flushOf(1, { outcomes: [{ firstIndex: 1, lastIndex: 1, rows: buffer.subarray(2, 7) }] }))
    buffer.fill(0)
    expect([...store.outcomes()]).toEqual([chunkOf(1, 1, "first")])
    store.close()
  })

  test("lists keys in the order of their UTF-8 bytes, by prefix, page by page (H9)", () => {
    const open = openers()
    const store = open()
    const keys = ["", "%", "'", "_", "a", "a%", "a'; --", "aa", "ab", "b", "é", "\u{ffff}", "\u{10000}", "😀"]
    const instances = keys
      .slice(1)
      .toReversed()
      .map((key) => instanceOf(key))
    store.flush(flushOf(1, { instances: [...instances, instanceOf("a", { actor: "other" })] }))
    const list = (options: Partial<typeof everything>) =>
      store.list({ ...everything, ...options }).map(({ key }) => key)
    expect(list({})).toEqual(keys.slice(1))
    expect(list({ prefix: "a" })).toEqual(["a", "a%", "a'; --", "aa", "ab"])
    expect(list({ prefix: "a", after: "a%", limit: 2 })).toEqual(["a'; --", "aa"])
    expect(list({ prefix: "a", after: "ab" })).toEqual([])
    expect(list({ prefix: "b", after: "a" })).toEqual(["b"])
    expect(list({ prefix: "%" })).toEqual(["%"])
    expect(list({ prefix: "😀" })).toEqual(["😀"])
    expect(list({ prefix: "\u{ffff}" })).toEqual(["\u{ffff}"])
    expect(list({ limit: 0 })).toEqual([])
    expect(list({ actor: "nobody" })).toEqual([])
    for (const key of keys.slice(1)) expect(store.instance("counter", key)).toEqual(instanceOf(key))
    store.close()
  })

  test("keeps apart what only looks alike when joined", () => {
    const store = openers()()
    const pairs = [
      ["a", "b/c"],
      ["a/b", "c"],
      ["a\u0001b", "c"],
      ['a","b', "c"],
      ["a", 'b","c'],
    ] as const
    const instances = pairs.map(([actor, key], revision) => instanceOf(key, { actor, revision }))
    store.flush(flushOf(1, { instances }))
    for (const [at, [actor, key]] of pairs.entries()) expect(store.instance(actor, key)?.revision).toBe(at)
    store.close()
  })

  test("reads together what it reads alone, is flushed between, and is none the worse for a throw inside", () => {
    const store = openers()()
    const read = () => [store.instance("counter", "a"), store.outcomesAt(1), store.list(everything).length]
    for (let round = 1; round <= 3; round++) {
      const instances = [instanceOf("a", { revision: round }), instanceOf(`b${round}`)]
      store.flush(flushOf(round, { instances, outcomes: [chunkOf(round, round)] }))
      const alone = read()
      expect(alone).toEqual([instances[0], chunkOf(1, 1), round + 1])
      expect(store.readTogether(() => [read(), read()])).toEqual([alone, alone])
      const failing = () =>
        store.readTogether(() => {
          read()
          throw new Error("inside")
        })
      expect(failing).toThrow("inside")
      expect(read()).toEqual(alone)
    }
    store.close()
  })

  test("flushes in parts: what is read in between is as it was or as it will be, and after the last all is there", () => {
    const open = openers()
    const store = open()
    const many = (revision: number) =>
      Array.from({ length: 200 }, (_, at) => instanceOf(`k${at}`, { revision }))
    store.flush(flushOf(1, { instances: many(1), outcomes: [chunkOf(1, 1)] }))
    const given = { instances: many(2), outcomes: [chunkOf(2, 2), chunkOf(3, 3)] }
    const parts = store.flushInParts(flushOf(3, given))
    for (let part = parts.next(); part.done !== true; part = parts.next()) {
      const seen = store.readTogether(() => [
        store.instance("counter", "k199")?.revision,
        store.list(everything).length,
      ])
      expect([
        [1, 200],
        [2, 200],
      ]).toContainEqual(seen as Array<number>)
      expect([store.position().index, store.digest()]).toEqual([1, "digest 1"])
    }
    expect([store.position().index, store.instance("counter", "k0")?.revision]).toEqual([3, 2])
    store.close()
    const next = open()
    expect([next.position().index, [...next.outcomes()].length]).toEqual([3, 3])
    expect(next.instance("counter", "k199")).toEqual(given.instances[199])
  })

  test("whose flush was not gone on with holds nothing of it, and takes the next", () => {
    const open = openers()
    const store = open()
    store.flush(flushOf(1, { instances: [instanceOf("k0")] }))
    const instances = Array.from({ length: 200 }, (_, at) => instanceOf(`k${at}`, { revision: 2 }))
    const parts = store.flushInParts(flushOf(2, { instances, outcomes: [chunkOf(2, 2)] }))
    const isPaused = parts.next().done !== true
    parts.return()
    // Who has no pause has written it all.
    const revision = isPaused ? 1 : 2
    expect([store.position().index, store.instance("counter", "k0")?.revision]).toEqual([revision, revision])
    store.flush(flushOf(3, { instances: [instanceOf("k0", { revision: 3 })] }))
    store.close()
    const next = open()
    expect([next.position().index, next.instance("counter", "k0")?.revision]).toEqual([3, 3])
    expect(next.instance("counter", "k199")?.revision).toBe(isPaused ? undefined : 2)
  })

  test("is closed for good", () => {
    const store = openers()()
    store.close()
    expect(() => store.flush(flushOf(1))).toThrow(StateStoreFailed)
    expect(() => store.instance("counter", "a")).toThrow(StateStoreFailed)
  })
})

test("file and twin agree on any keys and any order of flushes", () => {
  const keys = fc.string({ unit: "binary", minLength: 1, maxLength: 6 }).filter((key) => !key.includes("\0"))
  const flushes = fc.array(fc.array(fc.tuple(keys, fc.nat()), { maxLength: 8 }), { maxLength: 6 })
  fc.assert(
    fc.property(flushes, keys, keys, (batches, prefix, after) => {
      const pair = [stores.memory!()(), stores.SQLite!()()] as const
      for (const [at, batch] of batches.entries()) {
        const instances = batch.map(([key, revision]) => instanceOf(key, { revision }))
        for (const store of pair) store.flush(flushOf(at + 1, { instances }))
      }
      for (const options of [{}, { prefix: [...prefix][0]! }, { after }, { after, limit: 3 }]) {
        const [expected, listed] = pair.map((store) => store.list({ ...everything, ...options }))
        expect(listed).toEqual(expected!)
      }
      for (const store of pair) store.close()
    }),
    { numRuns: 30 },
  )
})

describe("a state store that opens late", () => {
  const openLate = (path: string, awake = new Awake(few(2))) => openLateSqliteStateStore(path, initial, awake)

  test("makes no file and no directory before the first flush, and leaves none when it is closed or given up", () => {
    const directory = join(temporaryDirectory(), "groups", "a")
    const path = join(directory, "state.db")
    for (const end of ["close", "discard"] as const) {
      const store = openLate(path)
      store.readTogether(() => store.instance("counter", "a"))
      store[end]()
      expect(() => store.instance("counter", "a")).toThrow("closed")
      expect(() => store.flush(flushOf(1))).toThrow("closed")
      expect(existsSync(directory)).toBe(false)
    }
    const store = openLate(path)
    store.flush(flushOf(1))
    store.close()
    expect(existsSync(path)).toBe(true)
  })

  test("keeps a connection for those that were used last, and its place for all", () => {
    const awake = new Awake(few(2))
    const directory = temporaryDirectory()
    const paths = ["a", "b", "c"].map((name) => join(directory, name))
    const stores = paths.map((path) => openLate(path, awake))
    // SQLite takes its write-ahead log away when nobody has the file open.
    const open = () => paths.map((path) => existsSync(`${path}-wal`))
    for (const [at, store] of stores.entries()) store.flush(flushOf(at + 1, { instances: [instanceOf("k")] }))
    expect(open()).toEqual([false, true, true])
    expect(stores.map((store) => store.position().index)).toEqual([1, 2, 3])
    expect(stores.map((store) => store.digest())).toEqual(["digest 1", "digest 2", "digest 3"])
    expect(open()).toEqual([false, true, true])
    expect(stores[0]!.instance("counter", "k")).toEqual(instanceOf("k"))
    expect(open()[1]).toBe(false)
    for (const store of stores) store.close()
  })

  test("is read as it lies there when it is opened again, and has a connection when it is flushed", () => {
    const path = join(temporaryDirectory(), "state.db")
    const before = openLate(path)
    before.flush(flushOf(3, { instances: [instanceOf("k")], timersSet: [timerOf("t", 1)] }))
    before.close()
    const beside = () => ["-wal", "-shm"].some((end) => existsSync(path + end))
    const store = openLate(path)
    expect([store.position(), store.digest()]).toEqual([positionAt(3), "digest 3"])
    expect(store.instance("counter", "k")).toEqual(instanceOf("k"))
    expect(store.timers()).toEqual([timerOf("t", 1)])
    store.settle()
    expect(store.position()).toEqual(positionAt(3))
    expect(beside()).toBe(false)
    store.flush(flushOf(4, { instances: [instanceOf("l")] }))
    expect(beside()).toBe(true)
    store.settle()
    expect(store.list(everything).map(({ key }) => key)).toEqual(["k", "l"])
    store.close()
    const unsettled = openLate(path)
    for (const index of [5, 6]) unsettled.flush(flushOf(index))
    unsettled.close()
    expect(openLate(path).position()).toEqual(positionAt(6))
  })

  test("is opened when a process that died has left something in its write-ahead log", () => {
    const path = join(temporaryDirectory(), "state.db")
    const died = openLate(path)
    died.flush(flushOf(3, { instances: [instanceOf("k")] }))
    const copy = join(temporaryDirectory(), "state.db")
    for (const end of ["", "-wal"]) writeFileSync(copy + end, readFileSync(path + end))
    died.close()
    const store = openLate(copy)
    expect(store.position()).toEqual(positionAt(3))
    expect(store.instance("counter", "k")).toEqual(instanceOf("k"))
    store.settle()
    expect(existsSync(`${copy}-shm`)).toBe(true)
    store.close()
  })

  test("that is bad where it is read first is given up, and so is one that is bad where it begins (S5)", () => {
    const makeBad = (text: string): string => {
      const path = join(temporaryDirectory(), "state.db")
      const store = openLate(path)
      store.flush(flushOf(3, { instances: [instanceOf("k", { state: '{"marker":"statebytes"}' })] }))
      store.close()
      const bytes = readFileSync(path)
      bytes[bytes.indexOf(text)]! ^= 1
      writeFileSync(path, bytes)
      return path
    }
    const evidenceOf = (path: string) => existsSync(join(dirname(path), "evidence", "state.db"))
    const path = makeBad("statebytes")
    const store = openLate(path)
    expect(() => store.instance("counter", "k")).toThrow(StateCorrupt)
    store.discard()
    expect([existsSync(path), evidenceOf(path)]).toEqual([false, true])
    const other = makeBad("digest 3")
    expect(() => openLate(other)).toThrow("the position of the state has a bad checksum")
    expect([existsSync(other), evidenceOf(other)]).toEqual([false, true])
  })

  test("tells its own group, and no other, what went wrong when it was put to rest (S2)", () => {
    const awake = new Awake(few(1))
    const open = (path: string) => {
      const inner = openSqliteStateStore(path, initial)
      const rest = () => {
        inner.close()
        throw new StateStoreFailed("rest: the sync failed")
      }
      return Object.assign(inner, { rest })
    }
    const [bad, good] = ["a", "b"].map((name) => {
      const path = join(temporaryDirectory(), name)
      const place = { isThere: () => false, open: () => open(path), glance: () => null, discard: () => {} }
      return new LateStateStore(place, initial, awake)
    })
    bad!.flush(flushOf(1))
    good!.flush(flushOf(2))
    expect(good!.instance("counter", "a")).toBe(undefined)
    for (let times = 0; times < 2; times++) {
      expect(() => bad!.instance("counter", "a")).toThrow("rest: the sync failed")
    }
  })

  test("does not go on from another file than it has left", () => {
    const path = join(temporaryDirectory(), "state.db")
    const store = openLate(path)
    store.flush(flushOf(7))
    store.rest()
    rmSync(path)
    expect(store.position().index).toBe(7)
    expect(() => store.instance("counter", "a")).toThrow("the state was left at 7 and is at 0")
    expect(() => store.instance("counter", "a")).toThrow(StateCorrupt)
  })

  test("gives up the file that it has not open (S5)", () => {
    const path = join(temporaryDirectory(), "state.db")
    const store = openLate(path)
    store.flush(flushOf(7))
    store.rest()
    store.discard()
    expect(existsSync(path)).toBe(false)
    expect(existsSync(join(dirname(path), "evidence", "state.db"))).toBe(true)
    expect(openLate(path).position().index).toBe(0)
  })

  test("keeps as evidence what was found when it came back to it (S5)", () => {
    const path = join(temporaryDirectory(), "state.db")
    const store = openLate(path)
    store.flush(flushOf(7))
    store.rest()
    const bytes = readFileSync(path)
    bytes[bytes.indexOf("digest 7")]! ^= 1
    writeFileSync(path, bytes)
    expect(() => store.instance("counter", "a")).toThrow(StateCorrupt)
    store.discard()
    expect(readFileSync(join(dirname(path), "evidence", "state.db"))).toEqual(bytes)
  })
})

describe("a damaged state file", () => {
  const make = (): string => {
    const path = join(temporaryDirectory(), "state.db")
    const store = openSqliteStateStore(path, initial)
    store.flush(
      flushOf(3, {
        instances: [instanceOf("healthy"), instanceOf("broken", { state: '{"marker":"statebytes"}' })],
        outcomes: [chunkOf(1, 2, "healthy chunk"), chunkOf(3, 3, "outcomebytes")],
        timersSet: [{ ...timerOf("t", 1), input: '"timerbytes"' }],
      }),
    )
    store.close()
    return path
  }

  const flip = (path: string, text: string): void => {
    const bytes = readFileSync(path)
    bytes[bytes.indexOf(text)]! ^= 1
    writeFileSync(path, bytes)
  }

  test("is told by the row that is read, and by that row alone (S5)", () => {
    const path = make()
    for (const text of ["statebytes", "outcomebytes", "timerbytes"]) flip(path, text)
    const store = openSqliteStateStore(path, initial)
    expect(store.instance("counter", "healthy")).toEqual(instanceOf("healthy"))
    expect(() => store.instance("counter", "broken")).toThrow(StateCorrupt)
    expect(() => store.instance("counter", "broken")).toThrow(
      "the state of instance counter/broken has a bad checksum",
    )
    expect(store.outcomesAt(2)).toEqual(chunkOf(1, 2, "healthy chunk"))
    expect(() => store.outcomesAt(3)).toThrow("what became of entries 3 to 3 has a bad checksum")
    expect(() => [...store.outcomes()]).toThrow(StateCorrupt)
    expect(() => store.timers()).toThrow("timer t has a bad checksum")
    store.close()
  })

  test("with the state of another instance, and the hash of that state, is told by the head (S5)", () => {
    const path = make()
    const database = new Database(path)
    const other = (column: string) => `(SELECT ${column} FROM instances WHERE key = 'broken')`
    database.run(
      `UPDATE instances SET state = ${other("state")}, state_hash = ${other("state_hash")} WHERE key = 'healthy'`,
    )
    database.close()
    const store = openSqliteStateStore(path, initial)
    expect(() => store.instance("counter", "healthy")).toThrow("instance counter/healthy has a bad checksum")
    expect(() => store.list(everything)).toThrow(StateCorrupt)
    store.close()
  })

  test("does not open with a bad position", () => {
    const path = make()
    flip(path, "digest 3")
    expect(() => openSqliteStateStore(path, initial)).toThrow("the position of the state has a bad checksum")
  })

  test("that was noted as corrupt is given up when it is, and kept when its bad row was written anew (S5)", () => {
    const note = "found while a snapshot was made"
    const bad = make()
    flip(bad, "statebytes")
    writeFileSync(corruptNote(bad), note)
    openSqliteStateStore(bad, initial).close()
    expect(existsSync(join(dirname(bad), "evidence", "state.db"))).toBe(true)
    const empty = openSqliteStateStore(bad, initial)
    expect(empty.position().index).toBe(0)
    empty.close()

    const mended = make()
    flip(mended, "statebytes")
    const store = openSqliteStateStore(mended, initial)
    writeFileSync(corruptNote(mended), note)
    store.flush(flushOf(4, { instances: [instanceOf("broken")] }))
    store.close()
    const next = openSqliteStateStore(mended, initial)
    expect(next.position().index).toBe(4)
    expect(next.instance("counter", "broken")).toEqual(instanceOf("broken"))
    expect(existsSync(corruptNote(mended))).toBe(false)
    next.close()
  })

  test("of another format is never given up, whatever was noted of it (S12)", () => {
    const newer = make()
    const setFormat = (format: number) => {
      const database = new Database(newer)
      database.run(`PRAGMA user_version = ${format}`)
      database.close()
    }
    setFormat(9)
    writeFileSync(corruptNote(newer), "found while a snapshot was made")
    expect(() => openSqliteStateStore(newer, initial)).toThrow("format 9")
    setFormat(formatVersion)
    const store = openSqliteStateStore(newer, initial)
    expect(store.position().index).toBe(3)
    store.close()
  })

  test("stands in the evidence with its own write-ahead log, never with that of an earlier one (S5)", () => {
    const path = make()
    const giveUp = (hasReader: boolean) => {
      const store = openSqliteStateStore(path, initial)
      store.flush(flushOf(5, { instances: [instanceOf("a")] }))
      // While somebody else reads, the last one to write does not take its write-ahead log away.
      const reader = new Database(path)
      reader.query("SELECT count(*) FROM position").get()
      if (!hasReader) reader.close()
      store.discard()
      if (hasReader) reader.close()
      return existsSync(join(dirname(path), "evidence", "state.db-wal"))
    }
    expect(giveUp(true)).toBe(true)
    expect(giveUp(false)).toBe(false)
  })

  test("that is no database is corrupt, and one of another format is refused (S12)", () => {
    const path = join(temporaryDirectory(), "state.db")
    writeFileSync(path, "not a database at all, but longer than the header of one. ".repeat(50))
    expect(() => openSqliteStateStore(path, initial)).toThrow(StateCorrupt)
    const newer = make()
    const database = new Database(newer)
    database.run("PRAGMA user_version = 9")
    database.close()
    expect(() => openSqliteStateStore(newer, initial)).toThrow("format 9")
  })
})
