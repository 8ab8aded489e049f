// How is room kept on a disk? In a file of blocks that hold nothing.

import { closeSync, openSync, rmSync, statfsSync, statSync, writeSync } from "node:fs"
import { dirname } from "node:path"
import { neededFor, type Reserve } from "./Room.ts"
import { isNoRoom } from "./sqliteError.ts"

/**
 * `bytes`: null takes an eighth of the file system, {@link reserveBytesMax} at the most. That holds what a leader may
 * have under way to a follower, a flush of the state and the cut of the log.
 */
export const openReserveFile = (path: string, bytes: number | null): Reserve => {
  const reserve = { bytes: bytes ?? usualBytes(dirname(path)) }
  let isWhole = blockBytesOf(path) >= reserve.bytes
  return {
    ...reserve,
    framesMax: framesMaxOf(reserve.bytes),
    isWhole: () => isWhole,
    freeBytes: () => freeBytesIn(dirname(path)),
    giveUp: () => {
      isWhole = false
      rmSync(path, { force: true })
    },
    take: () => {
      isWhole =
        freeBytesIn(dirname(path)) + blockBytesOf(path) >= neededFor(reserve) && fill(path, reserve.bytes)
      return isWhole
    },
  }
}

/** A write-ahead log with so many frames fits a quarter of the reserve, and is never longer than is good for it. */
const framesMaxOf = (bytes: number): number =>
  Math.max(walFramesMin, Math.min(walFramesMax, Math.floor(bytes / 4 / pageBytes)))

/** The same for a file that has no reserve of its own. */
export const framesMaxIn = (directory: string): number => framesMaxOf(usualBytes(directory))

/** What nothing but votes and the log should take of a full disk. */
export const keptBytesIn = (directory: string): number => usualBytes(directory) / 4

/** False: there was less room than the system said, for a quota perhaps. */
const fill = (path: string, bytes: number): boolean => {
  const file = openSync(path, "w")
  try {
    for (let left = bytes; left > 0; left -= fillingBytes) {
      const piece = filling.subarray(0, Math.min(left, fillingBytes))
      if (writeSync(file, piece) < piece.byteLength)
        throw Object.assign(new Error("cut short"), { code: "ENOSPC" })
    }
    return true
  } catch (error) {
    if (!isNoRoom(error)) throw error
    rmSync(path, { force: true })
    return false
  } finally {
    closeSync(file)
  }
}

const usualBytes = (directory: string): number => {
  const { blocks, bsize } = statfsSync(directory)
  return Math.min(reserveBytesMax, Math.floor((blocks * bsize) / 8))
}

/** What can be written there before the disk says no. */
export const freeBytesIn = (directory: string): number => {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize
}

/** What the file holds of the disk; 0 when there is none. */
const blockBytesOf = (path: string): number => (statSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * 512

export const reserveBytesMax = 16_777_216
const walFramesMax = 1_000
const walFramesMin = 8
const pageBytes = 4_096
const fillingBytes = 65_536
/** Not zeros: a file system that compresses would keep no room for them. */
const filling = crypto.getRandomValues(new Uint8Array(fillingBytes))
