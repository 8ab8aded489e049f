// A group goes, and another one comes: what of the first may be left, and who is suspect while something is lost?

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { copyFileSync, cpSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Exit } from "effect"
import { Chance } from "../../src/simulation/Chance.ts"
import { SimulatedDisk } from "../../src/simulation/Disk.ts"
import { World } from "../../src/simulation/World.ts"
import { openDataDirectory } from "../../src/storage/DataDirectory.ts"
import { LogFile } from "../../src/storage/LogFile.ts"
import { type LoadedGroup, LogStore } from "../../src/storage/LogStore.ts"
import { openLogDirectory } from "../../src/storage/logDirectory.ts"
import {
  entriesOf,
  entryOf,
  identity,
  initial,
  loadMain,
  removeTemporaryDirectories,
  temporaryDirectory,
  writeOf,
} from "./support.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

afterEach(removeTemporaryDirectories)

const open = (directory: string): LogFile =>
  Effect.gen(function* () {
    const held = yield* openDataDirectory({ directory, clusterId: "cluster", nodeId: "n1" })
    return LogFile.open(openLogDirectory(directory, held.identity, 65_536))
  }).pipe(Effect.scoped, Effect.runSync)

type Options = Partial<Parameters<LogFile["load"]>[0]>

const load = (log: LogFile, group: string, options: Options = {}): LoadedGroup =>
  log.load({
    ...{ group, initial, stateIndex: 0, stateTerm: 0, stateConfiguration: initial, tailBytesMax: 1e6 },
    ...options,
  })

const write = (log: LogFile, group: string, part: Parameters<typeof writeOf>[0]): void =>
  log.write([{ group, write: writeOf(part) }])

/** Everything on the disk at this moment, as a `kill -9` would leave it. */
const imageOf = (directory: string): string => {
  const image = join(temporaryDirectory(), "image")
  cpSync(directory, image, { recursive: true })
  rmSync(join(image, "directory.lock"), { force: true })
  return image
}

const isNew = { hardState: { term: 0, votedFor: null }, lastIndex: 0, standing: "whole", suspicion: "" }

const withGroups = (...groups: ReadonlyArray<string>) => {
  const directory = temporaryDirectory()
  const log = open(directory)
  for (const group of groups) {
    load(log, group)
    write(log, group, { hardState: { term: 3, votedFor: "n2" }, entries: entriesOf(1, 12_000, 3) })
  }
  return { directory, log }
}

describe("a group that is forgotten", () => {
  test("leaves its number to nobody as long as a row of it is there", () => {
    const { directory, log } = withGroups("a", "b", "c")
    const [, number] = [load(log, "a"), log.record("b").number]
    log.forget("b")
    expect(log.sweepForgotten()).toBe(true)
    expect(log.tables.lowestIndex(number, 12_000)).toBe(5_001)
    load(log, "d")
    expect(log.record("d").number).toBe(4)
    // The process dies; who comes next goes on with the sweep between two commits.
    const again = open(imageOf(directory))
    load(again, "e")
    expect(again.record("e").number).toBe(5)
    for (let second = 0; second < 4; second++) again.idle()
    expect(again.tables.lowestIndex(number, 12_000)).toBeUndefined()
    load(again, "f")
    expect(again.record("f").number).toBe(number)
    expect(again.read({ group: "c", from: 1, to: 2, bytesMax: 1e6 })).toHaveLength(2)
  })

  test("is made anew while rows of it are left: those go first", () => {
    const { log } = withGroups("a", "b")
    const { number } = log.record("b")
    log.forget("b")
    expect(load(log, "b")).toMatchObject(isNew)
    expect(log.tables.lowestIndex(number, 12_000)).toBeUndefined()
    write(log, "b", { entries: [entryOf(1, 1)] })
  })

  test("is gone although its mark is still there, or is back after a loss of power (S4)", () => {
    const { directory, log } = withGroups("a", "b")
    log.idle()
    const before = imageOf(directory)
    log.forget("b")
    for (let left = true; left; left = log.sweepForgotten()) {
      const image = imageOf(directory)
      copyFileSync(join(before, "log.mark"), join(image, "log.mark"))
      const again = open(image)
      expect(load(again, "a")).toMatchObject({ lastIndex: 12_000, standing: "whole" })
      expect(again.groups.has("b")).toBe(false)
      expect(load(again, "b")).toMatchObject(isNew)
      again.close()
    }
    // Now no loss of power can bring it back: nothing speaks of it any more.
    expect([...log.tables.forgotten().forgotten]).toEqual([])
    const again = open(imageOf(directory))
    expect(again.marked.has("b")).toBe(false)
    expect(load(again, "b")).toMatchObject(isNew)
  })

  test("is not so where the log came back shorter: it may have been made once more since (S6, E2)", () => {
    const { directory, log } = withGroups("a", "b")
    log.forget("b")
    log.close()
    const old = readFileSync(join(directory, "log.db"))
    const later = open(directory)
    load(later, "a")
    load(later, "b")
    write(later, "b", { hardState: { term: 9, votedFor: "n3" } })
    later.close()
    writeFileSync(join(directory, "log.db"), old)
    const again = open(directory)
    expect(load(again, "b")).toMatchObject({
      standing: "suspect",
      hardState: { term: 9, votedFor: "n3" },
    })
  })

  test("is noted in a file that has to be built anew as well", () => {
    const { directory, log } = withGroups("a", "b")
    log.forget("b")
    write(log, "a", { entries: [entryOf(12_001, 3, "the last one")] })
    log.idle()
    log.idle()
    log.close()
    const path = join(directory, "log.db")
    const bytes = readFileSync(path)
    bytes[bytes.indexOf("the last one") + 3]! ^= 1
    writeFileSync(path, bytes)
    const again = open(directory)
    expect(load(again, "a")).toMatchObject({ standing: "suspect", lastIndex: 12_000 })
    expect([...again.tables.forgotten().forgotten.values()]).toEqual(["b"])
    while (again.sweepForgotten()) {}
    expect([...again.tables.forgotten().forgotten]).toEqual([])
  })

  test("survives any loss of power whole, or is gone for good, and its next life as well (S4)", () => {
    const sightings = new Set<string>()
    for (let seed = 1; seed <= 150; seed++) {
      const world = new World(seed)
      const chance = new Chance(seed).fork("user")
      const disk = new SimulatedDisk(identity, new Chance(seed).fork("disk"))
      Object.assign(disk.weather, { syncMillisMin: 1, syncMillisMax: 4, workMillisMax: 1 })
      const withLog = <A, E>(body: (log: LogStore["Service"]) => Effect.Effect<A, E>) =>
        Effect.flatMap(LogStore, body).pipe(Effect.provide(disk.layers("main", initial).log))
      /** Of "other": how long it is, or null; and what it may be as well, when that is under way. */
      let known: number | null = null
      let next: number | null = null
      for (let life = 0; life < 4; life++) {
        const process = world.startProcess("n1")
        const fiber = process.fork(
          withLog((log) =>
            Effect.gen(function* () {
              const main = yield* loadMain(log)
              expect(main.suspicion).toBe("")
              const other = yield* loadMain(log, { group: "other" })
              expect(other.suspicion).toBe("")
              expect([known ?? 0, next ?? 0]).toContain(other.lastIndex)
              known = other.lastIndex
              while (true) {
                if (chance.happens(0.3)) {
                  next = null
                  yield* log.forget("other")
                  sightings.add("forgotten")
                  known = null
                  yield* Effect.sleep(chance.below(1_500))
                  const made = yield* loadMain(log, { group: "other" })
                  expect(made).toMatchObject(isNew)
                  known = 0
                } else {
                  const count = chance.between(1, 5)
                  next = known! + count
                  const entries = entriesOf(known! + 1, next, 1)
                  yield* log.write([{ group: "other", write: writeOf({ entries }) }])
                  known = next
                  yield* Effect.sleep(chance.below(600))
                }
              }
            }),
          ),
        )
        world.runFor(chance.between(1, 4_000))
        const exit = fiber.pollUnsafe()
        if (exit !== undefined && Exit.isFailure(exit)) throw new Error(`seed ${seed}: ${exit.cause}`)
        process.kill()
        disk[chance.happens(0.7) ? "crash" : "kill"]()
        sightings.add(disk.synced("other") === null ? "gone" : "there")
      }
    }
    expect(sightings).toEqual(new Set(["forgotten", "gone", "there"]))
  })
})

describe("while something of the log is lost", () => {
  /** Group b is gone with its row, a is as it was; the mark knows both. */
  const withLoss = () => {
    const { directory, log } = withGroups("a", "b")
    log.close()
    const path = join(directory, "log.db")
    const bytes = readFileSync(path)
    // The row of the group: its name, its term, then its vote.
    bytes[bytes.indexOf("b\u0003n2") + 3]! ^= 1
    writeFileSync(path, bytes)
    return open(directory)
  }

  test("a group that is not found is suspect, also one that the mark does not name (S6)", () => {
    const log = withLoss()
    expect(load(log, "a").standing).toBe("whole")
    expect(load(log, "new").standing).toBe("suspect")
    expect(load(log, "b")).toMatchObject({ standing: "suspect", hardState: { term: 3, votedFor: "n2" } })
  })

  test("one that is known to be new is not; nor does that make one whole that was there (S6)", () => {
    const log = withLoss()
    expect(load(log, "new", { isNew: true })).toMatchObject(isNew)
    expect(load(log, "b", { isNew: true }).standing).toBe("suspect")
    expect(load(log, "left", { isNew: true, stateIndex: 5, stateTerm: 1 }).standing).toBe("suspect")
  })

  test("so is one that was here before, also when nothing else is lost, and one that is found is not", () => {
    const { log } = withGroups("a")
    expect(load(log, "a", { isNew: false }).standing).toBe("whole")
    expect(load(log, "b", { isNew: false }).standing).toBe("suspect")
  })

  test("as in an older copy, of which others tell it, new groups are suspect until it is whole (S6)", () => {
    const { log } = withGroups("a")
    write(log, "a", { standing: "suspect" })
    expect(load(log, "b").standing).toBe("suspect")
    expect(load(log, "c", { isNew: true }).standing).toBe("whole")
    write(log, "a", { standing: "whole" })
    expect(load(log, "d").standing).toBe("suspect")
    for (const group of ["b", "d"]) write(log, group, { standing: "whole" })
    expect(load(log, "e")).toMatchObject(isNew)
  })

  test("ends when all are whole again, and when the last that is not is forgotten", () => {
    for (const isLoaded of [true, false]) {
      const log = withLoss()
      if (isLoaded) load(log, "b")
      expect(log.suspicion).not.toBe("")
      log.forget("b")
      expect(log.suspicion).toBe("")
      expect(load(log, "new")).toMatchObject(isNew)
      expect(load(log, "b")).toMatchObject(isNew)
    }
    const log = withLoss()
    load(log, "b")
    write(log, "b", { standing: "whole" })
    expect(load(log, "new")).toMatchObject(isNew)
  })

  test("a group cannot be forgotten in another's stead", () => {
    const log = withLoss()
    log.forget("a")
    expect(log.suspicion).not.toBe("")
    expect(load(log, "new").standing).toBe("suspect")
  })
})

test("a log takes more groups than its mark has had room for, and finds them all (S4)", () => {
  const directory = temporaryDirectory()
  const log = open(directory)
  const groups = Array.from({ length: 1_100 }, (_, at) => `group-${at}-`.padEnd(63, "x"))
  for (const group of groups) load(log, group)
  const all = (lastIndex: number) =>
    groups.map((group) => {
      const hardState = { term: lastIndex, votedFor: "n".repeat(64) }
      return { group, write: writeOf({ hardState, entries: [entryOf(lastIndex, 1, group)] }) }
    })
  for (let index = 1; index <= 5; index++) log.write(all(index))
  const again = open(imageOf(directory))
  for (const group of groups) {
    expect(load(again, group)).toMatchObject({ lastIndex: 5, standing: "whole", suspicion: "" })
  }
})
