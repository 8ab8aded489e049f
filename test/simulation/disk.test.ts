// What does a simulated disk do with what is written to it, in each kind of weather? (HAZARDS S1, S2, S7, N2)

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import { Chance } from "../../src/simulation/Chance.ts"
import { SimulatedDisk } from "../../src/simulation/Disk.ts"
import { World } from "../../src/simulation/World.ts"
import { LogStore } from "../../src/storage/LogStore.ts"
import { SnapshotStore } from "../../src/storage/SnapshotStore.ts"
import { StateStoreFailed } from "../../src/storage/StateStore.ts"
import {
  entriesOf,
  entryOf,
  identity,
  initial,
  type LogService,
  loadMain,
  runOn,
  writeMain,
} from "../storage/support.ts"
import { arrivalAt, emptyGroup, flushOf } from "./DiskModel.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(120_000)

const makeDisk = (seed = 1) => {
  const world = new World(seed)
  const disk = new SimulatedDisk(identity, new Chance(seed).fork("disk"))
  const layers = () => disk.layers("main", initial)
  const withLog = <A, E>(body: (log: LogService) => Effect.Effect<A, E>) =>
    Effect.flatMap(LogStore, body).pipe(Effect.provide(layers().log))
  const withSnapshots = <A, E>(body: (store: SnapshotStore["Service"]) => Effect.Effect<A, E>) =>
    Effect.flatMap(SnapshotStore, body).pipe(Effect.provide(layers().snapshots))
  return { world, disk, layers, withLog, withSnapshots }
}

const ten = entriesOf(1, 10, 1)

/** Three are acknowledged, ten are written, and the sync is under way. */
const midSync = (seed: number) => {
  const made = makeDisk(seed)
  const { world, disk, withLog } = made
  runOn(
    world,
    withLog((log) => Effect.andThen(loadMain(log), writeMain(log, { entries: entriesOf(1, 3, 1) }))),
  )
  disk.weather.syncMillisMin = disk.weather.syncMillisMax = 50
  const process = world.startProcess("n1")
  let isAcknowledged = false
  process.fork(
    withLog((log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        yield* writeMain(log, { entries: entriesOf(4, 10, 1) })
        isAcknowledged = true
        return yield* Effect.never
      }),
    ),
  )
  const isWritten = () => disk.log.unsynced.length > 0 && disk.log.written.groups.size > 0
  world.runUntil(() => isWritten() && disk.synced("main")!.lastIndex === 3, 1_000)
  return { ...made, process, isAcknowledged: () => isAcknowledged }
}

describe("a write", () => {
  test("is seen before it is durable, and acknowledged only then (S1)", () => {
    const { world, disk, isAcknowledged } = midSync(1)
    expect(isAcknowledged()).toBe(false)
    expect(disk.synced("main")!.lastIndex).toBe(3)
    world.runUntil(isAcknowledged, 1_000)
    expect(disk.synced("main")).toMatchObject({
      lastIndex: 10,
      standing: "whole",
      base: { index: 0, term: 0 },
    })
    expect(disk.synced("main")!.holds(10, 1)).toBe(true)
    expect(disk.synced("main")!.holds(10, 2)).toBe(false)
    expect(disk.synced("main")!.holds(11, 1)).toBe(false)
    expect(disk.synced("other")).toBe(null)
  })

  test("that power cuts off in its sync is there as a whole or not at all; one that is killed stays", () => {
    const found = new Set<number>()
    for (let seed = 1; seed <= 30; seed++) {
      for (const how of ["crash", "kill"] as const) {
        const { world, disk, process, withLog } = midSync(seed)
        process.kill()
        disk[how]()
        const { lastIndex, standing } = runOn(
          world,
          withLog((log) => loadMain(log)),
        )
        expect(standing).toBe("whole")
        if (how === "kill") expect(lastIndex).toBe(10)
        else found.add(lastIndex)
      }
    }
    expect(found).toEqual(new Set([3, 10]))
  })

  test("waits while the disk hangs, and so does all that comes after it, in order", () => {
    const { world, disk, withLog } = makeDisk()
    const done: Array<string> = []
    const tell = (what: string) => Effect.sync(() => void done.push(what))
    const fiber = world.root.fork(
      withLog((log) =>
        Effect.gen(function* () {
          yield* loadMain(log)
          disk.weather.hangs = true
          const write = Effect.andThen(writeMain(log, { entries: [entryOf(1, 1)] }), tell("written"))
          const read = Effect.andThen(
            log.read({ group: "main", from: 1, to: 1, bytesMax: 100 }),
            tell("read"),
          )
          yield* Effect.all([write, read], { concurrency: "unbounded" })
        }),
      ),
    )
    world.runFor(10_000)
    expect(done).toEqual([])
    disk.weather.hangs = false
    world.runUntil(() => fiber.pollUnsafe() !== undefined, 1_000)
    expect(done).toEqual(["written", "read"])
  })

  test("of a process that has ended changes nothing, although its fibers run on", () => {
    const { world, disk, layers, withLog } = midSync(1)
    const state = layers().openState()
    disk.kill()
    disk.weather.syncMillisMin = disk.weather.syncMillisMax = 0
    // The old one's sync would end in the middle of what the new one has begun.
    runOn(
      world,
      withLog((log) =>
        Effect.gen(function* () {
          expect((yield* loadMain(log)).lastIndex).toBe(10)
          yield* Effect.sleep(1)
          disk.weather.syncMillisMin = disk.weather.syncMillisMax = 100
          const write = writeMain(log, { entries: [entryOf(11, 1)] })
          const midway = Effect.sync(() => expect(disk.synced("main")!.lastIndex).toBe(10))
          yield* Effect.all([write, Effect.delay(midway, 80)], { concurrency: "unbounded" })
          expect(disk.synced("main")!.lastIndex).toBe(11)
        }),
      ),
    )
    expect(() => state.flush(flushOf({ index: 1, term: 1, digest: "late" }))).toThrow(StateStoreFailed)
    expect(layers().openState().position().index).toBe(0)
  })
})

describe("a disk that is full", () => {
  test("refuses a batch as a whole, and takes it when there is room (S7)", () => {
    const { world, disk, withLog } = makeDisk()
    runOn(
      world,
      withLog((log) =>
        Effect.gen(function* () {
          yield* loadMain(log)
          yield* writeMain(log, { entries: entriesOf(1, 3, 1) })
          disk.weather.isFull = true
          expect((yield* Effect.flip(writeMain(log, { entries: entriesOf(4, 10, 1) })))._tag).toBe(
            "StorageFull",
          )
          expect(disk.log.written).toBe(disk.log.durable)
          disk.weather.isFull = false
          yield* writeMain(log, { entries: entriesOf(4, 10, 1) })
        }),
      ),
    )
    expect(disk.synced("main")!.lastIndex).toBe(10)
  })

  test("takes a vote and a few entries when room is kept for that, and can be cut (S7)", () => {
    const { world, disk, withLog } = makeDisk()
    disk.weather.reserveBytes = 2000
    runOn(
      world,
      withLog((log) =>
        Effect.gen(function* () {
          yield* loadMain(log)
          yield* writeMain(log, { entries: ten })
          disk.weather.isFull = true
          yield* writeMain(log, { hardState: { term: 2, votedFor: "n2" }, entries: [entryOf(11, 2)] })
          expect(log.isShort()).toBe(true)
          const many = writeMain(log, { entries: entriesOf(12, 100, 2) })
          expect((yield* Effect.flip(many))._tag).toBe("StorageFull")
          yield* writeMain(log, { hardState: { term: 3, votedFor: "n3" } })
          const through = { index: 5, term: 1 }
          yield* log.compact({ group: "main", through, configuration: initial })
          disk.weather.isFull = false
          yield* Effect.sleep(300)
          expect(log.isShort()).toBe(false)
          yield* many
        }),
      ),
    )
    expect(disk.synced("main")).toMatchObject({ lastIndex: 100, hardState: { term: 3, votedFor: "n3" } })
  })

  test("lets what must be noted of an install wait for room, and the node live (S7, N2)", () => {
    const { world, disk, layers } = makeDisk()
    const arrival = runOn(world, arrivalAt(20, emptyGroup))
    const { id } = arrival.snapshot
    const install = { index: 20, term: arrival.snapshot.term, configuration: initial, snapshotId: id }
    const done: Array<string> = []
    const installing = Effect.gen(function* () {
      const log = yield* LogStore
      const snapshots = yield* SnapshotStore
      yield* loadMain(log)
      yield* snapshots.receive({ id, offset: 0, bytes: arrival.bytes })
      yield* snapshots.finish({ id, bytes: arrival.bytes.byteLength })
      yield* writeMain(log, { install })
      disk.weather.isFull = true
      yield* snapshots.install(id)
      done.push("the state")
      disk.weather.isFull = true
      yield* log.installed("main")
      done.push("the note")
    }).pipe(Effect.provide(layers().log), Effect.provide(layers().snapshots))
    const fiber = world.root.fork(installing)
    for (const sofar of [[], ["the state"]]) {
      world.runFor(2000)
      expect(done).toEqual(sofar)
      disk.weather.isFull = false
      world.runFor(300)
    }
    expect(done).toEqual(["the state", "the note"])
    expect(fiber.pollUnsafe()).toMatchObject({ _tag: "Success" })
  })

  test("or hangs puts a flush off, in a way that the machine knows", () => {
    for (const weather of ["isFull", "hangs"] as const) {
      const { disk, layers } = makeDisk()
      const state = layers().openState()
      disk.weather[weather] = true
      const flush = flushOf({ index: 1, term: 1, digest: "one" })
      try {
        state.flush(flush)
        throw new Error("it was flushed")
      } catch (error) {
        expect((error as Error).cause).toMatchObject({ code: "SQLITE_FULL" })
      }
      disk.weather[weather] = false
      state.flush(flush)
      expect(layers().openState().position().index).toBe(1)
    }
  })
})

describe("a sync that fails", () => {
  test("ends the store; a restart shows what the cache shows, a loss of power may not (S2)", () => {
    const found = new Set<string>()
    for (let seed = 1; seed <= 40; seed++) {
      const how = seed % 2 === 0 ? "crash" : "kill"
      const { world, disk, withLog } = makeDisk(seed)
      const failures = runOn(
        world,
        withLog((log) =>
          Effect.gen(function* () {
            yield* loadMain(log)
            disk.weather.failing = "once"
            const first = yield* Effect.flip(writeMain(log, { entries: ten }))
            const second = yield* Effect.flip(writeMain(log, { entries: ten }))
            return [first._tag, second._tag, (yield* Effect.flip(log.failed))._tag]
          }),
        ),
      )
      expect(failures).toEqual(["StorageFailed", "StorageFailed", "StorageFailed"])
      disk[how]()
      const loaded = runOn(
        world,
        withLog((log) => loadMain(log)),
      )
      expect(loaded.standing).toBe("whole")
      found.add(`${how}: ${loaded.lastIndex}`)
      // Whatever was found is durable from now on.
      disk.crash()
      expect(
        runOn(
          world,
          withLog((log) => loadMain(log)),
        ).lastIndex,
      ).toBe(loaded.lastIndex)
    }
    expect([...found].sort()).toEqual(["crash: 0", "crash: 10", "kill: 10"])
  })

  test("of an arrived snapshot leaves nothing that a later run takes for durable", () => {
    const { world, disk, withSnapshots } = makeDisk()
    const { snapshot, bytes } = runOn(world, arrivalAt(7, emptyGroup))
    const { id } = snapshot
    runOn(
      world,
      withSnapshots((store) =>
        Effect.gen(function* () {
          yield* store.receive({ id, offset: 0, bytes })
          disk.weather.failing = "once"
          expect((yield* Effect.flip(store.finish({ id, bytes: bytes.byteLength })))._tag).toBe(
            "StorageFailed",
          )
        }),
      ),
    )
    disk.kill()
    expect(
      runOn(
        world,
        withSnapshots((store) => store.received(id)),
      ),
    ).toBe(0)
  })
})

test("what a process had finished or put in place before it was killed is durable once it is asked for again (N2)", () => {
  const { world, disk, layers, withSnapshots } = makeDisk()
  const { snapshot, bytes } = runOn(world, arrivalAt(7, emptyGroup))
  const { id } = snapshot
  const { names } = disk.directory("main")
  layers().openState().close()
  runOn(
    world,
    withSnapshots((store) => store.receive({ id, offset: 0, bytes })),
  )
  disk.weather.syncMillisMin = disk.weather.syncMillisMax = 50
  const steps = [
    [
      "finish",
      (store: SnapshotStore["Service"]) => store.finish({ id, bytes: bytes.byteLength }),
      `${id}.received`,
    ],
    ["install", (store: SnapshotStore["Service"]) => store.install(id), "installed"],
  ] as const
  for (const [what, step, name] of steps) {
    const process = world.startProcess(what)
    process.fork(withSnapshots(step))
    const isLast = () => what === "finish" || !names.written.has(`${id}.received`)
    world.runUntil(() => names.written.has(name) && isLast() && names.unsynced.length > 0, 1_000)
    process.kill()
    disk.kill()
    expect(names.unsynced.length).toBeGreaterThan(0)
    runOn(world, withSnapshots(step))
    expect(names.unsynced).toEqual([])
  }
  expect(layers().openState().position().index).toBe(7)
})
