// What did this node promise last, told by a second witness beside the database? (HAZARDS S4, S6)
//
// SQLite shortens a damaged log silently. The mark names the last commit and where each group's log ended,
// so a database that comes back behind it is recognised. Its slots are written without a sync: a process that
// dies leaves them in the page cache. About once a second they are synced, and then the other pair of slots
// is used: one synced mark always stays untouched, whatever a power loss makes of the newer ones.

import type { GroupId, NodeId } from "../consensus/types.ts"

export interface MarkedGroup {
  readonly term: number
  readonly votedFor: NodeId | null
  readonly lastIndex: number
  readonly lastTerm: number
  /** Hash of the last entry, hexadecimal. */
  readonly hash: string
}

export interface Mark {
  /** The database's commit counter. */
  readonly sequence: number
  /** The machine's boot in which it was written: within one boot nothing written is forgotten. */
  readonly boot: string
  /** A bad page was met while running: the next start copies what can be verified into a new file. */
  readonly damaged: boolean
  /** A write or a sync failed: what the cache of this boot shows may not be on the disk (HAZARDS S2). */
  readonly failed: boolean
  readonly groups: Readonly<Record<GroupId, MarkedGroup>>
}

/** Where a mark is kept: {@link slotsOfMark} places, each written apart from the others. */
export interface MarkSlots {
  /** Null when nothing readable stands there. */
  readonly read: (slot: number) => Mark | null
  /** Seen by whoever opens the slots next; durable after a `sync`. `mark.groups` may change afterwards. */
  readonly write: (slot: number, mark: Mark) => void
  readonly sync: () => void
  readonly close: () => void
}

export const slotsOfMark = 4

export class LogMark {
  private readonly slots: MarkSlots
  private pair = 0
  private unsynced = false
  /** No slot holds a mark that a power loss would leave. */
  private isBare = false

  constructor(slots: MarkSlots) {
    this.slots = slots
  }

  /** The newest readable mark, durable from now on; null when no slot can be read. */
  read(): Mark | null {
    let newest: Mark | null = null
    let place = 0
    for (let slot = 0; slot < slotsOfMark; slot++) {
      const mark = this.slots.read(slot)
      if (mark === null || (newest !== null && !isNewer(mark, newest))) continue
      newest = mark
      place = slot
    }
    if (newest !== null) {
      // It may be unsynced, or a sync of it may have failed: what the cache shows is written anew (HAZARDS S2). Then
      // the other pair is free: a loss of power may take all that it holds.
      this.slots.write(place, newest)
      this.slots.sync()
    }
    this.isBare = newest === null
    this.pair = 1 - (place >> 1)
    return newest
  }

  write(mark: Mark): void {
    this.slots.write(this.pair * 2 + (mark.sequence & 1), mark)
    this.unsynced = true
    if (this.isBare) this.sync()
    this.isBare = false
  }

  sync(): void {
    if (!this.unsynced) return
    this.slots.sync()
    this.unsynced = false
    this.pair = 1 - this.pair
  }

  close(): void {
    this.sync()
    this.slots.close()
  }
}

/** The last mark of a store that fails names the same commit as the one before. */
const isNewer = (mark: Mark, other: Mark): boolean =>
  mark.sequence > other.sequence || (mark.sequence === other.sequence && !other.failed)
