// A thousand groups have snapshots: what does one that has none cost, and who waits for whom?

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { Deferred, Effect, Exit, Fiber, type Layer } from "effect"
import * as fc from "fast-check"
import type { StorageFailed } from "../../src/storage/LogStore.ts"
import { MemoryDisk } from "../../src/storage/MemoryDisk.ts"
import { SnapshotStores } from "../../src/storage/SnapshotStores.ts"
import type { StateStore } from "../../src/storage/StateStore.ts"
import { layerStoresMemory } from "../../src/storage/snapshotStoreMemory.ts"
import { layerStoresSqlite } from "../../src/storage/snapshotStoreSqlite.ts"
import { makeSnapshotThreads } from "../../src/storage/snapshotThreads.ts"
import { openMemoryStateStore } from "../../src/storage/stateStoreMemory.ts"
import { openSqliteStateStore } from "../../src/storage/stateStoreSqlite.ts"
import { WholeStateQueue } from "../../src/storage/WholeStateQueue.ts"
import { identity, initial, removeTemporaryDirectories, temporaryDirectory } from "./support.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

afterEach(removeTemporaryDirectories)

interface Place {
  readonly directory: string
  readonly layer: Layer.Layer<SnapshotStores>
  readonly openState: () => StateStore
  readonly isThere: () => boolean
  readonly loseState: () => void
}

const places: Readonly<Record<string, () => Place>> = {
  "in memory": () => {
    const disk = new MemoryDisk(identity)
    return {
      directory: "orders",
      layer: layerStoresMemory({ disk }),
      openState: () => openMemoryStateStore(disk, { group: "orders", initial }),
      isThere: () => disk.directory("orders").files().size > 0,
      loseState: () => disk.directory("orders").remove("state.db"),
    }
  },
  "in files": () => {
    const data = temporaryDirectory()
    const directory = join(data, "groups", "orders")
    return {
      directory,
      layer: layerStoresSqlite(),
      openState: () => {
        mkdirSync(directory, { recursive: true })
        return openSqliteStateStore(join(directory, "state.db"), initial)
      },
      isThere: () => existsSync(join(data, "groups")),
      loseState: () => renameSync(join(directory, "state.db"), join(data, "lost")),
    }
  },
}

const withStore = <A, E>(
  place: Place,
  body: (store: Effect.Success<ReturnType<SnapshotStores["Service"]["open"]>>) => Effect.Effect<A, E>,
): Promise<A> =>
  Effect.flatMap(SnapshotStores, ({ open }) => open(place.directory)).pipe(
    Effect.flatMap(body),
    Effect.provide(place.layer),
    Effect.runPromise as <X>(effect: Effect.Effect<X, E | StorageFailed>) => Promise<X>,
  )

const flush = (state: StateStore, index: number): void =>
  state.flush({
    position: { index, term: 1, time: index, configuration: initial },
    instances: [],
    outcomes: [],
    forgetOutcomesBelow: 0,
    timersSet: [],
    timersCleared: [],
    digest: "",
  })

describe.each(Object.keys(places))("snapshots of a group %s", (name) => {
  test("that has never flushed cost nothing and are no damage; a state that is gone is", async () => {
    const place = places[name]!()
    await withStore(place, (store) =>
      Effect.gen(function* () {
        expect(yield* store.latest).toBeNull()
        expect(yield* store.received("a".repeat(64))).toBe(0)
        expect(yield* store.verify).toBe(0)
        yield* store.forgetOwn
        expect((yield* Effect.flip(store.create))._tag).toBe("StateDamaged")
        expect(place.isThere()).toBe(false)
        const state = place.openState()
        flush(state, 7)
        yield* store.verify
        expect((yield* store.create).index).toBe(7)
        state.close()
        place.loseState()
        expect((yield* Effect.flip(store.verify))._tag).toBe("StateDamaged")
        expect((yield* Effect.flip(store.create))._tag).toBe("StateDamaged")
      }),
    )
  })
})

describe("who reads or copies whole states", () => {
  /** Jobs that end when they are told to. */
  const makeJobs = () => {
    const queue = new WholeStateQueue()
    const begun: Array<string> = []
    const ends = new Map<string, Deferred.Deferred<void>>()
    let running = 0
    const ask = (name: string, urgency: "urgent" | "usual") => {
      const end = Deferred.makeUnsafe<void>()
      ends.set(name, end)
      const job = Effect.gen(function* () {
        expect(++running).toBe(1)
        begun.push(name)
        yield* Deferred.await(end)
      })
      const counted = Effect.ensuring(
        job,
        Effect.sync(() => {
          running--
        }),
      )
      return Effect.runFork(queue.run(urgency, counted))
    }
    const end = (name: string) => {
      Deferred.doneUnsafe(ends.get(name)!, Exit.void)
      return Effect.runPromise(Effect.yieldNow)
    }
    return { ask, end, begun }
  }

  test("does so alone in all of the node, and what has arrived goes first", async () => {
    const { ask, end, begun } = makeJobs()
    ask("verify a", "usual")
    ask("create b", "usual")
    ask("create c", "usual")
    ask("finish d", "urgent")
    ask("install e", "urgent")
    for (const name of ["verify a", "finish d"]) await end(name)
    ask("finish f", "urgent")
    for (const name of ["install e", "finish f", "create b"]) await end(name)
    expect(begun).toEqual(["verify a", "finish d", "install e", "finish f", "create b", "create c"])
  })

  test("who is interrupted leaves the line, or the place that it holds", async () => {
    const { ask, end, begun } = makeJobs()
    const first = ask("a", "usual")
    const second = ask("b", "usual")
    ask("c", "usual")
    await Effect.runPromise(Fiber.interrupt(second))
    await Effect.runPromise(Fiber.interrupt(first))
    expect(begun).toEqual(["a", "c"])
    await end("c")
    ask("d", "usual")
    expect(begun).toEqual(["a", "c", "d"])
  })

  test("however they come, end and are interrupted, one is at work as long as any waits", async () => {
    const act = fc.record({ what: fc.constantFrom("ask", "urgent", "end", "interrupt"), which: fc.nat(20) })
    await fc.assert(
      fc.asyncProperty(fc.array(act, { size: "max", maxLength: 40 }), async (acts) => {
        const { ask, end, begun } = makeJobs()
        const fibers = new Map<string, Fiber.Fiber<void>>()
        const gone = new Set<string>()
        const here = () => [...fibers.keys()].filter((each) => !gone.has(each))
        for (const [at, { what, which }] of acts.entries()) {
          const chosen = here()[which % Math.max(1, here().length)]
          if (what === "ask" || what === "urgent") {
            fibers.set(`${at}`, ask(`${at}`, what === "ask" ? "usual" : "urgent"))
          } else if (chosen !== undefined) {
            if (what === "interrupt") await Effect.runPromise(Fiber.interrupt(fibers.get(chosen)!))
            else if (begun.includes(chosen)) await end(chosen)
            else continue
            gone.add(chosen)
          }
          const working = here().filter((each) => begun.includes(each))
          expect(working.length).toBe(here().length > 0 ? 1 : 0)
        }
      }),
      { numRuns: 200 },
    )
  })
})

test("a thread whose job is done is kept for the next one, and ends with a fiber that is interrupted", async () => {
  const path = join(temporaryDirectory(), "thread.js")
  writeFileSync(
    path,
    `let count = 0
     onmessage = ({ data }) => {
       count++
       if (data.arguments[1] === "hang") return
       if (data.arguments[1] === "die") throw new Error("broken")
       postMessage({ result: count, error: null })
     }`,
  )
  const threads = { jobs: pathToFileURL(path), scrub: pathToFileURL(path) }
  const [kept, unkept] = [makeSnapshotThreads(threads, 200), makeSnapshotThreads(threads, 0)]
  const count = ({ runJob }: typeof kept, what = "") =>
    runJob("install", "", what) as Effect.Effect<unknown, unknown>
  await Effect.gen(function* () {
    expect([yield* count(unkept), yield* count(unkept)]).toEqual([1, 1])
    expect([yield* count(kept), yield* count(kept), yield* count(kept)]).toEqual([1, 2, 3])
    const hanging = yield* Effect.forkChild(count(kept, "hang"), { startImmediately: true })
    // While it is at work another one has to be begun.
    expect(yield* count(kept)).toBe(1)
    yield* Fiber.interrupt(hanging)
    expect(yield* count(kept)).toBe(2)
    expect((yield* Effect.flip(count(kept, "die"))) as object).toMatchObject({ _tag: "StorageFailed" })
    expect(yield* count(kept)).toBe(1)
    yield* Effect.sleep(600)
    expect(yield* count(kept)).toBe(1)
  }).pipe(Effect.runPromise)
})
