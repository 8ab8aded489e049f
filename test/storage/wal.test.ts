// Torn or altered? The inspection of the write-ahead log against files that SQLite wrote. (HAZARDS S4)

import { Database } from "bun:sqlite"
import { afterAll, describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as fc from "fast-check"
import { inspectWal, inspectWalBytes } from "../../src/storage/wal.ts"
import { removeTemporaryDirectories, temporaryDirectory } from "./support.ts"

afterAll(removeTemporaryDirectories)

const frameBytes = 4_096 + 24

/** Commits of about three frames each; some of an older generation stand behind them. */
const writeWal = (pageBytes = 4_096): Buffer => {
  const path = join(temporaryDirectory(), "sample.db")
  const database = new Database(path)
  database.run(`PRAGMA page_size = ${pageBytes}; PRAGMA journal_mode = WAL`)
  database.run("CREATE TABLE rows (content TEXT)")
  const commit = (bytes: number): void => {
    database.run("INSERT INTO rows VALUES (?)", ["x".repeat(bytes)])
  }
  for (let at = 0; at < 20; at++) commit(6_000)
  database.run("PRAGMA wal_checkpoint(PASSIVE)")
  for (let at = 0; at < 10; at++) commit(6_000)
  const wal = readFileSync(`${path}-wal`)
  database.close()
  return wal
}

const wal = writeWal()
const intact = inspectWalBytes(wal)
const frames = intact._tag === "Intact" ? framesOfGeneration(wal) : 0

/** How many frames carry the salts of the header, from the first on. */
function framesOfGeneration(bytes: Buffer): number {
  let count = 0
  while (bytes.compare(bytes, 16, 24, 32 + count * frameBytes + 8, 32 + count * frameBytes + 16) === 0)
    count++
  return count
}

const lastCommitBefore = (frame: number): number => {
  let at = frame - 1
  while (at > 0 && wal.readUInt32BE(32 + (at - 1) * frameBytes + 4) === 0) at--
  return at
}
const lastTransaction = lastCommitBefore(frames)

describe("a write-ahead log", () => {
  test("as SQLite wrote it is intact, also with an older generation behind it and other page sizes", () => {
    expect(frames).toBeGreaterThan(15)
    expect(wal.byteLength).toBeGreaterThan(32 + (frames + 10) * frameBytes)
    expect(intact).toMatchObject({ _tag: "Intact" })
    for (const pageBytes of [512, 1_024, 65_536]) {
      expect(inspectWalBytes(writeWal(pageBytes))).toMatchObject({ _tag: "Intact" })
    }
  })

  test("that is not there, empty or shorter than a frame holds nothing", () => {
    expect(inspectWal(join(temporaryDirectory(), "none"))).toEqual({ _tag: "Intact", frames: 0 })
    for (const length of [0, 10, 32, 33, frameBytes]) {
      expect(inspectWalBytes(wal.subarray(0, length))).toEqual({ _tag: "Intact", frames: 0 })
    }
  })

  test("cut anywhere in its last transaction is torn, or ends at its last commit", () => {
    for (let frame = lastTransaction; frame < frames; frame++) {
      const cut = inspectWalBytes(wal.subarray(0, 32 + frame * frameBytes + 1_000))
      expect(cut._tag).toBe(frame === lastTransaction ? "Intact" : "Torn")
    }
  })

  test("with any bit flipped before its last transaction is corrupt", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 32 + lastTransaction * frameBytes - 1 }),
        fc.integer({ min: 0, max: 7 }),
        (offset, bit) => {
          const bytes = Buffer.from(wal)
          bytes[offset]! ^= 1 << bit
          expect(inspectWalBytes(bytes)._tag).toBe("Corrupt")
        },
      ),
    )
  })

  test("with any bit flipped in a page of its last transaction is doubtful", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: lastTransaction, max: frames - 1 }),
        fc.integer({ min: 8, max: frameBytes - 1 }),
        fc.integer({ min: 0, max: 7 }),
        (frame, offset, bit) => {
          const bytes = Buffer.from(wal)
          bytes[32 + frame * frameBytes + offset]! ^= 1 << bit
          expect(inspectWalBytes(bytes)._tag).toBe("Doubtful")
        },
      ),
    )
  })

  test("never throws, whatever the bytes are", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 10_000 }), (bytes) => void inspectWalBytes(bytes)))
  })
})
