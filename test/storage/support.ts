// What do the storage tests share? Directories that go away, small entries, disks in memory, one run of a node's log.

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Cause, Effect, Exit, type Layer } from "effect"
import type { Configuration, Entry, Write } from "../../src/consensus/types.ts"
import { SimulatedDisk } from "../../src/simulation/Disk.ts"
import { World } from "../../src/simulation/World.ts"
import { type DataDirectory, openDataDirectory } from "../../src/storage/DataDirectory.ts"
import { type DataDirectoryRefused, LogStore, type StorageFailed } from "../../src/storage/LogStore.ts"
import { layerSqliteInThread } from "../../src/storage/logStoreSqlite.ts"

export const configurationOf = (...voters: ReadonlyArray<string>): Configuration => ({
  voters,
  outgoing: [],
  learners: [],
  learnersNext: [],
  addresses: Object.fromEntries(voters.map((id) => [id, { peer: `${id}:5001`, client: "" }])),
})

export const initial = configurationOf("n1", "n2", "n3")

export const entryOf = (index: number, term: number, text = `entry ${index}`): Entry => ({
  index,
  term,
  time: 1_700_000_000_000 + index,
  kind: "command",
  data: new TextEncoder().encode(text),
  origin: null,
})

export const entriesOf = (from: number, to: number, term: number, text?: string): ReadonlyArray<Entry> =>
  Array.from({ length: to - from + 1 }, (_, offset) => entryOf(from + offset, term, text))

export const writeOf = (part: Partial<Write>): Write => ({
  sequence: 1,
  hardState: null,
  install: null,
  truncateFrom: null,
  entries: [],
  standing: null,
  ...part,
})

/** Plain values: entries of different layers differ in what holds their bytes. */
export const plain = (entries: ReadonlyArray<Entry>) =>
  entries.map(({ index, term, time, kind, data, origin }) => ({
    index,
    term,
    time,
    kind,
    data: Buffer.from(data).toString("utf8"),
    origin,
  }))

const made: Array<string> = []

export const temporaryDirectory = (): string => {
  const directory = mkdtempSync(join(tmpdir(), "raftlet-storage-"))
  made.push(directory)
  return directory
}

export const removeTemporaryDirectories = (): void => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true })
}

export const identity = { clusterId: "cluster", nodeId: "n1", incarnation: "first" }

/** A disk that takes its time, and nothing else. */
export const slowDisk = () => {
  const world = new World(1)
  const disk = new SimulatedDisk(identity, world.chance.fork("disk"))
  Object.assign(disk.weather, { syncMillisMin: 1, syncMillisMax: 5, workMillisMax: 2 })
  return { world, disk }
}

/** Runs an effect to its end on virtual time. */
export const runOn = <A, E>(world: World, effect: Effect.Effect<A, E>): A => {
  const fiber = world.root.fork(effect)
  world.runUntil(() => fiber.pollUnsafe() !== undefined, 600_000)
  const exit = fiber.pollUnsafe()
  if (exit === undefined) throw new Error("it did not come to an end")
  if (Exit.isSuccess(exit)) return exit.value
  throw Cause.squash(exit.cause)
}

export type LogService = LogStore["Service"]

export const loadMain = (log: LogService, options: Partial<Parameters<LogService["load"]>[0]> = {}) =>
  log.load({
    group: "main",
    initial,
    stateIndex: 0,
    stateTerm: 0,
    stateConfiguration: initial,
    tailBytesMax: 1_000_000,
    ...options,
  })

export const writeMain = (log: LogService, part: Partial<Write>) =>
  log.write([{ group: "main", write: writeOf(part) }])

/** One run of node n1 over a directory: opened, used, closed. */
export const runInDirectory = <A, E>(
  directory: string,
  body: (log: LogService) => Effect.Effect<A, E>,
  layer: (
    directory: DataDirectory,
  ) => Layer.Layer<LogStore, StorageFailed | DataDirectoryRefused> = layerSqliteInThread,
): Promise<A> =>
  Effect.gen(function* () {
    const held = yield* openDataDirectory({
      directory,
      clusterId: "cluster",
      nodeId: "n1",
    })
    return yield* Effect.flatMap(LogStore, body).pipe(Effect.provide(layer(held)))
  }).pipe(Effect.scoped, Effect.runPromise)
