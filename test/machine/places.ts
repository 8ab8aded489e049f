// Where can a machine run? Every host, over storage that survives its end, with one actor to try it on.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { mainGroup } from "../../src/consensus/groups.ts"
import type { GroupId } from "../../src/consensus/types.ts"
import { bundleActors } from "../../src/machine/bundle.ts"
import { encodeCommand } from "../../src/machine/command.ts"
import { layerInProcess } from "../../src/machine/hostInProcess.ts"
import { layerWorker } from "../../src/machine/hostWorker.ts"
import type { OwnActor } from "../../src/machine/MachineHost.ts"
import { MachineHost } from "../../src/machine/MachineHost.ts"
import { manifestOf } from "../../src/machine/manifest.ts"
import { loadModules } from "../../src/machine/modules.ts"
import { Registry } from "../../src/machine/Registry.ts"
import {
  encodeSystem,
  piecesOf,
  type SystemInput,
  type SystemName,
} from "../../src/machine/system/commands.ts"
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
        Promise.resolve().then(() => { throw new Error("left behind") })
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
  readonly layer: (code?: string, group?: GroupId) => Layers
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
  layer: (code = source(1), group = mainGroup) =>
    Layer.unwrap(
      Effect.gen(function* () {
        const modules = yield* bundleActors(actorsOf(directory, code))
        const { current } = yield* loadModules(modules)
        // Known to who runs them; into the group they come by entries, as everywhere.
        const registry = new Registry([], [...current.values()])
        const own = modules.map(({ name, ...module }): OwnActor => {
          return { actor: name, source: "file", manifest: manifestOf(current.get(name)!), ...module }
        })
        return Layer.effect(
          MachineHost,
          Effect.map(MachineHost, (host) => MachineHost.of({ ...host, own })),
        ).pipe(Layer.provide(layerInProcess({ openStore, group, registry })))
      }),
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
    return { layer: (code = source(1), group) => worker(directory, actorsOf(directory, code), group) }
  },
}

export const worker = (directory: string, actorsDirectory: string, group = mainGroup): Layers =>
  layerWorker({
    group,
    actorsDirectory,
    node: "n1",
    statePath: join(directory, "state.db"),
    initial,
  }).pipe(Layer.provideMerge(layerSqlite({ directory })))

type Host = MachineHost["Service"]

/** Entries that bring the place's actor into an empty log: its code, its name, and that it is switched on. */
export const base = 3

/** `body` begins behind the entries that bring in the actors of the place. */
export const run = <Value, Failure>(
  layer: Layers,
  body: (host: Host) => Effect.Effect<Value, Failure, SnapshotStore>,
): Promise<Value> =>
  Effect.flatMap(MachineHost, (host) => Effect.andThen(begin(host), body(host))).pipe(
    Effect.provide(layer),
    Effect.runPromise,
  )

/** A place that has run before has what its file holds. */
const begin = (host: Host) =>
  Effect.flatMap(host.position, ({ index }) => (index === 0 ? offerOwn(host) : Effect.void))

/** Brings in what this place's file holds, and offers it: behind all that was applied. */
export const offerOwn = Effect.fnUntraced(function* (host: Host, actors = host.own) {
  let { index } = yield* host.stateHash
  for (const { actor, version, code, manifest, source } of actors) {
    const pieces = piecesOf(code)
    const register = { version, pieces: pieces.length, bytes: code.length, by: "n1", source, ...manifest }
    const commands = [
      ...pieces.map((text, at) => system("$actor/piece", version, { version, at, text })),
      system("$actor/register", actor, register),
      system("$actor/offer", actor, { node: "n1", version, declared: manifest.declared, voters: ["n1"] }),
    ]
    yield* host.apply(commands.map((bytes) => entry(++index, bytes, 1)))
  }
})

export const system = <Name extends SystemName>(
  name: Name,
  key: string,
  input: SystemInput<Name>,
): Uint8Array => encodeSystem(name, { key, input, id: crypto.randomUUID(), door: "n1" })

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
