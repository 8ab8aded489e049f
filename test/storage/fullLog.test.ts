// What does a log still take when the disk is full? One suite for the log on a small disk and for its twin in memory.
// (HAZARDS S7)

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { Effect } from "effect"
import type { Write } from "../../src/consensus/types.ts"
import { openDataDirectory } from "../../src/storage/DataDirectory.ts"
import { LogFile } from "../../src/storage/LogFile.ts"
import { StorageFull } from "../../src/storage/LogStore.ts"
import { openLogDirectory } from "../../src/storage/logDirectory.ts"
import { openLogMemory } from "../../src/storage/logMemory.ts"
import { calm, MemoryDisk } from "../../src/storage/MemoryDisk.ts"
import { fillDisk, freeDisk, mountSmall, unmountSmall } from "../support/smallDisk.ts"
import {
  entriesOf,
  entryOf,
  identity,
  initial,
  removeTemporaryDirectories,
  temporaryDirectory,
  writeOf,
} from "./support.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(60_000)

interface FullDisk {
  readonly open: () => LogFile
  /** Somebody else takes all the room that there is; what is kept is not there to be taken. */
  readonly fill: () => void
  readonly free: () => void
}

const mounted: Array<string> = []
afterEach(() => {
  for (const directory of mounted.splice(0)) unmountSmall(directory)
  removeTemporaryDirectories()
})

const onMegabyte = (): FullDisk => {
  const directory = join(temporaryDirectory(), "small")
  if (!mountSmall(directory, "1m")) throw new Error("this user may mount nothing")
  mounted.push(directory)
  return {
    open: () =>
      Effect.gen(function* () {
        const { identity } = yield* openDataDirectory({ directory, clusterId: "cluster", nodeId: "n1" })
        return LogFile.open(openLogDirectory(directory, identity))
      }).pipe(Effect.scoped, Effect.runSync),
    fill: () => fillDisk(directory),
    free: () => freeDisk(directory),
  }
}

const inMemory = (reserveBytes = 100_000): FullDisk => {
  let isFull = false
  const disk = new MemoryDisk(identity, { ...calm, isFull: () => isFull, reserveBytes: () => reserveBytes })
  return {
    open: () => LogFile.open(openLogMemory(disk)),
    fill: () => {
      isFull = true
    },
    free: () => {
      isFull = false
    },
  }
}

const trial = join(temporaryDirectory(), "trial")
const mayMount = mountSmall(trial, "1m")
if (mayMount) unmountSmall(trial)
else
  console.warn(
    "SKIPPED: a log on a full disk (HAZARDS S7) needs a small file system, and the right to mount one",
  )

const disks: ReadonlyArray<readonly [string, () => FullDisk]> = [
  ["in memory", () => inMemory()],
  ...(mayMount ? [["on a disk of a megabyte", onMegabyte] as const] : []),
]

describe.each(disks)("a log %s that is full", (_, makeDisk) => {
  /** Ten entries, room kept, and then no room. */
  const full = () => {
    const disk = makeDisk()
    const log = load(disk.open())
    write(log, { hardState: { term: 1, votedFor: "n1" }, entries: entriesOf(1, 10, 1) })
    log.idle()
    expect(log.isShort).toBe(false)
    disk.fill()
    return { disk, log }
  }

  test("takes what was under way, and then no entries but a few, whole batches or nothing of them", () => {
    const { log } = full()
    write(log, { entries: entriesOf(11, 200, 1, long) })
    expect(log.isShort).toBe(true)
    const last = fillWith(log, 201)
    expect(last).toBeLessThan(1000)
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(() => write(log, { entries: entriesOf(last + 1, last + 10, 1, long) })).toThrow(StorageFull)
      expect(log.record("main").lastIndex).toBe(last)
    }
    expect(log.read({ group: "main", from: 1, to: last, bytesMax: 1e9 })).toHaveLength(last)
  })

  test("forgets a group, and what is left of it goes as there is room", () => {
    const disk = makeDisk()
    const log = load(disk.open())
    log.load({ ...options, group: "other" })
    log.write([{ group: "other", write: writeOf({ entries: entriesOf(1, 300, 1, long) }) }])
    log.idle()
    disk.fill()
    log.forget("other")
    for (let second = 0; second < 5; second++) log.idle()
    log.close()
    const again = load(disk.open())
    expect(again.load({ ...options, group: "other" })).toMatchObject({ lastIndex: 0, standing: "whole" })
  })

  test("takes term and vote, however often, and finds the last ones when it is opened again (E2)", () => {
    const { disk, log } = full()
    const last = fillWith(log, 11)
    for (let term = 2; term <= 500; term++) write(log, { hardState: { term, votedFor: `n${term % 3}` } })
    log.close()
    const again = disk.open()
    const loaded = again.load(options)
    expect(loaded).toMatchObject({
      hardState: { term: 500, votedFor: "n2" },
      lastIndex: last,
      standing: "whole",
    })
    write(again, { hardState: { term: 501, votedFor: null } })
  })

  test("refuses entries and the vote beside them as one, and takes the vote alone", () => {
    const { log } = full()
    const last = fillWith(log, 11)
    const hardState = { term: 2, votedFor: "n2" }
    const entries = entriesOf(last + 1, last + 50, 2, long)
    expect(() => write(log, { hardState, entries })).toThrow(StorageFull)
    expect(log.record("main")).toMatchObject({ term: 1, votedFor: "n1" })
    write(log, { hardState })
    expect(log.record("main")).toMatchObject(hardState)
  })

  test("meets a peer, notes an install, and is cut", () => {
    const { log } = full()
    const last = fillWith(log, 11)
    expect(log.rememberIncarnation("n2", "first")).toBe("known")
    log.installed("main")
    cut(log, last - 5)
    expect(log.record("main").baseIndex).toBe(last - 5)
  })

  test("has room again as soon as others have made it, and not before", () => {
    const { disk, log } = full()
    const last = fillWith(log, 11)
    for (let look = 0; look < 3; look++) log.idle()
    expect(log.isShort).toBe(true)
    disk.free()
    expect(log.isShort).toBe(true)
    log.idle()
    expect(log.isShort).toBe(false)
    write(log, { entries: entriesOf(last + 1, last + 100, 1, long) })
    expect(log.isShort).toBe(false)
  })

  test("is short of room when it is opened there, and not when room was made meanwhile", () => {
    const { disk, log } = full()
    fillWith(log, 11)
    log.close()
    const again = load(disk.open())
    expect(again.isShort).toBe(true)
    again.close()
    disk.free()
    const later = load(disk.open())
    expect(later.isShort).toBe(false)
    later.idle()
    expect(later.isShort).toBe(false)
  })
})

test("what a cut has left behind it keeps no log from being loaded where there is no room to remove it (S7)", () => {
  const disk = inMemory(0)
  const log = load(disk.open())
  write(log, { hardState: { term: 1, votedFor: "n1" }, entries: entriesOf(1, 10, 1) })
  log.moveBase({ group: "main", through: { index: 5, term: 1 }, configuration: initial })
  disk.fill()
  expect(() => sweep(log)).toThrow(StorageFull)
  expect(log.load(options)).toMatchObject({ base: { index: 5 }, lastIndex: 10, standing: "whole" })
  disk.free()
  log.idle()
  expect(log.load(options)).toMatchObject({ base: { index: 5 }, lastIndex: 10, standing: "whole" })
  expect(log.sweep("main")).toBe(false)
})

// skip: this user may mount nothing here
describe.skipIf(!mayMount)("a log that has filled a disk of a megabyte", () => {
  const filled = () => {
    const disk = onMegabyte()
    const log = load(disk.open())
    write(log, { hardState: { term: 1, votedFor: "n1" } })
    log.idle()
    let index = 0
    while (!log.isShort) {
      index++
      write(log, { entries: [entryOf(index, 1, long)] })
    }
    return { disk, log, last: fillWith(log, index + 1) }
  }

  test("has room again when it is cut, though nobody else has given any", () => {
    const { log, last } = filled()
    expect(last).toBeGreaterThan(1000)
    log.idle()
    expect(log.isShort).toBe(true)
    cut(log, last - 10)
    log.idle()
    expect(log.isShort).toBe(false)
    expect(log.read({ group: "main", from: last - 9, to: last, bytesMax: 1e9 })).toHaveLength(10)
    write(log, { entries: entriesOf(last + 1, last + 1000, 1, long) })
  })

  test("is in a directory that can be held without a free block", () => {
    const { disk, log } = filled()
    log.close()
    disk.fill()
    const again = load(disk.open())
    expect(again.isShort).toBe(true)
    again.close()
  })

  test("takes votes also when somebody else takes what it has given up", () => {
    const { disk, log, last } = filled()
    write(log, { hardState: { term: 2, votedFor: "n1" } })
    disk.fill()
    for (let term = 3; term <= 300; term++) write(log, { hardState: { term, votedFor: "n1" } })
    expect(() => write(log, { entries: entriesOf(last + 1, last + 1000, 2, long) })).toThrow(StorageFull)
  })

  test("ends nobody when there is no room at all to sweep what is left of a group", () => {
    const disk = inMemory(0)
    const log = load(disk.open())
    log.load({ ...options, group: "other" })
    log.write([{ group: "other", write: writeOf({ entries: entriesOf(1, 300, 1, long) }) }])
    log.forget("other")
    disk.fill()
    // Smaller and smaller pieces are tried.
    for (let second = 0; second < 10; second++) log.idle()
    expect(log.tables.lowestIndex(2, 300)).toBe(1)
    disk.free()
    for (let second = 0; second < 10; second++) log.idle()
    expect([...log.tables.forgotten().forgotten]).toEqual([])
  })
})

const long = "x".repeat(200)

const options = {
  group: "main",
  initial,
  stateIndex: 0,
  stateTerm: 0,
  stateConfiguration: initial,
  tailBytesMax: 1000,
} as const

const load = (log: LogFile): LogFile => {
  log.load(options)
  return log
}

const write = (log: LogFile, part: Partial<Write>): void => {
  log.write([{ group: "main", write: writeOf(part) }])
  log.relieve()
}

/** Entries from `first` on, until there is no room for another one. Gives back the last. */
const fillWith = (log: LogFile, first: number): number => {
  for (let index = first; ; index++) {
    try {
      write(log, { entries: [entryOf(index, 1, long)] })
    } catch (error) {
      if (!(error instanceof StorageFull)) throw error
      return index - 1
    }
  }
}

const cut = (log: LogFile, index: number): void => {
  log.moveBase({ group: "main", through: { index, term: 1 }, configuration: initial })
  sweep(log)
}

const sweep = (log: LogFile): void => {
  while (log.sweep("main")) {}
}
