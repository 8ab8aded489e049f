// Is every damage to a disk found, or without any effect? (HAZARDS S4–S6)

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import { type LoadedGroup, LogStore } from "../../src/storage/LogStore.ts"
import { SnapshotStore } from "../../src/storage/SnapshotStore.ts"
import { StateCorrupt, type StateStore } from "../../src/storage/StateStore.ts"
import { corruptNote } from "../../src/storage/stateRows.ts"
import { stateFileName } from "../../src/storage/stateStoreMemory.ts"
import { initial, loadMain, plain, runOn, writeOf } from "../storage/support.ts"
import { isSame } from "./DiskModel.ts"
import { DiskUser } from "./DiskUser.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(60_000)

const seeds = Array.from({ length: 60 }, (_, at) => at + 1)

/** A disk that was used for a while and left in this way, with nothing under way. */
const used = (seed: number, how: "crash" | "kill" = "kill"): DiskUser => {
  const user = new DiskUser(seed)
  user.start()
  user.run(user.chance.below(120))
  user.end(how)
  // The next process sweeps up after the last one.
  user.start()
  user.end(how)
  return user
}

type Loaded = Readonly<Record<"main" | "other", LoadedGroup>>

/** As a process finds it that starts now; `then` goes on with it. */
const reopen = (
  { world, disk, known }: DiskUser,
  then: (log: LogStore["Service"]) => Effect.Effect<void, unknown> = () => Effect.void,
): Loaded => {
  const { index: stateIndex, term: stateTerm } = known.state
  return runOn(
    world,
    Effect.gen(function* () {
      const log = yield* LogStore
      const main = yield* loadMain(log, { stateIndex, stateTerm, tailBytesMax: 1e9 })
      const other = yield* loadMain(log, { group: "other", tailBytesMax: 1e9 })
      yield* then(log)
      return { main, other }
    }).pipe(Effect.provide(disk.layers("main", initial).log)),
  )
}

const isSuspect = ({ main, other }: Loaded): boolean =>
  main.standing === "suspect" || other.standing === "suspect"

const isUnharmed = ({ main, other }: Loaded, { known }: DiskUser): boolean =>
  isSame(main, known.log.main!) && isSame(other, known.log.other!)

describe("a log", () => {
  test("with a flipped bit is suspect, with the vote that it gave, or as it was (S5, E2)", () => {
    const found = { suspect: 0, unharmed: 0 }
    for (const seed of seeds) {
      const user = used(seed)
      expect(isUnharmed(reopen(user), user)).toBe(true)
      expect(user.disk.flipBit(["entry", "hard state"])).not.toBe(null)
      const loaded = reopen(user)
      found[isSuspect(loaded) ? "suspect" : "unharmed"]++
      if (!isSuspect(loaded)) expect(isUnharmed(loaded, user)).toBe(true)
      for (const group of ["main", "other"] as const) {
        const { hardState, entries } = user.known.log[group]!
        expect(loaded[group].hardState).toEqual(hardState)
        const kept = entries.filter(({ index }) => index > loaded[group].base.index)
        expect(plain(loaded[group].tail)).toEqual(plain(kept.slice(0, loaded[group].tail.length)))
      }
      // What was lost once is not forgotten by starting again.
      expect(isSuspect(reopen(user))).toBe(isSuspect(loaded))
    }
    expect(found.suspect).toBeGreaterThan(found.unharmed)
  })

  test("that comes back shorter than its mark is suspect, with the vote that it gave (S4, E2)", () => {
    let shortened = 0
    for (const seed of seeds) {
      const user = used(seed)
      if (user.disk.shortenLog() === null) continue
      shortened++
      const loaded = reopen(user)
      expect(loaded.main.standing).toBe("suspect")
      for (const group of ["main", "other"] as const) {
        expect(loaded[group].hardState).toEqual(user.known.log[group]!.hardState)
      }
      // The mark names the end of the shorter log now: only the log itself can remember.
      expect(reopen(user).main.standing).toBe("suspect")
    }
    expect(shortened).toBeGreaterThan(seeds.length / 2)
  })

  test("that is shorter where the mark went back as well is told by its write-ahead log (S4)", () => {
    for (const seed of seeds) {
      const user = used(seed, "crash")
      if (user.disk.shortenLog() !== null) expect(isSuspect(reopen(user))).toBe(true)
    }
  })

  test("without a readable mark is suspect, whole or shorter", () => {
    for (const seed of seeds) {
      const user = used(seed)
      if (seed % 2 === 0) user.disk.shortenLog()
      expect(user.disk.damageMark()).not.toBe(null)
      expect(user.disk.damageMark()).toBe(null)
      expect(isSuspect(reopen(user))).toBe(true)
    }
  })

  test("is whole again with the write that says so, and stays it", () => {
    for (const seed of seeds.slice(0, 10)) {
      const user = used(seed)
      user.disk.damageMark()
      const write = writeOf({ standing: "whole" })
      reopen(user, (log) => log.write(["main", "other"].map((group) => ({ group, write }))))
      expect(isSuspect(reopen(user))).toBe(false)
    }
  })

  test("that goes bad under a running process is never read, and stops it (S5)", () => {
    for (const seed of seeds) {
      const user = used(seed)
      const { base, entries } = user.known.main
      if (entries.length === 0) continue
      const [from, to] = [base.index + 1, base.index + entries.length]
      let flipped: string | null = null
      reopen(user, (log) =>
        Effect.gen(function* () {
          while (flipped === null || !flipped.includes("main")) flipped = user.disk.flipBit(["entry"])
          const failure = yield* Effect.flip(log.read({ group: "main", from, to, bytesMax: 1e9 }))
          expect(failure).toMatchObject({ _tag: "StorageFailed" })
          expect((yield* Effect.flip(log.write([])))._tag).toBe("StorageFailed")
        }),
      )
      expect(isSuspect(reopen(user))).toBe(true)
    }
  })
})

test("a log is neither cut nor compacted at an entry with a flipped bit: nothing is built on it (S5)", () => {
  const ends = new Set<string>()
  for (const seed of seeds) {
    const user = used(seed)
    const { base, entries } = user.known.main
    // One that another follows, and that is not the first.
    const inner = entries.slice(1, -1)
    if (inner.length === 0) continue
    reopen(user, (log) =>
      Effect.gen(function* () {
        let flipped = Number.NaN
        while (!(flipped > base.index + 1 && flipped < base.index + entries.length)) {
          flipped = Number(/of entry (\d+) of main$/.exec(user.disk.flipBit(["entry"])!)?.[1])
        }
        const through = { index: flipped, term: entries[flipped - base.index - 1]!.term }
        const builds =
          seed % 2 === 0
            ? log.compact({ group: "main", through, configuration: initial })
            : log.write([{ group: "main", write: writeOf({ truncateFrom: flipped + 1 }) }])
        ends.add((yield* Effect.flip(builds))._tag)
      }),
    )
    expect(isSuspect(reopen(user))).toBe(true)
  }
  expect(ends).toEqual(new Set(["StorageFailed"]))
})

/** Every row once. */
const readAll = (store: StateStore): void => {
  store.position()
  store.timers()
  for (const _ of store.outcomes());
  for (const { key } of store.list({ actor: "a", prefix: "", after: "", limit: 1e9 }))
    store.instance("a", key)
}

test("a state with a flipped bit is corrupt for who reads that row, and for who would make a snapshot of it (S5)", () => {
  for (const seed of seeds) {
    const user = used(seed)
    const { openState, snapshots } = user.disk.layers("main", initial)
    readAll(openState())
    expect(user.disk.flipBit(["state"])).not.toBe(null)
    expect(() => readAll(openState())).toThrow(StateCorrupt)
    const create = Effect.flatMap(SnapshotStore, (store) => Effect.flip(store.create))
    expect(runOn(user.world, Effect.provide(create, snapshots))._tag).toBe("StateDamaged")
    // What that noted is judged by who opens the state next.
    expect(openState().position().index).toBe(0)
  }
})

test("a state that was noted as corrupt and has no bad row stays (S5)", () => {
  for (const seed of seeds) {
    const { disk } = used(seed)
    const { openState } = disk.layers("main", initial)
    const { index } = openState().position()
    const directory = disk.directory("main")
    directory.write(corruptNote(stateFileName), new Uint8Array())
    expect(openState().position().index).toBe(index)
    expect(directory.file(corruptNote(stateFileName))).toBe(undefined)
  }
})

test("a snapshot with a flipped bit is offered to nobody, and an arrival is refused (S5)", () => {
  let damaged = 0
  for (const seed of seeds) {
    const user = used(seed)
    const { snapshots } = user.disk.layers("main", initial)
    const latest = Effect.flatMap(SnapshotStore, (store) => store.latest)
    const before = runOn(user.world, Effect.provide(latest, snapshots))
    const what = user.disk.flipBit(["snapshot"])
    const after = runOn(user.world, Effect.provide(latest, snapshots))
    if (before === null || what === null || !what.includes(before.id)) continue
    damaged++
    expect(after?.id).not.toBe(before.id)
  }
  expect(damaged).toBeGreaterThan(10)
})

test("a wiped disk is empty and of another incarnation; one put back is what it was, and nothing tells (S6)", () => {
  const user = used(3)
  const { disk, known } = user
  const [before, copy] = [disk.identity, disk.copy()]
  user.start()
  user.run(100)
  user.end("crash")
  disk.wipe({ ...before, incarnation: "second" })
  expect(disk.synced("main")).toBe(null)
  expect(disk.shortenLog()).toBe(null)
  const { openState, log } = disk.layers("main", initial)
  expect(openState().position().index).toBe(0)
  const identity = Effect.map(LogStore, (store) => store.identity)
  expect(runOn(user.world, Effect.provide(identity, log))).toEqual({ ...before, incarnation: "second" })
  disk.restore(copy)
  expect(disk.identity).toEqual(before)
  const { index, term } = disk.layers("main", initial).openState().position()
  known.state = { ...known.state, index, term }
  const loaded = reopen(user)
  expect(isSuspect(loaded)).toBe(false)
  expect(loaded.main.lastIndex).toBeLessThan(known.main.base.index + known.main.entries.length)
})
