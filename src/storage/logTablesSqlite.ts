// How are the tables of the log kept in a SQLite file? Statements and checksums, no rules.

import { Database, type Statement } from "bun:sqlite"
import { statSync } from "node:fs"
import type { Entry, GroupId, NodeId } from "../consensus/types.ts"
import { hashFields, hashFromBytes, hashToBytes, kindCode, kindOf } from "./checksum.ts"
import { damageOf, LogDamaged, verifyChecksum } from "./damage.ts"
import type { Identity } from "./LogStore.ts"
import { formatVersion, groupSpan, type LogMeta, type LogTables, type StoredEntry } from "./LogTables.ts"
import {
  type BaseRow,
  baseColumns,
  baseRowOf,
  type GroupRecord,
  type GroupRow,
  groupColumns,
  groupRowOf,
  recordOf,
  schema,
} from "./logRows.ts"

/** log.db, for the one process that holds the directory. */
export class SqliteLogTables implements LogTables {
  readonly database: Database
  private readonly statements = new Map<string, Statement>()

  private constructor(database: Database) {
    this.database = database
  }

  /** An existing file. */
  static open(path: string): SqliteLogTables {
    const database = new Database(path, { readwrite: true, create: false, strict: true })
    try {
      database.run("PRAGMA locking_mode = EXCLUSIVE")
      database.run("PRAGMA journal_mode = WAL")
      database.run("PRAGMA synchronous = FULL")
      // SQLite's own checkpoints swallow a failed sync; LogFile makes its own and looks (HAZARDS S2).
      database.run("PRAGMA wal_autocheckpoint = 0")
      database.run(`PRAGMA journal_size_limit = ${walBytesKept.usual}`)
      // What `shrink` copies does not go through a disk that is full.
      database.run("PRAGMA temp_store = MEMORY")
      database.run("BEGIN IMMEDIATE; COMMIT")
    } catch (error) {
      database.close()
      throw error
    }
    return new SqliteLogTables(database)
  }

  /** A new file, complete but not synced; `fill` puts the rows in. */
  static make(path: string, identity: Identity, fill: (tables: LogTables) => void): void {
    const database = new Database(path, { create: true, readwrite: true, strict: true })
    try {
      database.run("PRAGMA journal_mode = OFF")
      database.run("PRAGMA synchronous = OFF")
      database.run(`BEGIN; ${schema}; PRAGMA user_version = ${formatVersion}`)
      const { clusterId, nodeId, incarnation } = identity
      const checksum = hashToBytes(hashFields(clusterId, nodeId, incarnation))
      database
        .prepare("INSERT INTO identity VALUES (?, ?, ?, ?)")
        .run(clusterId, nodeId, incarnation, checksum)
      const tables = new SqliteLogTables(database)
      fill(tables)
      database.run("COMMIT")
      tables.finalize()
    } finally {
      database.close()
    }
  }

  version(): number {
    return this.rows("PRAGMA user_version")[0]?.[0] as number
  }

  identity(): Identity {
    const row = this.rows("SELECT cluster_id, node_id, incarnation, checksum FROM identity")[0] ?? []
    const [clusterId, nodeId, incarnation, checksum] = row as [string, string, string, Uint8Array]
    verifyChecksum("the identity", checksum, hashFields(clusterId, nodeId, incarnation))
    return { clusterId, nodeId, incarnation }
  }

  meta(): LogMeta {
    const row = this.rows("SELECT sequence, suspicion, lost_through, checksum FROM meta")[0] ?? []
    const [sequence, suspicion, lostThrough, checksum] = row as [number, string, number, Uint8Array]
    verifyChecksum("the commit counter", checksum, hashFields(sequence, suspicion, lostThrough))
    return { sequence, suspicion, lostThrough }
  }

  readableSequence(): number {
    try {
      return this.meta().sequence
    } catch (error) {
      damageOf(error)
      return 0
    }
  }

  putMeta({ sequence, suspicion, lostThrough }: LogMeta): void {
    const checksum = hashToBytes(hashFields(sequence, suspicion, lostThrough))
    this.run("INSERT OR REPLACE INTO meta VALUES (1, ?, ?, ?, ?)", sequence, suspicion, lostThrough, checksum)
  }

  peers(): { readonly peers: Map<NodeId, string>; readonly damage: string } {
    const peers = new Map<NodeId, string>()
    let damage = ""
    try {
      for (const row of this.rows("SELECT node_id, incarnation, checksum FROM peers ORDER BY rowid")) {
        const [nodeId, incarnation, checksum] = row as [string, string, Uint8Array]
        if (hashFromBytes(checksum) === hashFields(nodeId, incarnation)) peers.set(nodeId, incarnation)
        else damage ||= `the incarnation of peer ${nodeId} has a bad checksum`
      }
    } catch (error) {
      damage ||= damageOf(error)
    }
    return { peers, damage }
  }

  putPeer(nodeId: NodeId, incarnation: string): void {
    const checksum = hashToBytes(hashFields(nodeId, incarnation))
    this.run("INSERT INTO peers VALUES (?, ?, ?)", nodeId, incarnation, checksum)
  }

  groups(): { readonly records: ReadonlyArray<GroupRecord>; readonly damage: string } {
    const records: Array<GroupRecord> = []
    let damage = ""
    try {
      // Group by group, not one join: a bad row must not hide the others.
      for (const row of this.rows(`SELECT ${groupColumns} FROM groups ORDER BY number`)) {
        try {
          const group = row as GroupRow
          const base = this.rows(`SELECT ${baseColumns} FROM bases WHERE number = ?`, group[0])[0]
          records.push(recordOf(group, base as BaseRow | undefined))
        } catch (error) {
          damage ||= damageOf(error)
        }
      }
    } catch (error) {
      damage ||= damageOf(error)
    }
    return { records, damage }
  }

  putGroup(record: GroupRecord): void {
    this.run(
      `INSERT OR REPLACE INTO groups (${groupColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...groupRowOf(record),
    )
  }

  putBase(record: GroupRecord): void {
    this.run(
      `INSERT OR REPLACE INTO bases (${baseColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      ...baseRowOf(record),
    )
  }

  forgetGroup(number: number, group: GroupId): void {
    this.run("DELETE FROM groups WHERE number = ?", number)
    this.run("DELETE FROM bases WHERE number = ?", number)
    const checksum = hashToBytes(hashFields(number, group))
    this.run("INSERT INTO forgotten (number, name, checksum) VALUES (?, ?, ?)", number, group, checksum)
  }

  forgotten(): { readonly forgotten: Map<number, GroupId>; readonly damage: string } {
    const forgotten = new Map<number, GroupId>()
    let damage = ""
    try {
      for (const row of this.rows("SELECT number, name, checksum FROM forgotten ORDER BY number")) {
        const [number, group, checksum] = row as [number, string, Uint8Array]
        if (hashFromBytes(checksum) === hashFields(number, group)) forgotten.set(number, group)
        else damage ||= `the row of forgotten group ${group} has a bad checksum`
      }
    } catch (error) {
      damage ||= damageOf(error)
    }
    return { forgotten, damage }
  }

  finishForgotten(number: number): void {
    this.run("DELETE FROM forgotten WHERE number = ?", number)
  }

  insert(number: number, entry: Entry, hash: bigint): void {
    this.run(
      "INSERT INTO entries (position, term, time, kind, hash, data) VALUES (?, ?, ?, ?, ?, ?)",
      number * groupSpan + entry.index,
      entry.term,
      entry.time,
      kindCode(entry.kind),
      hashToBytes(hash),
      entry.data,
    )
  }

  *entries(number: number, from: number, to: number): Generator<StoredEntry> {
    let rowsMax = 512
    for (let next = from; next <= to; ) {
      let rows: ReadonlyArray<ReadonlyArray<unknown>>
      try {
        rows = this.rows(
          `SELECT position, term, time, kind, hash, data FROM entries
           WHERE position BETWEEN ? AND ? ORDER BY position LIMIT ?`,
          number * groupSpan + next,
          number * groupSpan + to,
          rowsMax,
        )
      } catch (error) {
        if (rowsMax === 1) throw error
        damageOf(error)
        // A bad page must not cost the good entries that are read along with it.
        rowsMax /= 8
        continue
      }
      for (const row of rows) yield storedEntry(number, row as EntryRow)
      if (rows.length < rowsMax) return
      next = ((rows.at(-1) as EntryRow)[0] % groupSpan) + 1
    }
  }

  *lengthsBackwards(number: number, from: number, to: number): Generator<number> {
    const rows = this.statement(
      "SELECT length(data) AS length FROM entries WHERE position BETWEEN ? AND ? ORDER BY position DESC",
    ).iterate(number * groupSpan + from, number * groupSpan + to)
    for (const row of rows) yield (row as { length: number }).length
  }

  entry(number: number, index: number): StoredEntry | undefined {
    for (const stored of this.entries(number, index, index)) return stored
    return undefined
  }

  deleteEntries(number: number, from: number, to: number): void {
    this.run(
      "DELETE FROM entries WHERE position BETWEEN ? AND ?",
      number * groupSpan + from,
      number * groupSpan + to,
    )
  }

  lowestIndex(number: number, to: number): number | undefined {
    const row = this.rows(
      "SELECT position FROM entries WHERE position BETWEEN ? AND ? ORDER BY position LIMIT 1",
      number * groupSpan + 1,
      number * groupSpan + to,
    )[0]
    return row === undefined ? undefined : (row[0] as number) % groupSpan
  }

  walFrames(): { readonly frames: number; readonly checkpointed: number } {
    const row = this.rows("PRAGMA wal_checkpoint(NOOP)")[0] as [number, number, number]
    return { frames: row[1], checkpointed: row[2] }
  }

  checkpoint(mode: "PASSIVE" | "TRUNCATE"): void {
    this.rows(`PRAGMA wal_checkpoint(${mode})`)
  }

  keepWal(share: "little" | "usual"): void {
    this.rows(`PRAGMA journal_size_limit = ${walBytesKept[share]}`)
  }

  growthOf(bytes: number): number {
    // Rows do not fill their pages, and pages that point to those, or count them, change along.
    const filled = bytes * 1.25
    const framed = filled + 8 * pageBytes - this.walBytes()
    const paged = filled + (2 - this.pages().free) * pageBytes
    return Math.max(0, framed) + Math.max(0, paged)
  }

  unusedBytes(): number {
    const { free, used } = this.pages()
    return this.walBytes() + (used <= vacuumPagesMax ? free * pageBytes : 0)
  }

  shrink(): void {
    const { free, used } = this.pages()
    if (free > 0 && used <= vacuumPagesMax) {
      // SQLite refuses while a statement is open.
      this.finalize()
      this.run("VACUUM")
    }
    this.checkpoint("TRUNCATE")
  }

  transaction(body: () => void): void {
    this.run("BEGIN IMMEDIATE")
    try {
      body()
      this.run("COMMIT")
    } catch (error) {
      if (this.database.inTransaction) this.run("ROLLBACK")
      throw error
    }
  }

  run(sql: string, ...values: ReadonlyArray<Bindable>): void {
    this.statement(sql).run(...values)
  }

  close(): void {
    this.finalize()
    this.database.close()
  }

  private walBytes(): number {
    return statSync(`${this.database.filename}-wal`, { throwIfNoEntry: false })?.size ?? 0
  }

  private pages(): { readonly free: number; readonly used: number } {
    const [count, free] = ["page_count", "freelist_count"].map(
      (name) => this.rows(`PRAGMA ${name}`)[0]?.[0] as number,
    ) as [number, number]
    return { free, used: count - free }
  }

  private finalize(): void {
    for (const statement of this.statements.values()) statement.finalize()
    this.statements.clear()
  }

  private rows(sql: string, ...values: ReadonlyArray<Bindable>): ReadonlyArray<ReadonlyArray<unknown>> {
    return this.statement(sql).values(...values)
  }

  private statement(sql: string): Statement {
    let statement = this.statements.get(sql)
    if (statement === undefined) {
      statement = this.database.prepare(sql)
      this.statements.set(sql, statement)
    }
    return statement
  }
}

const walBytesKept = { little: 65_536, usual: 16_777_216 }
const pageBytes = 4_096
/** Copied in memory, while the log takes nothing else: 16 MB. */
const vacuumPagesMax = 4_096
type Bindable = string | number | null | Uint8Array
type EntryRow = [number, number, number, number, Uint8Array, Uint8Array]

const storedEntry = (number: number, row: EntryRow): StoredEntry => {
  const [position, term, time, kind, hash, data] = row
  const index = position - number * groupSpan
  const entryKind = kindOf(kind)
  if (entryKind === undefined || !(data instanceof Uint8Array)) {
    throw new LogDamaged(`row ${position} is not an entry`)
  }
  return {
    entry: { index, term, time, kind: entryKind, data, origin: null },
    hash: hashFromBytes(hash),
  }
}
