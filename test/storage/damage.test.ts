// A disk came back shorter or altered: does the node know? (HAZARDS S4, S5, S6)

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import * as fc from "fast-check"
import type { Entry } from "../../src/consensus/types.ts"
import { readDataDirectory } from "../../src/storage/DataDirectory.ts"
import { damageOf } from "../../src/storage/damage.ts"
import { LogFile } from "../../src/storage/LogFile.ts"
import { DataDirectoryRefused, type LoadedGroup, StorageFailed } from "../../src/storage/LogStore.ts"
import { openLogDirectory } from "../../src/storage/logDirectory.ts"
import { LogMark } from "../../src/storage/mark.ts"
import { makeMarkFile, openMarkFile } from "../../src/storage/markFile.ts"
import {
  entryOf,
  initial,
  plain,
  removeTemporaryDirectories,
  runInDirectory,
  temporaryDirectory,
  writeOf,
} from "./support.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

afterEach(removeTemporaryDirectories)

const identity = { clusterId: "cluster", nodeId: "n1", incarnation: "" }
/** Large enough that the first of them stand in pages that the later ones do not touch. */
const written = Array.from({ length: 80 }, (_, at) =>
  entryOf(at + 1, at < 40 ? 1 : 2, `entry ${at + 1} ${"x".repeat(200)}`),
)
const hardState = { term: 2, votedFor: "n3" }

const open = async (directory: string): Promise<LogFile> => {
  const node = await Effect.runPromise(readDataDirectory(directory))
  return LogFile.open(openLogDirectory(directory, node?.identity ?? identity))
}

const load = (log: LogFile, options: { stateIndex?: number; stateTerm?: number } = {}): LoadedGroup =>
  log.load({
    group: "main",
    initial,
    stateIndex: 0,
    stateTerm: 0,
    stateConfiguration: initial,
    tailBytesMax: 1_000_000,
    ...options,
  })

const write = (log: LogFile, part: Parameters<typeof writeOf>[0]): void =>
  log.write([{ group: "main", write: writeOf(part) }])

/** Everything on the disk at this moment, as a `kill -9` would leave it. */
const imageOf = (directory: string): string => {
  const image = join(temporaryDirectory(), "image")
  cpSync(directory, image, { recursive: true })
  rmSync(join(image, "directory.lock"), { force: true })
  return image
}

/**
 * Entries 1 to 40 in the database file, 41 to 80 in twenty commits of the write-ahead log.
 * `before` is the same but for the last commit.
 */
const makeImage = async () => {
  const directory = temporaryDirectory()
  await runInDirectory(directory, () => Effect.void)
  const first = await open(directory)
  load(first)
  write(first, { hardState: { term: 1, votedFor: "n1" }, entries: written.slice(0, 40) })
  first.close()
  const second = await open(directory)
  load(second)
  write(second, { hardState })
  for (let at = 40; at < 78; at += 2) write(second, { entries: written.slice(at, at + 2) })
  const before = imageOf(directory)
  write(second, { entries: written.slice(78) })
  const image = imageOf(directory)
  second.close()
  return { image, before }
}

const flip = (path: string, offset: number, bit = 0): void => {
  const bytes = readFileSync(path)
  bytes[offset]! ^= 1 << bit
  writeFileSync(path, bytes)
}

const frameBytes = 4_096 + 24

const expectPrefix = (tail: ReadonlyArray<Entry>): void => {
  expect(plain(tail)).toEqual(plain(written.slice(0, tail.length)))
}

describe("what is no damage", () => {
  test("a clean crash image is whole and complete (S1)", async () => {
    const { image } = await makeImage()
    const loaded = load(await open(image))
    expect(loaded).toMatchObject({ standing: "whole", suspicion: "", hardState, lastIndex: 80 })
    expect(plain(loaded.tail)).toEqual(plain(written))
  })

  test("a commit that came through before its mark is kept", async () => {
    const { image, before } = await makeImage()
    copyFileSync(join(before, "log.mark"), join(image, "log.mark"))
    for (let start = 0; start < 3; start++) {
      const log = await open(image)
      expect(load(log)).toMatchObject({ standing: "whole", lastIndex: 80 })
      log.close()
    }
  })

  test("a torn last transaction that was never acknowledged is forgotten without suspicion", async () => {
    for (const cutBytes of [1, 100, frameBytes - 1, frameBytes]) {
      const { image, before } = await makeImage()
      copyFileSync(join(before, "log.mark"), join(image, "log.mark"))
      const wal = join(image, "log.db-wal")
      truncateSync(wal, statSync(wal).size - cutBytes)
      const loaded = load(await open(image))
      expect(loaded).toMatchObject({ standing: "whole", suspicion: "", lastIndex: 78 })
      expectPrefix(loaded.tail)
    }
  })

  test("a last frame with a bad page, unacknowledged within this boot, is a torn write", async () => {
    const { image, before } = await makeImage()
    copyFileSync(join(before, "log.mark"), join(image, "log.mark"))
    const wal = join(image, "log.db-wal")
    flip(wal, statSync(wal).size - 100)
    expect(load(await open(image))).toMatchObject({ standing: "whole", lastIndex: 78 })
  })

  test("what a torn transaction left behind does not look like damage at the start after the next", async () => {
    const { image, before } = await makeImage()
    copyFileSync(join(before, "log.mark"), join(image, "log.mark"))
    // The first frame of the last transaction did not reach the disk, its commit frame did.
    flip(join(image, "log.db-wal"), statSync(join(before, "log.db-wal")).size + 100)
    const log = await open(image)
    load(log)
    write(log, { hardState: { term: 9, votedFor: null } })
    const later = imageOf(image)
    staleMark(join(image, "log.mark"), join(later, "log.mark"), 1)
    expect(load(await open(later))).toMatchObject({
      standing: "whole",
      suspicion: "",
      hardState: { term: 9, votedFor: null },
      lastIndex: 78,
    })
  })
})

describe("a damaged write-ahead log", () => {
  test("one flipped bit in its middle: suspect, with what was verified, and the evidence kept", async () => {
    const { image } = await makeImage()
    const wal = join(image, "log.db-wal")
    flip(wal, Math.floor(statSync(wal).size / 2))
    const bad = readFileSync(wal)
    const loaded = load(await open(image))
    expect(loaded.standing).toBe("suspect")
    expect(loaded.suspicion).toContain("of the write-ahead log is bad, and frames written after it follow")
    expect(loaded.lastIndex).toBeGreaterThanOrEqual(40)
    expect(loaded.lastIndex).toBeLessThan(80)
    expectPrefix(loaded.tail)
    expect(readFileSync(join(image, "evidence", "log.db-wal")).equals(bad)).toBe(true)
  })

  test("the evidence of a state that was given up stays beside that of the log (S5)", async () => {
    const { image } = await makeImage()
    const wal = join(image, "log.db-wal")
    flip(wal, Math.floor(statSync(wal).size / 2))
    mkdirSync(join(image, "evidence"))
    writeFileSync(join(image, "evidence", "state.db"), "all that is left")
    await open(image)
    expect(existsSync(join(image, "evidence", "log.db-wal"))).toBe(true)
    expect(readFileSync(join(image, "evidence", "state.db"), "utf8")).toBe("all that is left")
  })

  test("the same is known from the file alone, when the mark is stale after a power loss", async () => {
    const { image, before } = await makeImage()
    staleMark(join(before, "log.mark"), join(image, "log.mark"), 20)
    const wal = join(image, "log.db-wal")
    flip(wal, Math.floor(statSync(wal).size / 2))
    expect(load(await open(image)).standing).toBe("suspect")
  })

  test("one flipped bit in the last transaction: suspect", async () => {
    const { image } = await makeImage()
    const wal = join(image, "log.db-wal")
    flip(wal, statSync(wal).size - 2_000)
    const loaded = load(await open(image))
    expect(loaded).toMatchObject({ standing: "suspect", hardState, lastIndex: 78 })
    expectPrefix(loaded.tail)
  })

  test("one flipped bit in the last transaction after a power loss: nobody can tell, so suspect", async () => {
    const { image, before } = await makeImage()
    staleMark(join(before, "log.mark"), join(image, "log.mark"), 20)
    const wal = join(image, "log.db-wal")
    flip(wal, statSync(wal).size - 2_000)
    const loaded = load(await open(image))
    expect(loaded.standing).toBe("suspect")
    expect(loaded.suspicion).toContain("belongs to the last transaction")
  })

  test("cut at any frame, or gone: suspect, because the mark names a later commit", async () => {
    for (const framesKept of [-1, 0, 1, 7, 30]) {
      const { image } = await makeImage()
      const wal = join(image, "log.db-wal")
      if (framesKept < 0) rmSync(wal)
      else truncateSync(wal, 32 + framesKept * frameBytes)
      const loaded = load(await open(image))
      expect(loaded.standing).toBe("suspect")
      expect(loaded.suspicion).toContain("the mark names commit")
      // Never below what was promised: the vote of term 2 stands although the database forgot it (E2).
      expect(loaded.hardState).toEqual(hardState)
      expectPrefix(loaded.tail)
    }
  })

  test("a bad header over frames: suspect", async () => {
    const { image } = await makeImage()
    flip(join(image, "log.db-wal"), 17)
    expect(load(await open(image)).standing).toBe("suspect")
  })
})

describe("a damaged database", () => {
  test("one flipped bit in a stored entry: suspect, and the log ends before it (S5)", async () => {
    const { image } = await makeImage()
    const path = join(image, "log.db")
    flip(path, readFileSync(path).indexOf("entry 20 ") + 3)
    const loaded = load(await open(image))
    expect(loaded).toMatchObject({
      standing: "suspect",
      suspicion: "entry 20 has a bad checksum",
      lastIndex: 19,
      hardState,
    })
    expectPrefix(loaded.tail)
    expect(existsSync(join(image, "evidence", "log.db"))).toBe(true)
  })

  test("a group that has begun, and has written nothing, goes on when another one's log turns out to be damaged", async () => {
    const { image } = await makeImage()
    const path = join(image, "log.db")
    flip(path, readFileSync(path).indexOf("entry 20 ") + 3)
    const log = await open(image)
    const options = { initial, stateIndex: 0, stateTerm: 0, stateConfiguration: initial, tailBytesMax: 1_000 }
    expect(log.load({ group: "new", founded: 80, ...options }).standing).toBe("whole")
    expect(load(log)).toMatchObject({ standing: "suspect", lastIndex: 19 })
    log.write([
      {
        group: "new",
        write: writeOf({ hardState: { term: 1, votedFor: "n1" }, entries: [entryOf(1, 1, "first")] }),
      },
    ])
    expect(log.read({ group: "new", from: 1, to: 1, bytesMax: 1_000 })).toHaveLength(1)
    log.close()
    const again = await open(image)
    expect(again.load({ group: "new", founded: 80, ...options })).toMatchObject({
      hardState: { term: 1, votedFor: "n1" },
      lastIndex: 1,
    })
    expect(load(again).lastIndex).toBe(19)
  })

  test("a flipped bit in the row of term and vote: the mark knows them (S5, E2)", async () => {
    const { image } = await makeImage()
    rmSync(join(image, "log.db-wal"))
    const path = join(image, "log.db")
    const bytes = readFileSync(path)
    // The row of the group: its name, then its vote.
    flip(path, bytes.indexOf("mainn1") + 4)
    const loaded = load(await open(image), { stateIndex: 30, stateTerm: 1 })
    expect(loaded).toMatchObject({ standing: "suspect", hardState, base: { index: 30, term: 1 } })
  })

  test("suspicion outlives a second restart, and ends with the write that says so", async () => {
    const { image } = await makeImage()
    const path = join(image, "log.db")
    flip(path, readFileSync(path).indexOf("entry 20 ") + 3)
    for (let start = 0; start < 3; start++) {
      const log = await open(image)
      expect(load(log)).toMatchObject({ standing: "suspect", lastIndex: 19 })
      log.close()
    }
    const repaired = await open(image)
    load(repaired)
    write(repaired, { hardState: { term: 3, votedFor: null }, entries: written.slice(19) })
    write(repaired, { standing: "whole" })
    repaired.close()
    const loaded = load(await open(image))
    expect(loaded).toMatchObject({ standing: "whole", suspicion: "", lastIndex: 80 })
    expect(plain(loaded.tail)).toEqual(plain(written))
  })

  test("an older copy of the whole database beside a newer mark: suspect, with the newer vote (S6)", async () => {
    const { image } = await makeImage()
    const log = await open(image)
    load(log)
    log.close()
    const old = readFileSync(join(image, "log.db"))
    const later = await open(image)
    load(later)
    write(later, { hardState: { term: 9, votedFor: "n2" }, entries: [entryOf(81, 9)] })
    later.close()
    writeFileSync(join(image, "log.db"), old)
    expect(load(await open(image))).toMatchObject({
      standing: "suspect",
      hardState: { term: 9, votedFor: "n2" },
      lastIndex: 80,
    })
  })

  test("no database beside its mark: begun anew, suspect, with the vote of the mark (S6)", async () => {
    const { image } = await makeImage()
    rmSync(join(image, "log.db"))
    rmSync(join(image, "log.db-wal"))
    expect(load(await open(image), { stateIndex: 50, stateTerm: 2 })).toMatchObject({
      standing: "suspect",
      hardState,
      base: { index: 50, term: 2 },
      lastIndex: 50,
    })
  })

  test("neither database nor mark: refused, for nobody knows what was promised (S6)", async () => {
    const { image } = await makeImage()
    for (const name of ["log.db", "log.db-wal", "log.mark"]) rmSync(join(image, name))
    expect(open(image)).rejects.toThrow(DataDirectoryRefused)
  })

  test("no readable mark: suspect, until repaired", async () => {
    const { image } = await makeImage()
    writeFileSync(join(image, "log.mark"), new Uint8Array(2 * 131_072))
    const log = await open(image)
    expect(load(log)).toMatchObject({ standing: "suspect", lastIndex: 80, hardState })
    write(log, { standing: "whole" })
    log.close()
    expect(load(await open(image)).standing).toBe("whole")
  })

  test("an entry that goes bad while the node runs is never read, and stops the store (S5)", async () => {
    const directory = temporaryDirectory()
    await runInDirectory(directory, () => Effect.void)
    const log = await open(directory)
    load(log)
    const large = Array.from({ length: 3_000 }, (_, at) =>
      entryOf(at + 1, 1, `${at + 1}:${"x".repeat(1_500)}`),
    )
    write(log, { entries: large })
    log.close()
    const running = await open(directory)
    load(running)
    const path = join(directory, "log.db")
    flip(path, readFileSync(path).indexOf("70:xxxx") + 1_000)
    const read = (from: number) => () => running.read({ group: "main", from, to: from + 9, bytesMax: 1e9 })
    expect(read(65)).toThrow("entry 70 has a bad checksum")
    expect(read(1_000)).toThrow(StorageFailed)
    expect(() => write(running, { entries: [entryOf(3_001, 1)] })).toThrow(StorageFailed)
    expect(load(await open(imageOf(directory)))).toMatchObject({ standing: "suspect", lastIndex: 69 })
  })
})

describe("a database that was cut off (S4, S5)", () => {
  /** 1.4 MB in the database file, about 100 KB of later commits in the write-ahead log. */
  const makeLarge = async (): Promise<string> => {
    const directory = temporaryDirectory()
    await runInDirectory(directory, () => Effect.void)
    const first = await open(directory)
    load(first)
    write(first, { hardState: { term: 1, votedFor: "n1" }, entries: large.slice(0, 2_000) })
    first.close()
    const second = await open(directory)
    load(second)
    write(second, { hardState })
    for (let at = 2_000; at < large.length; at += 2) write(second, { entries: large.slice(at, at + 2) })
    const image = imageOf(directory)
    second.close()
    return image
  }
  const large = Array.from({ length: 2_020 }, (_, at) =>
    entryOf(at + 1, at < 2_000 ? 1 : 2, `entry ${at + 1} ${"x".repeat(600)}`),
  )
  /** Where the file ends in the middle of a page, at a page, in its header, and before it. */
  const cuts = [0.75, 0.5, 0.25, 0.9, 0.1].map((share) => (bytes: number) => Math.floor(bytes * share))
  const cutsAt = [4_096 * 20, 4_096 * 3, 4_096, 4_095, 512, 511, 100, 1, 0].map((bytes) => () => bytes)

  test("opens with what was verified, suspect, its vote kept and both files set aside", async () => {
    const original = await makeLarge()
    const bytes = statSync(join(original, "log.db")).size
    const wal = readFileSync(join(original, "log.db-wal"))
    expect(bytes).toBeGreaterThan(1_300_000)
    for (const cut of [...cuts, ...cutsAt]) {
      const image = imageOf(original)
      const path = join(image, "log.db")
      truncateSync(path, cut(bytes))
      const bad = readFileSync(path)
      const loaded = load(await open(image))
      expect(loaded).toMatchObject({ standing: "suspect", hardState })
      expect(loaded.suspicion).not.toBe("")
      expect(plain(loaded.tail)).toEqual(
        plain(large.slice(loaded.lastIndex - loaded.tail.length, loaded.lastIndex)),
      )
      // What the write-ahead log can still hold may be missing where a checkpoint was cut short.
      if (bytes - cut(bytes) > wal.byteLength) {
        expect(readFileSync(join(image, "evidence", "log.db")).equals(bad)).toBe(true)
        expect(readFileSync(join(image, "evidence", "log.db-wal")).equals(wal)).toBe(true)
      }
      // Five entries or more to a page, and all whole ones of the first part are kept.
      const pagesBesides = 10
      const kept = (Math.floor(cut(bytes) / 4_096) - pagesBesides) * 5
      expect(loaded.lastIndex).toBeGreaterThanOrEqual(kept)
    }
  })

  test("is repaired once: the next start is as suspect, and the write that ends it holds", async () => {
    const image = await makeLarge()
    truncateSync(join(image, "log.db"), 700_000)
    const first = await open(image)
    const { lastIndex } = load(first)
    first.close()
    const second = await open(image)
    expect(load(second)).toMatchObject({ standing: "suspect", lastIndex, hardState })
    write(second, { entries: large.slice(lastIndex) })
    write(second, { standing: "whole" })
    second.close()
    expect(load(await open(image))).toMatchObject({ standing: "whole", lastIndex: 2_020, hardState })
  })
})

test("a sector that cannot be read is damage; a write or sync that failed ends the node (S2, S5)", () => {
  const refused = (code: string) => Object.assign(new Error("disk I/O error"), { code })
  for (const code of ["SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_READ", "SQLITE_IOERR_SHORT_READ"]) {
    expect(damageOf(refused(code))).toBe(`${code}: disk I/O error`)
  }
  for (const code of ["SQLITE_IOERR", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_FULL", "EIO"]) {
    expect(() => damageOf(refused(code))).toThrow("disk I/O error")
  }
})

test("any flipped bit in any file is detected, or changes nothing that is read (S4, S5)", async () => {
  const { image } = await makeImage()
  const files = ["log.db", "log.db-wal", "log.mark"] as const
  const sizes = files.map((name) => statSync(join(image, name)).size)
  let detected = 0
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 2 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.integer({ min: 0, max: 7 }),
      async (file, place, bit) => {
        const copy = imageOf(image)
        flip(join(copy, files[file]!), Math.floor(place * sizes[file]!), bit)
        const loaded = await openAndLoad(copy)
        if (loaded === null || loaded.standing === "suspect") detected++
        if (loaded === null) return
        expectPrefix(loaded.tail)
        expect(loaded.hardState).toEqual(hardState)
        if (loaded.standing === "whole") expect(loaded.tail.length).toBe(80)
        rmSync(copy, { recursive: true })
      },
    ),
    { numRuns: 150 },
  )
  expect(detected).toBeGreaterThan(30)
}, 60_000)

/** Null when the store says that it cannot be used: that is detection, too. */
const openAndLoad = async (directory: string): Promise<LoadedGroup | null> => {
  try {
    const log = await open(directory)
    const loaded = load(log)
    log.close()
    return loaded
  } catch (error) {
    if (error instanceof StorageFailed || error instanceof DataDirectoryRefused) return null
    throw error
  }
}

/** A mark of an earlier boot, some commits old: what a power loss leaves. */
const staleMark = (from: string, to: string, commitsOld: number): void => {
  const source = new LogMark(openMarkFile(from))
  const mark = source.read()!
  source.close()
  rmSync(to)
  makeMarkFile(to)
  const target = new LogMark(openMarkFile(to))
  const head = { ...mark, boot: "an earlier boot", sequence: mark.sequence - commitsOld }
  target.write({ ...head, groups: [] }, () => ({ ...head, groups: new Map() }))
  target.close()
}
