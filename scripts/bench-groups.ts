// What does the log cost when many groups share it?
//
//   bun scripts/bench-groups.ts [--quick]
//
// It does not measure: consensus, state machines, the network, a disk under other load.

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import type { Configuration } from "../src/consensus/types.ts"
import { openDataDirectory } from "../src/storage/DataDirectory.ts"
import { LogFile } from "../src/storage/LogFile.ts"
import { type GroupWrite, LogStore } from "../src/storage/LogStore.ts"
import { openLogThread } from "../src/storage/LogThread.ts"
import { openLogDirectory } from "../src/storage/logDirectory.ts"
import { layerSqlite } from "../src/storage/logStoreSqlite.ts"

const quick = process.argv.includes("--quick")
const rounds = quick ? 30 : 300
const initial: Configuration = {
  voters: ["n1", "n2", "n3"],
  outgoing: [],
  learners: [],
  learnersNext: [],
  addresses: {},
}

const loadOptions = (group: string) => ({
  group,
  initial,
  stateIndex: 0,
  stateTerm: 0,
  stateConfiguration: initial,
  tailBytesMax: 1_000_000,
})

const writeOf = (group: string, index: number): GroupWrite => ({
  group,
  write: {
    sequence: index,
    hardState: null,
    install: null,
    truncateFrom: null,
    entries: [
      { index, term: 1, time: 1_700_000_000_000, kind: "command", data: new Uint8Array(128), origin: null },
    ],
    standing: null,
  },
})

const namesOf = (count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, at) => `group-${at + 1}`)

const inDirectory = async <A>(body: (directory: string) => Promise<A>): Promise<A> => {
  const directory = mkdtempSync(join(tmpdir(), "raftlet-bench-"))
  try {
    return await body(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const held = (directory: string) => openDataDirectory({ directory, clusterId: "bench", nodeId: "n1" })

const quantile = (values: ReadonlyArray<number>, part: number): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length * part)] ?? 0

type Write = (batch: ReadonlyArray<GroupWrite>) => Effect.Effect<void, unknown>

/** A round for each in turn, so that what else the machine does hits both: milliseconds until all are durable. */
const timed = (count: number, ways: ReadonlyArray<Write>) =>
  Effect.gen(function* () {
    const millis = ways.map((): Array<number> => [])
    for (let index = 1; index <= rounds; index++) {
      for (const [way, write] of ways.entries()) {
        const writes = namesOf(count).map((group) => write([writeOf(group, index)]))
        const begun = performance.now()
        yield* Effect.all(writes, { concurrency: "unbounded", discard: true })
        millis[way]!.push(performance.now() - begun)
        yield* Effect.yieldNow
      }
    }
    return millis
  })

const benchRounds = async (): Promise<void> => {
  console.log("every group writes one entry of 128 bytes, ms until all are durable")
  console.log("groups     gathered p50      p99        apart p50      p99")
  for (const count of [1, 10, 100]) {
    const millis = await inDirectory((first) =>
      inDirectory((second) =>
        Effect.gen(function* () {
          const layer = layerSqlite(yield* held(first))
          const { identity } = yield* held(second)
          const { call } = yield* openLogThread()
          yield* call("open", second, identity, null)
          return yield* Effect.gen(function* () {
            const log = yield* LogStore
            for (const group of namesOf(count)) {
              yield* log.load(loadOptions(group))
              yield* call("load", loadOptions(group))
            }
            return yield* timed(count, [log.write, (batch) => call("write", batch)])
          }).pipe(Effect.provide(layer))
        }).pipe(Effect.scoped, Effect.runPromise),
      ),
    )
    const shown = millis.map((each) =>
      [0.5, 0.99].map((part) => quantile(each, part).toFixed(2).padStart(9)).join(""),
    )
    console.log(`${String(count).padStart(6)}         ${shown.join("        ")}`)
  }
}

const benchMany = (count: number) =>
  inDirectory(async (directory) => {
    const { identity } = await held(directory).pipe(Effect.scoped, Effect.runPromise)
    const open = () => LogFile.open(openLogDirectory(directory, identity))
    const names = namesOf(count)
    const first = open()
    let begun = performance.now()
    for (const group of names) first.load(loadOptions(group))
    console.log(`\n${count} groups made: ${(performance.now() - begun).toFixed(0)} ms`)
    for (let index = 1; index <= 10; index++) first.write(names.map((group) => writeOf(group, index)))
    const one: Array<number> = []
    for (let index = 11; index <= 10 + rounds; index++) {
      begun = performance.now()
      first.write([writeOf("group-1", index)])
      one.push(performance.now() - begun)
      first.relieve()
    }
    console.log(`one group's commit beside the others: p50 ${quantile(one, 0.5).toFixed(2)} ms`)
    first.close()
    Bun.gc(true)
    const before = process.memoryUsage().rss
    begun = performance.now()
    const second = open()
    const opened = performance.now() - begun
    begun = performance.now()
    for (const group of names) second.load(loadOptions(group))
    const loaded = performance.now() - begun
    Bun.gc(true)
    const grown = process.memoryUsage().rss - before
    console.log(`opened again: ${opened.toFixed(0)} ms, all loaded: ${loaded.toFixed(0)} ms`)
    console.log(`memory: ${(grown / 1_024 / count).toFixed(1)} KiB a group`)
    begun = performance.now()
    second.idle()
    console.log(`a second's look around: ${(performance.now() - begun).toFixed(1)} ms`)
    second.close()
    await Effect.gen(function* () {
      const layer = layerSqlite(yield* held(directory))
      yield* Effect.gen(function* () {
        const log = yield* LogStore
        begun = performance.now()
        for (const group of names) yield* log.load(loadOptions(group))
        console.log(
          `all loaded one after the other through the thread: ${(performance.now() - begun).toFixed(0)} ms`,
        )
        begun = performance.now()
        for (const group of names) yield* log.forget(group)
        console.log(`all forgotten: ${(performance.now() - begun).toFixed(0)} ms`)
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.scoped, Effect.runPromise)
  })

await benchRounds()
await benchMany(1_000)
