// How is room kept on a disk in memory? As a number: what a full disk still takes when the reserve is given up.

import { sqliteError } from "./MemoryFile.ts"
import { neededFor, type Reserve } from "./Room.ts"

/** A full disk, as its reserve sees it. */
export interface FullDisk {
  /** Nothing more can be written, but for what was kept. */
  readonly isFull: () => boolean
  /** What is kept; 0: nothing, and not even term and vote find room. */
  readonly reserveBytes: () => number
}

export class MemoryReserve implements Reserve {
  readonly framesMax = 1_000
  readonly #disk: FullDisk
  #isWhole = true
  #spareBytes = 0

  constructor(disk: FullDisk) {
    this.#disk = disk
  }

  get bytes(): number {
    return this.#disk.reserveBytes()
  }

  isWhole = (): boolean => this.#isWhole

  giveUp = (): void => {
    if (this.#isWhole) this.#spareBytes += this.bytes
    this.#isWhole = false
  }

  take = (): boolean => {
    if (this.#isWhole) return true
    if (!this.#disk.isFull()) this.#spareBytes = 0
    else if (this.#spareBytes < neededFor(this) || this.bytes === 0) return false
    else this.#spareBytes -= this.bytes
    this.#isWhole = true
    return true
  }

  freeBytes = (): number => (this.#disk.isFull() ? this.#spareBytes : Number.POSITIVE_INFINITY)

  /**
   * Something of so many bytes is written; 0 for what takes the place of what was there, as term and vote do. Throws
   * what SQLite throws when there is no room.
   */
  spend(bytes: number): void {
    if (!this.#disk.isFull()) return
    const isKept = !this.#isWhole && this.bytes > 0
    if (bytes > this.#spareBytes || (bytes === 0 && this.#spareBytes === 0 && !isKept))
      throw sqliteError("SQLITE_FULL")
    this.#spareBytes -= bytes
  }

  /** So much is gone from the files: others may have it. */
  free(bytes: number): void {
    if (this.#disk.isFull()) this.#spareBytes += bytes
  }
}
