// What does every snapshot store promise? One suite, run against files and their twin in memory.

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Exit, Layer, Scope } from "effect"
import type { StorageFailed } from "../../src/storage/LogStore.ts"
import { MemoryDisk } from "../../src/storage/MemoryDisk.ts"
import { type HeldSnapshot, SnapshotStore, StateDamaged } from "../../src/storage/SnapshotStore.ts"
import { SnapshotStores } from "../../src/storage/SnapshotStores.ts"
import type { StateStore } from "../../src/storage/StateStore.ts"
import { makeSnapshotStore, type SnapshotFiles } from "../../src/storage/snapshotService.ts"
import { layerMemory, layerStoresMemory } from "../../src/storage/snapshotStoreMemory.ts"
import { layerSqlite, layerStoresSqlite } from "../../src/storage/snapshotStoreSqlite.ts"
import { openMemoryStateStore } from "../../src/storage/stateStoreMemory.ts"
import { openSqliteStateStore } from "../../src/storage/stateStoreSqlite.ts"
import {
  identity,
  initial,
  removeTemporaryDirectories,
  runOn,
  slowDisk,
  temporaryDirectory,
} from "./support.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

afterEach(removeTemporaryDirectories)

type Service = SnapshotStore["Service"]

interface Node {
  readonly directory: string
  readonly openState: () => StateStore
  readonly layer: () => Layer.Layer<SnapshotStore, StorageFailed>
  readonly perform: <A, E>(effect: Effect.Effect<A, E>) => Promise<A>
}

const makers: Readonly<Record<string, () => Node>> = {
  memory: () => {
    const disk = new MemoryDisk(identity)
    return {
      directory: "",
      openState: () => openMemoryStateStore(disk, { group: "main", initial }),
      layer: () => layerMemory({ disk, group: "main" }),
      perform: Effect.runPromise,
    }
  },
  "a simulated disk": () => {
    const { world, disk } = slowDisk()
    return {
      directory: "",
      openState: () => disk.layers("main", initial).openState(),
      layer: () => disk.layers("main", initial).snapshots,
      perform: async (effect) => runOn(world, effect),
    }
  },
  SQLite: () => {
    const directory = temporaryDirectory()
    return {
      directory,
      openState: () => openSqliteStateStore(join(directory, "state.db"), initial),
      layer: () => layerSqlite({ directory }),
      perform: Effect.runPromise,
    }
  },
  "memory, of many groups": () => {
    const disk = new MemoryDisk(identity)
    return {
      directory: "",
      openState: () => openMemoryStateStore(disk, { group: "main", initial }),
      layer: () => oneOf("main", layerStoresMemory({ disk })),
      perform: Effect.runPromise,
    }
  },
  "SQLite, of many groups": () => {
    const directory = join(temporaryDirectory(), "groups", "orders")
    return {
      directory,
      openState: () => {
        mkdirSync(directory, { recursive: true })
        return openSqliteStateStore(join(directory, "state.db"), initial)
      },
      layer: () => oneOf(directory, layerStoresSqlite()),
      perform: Effect.runPromise,
    }
  },
}

const oneOf = (directory: string, stores: Layer.Layer<SnapshotStores>) =>
  Layer.effect(
    SnapshotStore,
    Effect.flatMap(SnapshotStores, (service) => service.open(directory)),
  ).pipe(Layer.provide(stores))

/** One run of a node: two calls are a restart. */
const run = <A, E>(node: Node, body: (store: Service) => Effect.Effect<A, E>): Promise<A> =>
  Effect.flatMap(SnapshotStore, body).pipe(Effect.provide(node.layer()), node.perform)

const fill = (state: StateStore, index: number, text = "x".repeat(3_000)): void =>
  state.flush({
    position: { index, term: 2, time: index, configuration: initial },
    instances: Array.from({ length: 20 }, (_, at) => ({
      actor: "counter",
      key: `key ${at}`,
      state: `"${index} ${text}"`,
      revision: index,
      version: "v1",
      index,
    })),
    outcomes: [{ firstIndex: index, lastIndex: index, rows: Uint8Array.of(index) }],
    forgetOutcomesBelow: 0,
    timersSet: [],
    timersCleared: [],
    digest: `digest ${index}`,
  })

/** Sends a whole snapshot from one store to another, in pieces. */
const send = (from: Service, to: Service, id: string, pieceBytes = 1_000) =>
  Effect.gen(function* () {
    let offset = yield* to.received(id)
    for (;;) {
      const bytes = yield* from.read({ id, offset, bytesMax: pieceBytes })
      if (bytes.byteLength === 0) return offset
      offset = yield* to.receive({ id, offset, bytes })
    }
  })

const transfer = (from: Node, to: Node, body: (from: Service, to: Service) => Effect.Effect<void, unknown>) =>
  run(from, (source) =>
    Effect.flatMap(SnapshotStore, (target) => body(source, target)).pipe(Effect.provide(to.layer())),
  )

describe.each(Object.keys(makers))("snapshots: %s", (name) => {
  const make = (): Node => makers[name]!()

  test("a snapshot is the state of exactly the last flush, taken beside the open state (N7, N12)", async () => {
    const [source, target] = [make(), make()]
    const state = source.openState()
    fill(state, 7)
    await transfer(source, target, (from, to) =>
      Effect.gen(function* () {
        expect(yield* from.latest).toBe(null)
        const snapshot = yield* from.create
        fill(state, 8)
        expect(snapshot).toMatchObject({ index: 7, term: 2, configuration: initial })
        expect(snapshot.id).toMatch(/^[0-9a-f]{64}$/)
        expect(yield* from.latest).toEqual(snapshot)
        expect(yield* to.received(snapshot.id)).toBe(0)
        expect(yield* send(from, to, snapshot.id)).toBe(snapshot.bytes)
        expect(yield* to.received(snapshot.id)).toBe(snapshot.bytes)
        yield* to.finish({ id: snapshot.id, bytes: snapshot.bytes })
        yield* to.install(snapshot.id)
      }),
    )
    state.close()
    const installed = target.openState()
    expect(installed.position()).toEqual({ index: 7, term: 2, time: 7, configuration: initial })
    expect(installed.digest()).toBe("digest 7")
    expect(installed.instance("counter", "key 19")?.revision).toBe(7)
    expect([...installed.outcomes()].map(({ rows }) => [...rows])).toEqual([[7]])
    fill(installed, 9)
    installed.close()
  })

  test("the newest one is found again after a restart", async () => {
    const node = make()
    const state = node.openState()
    fill(state, 3)
    const made = await run(node, (store) => store.create)
    expect(await run(node, (store) => store.latest)).toEqual(made)
    fill(state, 4)
    const later = await run(node, (store) => store.create)
    expect(await run(node, (store) => store.latest)).toEqual(later)
    state.close()
  })

  test("what was copied of a state that is given up is handed on no more, not to who reads it and not after a restart", async () => {
    const node = make()
    const state = node.openState()
    await run(node, (store) =>
      Effect.gen(function* () {
        fill(state, 1)
        const { id } = yield* store.create
        yield* store.read({ id, offset: 0, bytesMax: 100 })
        fill(state, 2)
        yield* store.create
        yield* store.forgetOwn
        expect(yield* store.latest).toBe(null)
        expect((yield* Effect.flip(store.read({ id, offset: 0, bytesMax: 100 })))._tag).toBe(
          "SnapshotCorrupt",
        )
      }),
    )
    expect(await run(node, (store) => store.latest)).toBe(null)
    state.close()
  })

  test("a state that is what was written is found to be so, flushed or not, and beside the open state", async () => {
    const node = make()
    const state = node.openState()
    await run(node, (store) =>
      Effect.gen(function* () {
        yield* store.verify
        fill(state, 1)
        yield* store.verify
        fill(state, 2)
      }),
    )
    state.close()
  })

  test("older ones go, but one that is being read stays until nobody comes for it (N9)", async () => {
    const node = make()
    const state = node.openState()
    await run(node, (store) =>
      Effect.gen(function* () {
        const reads = (id: string) =>
          store.read({ id, offset: 0, bytesMax: 100 }).pipe(
            Effect.map(() => true),
            Effect.catchTag("SnapshotCorrupt", () => Effect.succeed(false)),
          )
        const ids: Array<string> = []
        for (let index = 1; index <= 3; index++) {
          fill(state, index)
          ids.push((yield* store.create).id)
          if (index === 1) expect(yield* reads(ids[0]!)).toBe(true)
          if (index === 2) expect(yield* reads(ids[0]!)).toBe(true)
        }
        expect(yield* reads(ids[2]!)).toBe(true)
        expect(yield* reads(ids[1]!)).toBe(false)
        expect(yield* reads(ids[0]!)).toBe(true)
        fill(state, 4)
        yield* store.create
        fill(state, 5)
        yield* store.create
        expect(yield* reads(ids[0]!)).toBe(false)
      }),
    )
    state.close()
  })

  test("one that is held stays readable to its end, however many take its place, and goes when let go (N9)", async () => {
    const node = make()
    const state = node.openState()
    await run(node, (store) =>
      Effect.gen(function* () {
        const isThere = (id: string) =>
          store.read({ id, offset: 0, bytesMax: 10 }).pipe(
            Effect.map(() => true),
            Effect.catchTag("SnapshotCorrupt", () => Effect.succeed(false)),
          )
        fill(state, 1)
        const id = yield* Effect.scoped(
          Effect.gen(function* () {
            const { snapshot, read } = yield* store.hold
            expect(snapshot.index).toBe(1)
            const hasher = new Bun.CryptoHasher("sha256").update(yield* read(0, 100))
            for (let index = 2; index <= 5; index++) {
              fill(state, index)
              expect((yield* store.create).index).toBe(index)
            }
            for (let offset = 100; ; ) {
              const bytes = yield* read(offset, 5_000)
              if (bytes.byteLength === 0) break
              hasher.update(bytes)
              offset += bytes.byteLength
            }
            expect(hasher.digest("hex")).toBe(snapshot.id)
            return snapshot.id
          }),
        )
        expect(yield* isThere(id)).toBe(false)
      }),
    )
    state.close()
  })

  test("one that two hold goes when the second one lets go; the newest stays when nobody holds it", async () => {
    const node = make()
    const state = node.openState()
    await run(node, (store) =>
      Effect.gen(function* () {
        fill(state, 1)
        const readable = (held: HeldSnapshot) =>
          held.read(0, 10).pipe(
            Effect.map(({ byteLength }) => byteLength === 10),
            Effect.catchTag("SnapshotCorrupt", () => Effect.succeed(false)),
          )
        const [first, second] = [Scope.makeUnsafe(), Scope.makeUnsafe()]
        const held = yield* Scope.provide(store.hold, first)
        expect((yield* Scope.provide(store.hold, second)).snapshot).toEqual(held.snapshot)
        fill(state, 2)
        const latest = yield* Effect.scoped(Effect.map(store.hold, ({ snapshot }) => snapshot))
        expect(yield* store.latest).toEqual(latest)
        expect((yield* store.read({ id: latest.id, offset: 0, bytesMax: 10 })).byteLength).toBe(10)
        yield* Scope.close(first, Exit.void)
        expect(yield* readable(held)).toBe(true)
        yield* Scope.close(second, Exit.void)
        expect(yield* readable(held)).toBe(false)
      }),
    )
    state.close()
  })

  test("an unchanged state can be taken twice in short succession (N9)", async () => {
    const node = make()
    const state = node.openState()
    fill(state, 3)
    await run(node, (store) =>
      Effect.gen(function* () {
        const [first, second] = [yield* store.create, yield* store.create]
        expect(second).toEqual(first)
        expect((yield* store.read({ id: second.id, offset: 0, bytesMax: 10 })).byteLength).toBe(10)
      }),
    )
    state.close()
  })

  test("a read gives what fits and nothing at the end; an unknown id is told", async () => {
    const node = make()
    const state = node.openState()
    fill(state, 3)
    await run(node, (store) =>
      Effect.gen(function* () {
        const { id, bytes } = yield* store.create
        const read = (offset: number, bytesMax: number) =>
          Effect.map(store.read({ id, offset, bytesMax }), ({ byteLength }) => byteLength)
        expect(yield* read(0, 1_000)).toBe(1_000)
        expect(yield* read(bytes - 10, 1_000)).toBe(10)
        expect(yield* read(bytes, 1_000)).toBe(0)
        for (const unknown of ["f".repeat(64), "../../state", ""]) {
          const failure = yield* Effect.flip(store.read({ id: unknown, offset: 0, bytesMax: 10 }))
          expect(failure._tag).toBe("SnapshotCorrupt")
        }
      }),
    )
    state.close()
  })

  test("an arrival resumes after a restart, and forgets parts of another snapshot (N6)", async () => {
    const node = make()
    const [first, second] = ["a".repeat(64), "b".repeat(64)]
    const piece = new Uint8Array(500).fill(1)
    expect(await run(node, (store) => store.receive({ id: first, offset: 0, bytes: piece }))).toBe(500)
    expect(await run(node, (store) => store.received(first))).toBe(500)
    expect(await run(node, (store) => store.receive({ id: first, offset: 500, bytes: piece }))).toBe(1_000)
    // Late, repeated and early pieces change nothing, and the answer says where to go on.
    for (const offset of [0, 500, 1_001]) {
      expect(await run(node, (store) => store.receive({ id: first, offset, bytes: piece }))).toBe(1_000)
    }
    expect(await run(node, (store) => store.receive({ id: second, offset: 0, bytes: piece }))).toBe(500)
    expect(await run(node, (store) => store.received(first))).toBe(0)
  })

  test("an arrival that is not what was announced is refused, gone, and can begin again (N6, S5)", async () => {
    const [source, target] = [make(), make()]
    const state = source.openState()
    fill(state, 7)
    await transfer(source, target, (from, to) =>
      Effect.gen(function* () {
        const { id, bytes } = yield* from.create
        // One bit, in a place that means nothing to SQLite: only the hash can tell.
        const bad = (yield* from.read({ id, offset: 0, bytesMax: bytes })).slice()
        bad[68]! ^= 1
        const finish = Effect.map(Effect.flip(to.finish({ id, bytes })), (error) => error._tag)
        expect(yield* finish).toBe("SnapshotCorrupt")
        for (const arrived of [bad, bad.subarray(1)]) {
          yield* to.receive({ id, offset: 0, bytes: arrived })
          expect(yield* finish).toBe("SnapshotCorrupt")
          expect(yield* to.received(id)).toBe(0)
        }
        expect((yield* Effect.flip(to.install(id)))._tag).toBe("StorageFailed")
        yield* send(from, to, id, 100_000)
        yield* to.finish({ id, bytes })
        yield* to.finish({ id, bytes })
      }),
    )
    state.close()
  })

  test("an install that is repeated after a restart changes nothing more (N2)", async () => {
    const [source, target] = [make(), make()]
    const [state, old] = [source.openState(), target.openState()]
    fill(state, 7)
    fill(old, 3)
    old.close()
    let id = ""
    await transfer(source, target, (from, to) =>
      Effect.gen(function* () {
        const snapshot = yield* from.create
        id = snapshot.id
        yield* send(from, to, id, 100_000)
        yield* to.finish(snapshot)
      }),
    )
    state.close()
    for (let times = 0; times < 3; times++) {
      await run(target, (store) => store.install(id))
      const installed = target.openState()
      expect(installed.position().index).toBe(7)
      installed.close()
    }
  })
})

describe("snapshot files", () => {
  const made = async (index = 5) => {
    const node = makers.SQLite!()
    const state = node.openState()
    fill(state, index)
    const snapshot = await run(node, (store) => store.create)
    return { node, state, snapshot, files: join(node.directory, "snapshots") }
  }

  test("a crash while one is taken leaves the previous one (N1)", async () => {
    const { node, state, snapshot, files } = await made()
    writeFileSync(join(files, "draft"), "half a copy")
    expect(await run(node, (store) => store.latest)).toEqual(snapshot)
    fill(state, 6)
    expect((await run(node, (store) => store.create)).index).toBe(6)
    expect(existsSync(join(files, "draft"))).toBe(false)
    state.close()
  })

  test("one that was altered is not offered after a restart, and goes (S5)", async () => {
    const { node, state, files } = await made()
    const path = join(files, readdirSync(files)[0]!)
    const bytes = readFileSync(path)
    bytes[5_000]! ^= 1
    writeFileSync(path, bytes)
    expect(await run(node, (store) => store.latest)).toBe(null)
    expect(readdirSync(files)).toEqual([])
    state.close()
  })

  test("one that went bad after it had arrived is refused when it is announced again, and goes (S5)", async () => {
    const { node, state, snapshot } = await made()
    const target = makers.SQLite!()
    const files = join(target.directory, "snapshots")
    await transfer(node, target, (from, to) =>
      Effect.gen(function* () {
        yield* send(from, to, snapshot.id, 100_000)
        yield* to.finish(snapshot)
        const path = join(files, readdirSync(files).find((name) => name.includes(snapshot.id))!)
        const bytes = readFileSync(path)
        bytes[68]! ^= 1
        writeFileSync(path, bytes)
        expect((yield* Effect.flip(to.finish(snapshot)))._tag).toBe("SnapshotCorrupt")
        expect(yield* to.received(snapshot.id)).toBe(0)
        yield* send(from, to, snapshot.id, 100_000)
        yield* to.finish(snapshot)
      }),
    )
    state.close()
  })

  test("none is made of a state with a bad row (S5)", async () => {
    const { node, state, snapshot } = await made()
    state.close()
    const path = join(node.directory, "state.db")
    const bytes = readFileSync(path)
    // Every copy of it: a page may still hold what a row was before it moved.
    for (let at = bytes.indexOf("5 xxxx"); at >= 0; at = bytes.indexOf("5 xxxx", at + 1))
      bytes[at + 100]! ^= 1
    writeFileSync(path, bytes)
    const failure = await run(node, (store) => Effect.flip(store.create))
    const bad = { _tag: "StateDamaged", reason: expect.stringContaining("bad checksum") }
    expect(failure).toMatchObject(bad)
    expect(await run(node, (store) => store.latest)).toEqual(snapshot)
    expect(await run(node, (store) => Effect.flip(store.verify))).toMatchObject(bad)
  })

  test("none is made of a state with a page that cannot be read (S5)", async () => {
    const { node, state } = await made()
    state.close()
    const path = join(node.directory, "state.db")
    const bytes = readFileSync(path)
    // The first byte of a page says what kind it is.
    for (let page = 2; page * 4096 < bytes.length; page++) bytes[page * 4096] = 0x77
    writeFileSync(path, bytes)
    const damaged = (reason: string) => ({
      _tag: "StateDamaged",
      reason: expect.stringContaining(reason),
    })
    const copied = await run(node, (store) => Effect.flip(store.create))
    expect(copied).toMatchObject(damaged("SQLITE_CORRUPT"))
    const read = await run(node, (store) => Effect.flip(store.verify))
    expect(read).toMatchObject(damaged("the file is damaged"))
  })

  test("an id that is no id reaches no other file (H9)", async () => {
    const { node, state, files } = await made()
    const id = "../../../escape"
    await run(node, (store) => store.receive({ id, offset: 0, bytes: new Uint8Array(10) }))
    expect(readdirSync(files).some((file) => /^[0-9a-f]{64}\.part$/.test(file))).toBe(true)
    expect(await run(node, (store) => store.received(id))).toBe(10)
    state.close()
  })

  test("a crash at each step of an install ends with the whole new state once it is repeated (N2)", async () => {
    const { node: source, state, snapshot } = await made(7)
    state.close()
    // What the disk holds after each step: the note, the old log gone, the rename.
    for (const steps of [0, 1, 2, 3]) {
      const target = makers.SQLite!()
      const old = target.openState()
      fill(old, 3)
      const oldWal = readFileSync(join(target.directory, "state.db-wal"))
      old.close()
      await transfer(source, target, (from, to) =>
        Effect.andThen(send(from, to, snapshot.id, 1_000_000), to.finish(snapshot)),
      )
      const path = (name: string) => join(target.directory, name)
      writeFileSync(path("state.db-wal"), oldWal)
      if (steps >= 1) writeFileSync(path("snapshots/installed"), snapshot.id)
      if (steps >= 2) rmSync(path("state.db-wal"))
      if (steps >= 3) {
        writeFileSync(path("state.db"), readFileSync(path(`snapshots/${snapshot.id}.received`)))
        rmSync(path(`snapshots/${snapshot.id}.received`))
      }
      await run(target, (store) => store.install(snapshot.id))
      const installed = target.openState()
      expect(installed.position().index).toBe(7)
      expect(installed.instance("counter", "key 0")?.revision).toBe(7)
      installed.close()
      expect(existsSync(path(`snapshots/${snapshot.id}.received`))).toBe(false)
    }
  })
})

test("what is found while the state's file is exchanged is said of neither of the two", async () => {
  const damaged = new StateDamaged({ reason: "half of each" })
  const { promise: installing, resolve: begin } = Promise.withResolvers<void>()
  const { promise: installed, resolve: end } = Promise.withResolvers<void>()
  const { promise: found, resolve: find } = Promise.withResolvers<void>()
  const files = {
    verify: Effect.andThen(
      Effect.promise(() => found),
      Effect.fail(damaged),
    ),
    install: () =>
      Effect.andThen(
        Effect.sync(begin),
        Effect.promise(() => installed),
      ),
  } as unknown as SnapshotFiles
  const store = makeSnapshotStore(files)
  const install = Effect.runPromise(store.install("id"))
  await installing
  const during = Effect.runPromise(store.verify)
  const across = Effect.runPromise(store.verify)
  end()
  await install
  find()
  expect([await during, await across]).toEqual([0, 0])
  expect(await Effect.runPromise(Effect.flip(store.verify))).toBe(damaged)
})
