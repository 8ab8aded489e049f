// What did this node promise last, told by a second witness beside the database? (HAZARDS S4, S6)
//
// SQLite shortens a damaged log silently. The mark names the last commit and where each group's log ended, so a
// database that comes back behind it is recognised. It lies in two halves. Each begins with a whole mark, and behind
// that stands what each commit since has changed of it: so a commit costs as much as the groups that it touched.
//
//   half 0  [ all groups @ 70 | 71: a | 72: b, c | …          full: left alone
//   half 1  [ all groups @ 95 | 96: a | 97 |                  in use
//
// Changes are written without a sync: a process that dies leaves them in the page cache. About once a second they are
// synced, and what is synced is never written over: what follows begins in the next page, and a half is begun anew
// only when the other holds a whole mark that a loss of power would leave.

import type { GroupId, NodeId } from "../consensus/types.ts"

export interface MarkedGroup {
  readonly term: number
  readonly votedFor: NodeId | null
  readonly lastIndex: number
  readonly lastTerm: number
  /** Hash of the last entry, hexadecimal. */
  readonly hash: string
}

/** What every commit says anew. */
export interface MarkHead {
  /** The database's commit counter. */
  readonly sequence: number
  /** The machine's boot in which it was written: within one boot nothing written is forgotten. */
  readonly boot: string
  /** A bad page was met while running: the next start copies what can be verified into a new file. */
  readonly damaged: boolean
  /** A write or a sync failed: what the cache of this boot shows may not be on the disk (HAZARDS S2). */
  readonly failed: boolean
}

export interface Mark extends MarkHead {
  readonly groups: ReadonlyMap<GroupId, MarkedGroup>
}

export interface MarkChange extends MarkHead {
  /** The groups that the commit touched; null: the group is forgotten. */
  readonly groups: ReadonlyArray<readonly [GroupId, MarkedGroup | null]>
}

export interface FoundMark {
  /** Counts the whole marks that were begun. */
  readonly generation: number
  readonly mark: Mark
}

export type Half = 0 | 1

/** Where a mark is kept: two halves, each written apart from the other. */
export interface MarkHalves {
  /** The whole mark of a half with what has changed since, as far as it can be read; null when the whole one cannot. */
  readonly read: (half: Half) => FoundMark | null
  /**
   * In the place of all that stands in the half. Seen by whoever opens the halves next; durable after a `sync`. The
   * groups of `mark` may change afterwards.
   */
  readonly begin: (half: Half, generation: number, mark: Mark) => void
  /** Behind all that stands in the half that was begun last. False: it has no room, and nothing was written. */
  readonly append: (change: MarkChange) => boolean
  /** What can be read of a half is written once more, the same bytes: then a sync speaks of them. */
  readonly rewrite: (half: Half) => void
  readonly sync: () => void
  /** Whether whole marks of so many groups fit, and the changes of many commits beside them. */
  readonly hasRoomFor: (groups: number) => boolean
  /** Takes room for whole marks of so many groups: durable in half 0 when it returns, all as before when it throws. */
  readonly grow: (groups: number, generation: number, mark: Mark) => void
  readonly close: () => void
}

export class LogMark {
  readonly #halves: MarkHalves
  /** Where the newest whole mark stands. */
  #half: Half = 1
  #generation = 0
  /** A loss of power would leave a whole mark in `#half`, so the other one is free. */
  #isDurable = false
  /** This process has begun a whole mark: what it finds it never continues, for its end may be torn. */
  #isBegun = false
  #unsynced = false

  constructor(halves: MarkHalves) {
    this.#halves = halves
  }

  /** The newest readable mark, durable from now on; null when no half can be read. */
  read(): Mark | null {
    let newest: FoundMark | null = null
    for (const half of [0, 1] as const) {
      const found = this.#halves.read(half)
      if (found === null || (newest !== null && found.generation < newest.generation)) continue
      newest = found
      this.#half = half
    }
    if (newest === null) return null
    // It may be unsynced, or a sync of it may have failed: what the cache shows is written anew (HAZARDS S2).
    this.#halves.rewrite(this.#half)
    this.#halves.sync()
    this.#generation = newest.generation
    this.#isDurable = true
    return newest.mark
  }

  /** `whole`: the mark with the change, asked for when a half is begun. */
  write(change: MarkChange, whole: () => Mark): void {
    if (this.#isBegun && this.#halves.append(change)) {
      this.#unsynced = true
      return
    }
    // It was filled within a second, and what the other half holds is all that a loss of power would leave.
    if (this.#isBegun && !this.#isDurable) this.sync()
    const isBare = !this.#isDurable
    const half = this.#half === 0 ? 1 : 0
    this.#halves.begin(half, this.#generation + 1, whole())
    this.#half = half
    this.#generation++
    this.#isBegun = true
    this.#isDurable = false
    this.#unsynced = true
    // None could be read: a second loss of power would take all again.
    if (isBare) this.sync()
  }

  /** Before a group is made: whole marks of so many groups must never want for room. */
  makeRoom(groups: number, whole: () => Mark): void {
    if (this.#halves.hasRoomFor(groups)) return
    this.#halves.grow(groups, this.#generation + 1, whole())
    this.#half = 0
    this.#generation++
    this.#isBegun = true
    this.#isDurable = true
    this.#unsynced = false
  }

  sync(): void {
    if (!this.#unsynced) return
    this.#halves.sync()
    this.#unsynced = false
    this.#isDurable = true
  }

  close(): void {
    this.sync()
    this.#halves.close()
  }
}

/** A mark that says the same of all groups but those of the change. */
export const markAfter = (groups: Mark["groups"], change: MarkChange): Mark => {
  const after = new Map(groups)
  for (const [group, marked] of change.groups) {
    if (marked === null) after.delete(group)
    else after.set(group, marked)
  }
  return { ...change, groups: after }
}
