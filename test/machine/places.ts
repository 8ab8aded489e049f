// Where can a machine run? Every host, over storage that survives its end, with one actor to try it on.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { encodeCommand } from "../../src/machine/command.ts"
import { layerInProcess } from "../../src/machine/hostInProcess.ts"
import { layerWorker } from "../../src/machine/hostWorker.ts"
import { MachineHost } from "../../src/machine/MachineHost.ts"
import { loadActors } from "../../src/machine/modules.ts"
import { MemoryDisk } from "../../src/storage/MemoryDisk.ts"
import type { SnapshotStore } from "../../src/storage/SnapshotStore.ts"
import { layerMemory } from "../../src/storage/snapshotStoreMemory.ts"
import { layerSqlite } from "../../src/storage/snapshotStoreSqlite.ts"
import { openMemoryStateStore } from "../../src/storage/stateStoreMemory.ts"
import { openSqliteStateStore } from "../../src/storage/stateStoreSqlite.ts"
import { command, entry, initial } from "./Bench.ts"

const made: Array<string> = []

export const removeTemporary = (): void => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true })
}

export const temporary = (): string => {
  const directory = mkdtempSync(join(tmpdir(), "raftlet-host-"))
  made.push(directory)
  return directory
}

export const source = (step: number, extra = "") => `
import { Schema } from "effect"
import { actor } from "raftlet"
${extra}
export default actor({
  version: 1,
  state: Schema.Struct({ value: Schema.Int }),
  initial: { value: 0 },
  commands: {
    add: {
      input: Schema.Struct({ by: Schema.Int }),
      output: Schema.Int,
      reduce: (state, { by }, ctx) => {
        ctx.emit("added", { by })
        return { state: { value: state.value + ${step} * by }, result: state.value + ${step} * by }
      },
    },
    later: {
      output: Schema.Null,
      reduce: (state, _input, ctx) => {
        ctx.schedule(1000, "add", { by: 7 })
        return { state, result: null }
      },
    },
    leaves: {
      output: Schema.Null,
      reduce: (state) => {
        Promise.reject(new Error("left behind"))
        setTimeout(() => { throw new Error("left behind") }, 0)
        return { state, result: null }
      },
    },
    recursive: {
      output: Schema.Null,
      reduce: (state) => {
        const down = (): number => 1 + down()
        return { state, result: down() as never }
      },
    },
    endless: { output: Schema.Null, reduce: () => { while (true) {} } },
    exits: { output: Schema.Null, reduce: () => process.exit(3) },
  },
  queries: { value: { output: Schema.Int, read: (state) => state.value } },
})
`

type Layers = Layer.Layer<MachineHost | SnapshotStore, unknown>

/** A node's place: every call of `layer` is a start of it. */
interface Place {
  readonly layer: (code?: string) => Layers
}

export const actorsOf = (directory: string, code: string): string => {
  const actors = join(directory, "actors")
  mkdirSync(actors, { recursive: true })
  writeFileSync(join(actors, "counter.ts"), code)
  return actors
}

const inProcess = (
  snapshots: Layer.Layer<SnapshotStore, unknown>,
  openStore: Parameters<typeof layerInProcess>[0]["openStore"],
  directory: string,
): Place => ({
  layer: (code = source(1)) =>
    Layer.unwrap(
      Effect.map(loadActors(actorsOf(directory, code)), (registry) =>
        layerInProcess({ openStore, registry }),
      ),
    ).pipe(Layer.provideMerge(snapshots)),
})

export const places: Readonly<Record<string, () => Place>> = {
  "in process, memory": () => {
    const disk = new MemoryDisk({ clusterId: "c", nodeId: "n1", incarnation: "i" })
    const openStore = () => openMemoryStateStore(disk, { group: "main", initial })
    return inProcess(layerMemory({ disk, group: "main" }), openStore, temporary())
  },
  "in process, SQLite": () => {
    const directory = temporary()
    const openStore = () => openSqliteStateStore(join(directory, "state.db"), initial)
    return inProcess(layerSqlite({ directory }), openStore, directory)
  },
  worker: () => {
    const directory = temporary()
    return { layer: (code = source(1)) => worker(directory, actorsOf(directory, code)) }
  },
}

export const worker = (directory: string, actorsDirectory: string): Layers =>
  layerWorker({
    actorsDirectory,
    archiveDirectory: join(directory, "code"),
    statePath: join(directory, "state.db"),
    initial,
  }).pipe(Layer.provideMerge(layerSqlite({ directory })))

type Host = MachineHost["Service"]

export const run = <Value, Failure>(
  layer: Layers,
  body: (host: Host) => Effect.Effect<Value, Failure, SnapshotStore>,
): Promise<Value> => Effect.flatMap(MachineHost, body).pipe(Effect.provide(layer), Effect.runPromise)

/** Through the door and the log, from `first` on. */
export const propose = Effect.fnUntraced(function* (
  host: Host,
  first: number,
  commands: ReadonlyArray<ReturnType<typeof command>>,
) {
  const admissions = yield* host.admit(commands.map(encodeCommand))
  const admitted = admissions.flatMap((one) => (one._tag === "Admitted" ? [one.command] : []))
  return yield* host.apply(admitted.map((bytes, at) => entry(first + at, bytes)))
})

export const add = (by: number, key = "a") => command({ key, json: { by } })

export const value = (host: Host, key = "a") =>
  Effect.map(
    host.query([{ type: "query", actor: "counter", key, query: "value", input: "null" }]),
    ([answer]) => (answer?._tag === "Answered" ? JSON.parse(answer.body).result : answer),
  )
