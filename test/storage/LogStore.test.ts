// What does every log promise, on a disk or in memory? One suite, run against all layers of LogStore.

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Exit } from "effect"
import { encodeConfiguration } from "../../src/consensus/configuration.ts"
import { BrokenCode } from "../../src/storage/assert.ts"
import { type LoadedGroup, LogStore } from "../../src/storage/LogStore.ts"
import { layerMemory } from "../../src/storage/logStoreMemory.ts"
import { layerSqlite, layerSqliteInThread } from "../../src/storage/logStoreSqlite.ts"
import { MemoryDisk } from "../../src/storage/MemoryDisk.ts"
import {
  configurationOf,
  entriesOf,
  entryOf,
  identity,
  initial,
  type LogService,
  loadMain,
  plain,
  removeTemporaryDirectories,
  runInDirectory,
  runOn,
  slowDisk,
  temporaryDirectory,
  writeMain,
  writeOf,
} from "./support.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

/** A node with a disk: every call of it is one run, so two calls are a restart. */
type Node = <A, E>(body: (log: LogService) => Effect.Effect<A, E>) => Promise<A>

const nodes: Readonly<Record<string, () => Node>> = {
  memory: () => {
    const disk = new MemoryDisk(identity)
    return (body) => Effect.runPromise(Effect.flatMap(LogStore, body).pipe(Effect.provide(layerMemory(disk))))
  },
  "a simulated disk": () => {
    const { world, disk } = slowDisk()
    return async (body) =>
      runOn(world, Effect.flatMap(LogStore, body).pipe(Effect.provide(disk.layers("main", initial).log)))
  },
  "SQLite in this thread": () => {
    const directory = temporaryDirectory()
    return (body) => runInDirectory(directory, body, layerSqliteInThread)
  },
  "SQLite in its own thread": () => {
    const directory = temporaryDirectory()
    return (body) => runInDirectory(directory, body, layerSqlite)
  },
}

afterEach(removeTemporaryDirectories)

/** The loaded group without its tail's bytes, which are compared apart. */
const shape = (log: LogService, options?: Parameters<typeof loadMain>[1]) =>
  Effect.map(loadMain(log, options), ({ tail, ...rest }) => ({
    ...rest,
    tail: indexesOf(tail),
  }))

const dies = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.exit(effect), (exit) => {
    expect(
      Exit.isFailure(exit) &&
        exit.cause.reasons.some((reason) => reason._tag === "Die" && reason.defect instanceof BrokenCode),
    ).toBe(true)
  })

const tenOfTwoTerms = [...entriesOf(1, 6, 1), ...entriesOf(7, 10, 3)]
const empty = {
  hardState: { term: 0, votedFor: null },
  base: { index: 0, term: 0 },
  baseConfiguration: initial,
  lastIndex: 0,
  terms: [],
  configurations: [],
  tail: [],
  standing: "whole",
  suspicion: "",
  pendingInstall: null,
} as const

describe.each(Object.keys(nodes))("a log: %s", (name) => {
  const node = (): Node => nodes[name]!()

  test("a group that never was begins empty and whole, with the initial configuration", async () => {
    expect(await node()(shape)).toEqual(empty)
  })

  test("term, vote and entries of one write are there together after a restart (E2, S1)", async () => {
    const run = node()
    await run((log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        yield* writeMain(log, { hardState: { term: 3, votedFor: "n2" }, entries: tenOfTwoTerms })
      }),
    )
    expect(await run(shape)).toEqual({
      ...empty,
      hardState: { term: 3, votedFor: "n2" },
      lastIndex: 10,
      terms: [
        { term: 1, firstIndex: 1 },
        { term: 3, firstIndex: 7 },
      ],
      tail: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    })
    expect(plain(await run((log) => Effect.flatMap(loadMain(log), () => readAll(log, 1, 10))))).toEqual(
      plain(tenOfTwoTerms),
    )
  })

  test("who waits for an entry is neither stored nor changed", async () => {
    const origin = {}
    const waiting = { ...entryOf(1, 1), origin }
    const read = await node()((log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        yield* writeMain(log, { entries: [waiting] })
        return yield* readAll(log, 1, 1)
      }),
    )
    expect(waiting.origin).toBe(origin)
    expect(read[0]!.origin).toBe(null)
  })

  test("entries of every kind come back byte for byte, also empty and large ones", async () => {
    const large = new Uint8Array(1_048_576).map((_, index) => index * 7)
    const entries = [
      { ...entryOf(1, 1), kind: "noop" as const, data: new Uint8Array() },
      { ...entryOf(2, 1), data: large },
      { ...entryOf(3, 2), kind: "configuration" as const, data: encodeConfiguration(configurationOf("x")) },
    ]
    const run = node()
    await run((log) => Effect.andThen(loadMain(log), writeMain(log, { entries })))
    const read = await run((log) => Effect.andThen(loadMain(log), readAll(log, 1, 3)))
    expect(read.map(({ kind }) => kind)).toEqual(["noop", "command", "configuration"])
    expect(read.every(({ data }, index) => Buffer.from(data).equals(entries[index]!.data))).toBe(true)
  })

  test("a conflict is cut and the new suffix appended in one write (S8, §5.3)", async () => {
    const run = node()
    await run((log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        yield* writeMain(log, { entries: tenOfTwoTerms })
        yield* writeMain(log, { truncateFrom: 5, entries: entriesOf(5, 6, 4, "new") })
      }),
    )
    const loaded = await run((log) => loadMain(log))
    expect(plain(loaded.tail)).toEqual(plain([...entriesOf(1, 4, 1), ...entriesOf(5, 6, 4, "new")]))
    expect(loaded.terms).toEqual([
      { term: 1, firstIndex: 1 },
      { term: 4, firstIndex: 5 },
    ])
    expect(loaded.standing).toBe("whole")
  })

  test("a log can be cut back to its base, and cutting behind its end changes nothing", async () => {
    const run = node()
    await run((log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        yield* writeMain(log, { entries: entriesOf(1, 3, 1) })
        yield* writeMain(log, { truncateFrom: 4 })
        expect((yield* readAll(log, 1, 3)).length).toBe(3)
        yield* writeMain(log, { truncateFrom: 1 })
        yield* writeMain(log, { entries: [entryOf(1, 2)] })
      }),
    )
    expect((await run((log) => loadMain(log))).terms).toEqual([{ term: 2, firstIndex: 1 }])
  })

  test("configuration entries are told with their index, also those before the tail (M2, M3)", async () => {
    const run = node()
    const [second, third] = [configurationOf("n1"), configurationOf("n1", "n4")]
    await run((log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        yield* writeMain(log, {
          entries: [
            entryOf(1, 1),
            { ...entryOf(2, 1), kind: "configuration", data: encodeConfiguration(second) },
            ...entriesOf(3, 8, 1),
            { ...entryOf(9, 1), kind: "configuration", data: encodeConfiguration(third) },
          ],
        })
        yield* writeMain(log, { truncateFrom: 9, entries: [entryOf(9, 2)] })
      }),
    )
    const loaded = await run((log) => loadMain(log, { tailBytesMax: 100 }))
    expect(loaded.configurations).toEqual([{ index: 2, configuration: second }])
    expect(loaded.tail.map(({ index }) => index)).toEqual([8, 9])
  })

  test("the tail is as much of the end as fits the limit; nothing when not even the last entry fits", async () => {
    const run = node()
    await run((log) =>
      Effect.andThen(loadMain(log), writeMain(log, { entries: entriesOf(1, 5, 1, "x".repeat(971)) })),
    )
    for (const [bytes, indexes] of [
      [0, []],
      [999, []],
      [1_000, [5]],
      [2_999, [4, 5]],
      [5_000, [1, 2, 3, 4, 5]],
    ] as const) {
      const { tail } = await run((log) => loadMain(log, { tailBytesMax: bytes }))
      expect(tail.map(({ index }) => index)).toEqual([...indexes])
    }
  })

  test("a read gives at least one entry, then what fits, and says what is compacted (S14)", async () => {
    await node()((log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        yield* writeMain(log, { entries: tenOfTwoTerms })
        const read = (from: number, to: number, bytesMax: number) =>
          Effect.map(log.read({ group: "main", from, to, bytesMax }), (entries) =>
            entries.map(({ index }) => index),
          )
        expect(yield* read(2, 9, 0)).toEqual([2])
        expect(yield* read(2, 9, 80)).toEqual([2, 3])
        expect(yield* read(2, 9, 1_000_000)).toEqual([2, 3, 4, 5, 6, 7, 8, 9])
        yield* log.compact({ group: "main", through: { index: 4, term: 1 }, configuration: initial })
        expect(yield* Effect.flip(read(4, 9, 1_000))).toMatchObject({
          _tag: "Compacted",
          index: 4,
          baseIndex: 4,
        })
        expect(yield* read(5, 10, 1_000_000)).toEqual([5, 6, 7, 8, 9, 10])
        yield* dies(read(9, 11, 1_000))
        yield* dies(read(9, 8, 1_000))
      }),
    )
  })

  test("a compaction moves the base and its configuration, and the log goes on behind it (S14)", async () => {
    const run = node()
    const later = configurationOf("n1", "n2")
    const through = { index: 8, term: 3 }
    await run((log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        yield* writeMain(log, { entries: tenOfTwoTerms })
        yield* log.compact({ group: "main", through, configuration: later })
        yield* log.compact({ group: "main", through: { index: 3, term: 1 }, configuration: initial })
        yield* writeMain(log, { entries: [entryOf(11, 3)] })
      }),
    )
    expect(await run((log) => shape(log, { stateIndex: 8, stateTerm: 3 }))).toEqual({
      ...empty,
      base: through,
      baseConfiguration: later,
      lastIndex: 11,
      terms: [{ term: 3, firstIndex: 9 }],
      tail: [9, 10, 11],
    })
  })

  test("a log compacted to its very end goes on behind it", async () => {
    const run = node()
    await run((log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        yield* writeMain(log, { entries: tenOfTwoTerms })
        yield* log.compact({ group: "main", through: { index: 10, term: 3 }, configuration: initial })
        yield* writeMain(log, { entries: [entryOf(11, 4)] })
      }),
    )
    const loaded = await run((log) => loadMain(log, { stateIndex: 10, stateTerm: 3 }))
    expect(plain(loaded.tail)).toEqual(plain([entryOf(11, 4)]))
    expect(loaded.standing).toBe("whole")
  })

  test("a compaction beyond the end, or of another term, is refused and changes nothing", async () => {
    await node()((log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        yield* writeMain(log, { entries: tenOfTwoTerms })
        yield* dies(log.compact({ group: "main", through: { index: 11, term: 3 }, configuration: initial }))
        yield* dies(log.compact({ group: "main", through: { index: 6, term: 3 }, configuration: initial }))
        expect((yield* readAll(log, 1, 10)).length).toBe(10)
      }),
    )
  })

  test("an install empties the log in the same write that begins it anew (N3, N4)", async () => {
    const run = node()
    const [snapshotted, index] = [configurationOf("n2", "n3"), 7]
    await run((log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        yield* writeMain(log, { hardState: { term: 3, votedFor: null }, entries: tenOfTwoTerms })
        yield* writeMain(log, {
          install: { index, term: 5, configuration: snapshotted, snapshotId: "image" },
          hardState: { term: 5, votedFor: null },
          entries: entriesOf(8, 9, 5),
        })
      }),
    )
    const expected = {
      ...empty,
      hardState: { term: 5, votedFor: null },
      base: { index, term: 5 },
      baseConfiguration: snapshotted,
      lastIndex: 9,
      terms: [{ term: 5, firstIndex: 8 }],
      tail: [8, 9],
      pendingInstall: { snapshotId: "image", index },
    }
    // Before the image is in place the state is behind the log, and that is no loss.
    expect(await run(shape)).toEqual(expected)
    expect(await run((log) => shape(log, { stateIndex: index, stateTerm: 5 }))).toEqual(expected)
    await run((log) =>
      Effect.andThen(loadMain(log, { stateIndex: index, stateTerm: 5 }), log.installed("main")),
    )
    expect(await run((log) => shape(log, { stateIndex: index, stateTerm: 5 }))).toEqual({
      ...expected,
      pendingInstall: null,
    })
  })

  test("one batch carries writes of several groups, and several of one group in order", async () => {
    const run = node()
    await run((log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        yield* loadMain(log, { group: "other" })
        yield* log.write([
          { group: "main", write: writeOf({ entries: entriesOf(1, 3, 1) }) },
          { group: "other", write: writeOf({ entries: entriesOf(1, 2, 7, "other") }) },
          { group: "main", write: writeOf({ truncateFrom: 3, entries: entriesOf(3, 4, 2) }) },
        ])
      }),
    )
    await run((log) =>
      Effect.gen(function* () {
        expect((yield* loadMain(log)).terms).toEqual([
          { term: 1, firstIndex: 1 },
          { term: 2, firstIndex: 3 },
        ])
        expect(plain((yield* loadMain(log, { group: "other" })).tail)).toEqual(
          plain(entriesOf(1, 2, 7, "other")),
        )
      }),
    )
  })

  test("writes that are under way together keep their order", async () => {
    const run = node()
    await run((log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        const writes = Array.from({ length: 20 }, (_, at) =>
          writeMain(log, { entries: [entryOf(at + 1, 1)] }),
        )
        yield* Effect.all(writes, { concurrency: "unbounded" })
      }),
    )
    expect((await run((log) => loadMain(log))).tail.map(({ index }) => index)).toEqual(
      Array.from({ length: 20 }, (_, at) => at + 1),
    )
  })

  test("writes of many groups that are asked for at once share their commits", async () => {
    const run = node()
    const groups = Array.from({ length: 30 }, (_, at) => `group-${at}`)
    await run((log) =>
      Effect.gen(function* () {
        for (const group of groups) yield* loadMain(log, { group })
        const before = log.sequence()
        const writes = groups.map((group) =>
          log.write([{ group, write: writeOf({ entries: [entryOf(1, 1, group)] }) }]),
        )
        yield* Effect.all(writes, { concurrency: "unbounded" })
        // On the caller's own thread each is written before the next is asked for.
        expect(log.sequence() - before).toBe(name === "SQLite in this thread" ? groups.length : 2)
      }),
    )
    await run((log) =>
      Effect.forEach(groups, (group) =>
        Effect.map(loadMain(log, { group }), ({ tail }) =>
          expect(plain(tail)).toEqual(plain([entryOf(1, 1, group)])),
        ),
      ),
    )
  })

  test("a write that cannot follow is refused as a whole, with all of its batch (R3)", async () => {
    const run = node()
    const impossible = [
      writeOf({ entries: [entryOf(5, 1)] }),
      writeOf({ entries: [entryOf(3, 1)] }),
      writeOf({ entries: [entryOf(4, 0)] }),
      writeOf({ truncateFrom: 0 }),
      writeOf({ hardState: { term: 1, votedFor: "n3" } }),
    ]
    await run((log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        yield* loadMain(log, { group: "other" })
        yield* writeMain(log, { hardState: { term: 2, votedFor: "n2" }, entries: entriesOf(1, 3, 1) })
        for (const write of impossible) {
          const good = writeOf({ entries: [entryOf(1, 1)] })
          yield* dies(
            log.write([
              { group: "other", write: good },
              { group: "main", write },
            ]),
          )
        }
        yield* dies(log.write([{ group: "unknown", write: writeOf({}) }]))
        yield* log.write([{ group: "other", write: writeOf({ entries: [entryOf(1, 9)] }) }])
      }),
    )
    const loaded = await run((log) => loadMain(log))
    expect(loaded.hardState).toEqual({ term: 2, votedFor: "n2" })
    expect(loaded.lastIndex).toBe(3)
    expect((await run((log) => loadMain(log, { group: "other" }))).terms).toEqual([
      { term: 9, firstIndex: 1 },
    ])
  })

  test("its commits are counted on over restarts, and from beyond what others know of it (S6)", async () => {
    const at = node()
    const first = await at((log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        const before = log.sequence()
        yield* writeMain(log, { hardState: { term: 1, votedFor: null } })
        expect(log.sequence()).toBe(before + 1)
        return log.sequence()
      }),
    )
    await at((log) =>
      Effect.gen(function* () {
        expect(log.sequence()).toBe(first)
        yield* log.outrun(first + 100)
        expect(log.sequence()).toBe(first + 101)
        yield* log.outrun(first)
        expect(log.sequence()).toBe(first + 101)
      }),
    )
    await at((log) => Effect.sync(() => expect(log.sequence()).toBe(first + 101)))
  })

  test("an empty batch is durable nothing", async () => {
    await node()((log) => Effect.andThen(loadMain(log), log.write([])))
  })

  test("a log that ends before its state has lost something: suspect, begun anew at the state (S4)", async () => {
    const run = node()
    const stateConfiguration = configurationOf("n1", "n9")
    await run((log) =>
      Effect.andThen(
        loadMain(log),
        writeMain(log, { hardState: { term: 4, votedFor: "n1" }, entries: entriesOf(1, 5, 1) }),
      ),
    )
    const at = { stateIndex: 8, stateTerm: 2, stateConfiguration }
    const loaded = await run((log) => shape(log, at))
    expect(loaded).toEqual({
      ...empty,
      hardState: { term: 4, votedFor: "n1" },
      base: { index: 8, term: 2 },
      baseConfiguration: stateConfiguration,
      lastIndex: 8,
      standing: "suspect",
      suspicion: "the log ends at 5, the state has come to 8",
    })
    // Suspicion is durable, and the log takes new entries while it lasts.
    await run((log) => Effect.andThen(loadMain(log, at), writeMain(log, { entries: [entryOf(9, 4)] })))
    expect((await run((log) => loadMain(log, at))).standing).toBe("suspect")
    await run((log) => Effect.andThen(loadMain(log, at), writeMain(log, { standing: "whole" })))
    expect(await run((log) => shape(log, at))).toMatchObject({ standing: "whole", lastIndex: 9, tail: [9] })
  })

  const cutAtSix = async () => {
    const run = node()
    await run((log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        yield* writeMain(log, { entries: tenOfTwoTerms })
        yield* log.compact({ group: "main", through: { index: 6, term: 1 }, configuration: initial })
      }),
    )
    return run
  }

  test("a log that contradicts its state is suspect (S4)", async () => {
    const run = await cutAtSix()
    expect(await run((log) => shape(log, { stateIndex: 9, stateTerm: 2 }))).toMatchObject({
      base: { index: 9, term: 2 },
      lastIndex: 9,
      tail: [],
      standing: "suspect",
      suspicion: "the log holds term 3 at 9, the state applied term 2",
    })
  })

  test("a log that begins behind its state, or has none, is as good as before (S4)", async () => {
    for (const [stateIndex, stateTerm] of [
      [3, 1],
      [0, 0],
    ] as const) {
      const run = await cutAtSix()
      expect(await run((log) => shape(log, { stateIndex, stateTerm }))).toMatchObject({
        base: { index: 6, term: 1 },
        lastIndex: 10,
        tail: [7, 8, 9, 10],
        standing: "whole",
        suspicion: "",
      })
    }
  })

  test("a group that is gone while its state is not, is suspect (S6)", async () => {
    const loaded = await node()((log) => loadMain(log, { stateIndex: 5, stateTerm: 2 }))
    expect(loaded).toMatchObject({ base: { index: 5, term: 2 }, lastIndex: 5, standing: "suspect" })
  })

  test("standing is written with the entries that restore it", async () => {
    const run = node()
    await run((log) => Effect.andThen(loadMain(log), writeMain(log, { standing: "suspect" })))
    expect((await run((log) => loadMain(log))).standing).toBe("suspect")
    await run((log) =>
      Effect.andThen(loadMain(log), writeMain(log, { entries: [entryOf(1, 1)], standing: "whole" })),
    )
    expect(await run(shape)).toMatchObject({ standing: "whole", suspicion: "", lastIndex: 1 })
  })

  test("a group that is forgotten is gone, and one of its name has promised nothing", async () => {
    const run = node()
    const other = { group: "other" }
    await run((log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        yield* loadMain(log, other)
        yield* loadMain(log, { group: "third" })
        yield* writeMain(log, { hardState: { term: 2, votedFor: "n1" }, entries: tenOfTwoTerms })
        const entries = entriesOf(1, 6_000, 7)
        const write = writeOf({ hardState: { term: 7, votedFor: "n3" }, entries })
        yield* log.write([{ group: "other", write }])
        yield* log.compact({ group: "other", through: { index: 9, term: 7 }, configuration: initial })
        yield* log.forget("other")
        yield* dies(
          log.write([{ group: "other", write: writeOf({ hardState: { term: 8, votedFor: null } }) }]),
        )
        yield* dies(log.read({ group: "other", from: 10, to: 12, bytesMax: 100 }))
      }),
    )
    await run((log) =>
      Effect.gen(function* () {
        expect(yield* shape(log, other)).toEqual(empty)
        yield* log.write([{ group: "other", write: writeOf({ entries: [entryOf(1, 1)] }) }])
        // Again, and once more although it is gone; and in the same breath another one of its name.
        yield* log.forget("other")
        yield* log.forget("other")
        expect(yield* shape(log, other)).toEqual(empty)
        yield* log.write([{ group: "other", write: writeOf({ entries: entriesOf(1, 2, 3) }) }])
      }),
    )
    await run((log) =>
      Effect.gen(function* () {
        expect(yield* shape(log, other)).toMatchObject({ lastIndex: 2, standing: "whole", tail: [1, 2] })
        expect(yield* shape(log, { group: "third" })).toEqual(empty)
        expect(yield* shape(log)).toMatchObject({
          hardState: { term: 2, votedFor: "n1" },
          lastIndex: 10,
          standing: "whole",
        })
      }),
    )
  })

  test("the first incarnation of a peer is kept for ever (S6, M10)", async () => {
    const run = node()
    const remember = (peer: string, incarnation: string) =>
      run((log) => log.rememberIncarnation(peer, incarnation))
    expect(await remember("n2", "a")).toBe("known")
    expect(await remember("n2", "a")).toBe("known")
    expect(await remember("n2", "b")).toBe("another")
    expect(await remember("n3", "b")).toBe("known")
    expect(await remember("n2", "a")).toBe("known")
  })
})

const indexesOf = (entries: LoadedGroup["tail"]): ReadonlyArray<number> => entries.map(({ index }) => index)

const readAll = (log: LogService, from: number, to: number) =>
  log.read({ group: "main", from, to, bytesMax: Number.MAX_SAFE_INTEGER })
