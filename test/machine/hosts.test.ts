// What does every machine host promise? One suite, run in this thread on memory and on SQLite, and in a thread
// of its own.

import { afterEach, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { encodeCommand } from "../../src/machine/command.ts"
import { layerInProcess } from "../../src/machine/hostInProcess.ts"
import { layerWorker } from "../../src/machine/hostWorker.ts"
import { MachineFailed, MachineHost } from "../../src/machine/MachineHost.ts"
import { loadActors } from "../../src/machine/modules.ts"
import { ActorsRefused } from "../../src/machine/Registry.ts"
import { MemoryDisk } from "../../src/storage/MemoryDisk.ts"
import { SnapshotStore } from "../../src/storage/SnapshotStore.ts"
import { layerMemory } from "../../src/storage/snapshotStoreMemory.ts"
import { layerSqlite } from "../../src/storage/snapshotStoreSqlite.ts"
import { openMemoryStateStore } from "../../src/storage/stateStoreMemory.ts"
import { openSqliteStateStore } from "../../src/storage/stateStoreSqlite.ts"
import { command, entry, initial, refusalOf } from "./Bench.ts"

const made: Array<string> = []

afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true })
})

const temporary = (): string => {
  const directory = mkdtempSync(join(tmpdir(), "raftlet-host-"))
  made.push(directory)
  return directory
}

const source = (step: number, extra = "") => `
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
      reduce: (state, { by }) => ({ state: { value: state.value + ${step} * by }, result: state.value + ${step} * by }),
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

const actorsOf = (directory: string, code: string): string => {
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

const places: Readonly<Record<string, () => Place>> = {
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

const worker = (directory: string, actorsDirectory: string): Layers =>
  layerWorker({
    actorsDirectory,
    archiveDirectory: join(directory, "code"),
    statePath: join(directory, "state.db"),
    initial,
  }).pipe(Layer.provideMerge(layerSqlite({ directory })))

type Host = MachineHost["Service"]

const run = <Value, Failure>(
  layer: Layers,
  body: (host: Host) => Effect.Effect<Value, Failure, SnapshotStore>,
): Promise<Value> => Effect.flatMap(MachineHost, body).pipe(Effect.provide(layer), Effect.runPromise)

/** Through the door and the log, from `first` on. */
const propose = Effect.fnUntraced(function* (
  host: Host,
  first: number,
  commands: ReadonlyArray<ReturnType<typeof command>>,
) {
  const admissions = yield* host.admit(commands.map(encodeCommand))
  const admitted = admissions.flatMap((one) => (one._tag === "Admitted" ? [one.command] : []))
  return yield* host.apply(admitted.map((bytes, at) => entry(first + at, bytes)))
})

const add = (by: number, key = "a") => command({ key, json: { by } })

const value = (host: Host, key = "a") =>
  Effect.map(
    host.query([{ type: "query", actor: "counter", key, query: "value", input: "null" }]),
    ([answer]) => (answer?._tag === "Answered" ? JSON.parse(answer.body).result : answer),
  )

for (const [name, make] of Object.entries(places)) {
  describe(`a machine host (${name})`, () => {
    test("admits, applies and answers batches in their order", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          const admissions = yield* host.admit(
            [add(1), command({ actor: "nobody" }), add(2), command({ json: { by: "x" } })].map(encodeCommand),
          )
          expect(admissions.map(({ _tag }) => _tag)).toEqual(["Admitted", "Settled", "Admitted", "Settled"])
          expect(
            admissions.flatMap((one) => (one._tag === "Settled" ? [refusalOf(one.outcome)] : [])),
          ).toMatchObject([{ code: "unknown-actor" }, { code: "invalid-input", issues: [{ path: "/by" }] }])
          const data = admissions.flatMap((one) => (one._tag === "Admitted" ? [one.command] : []))
          const outcomes = yield* host.apply([
            entry(1, new Uint8Array(0), 1, "noop"),
            entry(2, data[0]!),
            entry(3, data[1]!),
          ])
          expect(outcomes).toMatchObject([null, { result: "1", revision: 1 }, { result: "3", revision: 2 }])
          const answers = yield* host.query([
            { type: "state", actor: "counter", key: "a" },
            { type: "state", actor: "counter", key: "b" },
            { type: "list", actor: "counter", prefix: "", after: "", limit: 10 },
            { type: "query", actor: "counter", key: "a", query: "none", input: "null" },
          ])
          expect(answers.map((one) => (one._tag === "Answered" ? one.body : one.code))).toEqual([
            '{"state":{"value":3},"revision":2,"index":3}',
            '{"state":{"value":0},"revision":0,"index":3}',
            '{"instances":[{"key":"a","revision":2}],"next":null}',
            "unknown-query",
          ])
        }),
      )
    })

    test("takes empty batches", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          expect([yield* host.admit([]), yield* host.apply([]), yield* host.query([])]).toEqual([[], [], []])
        }),
      )
    })

    test("answers a batch of more than one chunk in order", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          const outcomes = yield* propose(
            host,
            1,
            Array.from({ length: 600 }, () => add(1)),
          )
          expect(outcomes.map((outcome) => outcome?._tag === "Accepted" && outcome.index)).toEqual(
            Array.from({ length: 600 }, (_, at) => at + 1),
          )
        }),
      )
    })

    test("starts again where it flushed last, with retries still known (HAZARDS C1)", async () => {
      const place = make()
      const known = add(5)
      const before = await run(
        place.layer(),
        Effect.fnUntraced(function* (host) {
          expect(yield* host.position).toMatchObject({ index: 0, configuration: initial })
          yield* propose(host, 1, [known])
          expect(yield* host.flush).toBe(1)
          const hash = yield* host.stateHash
          // Lost with the process: only the log has it.
          yield* propose(host, 2, [add(100)])
          return hash
        }),
      )
      await run(
        place.layer(),
        Effect.fnUntraced(function* (host) {
          expect(yield* host.position).toMatchObject({ index: 1 })
          expect(yield* host.stateHash).toEqual(before)
          expect(yield* value(host)).toBe(5)
          const [admission] = yield* host.admit([encodeCommand(known)])
          expect(admission).toMatchObject({ _tag: "Settled", outcome: { result: "5", replayed: true } })
        }),
      )
    })

    test("hands out due timers as commands (HAZARDS D9)", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          expect(yield* host.nextTimer).toBeNull()
          yield* propose(host, 1, [command({ command: "later" })])
          const dueAt = yield* host.nextTimer
          expect(dueAt).toBe(2_001)
          expect(yield* host.due(2_000, 10)).toEqual([])
          const admissions = yield* host.admit(yield* host.due(2_001, 10))
          const data = admissions.flatMap((one) => (one._tag === "Admitted" ? [one.command] : []))
          expect(yield* host.apply(data.map((bytes) => entry(2, bytes, 2_001)))).toMatchObject([
            { result: "7" },
          ])
          expect(yield* host.nextTimer).toBeNull()
        }),
      )
    })

    test("goes on from an installed snapshot, and forgets what it had (HAZARDS N12)", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          const snapshots = yield* SnapshotStore
          yield* propose(host, 1, [add(5)])
          yield* host.flush
          const then = yield* host.stateHash
          const { id, bytes } = yield* snapshots.create
          const piece = yield* snapshots.read({ id, offset: 0, bytesMax: 1e9 })
          yield* propose(host, 2, [add(1), add(1, "b")])
          yield* snapshots.receive({ id, offset: 0, bytes: piece })
          yield* snapshots.finish({ id, bytes })
          expect(yield* host.install(id)).toMatchObject({ index: 1 })
          expect(yield* host.stateHash).toEqual(then)
          expect([yield* value(host), yield* value(host, "b")]).toEqual([5, 0])
          expect(yield* propose(host, 2, [add(1)])).toMatchObject([{ result: "6", revision: 2 }])
        }),
      )
    })

    test("says what runs", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          yield* propose(host, 1, [add(1), add(1, "b"), command({ command: "later" })])
          expect(yield* host.status).toMatchObject({
            actors: [
              { name: "counter", queries: ["value"], version: expect.stringMatching(/^[0-9a-f]{24}$/) },
            ],
            appliedIndex: 3,
            instancesInMemory: 2,
            outcomes: 3,
            timers: 1,
            dirty: 2,
          })
        }),
      )
    })

    test("fails for good, with a clear message, when it cannot go on", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          const first = yield* Effect.flip(host.apply([entry(2, new Uint8Array(0))]))
          expect(first).toBeInstanceOf(MachineFailed)
          expect(first).toMatchObject({ operation: "apply", message: "entry 2 does not follow on 0" })
          expect(yield* Effect.flip(host.query([]))).toMatchObject({
            message: "entry 2 does not follow on 0",
          })
          expect(yield* Effect.flip(host.flush)).toMatchObject({ operation: "flush" })
        }),
      )
    })

    test("fails when a reducer's stack runs over, and says where (HAZARDS D6)", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          const failure = yield* Effect.flip(propose(host, 1, [command({ command: "recursive" })]))
          expect(failure.message).toBe("counter/a/recursive: the stack ran over")
        }),
      )
    })

    test("does not start with a broken actor", async () => {
      const failure = run(make().layer("export default 1"), () => Effect.void)
      await expect(failure).rejects.toThrow(/counter.*: its default export is not an actor/)
    })
  })
}

describe("the machine's thread", () => {
  test("runs old entries with the code that they were admitted for, after an edit (HAZARDS D7)", async () => {
    const place = places.worker!()
    const data = await run(
      place.layer(source(1)),
      Effect.fnUntraced(function* (host) {
        const [admission] = yield* host.admit([encodeCommand(add(5))])
        return admission?._tag === "Admitted" ? admission.command : null
      }),
    )
    await run(
      place.layer(source(10)),
      Effect.fnUntraced(function* (host) {
        expect(yield* host.apply([entry(1, data!)])).toMatchObject([{ result: "5" }])
        expect(yield* propose(host, 2, [add(5)])).toMatchObject([{ result: "55" }])
      }),
    )
  })

  test("refuses code that the log names and this node never had", async () => {
    const data = await run(
      places.worker!().layer(source(1)),
      Effect.fnUntraced(function* (host) {
        const [admission] = yield* host.admit([encodeCommand(add(5))])
        return admission?._tag === "Admitted" ? admission.command : null
      }),
    )
    await run(
      places.worker!().layer(source(10)),
      Effect.fnUntraced(function* (host) {
        const failure = yield* Effect.flip(host.apply([entry(1, data!)]))
        expect(failure.message).toContain('entry 1 runs the actor "counter" at version')
        expect(failure.message).toContain("start every node with the same actors directory")
      }),
    )
  })

  test("lives on when a reducer leaves a promise behind that fails", async () => {
    const directory = temporary()
    const actors = actorsOf(directory, source(1))
    // A process of its own: the test runner takes note of every failed promise, also in threads.
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "leftBehind.ts"), directory, actors], {
      stdout: "pipe",
      stderr: "inherit",
    })
    expect(await new Response(child.stdout).text()).toBe("Accepted null\nAccepted 1\n")
    expect(await child.exited).toBe(0)
  })

  test("whose end fails everything that waits and everything after", async () => {
    await run(
      places.worker!().layer(),
      Effect.fnUntraced(function* (host) {
        const [admission] = yield* host.admit([encodeCommand(command({ command: "exits" }))])
        const data = admission?._tag === "Admitted" ? admission.command : new Uint8Array(0)
        const failure = yield* Effect.flip(host.apply([entry(1, data)]))
        expect(failure).toMatchObject({ operation: "apply", message: "the machine's thread ended" })
        expect(yield* Effect.flip(host.status)).toMatchObject({ operation: "status" })
      }),
    )
  })

  test("hung in a reducer's loop ends with its scope all the same", async () => {
    const started = Bun.nanoseconds()
    await run(
      places.worker!().layer(),
      Effect.fnUntraced(function* (host) {
        const [admission] = yield* host.admit([encodeCommand(command({ command: "endless" }))])
        const data = admission?._tag === "Admitted" ? admission.command : new Uint8Array(0)
        // Sent, and never answered.
        Effect.runFork(Effect.ignore(host.apply([entry(1, data)])))
      }),
    )
    expect((Bun.nanoseconds() - started) / 1e6).toBeLessThan(3_000)
  })

  test("names all broken files before it starts", async () => {
    const directory = temporary()
    const actors = actorsOf(directory, "export default 1")
    writeFileSync(join(actors, "b.ts"), "throw new Error('early')")
    const refused = await Effect.runPromise(
      Effect.flip(
        Effect.flatMap(MachineHost, Effect.succeed).pipe(Effect.provide(worker(directory, actors))),
      ),
    )
    expect(refused).toBeInstanceOf(ActorsRefused)
    expect(String(refused)).toContain("counter: its default export is not an actor")
    expect(String(refused)).toContain("b: it fails when loaded: early")
  })
})
