// When does a mark survive a loss of power, and what does it cost?

import { afterEach, describe, expect, test } from "bun:test"
import { closeSync, copyFileSync, existsSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { openLogMemory } from "../../src/storage/logMemory.ts"
import { calm, MemoryDisk } from "../../src/storage/MemoryDisk.ts"
import { LogMark, type Mark, type MarkChange, type MarkHalves, markAfter } from "../../src/storage/mark.ts"
import { makeMarkFile, openMarkFile } from "../../src/storage/markFile.ts"
import { identity, removeTemporaryDirectories, temporaryDirectory } from "./support.ts"

afterEach(removeTemporaryDirectories)

const endAt = (lastIndex: number) => ({
  term: 3,
  votedFor: "n1",
  lastIndex,
  lastTerm: 2,
  hash: "abcdef0123456789",
})

const changeAt = (sequence: number, groups: MarkChange["groups"] = []): MarkChange => ({
  sequence,
  boot: "b",
  damaged: false,
  failed: false,
  groups,
})

/** A mark with all that it has been told, as the log keeps it. */
const keeper = (halves: MarkHalves) => {
  const mark = new LogMark(halves)
  let whole: Mark = mark.read() ?? markAfter(new Map(), changeAt(0))
  const write = (change: MarkChange): void => {
    whole = markAfter(whole.groups, change)
    mark.write(change, () => whole)
  }
  return { mark, write, whole: () => whole }
}

/** Of a page that was written since the last sync. */
type Fate = "there" | "lost" | "torn"

/** The file, and each state of it that a loss of power may leave. */
const fileOf = (path: string) => {
  if (!existsSync(path)) makeMarkFile(path)
  const halves = openMarkFile(path)
  let synced = readFileSync(path)
  const sync = (): void => {
    halves.sync()
    synced = readFileSync(path)
  }
  const afterPowerLoss = (fateOf: (page: number) => Fate): Mark | null => {
    const bytes = Buffer.from(synced)
    const now = readFileSync(path)
    for (let at = 0; at < bytes.byteLength; at += 4_096) {
      const fate = fateOf(at / 4_096)
      const page = bytes.subarray(at, at + 4_096)
      if (fate === "lost" || page.equals(now.subarray(at, at + 4_096))) continue
      if (fate === "there") now.copy(page, 0, at)
      else page.fill(0xa5, 1_000)
    }
    const copy = join(temporaryDirectory(), "log.mark")
    writeFileSync(copy, bytes)
    return readMark(copy)
  }
  return { halves: { ...halves, sync } satisfies MarkHalves, afterPowerLoss }
}

const readMark = (path: string): Mark | null => {
  const mark = new LogMark(openMarkFile(path))
  const found = mark.read()
  mark.close()
  return found
}

const markPath = (): string => join(temporaryDirectory(), "log.mark")

describe("a mark in its file", () => {
  test("tells the last change of each group after the process has died, synced or not (S4)", () => {
    const path = markPath()
    const { write, mark, whole } = keeper(fileOf(path).halves)
    write(changeAt(1, [["a", endAt(1)]]))
    write(changeAt(2, [["b", endAt(5)]]))
    mark.sync()
    write(changeAt(3, [["a", endAt(2)]]))
    write(changeAt(4, [["b", null]]))
    expect(readMark(path)).toEqual({ ...changeAt(4), groups: new Map([["a", endAt(2)]]) })
    expect(readMark(path)).toEqual(whole())
  })

  test("is durable at once where none could be read: a second loss of power would take all again (S4)", () => {
    const { halves, afterPowerLoss } = fileOf(markPath())
    const { write } = keeper(halves)
    write(changeAt(7))
    expect(afterPowerLoss(() => "lost")?.sequence).toBe(7)
    write(changeAt(8))
    expect(afterPowerLoss(() => "lost")?.sequence).toBe(7)
  })

  test("of which any pages are lost since its sync is one of those since, over both halves many times (S4)", () => {
    const path = markPath()
    const found = new Set<string>()
    let synced = 0
    let sequence = 0
    const fates: Readonly<Record<string, (page: number) => Fate>> = {
      lost: () => "lost",
      there: () => "there",
      torn: () => "torn",
      even: (page) => (page % 2 === 0 ? "there" : "torn"),
      odd: (page) => (page % 2 === 1 ? "there" : "lost"),
      late: (page) => (page % 32 > 8 ? "there" : "lost"),
    }
    const lookAt = ({ afterPowerLoss }: ReturnType<typeof fileOf>): ReadonlyArray<Mark> =>
      Object.values(fates).map((fateOf) => {
        const mark = afterPowerLoss(fateOf)
        expect(mark).not.toBeNull()
        // A half that was full before its second was over is synced as well.
        expect(mark!.sequence).toBeGreaterThanOrEqual(synced)
        // It is what the log was at that commit, of each group.
        for (const [group, { lastIndex }] of mark!.groups) {
          const at = Number(group.slice("group ".length))
          expect(lastIndex).toBe(mark!.sequence - ((mark!.sequence - at + 40) % 40))
        }
        found.add(mark!.sequence === sequence ? "newest" : mark!.sequence === synced ? "synced" : "between")
        return mark!
      })
    const start = () => {
      const file = fileOf(path)
      const begin: MarkHalves["begin"] = (...values) => {
        file.halves.begin(...values)
        if (sequence > 1) lookAt(file)
      }
      return { file, kept: keeper({ ...file.halves, begin }) }
    }
    let { file, kept } = start()
    for (sequence = 1; sequence <= 6_000; sequence++) {
      kept.write(changeAt(sequence, [[`group ${sequence % 40}`, endAt(sequence)]]))
      // For a while no sync comes, and the halves fill.
      if (sequence % 250 === 249 && (sequence < 2_000 || sequence > 5_000)) {
        kept.mark.sync()
        synced = sequence
      }
      if (sequence % 1_700 === 0) {
        kept.mark.close()
        synced = sequence
        ;({ file, kept } = start())
      }
      if (sequence % 97 === 0) expect(lookAt(file)[1]).toEqual(kept.whole())
    }
    expect(found).toEqual(new Set(["newest", "synced", "between"]))
  }, 60_000)

  test("costs what the groups cost that a commit touched, however many there are", () => {
    const path = markPath()
    const { write, mark, whole } = keeper(fileOf(path).halves)
    mark.makeRoom(1_000, whole)
    write(
      changeAt(
        1,
        Array.from({ length: 1_000 }, (_, at) => [`group-${at}`, endAt(at)] as const),
      ),
    )
    const before = readFileSync(path)
    write(changeAt(2, [["group-7", endAt(1_000)]]))
    const after = readFileSync(path)
    const changed = after.reduce((sum, byte, at) => sum + (byte === before[at] ? 0 : 1), 0)
    expect(changed).toBeLessThan(200)
    expect(readMark(path)!.groups.get("group-7")).toEqual(endAt(1_000))
  })

  test("grows with the groups, and is the old one or the new one at each moment", () => {
    const path = markPath()
    const { write, mark, whole } = keeper(fileOf(path).halves)
    write(changeAt(1, [["a", endAt(1)]]))
    const small = statSync(path).size
    const older = `${path}.older`
    copyFileSync(path, older)
    mark.makeRoom(4_096, whole)
    expect(readMark(older)).toEqual(whole())
    expect(readMark(path)).toEqual(whole())
    expect(existsSync(`${path}.new`)).toBe(false)
    const longest = (kind: string, at: number) => `${kind}${at}`.padEnd(64, "x")
    const worst = { ...endAt(2 ** 40), term: 2 ** 53, lastTerm: 2 ** 53, hash: "f".repeat(16) }
    write(
      changeAt(
        2,
        Array.from(
          { length: 4_096 },
          (_, at) => [longest("g", at), { ...worst, votedFor: longest("n", at) }] as const,
        ),
      ),
    )
    for (let sequence = 3; sequence < 20; sequence++) write(changeAt(sequence, [["a", endAt(sequence)]]))
    expect(readMark(path)).toEqual(whole())
    const { size } = statSync(path)
    expect(size).toBeGreaterThan(small)
    mark.close()
    expect(statSync(path).size).toBe(size)
  })

  test("that was cut off holds its room again when it is written", () => {
    const path = markPath()
    closeSync(openSync(path, "w"))
    const { write, whole } = keeper(fileOf(path).halves)
    for (let sequence = 1; sequence < 2_000; sequence++) write(changeAt(sequence, [["a", endAt(sequence)]]))
    expect(readMark(path)).toEqual(whole())
  })
})

describe("a mark in memory", () => {
  test("begins its halves in turn as the file does, and never over the only one that is synced", () => {
    const disk = new MemoryDisk(identity, { ...calm, failSync: () => null })
    const { mark } = openLogMemory(disk).openMark()
    const settle = () => disk.logSteps.splice(0).forEach((step) => step.apply())
    let whole = markAfter(new Map(), changeAt(0))
    settle()
    for (let sequence = 1; sequence <= 500; sequence++) {
      const change = changeAt(sequence, [["a", endAt(sequence)]])
      whole = markAfter(whole.groups, change)
      mark.write(change, () => whole)
      settle()
      const durable = Math.max(...disk.marks.map((half) => half.durable?.sequence ?? -1))
      expect(durable).toBeGreaterThanOrEqual(Math.max(0, sequence - 2 * 65))
      expect(disk.marks.every((half) => half.durable === null && half.unsynced.length === 0)).toBe(false)
    }
    const { last } = openLogMemory(disk).openMark()
    expect(last?.sequence).toBe(500)
    expect(disk.marks.every((half) => half.written!.generation < 15)).toBe(true)
    expect(last?.groups).toEqual(new Map([["a", endAt(500)]]))
  })
})
