// What does the storage cost on this machine, and what does it cost the thread that must send heartbeats?
//
//   bun scripts/bench-storage.ts [--quick]
//
// It does not measure: a disk under other load, a disk that hangs, state machines, the network.

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, type Layer } from "effect"
import type { Configuration, Entry, Write } from "../src/consensus/types.ts"
import { type DataDirectory, openDataDirectory } from "../src/storage/DataDirectory.ts"
import { LogFile } from "../src/storage/LogFile.ts"
import {
  type DataDirectoryRefused,
  type GroupWrite,
  LogStore,
  type StorageFailed,
} from "../src/storage/LogStore.ts"
import { openLogDirectory } from "../src/storage/logDirectory.ts"
import { packBatch } from "../src/storage/logProtocol.ts"
import { layerSqlite, layerSqliteInThread } from "../src/storage/logStoreSqlite.ts"
import { SnapshotStore } from "../src/storage/SnapshotStore.ts"
import { layerSqlite as layerSnapshots } from "../src/storage/snapshotStoreSqlite.ts"
import { openSqliteStateStore } from "../src/storage/stateStoreSqlite.ts"

const quick = process.argv.includes("--quick")
const initial: Configuration = { voters: ["n1"], outgoing: [], learners: [], learnersNext: [], addresses: {} }

const entriesOf = (from: number, count: number, bytes: number): ReadonlyArray<Entry> =>
  Array.from({ length: count }, (_, at) => ({
    index: from + at,
    term: 1,
    time: 1_700_000_000_000,
    kind: "command",
    data: new Uint8Array(bytes).fill(at),
    origin: null,
  }))

const batchOf = (entries: ReadonlyArray<Entry>): ReadonlyArray<GroupWrite> => {
  const write: Write = {
    sequence: 1,
    hardState: null,
    install: null,
    truncateFrom: null,
    entries,
    standing: null,
  }
  return [{ group: "main", write }]
}

const loadOptions = {
  group: "main",
  initial,
  stateIndex: 0,
  stateTerm: 0,
  stateConfiguration: initial,
  tailBytesMax: 1_000_000,
}

/** Milliseconds, two digits behind the point. */
const shown = (millis: number): string => millis.toFixed(2).padStart(9)

const quantile = (sorted: ReadonlyArray<number>, part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0

/** The longest time in which this thread could not have sent a heartbeat while `work` ran. */
const stallDuring = async <A>(
  work: Effect.Effect<A, unknown>,
): Promise<{ readonly result: A; readonly stallMillis: number }> => {
  let last = performance.now()
  let stallMillis = 0
  const timer = setInterval(() => {
    const now = performance.now()
    stallMillis = Math.max(stallMillis, now - last - 1)
    last = now
  }, 1)
  const result = await Effect.runPromise(work)
  clearInterval(timer)
  return { result, stallMillis: Math.max(stallMillis, performance.now() - last - 1) }
}

const inDirectory = async <A>(body: (directory: DataDirectory) => Effect.Effect<A, unknown>): Promise<A> => {
  const directory = mkdtempSync(join(tmpdir(), "raftlet-bench-"))
  try {
    return await openDataDirectory({ directory, clusterId: "bench", nodeId: "n1" }).pipe(
      Effect.flatMap(body),
      Effect.scoped,
      Effect.runPromise,
    )
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const layers: Readonly<
  Record<string, (directory: DataDirectory) => Layer.Layer<LogStore, StorageFailed | DataDirectoryRefused>>
> = { "this thread": layerSqliteInThread, "own thread": layerSqlite }

const benchCommits = async (): Promise<void> => {
  console.log("commits of rows of 128 bytes, ms: one under way, then two; worst stall of the main loop")
  console.log("                 rows      mean       p50       p99       max   two/mean     stall")
  for (const [name, layer] of Object.entries(layers)) {
    for (const rows of [1, 16, 128, 1_024]) {
      const commits = (rows > 500 ? 300 : 1_500) / (quick ? 10 : 1)
      const measured = await inDirectory((directory) =>
        Effect.gen(function* () {
          const log = yield* LogStore
          yield* log.load(loadOptions)
          let next = 1
          const commit = Effect.suspend(() => {
            const entries = entriesOf(next, rows, 128)
            next += rows
            return log.write(batchOf(entries))
          })
          for (let at = 0; at < 20; at++) yield* commit
          const millis: Array<number> = []
          const one = Effect.gen(function* () {
            for (let at = 0; at < commits; at++) {
              const begun = performance.now()
              yield* commit
              millis.push(performance.now() - begun)
              // As a node does between two turns: timers and sockets get their chance.
              yield* Effect.yieldNow
            }
          })
          const { stallMillis } = yield* Effect.promise(() => stallDuring(one))
          const begun = performance.now()
          yield* Effect.forEach(Array.from({ length: commits }), () => commit, {
            concurrency: 2,
            discard: true,
          })
          return { millis, stallMillis, two: (performance.now() - begun) / commits }
        }).pipe(Effect.provide(layer(directory))),
      )
      const sorted = measured.millis.toSorted((left, right) => left - right)
      const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length
      const figures = [mean, quantile(sorted, 0.5), quantile(sorted, 0.99), sorted.at(-1) ?? 0, measured.two]
      const row = [...figures, measured.stallMillis].map(shown).join(" ")
      console.log(`${name.padEnd(14)} ${String(rows).padStart(6)} ${row}`)
    }
  }
}

/** What the main thread pays to hand a batch over, by the two ways there are. */
const benchHandOver = async (): Promise<void> => {
  console.log("\nhanding 128 entries of 200 bytes to another thread and hearing back, µs per batch")
  const worker = new Worker(URL.createObjectURL(new Blob(["onmessage = () => postMessage(1)"])))
  const batch = batchOf(entriesOf(1, 128, 200))
  const packed = (): void => {
    const { counted, entries } = packBatch(batch)
    worker.postMessage({ counted, entries }, [entries.buffer])
  }
  const cloned = (): void => worker.postMessage(batch)
  for (const [name, hand] of [
    ["cloned", cloned],
    ["packed and transferred", packed],
  ] as const) {
    let handMillis = 0
    const begun = performance.now()
    const rounds = 2_000
    for (let at = 0; at < rounds; at++) {
      const answered = new Promise((resolve) => worker.addEventListener("message", resolve, { once: true }))
      const before = performance.now()
      hand()
      handMillis += performance.now() - before
      await answered
    }
    const micros = (millis: number): string => ((millis * 1_000) / rounds).toFixed(0).padStart(5)
    console.log(
      `${name.padEnd(24)} on the main thread ${micros(handMillis)}, round trip ${micros(performance.now() - begun)}`,
    )
  }
  worker.terminate()
}

const benchLongLog = async (): Promise<void> => {
  const count = quick ? 100_000 : 1_000_000
  await inDirectory((directory) =>
    Effect.gen(function* () {
      const file = LogFile.open(openLogDirectory(directory.directory, directory.identity))
      file.load(loadOptions)
      let begun = performance.now()
      for (let from = 1; from <= count; from += 2_000) {
        file.write(batchOf(entriesOf(from, 2_000, 200)))
        file.relieve()
      }
      console.log(
        `\nwriting ${count} entries of 200 bytes in batches of 2,000: ${shown(performance.now() - begun)} ms`,
      )
      file.close()
      yield* Effect.gen(function* () {
        const log = yield* LogStore
        begun = performance.now()
        const loaded = yield* Effect.promise(() => stallDuring(log.load(loadOptions)))
        console.log(
          `verifying them at the start: ${shown(performance.now() - begun)} ms (${loaded.result.standing})`,
        )
        const through = { index: Math.floor(count * 0.9), term: 1 }
        let worst = 0
        let writes = 0
        let next = count + 1
        const writing = Effect.gen(function* () {
          for (;;) {
            const before = performance.now()
            yield* log.write(batchOf(entriesOf(next++, 1, 200)))
            worst = Math.max(worst, performance.now() - before)
            writes++
          }
        })
        begun = performance.now()
        yield* Effect.raceFirst(log.compact({ group: "main", through, configuration: initial }), writing)
        console.log(
          `compacting ${through.index} of them: ${shown(performance.now() - begun)} ms; ` +
            `${writes} writes went on beside it, the slowest took ${shown(worst)} ms`,
        )
      }).pipe(Effect.provide(layerSqlite(directory)))
    }),
  )
}

const benchSnapshot = async (): Promise<void> => {
  const count = quick ? 10_000 : 100_000
  await inDirectory(({ directory }) =>
    Effect.gen(function* () {
      const state = openSqliteStateStore(join(directory, "state.db"), initial)
      let begun = performance.now()
      const instances = Array.from({ length: count }, (_, at) => ({
        actor: "metering",
        key: `tenant-${at}`,
        state: JSON.stringify({ calls: at, routes: "x".repeat(400) }),
        revision: 1,
        version: "v1",
        index: at + 1,
      }))
      for (let from = 0; from < count; from += 1_000) {
        state.flush({
          position: { index: from + 1_000, term: 1, time: 1, configuration: initial },
          instances: instances.slice(from, from + 1_000),
          outcomes: [],
          forgetOutcomesBelow: 0,
          timersSet: [],
          timersCleared: [],
          digest: "",
        })
      }
      console.log(
        `\nflushing ${count} instances of 430 bytes, 1,000 at a time: ${shown(performance.now() - begun)} ms`,
      )
      const snapshots = yield* SnapshotStore
      begun = performance.now()
      const taken = yield* Effect.promise(() => stallDuring(snapshots.create))
      console.log(
        `a snapshot of them (${(taken.result.bytes / 1e6).toFixed(0)} MB): ${shown(performance.now() - begun)} ms, ` +
          `worst stall of the main loop ${shown(taken.stallMillis)} ms`,
      )
      state.close()
    }).pipe(Effect.provide(layerSnapshots({ directory }))),
  )
}

await benchCommits()
await benchHandOver()
await benchLongLog()
await benchSnapshot()
