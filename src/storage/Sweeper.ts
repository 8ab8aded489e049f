// How do rows that count for nothing leave the log, without holding up a commit?

import type { Index } from "../consensus/types.ts"
import { entryIndexMax, type LogTables } from "./LogTables.ts"
import type { Room } from "./Room.ts"
import { isNoRoom } from "./sqliteError.ts"

/** Measured: 5,000 rows take about 8 ms. */
const rowsMaxUsual = 5_000

export class Sweeper {
  readonly #room: Room
  readonly #tables: () => LogTables
  #rowsMax = rowsMaxUsual

  constructor(room: Room, tables: () => LogTables) {
    this.#room = room
    this.#tables = tables
  }

  /** Removes one piece of the rows up to `to`. True: there may be more. */
  sweep(number: number, to: Index = entryIndexMax): boolean {
    const tables = this.#tables()
    const lowest = tables.lowestIndex(number, to)
    if (lowest === undefined) return false
    if (!this.#room.isShort) this.#rowsMax = rowsMaxUsual
    const last = Math.min(to, lowest + this.#rowsMax - 1)
    try {
      this.#room.transact(() => tables.transaction(() => tables.deleteEntries(number, lowest, last)))
    } catch (error) {
      if (!isNoRoom(error) || this.#rowsMax === 1) throw error
      // Every page of what goes is written once more into the write-ahead log.
      this.#rowsMax = Math.ceil(this.#rowsMax / 10)
      return true
    }
    this.#room.relieve()
    return last < to
  }
}
