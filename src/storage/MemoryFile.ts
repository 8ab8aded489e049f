// What becomes of what is written and not yet synced? One file of a disk in memory.

/** What a sync that failed has made of what it should have made durable: the cache shows it either way. */
export type FailedSync = "kept" | "lost"

/**
 * After a sync that failed and lost its pages, what makes the file durable again: writing all of it anew (what
 * follows in a write-ahead log counts for nothing behind a lost frame), the next write (it replaces the page), or
 * the next sync (names lie in the journal of the file system, which does not forget them).
 */
export type Healing = "rewrite" | "write" | "sync"

export interface Syncable {
  readonly sync: () => void
  readonly failSync: (failed: FailedSync) => void
  readonly rewrite: () => void
}

/** Its values are replaced, never changed: an earlier one stays what it was. */
export class MemoryFile<Value> {
  #written: Value
  #durable: Value
  #unsynced: Array<Value> = []
  #older: Array<Value> = []
  readonly #healsWith: Healing
  readonly #olderMax: number
  #isStuck = false

  constructor(value: Value, options: { readonly healsWith?: Healing; readonly olderMax?: number } = {}) {
    this.#written = value
    this.#durable = value
    this.#healsWith = options.healsWith ?? "rewrite"
    this.#olderMax = options.olderMax ?? 0
  }

  /** What whoever opens the file finds. */
  get written(): Value {
    return this.#written
  }

  /** What is found after a loss of power in which everything is lost that can be. */
  get durable(): Value {
    return this.#durable
  }

  /** Written since the last sync, oldest first. */
  get unsynced(): ReadonlyArray<Value> {
    return this.#unsynced
  }

  /** What was durable before, oldest first; as many as are kept. */
  get older(): ReadonlyArray<Value> {
    return this.#older
  }

  /** `isAnew`: in none of the places where the earlier values stand. */
  write(value: Value, isAnew = false): void {
    if (this.#healsWith === "write" || isAnew) this.#isStuck = false
    this.#written = value
    this.#unsynced.push(value)
  }

  /** After a sync that failed and lost its pages, it reports success and reaches nothing (HAZARDS S2). */
  sync(): void {
    if (!this.#isStuck) this.#keep(this.#written)
  }

  failSync(failed: FailedSync): void {
    this.#isStuck ||= failed === "lost" && this.#healsWith !== "sync"
  }

  /** Writes all of it anew, from what the cache shows, and syncs: a checkpoint. */
  rewrite(): void {
    this.#isStuck = false
    this.#keep(this.#written)
  }

  /** The power is lost: of what was not synced the first `kept` writes are there, in order. How many are not. */
  lose(kept: number): number {
    const survivors = this.#isStuck ? 0 : kept
    const lost = this.#unsynced.length - survivors
    this.become(survivors === 0 ? this.#durable : this.#unsynced[survivors - 1]!)
    return lost
  }

  /** Whatever was there, this is on the disk now. */
  become(value: Value): void {
    this.#written = value
    this.#durable = value
    this.#unsynced = []
    this.#isStuck = false
  }

  /** An older value is back, and nothing says so. `offset`: which of {@link older}. */
  goBack(offset: number): void {
    const value = this.#older[offset]!
    this.#older.length = offset
    this.become(value)
  }

  /** The same change to all that is there, seen or not: of the disk itself, not of what is written to it. */
  alter(change: (value: Value) => Value): void {
    const altered = new Map<Value, Value>()
    const changed = (value: Value): Value => {
      if (!altered.has(value)) altered.set(value, change(value))
      return altered.get(value)!
    }
    this.#written = changed(this.#written)
    this.#durable = changed(this.#durable)
    this.#unsynced = this.#unsynced.map(changed)
  }

  #keep(value: Value): void {
    if (this.#unsynced.length === 0) return
    if (this.#olderMax > 0) this.#older.push(this.#durable)
    if (this.#older.length > this.#olderMax) this.#older.shift()
    this.#durable = value
    this.#unsynced = []
  }
}

/** What SQLite throws, as far as anybody looks at it. */
export const sqliteError = (code: "SQLITE_FULL" | "SQLITE_IOERR_FSYNC"): Error =>
  Object.assign(new Error(code === "SQLITE_FULL" ? "database or disk is full" : "disk I/O error"), { code })
