// What is still written when the disk is full? What a node needs to go on: term and vote, the no-op of a new leader,
// a flush, the cut of the log. Room is kept for that, and given up when the disk says no (HAZARDS S7).

import type { LogTables } from "./LogTables.ts"
import { isNoRoom } from "./sqliteError.ts"

/** Room that nobody else gets while it is whole. On a disk: a file of its own, of real blocks. */
export interface Reserve {
  readonly bytes: number
  readonly isWhole: () => boolean
  /** Its room goes to whoever writes next. */
  readonly giveUp: () => void
  /** Takes the room, when there is as much and half of it more: with less it would be given up again at once. */
  readonly take: () => boolean
  /** What can be written to this disk beside it. */
  readonly freeBytes: () => number
  /** As many frames of the write-ahead log as it has room for in the database, four times over. */
  readonly framesMax: number
}

/** Room for a reserve, and for what is written next. */
export const neededFor = (reserve: Pick<Reserve, "bytes">): number => reserve.bytes * 1.5

/** Runs `body`; once more with the reserve's room when there was none. What throws must have left nothing. */
export const orReserve = <A>(reserve: Reserve, body: () => A): A => {
  try {
    return body()
  } catch (error) {
    if (!reserve.isWhole() || !isNoRoom(error)) throw error
    reserve.giveUp()
    return body()
  }
}

/**
 * Decides for log.db, and speaks for the whole directory: while it is short of room no new command should be taken.
 *
 * Term and vote need no free block: they replace rows, and the write-ahead log is written from its beginning again
 * once it is in the database. That is why a disk short of room gets a checkpoint after every write, and why the
 * write-ahead log never holds more than the database could take in with the reserve's help.
 */
export class Room {
  readonly #reserve: Reserve
  readonly #tables: () => LogTables
  /** The reserve was never there, and nothing has said that there is no room for it. */
  #isFresh: boolean

  constructor(reserve: Reserve, tables: () => LogTables) {
    this.#reserve = reserve
    this.#tables = tables
    this.#isFresh = !reserve.isWhole() && reserve.freeBytes() >= neededFor(reserve)
  }

  /** The reserve is given up, or there is no room for one. */
  get isShort(): boolean {
    return !this.#reserve.isWhole() && !this.#isFresh
  }

  /** Whether entries of so many bytes may be written: they may not use up what term, vote, flush and cut need. */
  admits(bytes: number): boolean {
    if (!this.isShort) return true
    const growth = this.#tables().growthOf(bytes)
    return growth === 0 || this.#reserve.freeBytes() - growth >= this.#reserve.bytes / 4
  }

  /** As the function of this name. */
  orReserve<A>(body: () => A): A {
    try {
      return orReserve(this.#reserve, body)
    } catch (error) {
      if (isNoRoom(error)) this.#isFresh = false
      throw error
    }
  }

  /** Runs a transaction of the log. What found no room in the write-ahead log may find it at its beginning. */
  transact(body: () => void): void {
    this.orReserve(() => {
      try {
        body()
      } catch (error) {
        if (!isNoRoom(error)) throw error
        this.checkpoint()
        body()
      }
    })
  }

  /** What finds no room in the database stays in the write-ahead log, synced. */
  checkpoint(): void {
    try {
      this.orReserve(() => this.#tables().checkpoint("PASSIVE"))
    } catch (error) {
      if (!isNoRoom(error)) throw error
    }
  }

  /** Between two batches: keeps the write-ahead log as short as it must be. */
  relieve(): void {
    const { frames, checkpointed } = this.#tables().walFrames()
    const waiting = frames - checkpointed
    if (this.isShort) this.#tables().keepWal("little")
    if (waiting >= (this.isShort ? 1 : this.#reserve.framesMax)) this.checkpoint()
  }

  giveUp(): void {
    this.#isFresh = false
    this.#reserve.giveUp()
  }

  /** Now and then: takes the reserve again, also from what the log has no more use for. */
  regain(): void {
    const reserve = this.#reserve
    if (reserve.isWhole()) return
    const missing = neededFor(reserve) - reserve.freeBytes()
    try {
      if (missing > 0 && this.#tables().unusedBytes() >= missing) this.#tables().shrink()
    } catch (error) {
      if (!isNoRoom(error)) throw error
    }
    this.#isFresh = false
    if (reserve.take()) this.#tables().keepWal("usual")
  }
}
