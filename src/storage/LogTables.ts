// Which rows does log.db hold, and how is each read and written? Statements and checksums, no rules.

import { Database, type Statement } from "bun:sqlite"
import { decodeConfiguration, encodeConfiguration } from "../consensus/configuration.ts"
import type { Configuration, Entry, GroupId, NodeId } from "../consensus/types.ts"
import { hashFields, hashFromBytes, hashToBytes, kindCode, kindOf } from "./checksum.ts"
import { damageOf, LogDamaged, verifyChecksum } from "./damage.ts"
import type { Identity } from "./LogStore.ts"

/** Everything about a group but its entries. */
export interface GroupRecord {
  readonly number: number
  readonly group: GroupId
  readonly term: number
  readonly votedFor: NodeId | null
  readonly lastIndex: number
  readonly lastTerm: number
  readonly lastHash: bigint
  /** Empty when whole. */
  readonly suspicion: string
  readonly baseIndex: number
  readonly baseTerm: number
  /** The hash that the entry behind the base continues. */
  readonly baseHash: bigint
  readonly baseConfiguration: Configuration
  readonly pendingInstall: { readonly snapshotId: string; readonly index: number } | null
}

export interface StoredEntry {
  readonly entry: Entry
  readonly hash: bigint
}

export const formatVersion = 1
/** Entries of all groups share one table, keyed by group number × 2^40 + index: inserts go to its end. */
const groupSpan = 2 ** 40
export const entryIndexMax = groupSpan - 1
export const groupNumberMax = 2 ** 12

export class LogTables {
  readonly database: Database
  private readonly statements = new Map<string, Statement>()

  private constructor(database: Database) {
    this.database = database
  }

  /** An existing file, for the one process that holds the directory. */
  static open(path: string): LogTables {
    const database = new Database(path, { readwrite: true, create: false, strict: true })
    try {
      database.run("PRAGMA locking_mode = EXCLUSIVE")
      database.run("PRAGMA journal_mode = WAL")
      database.run("PRAGMA synchronous = FULL")
      // SQLite's own checkpoints swallow a failed sync; LogFile makes its own and looks (HAZARDS S2).
      database.run("PRAGMA wal_autocheckpoint = 0")
      database.run(`PRAGMA journal_size_limit = ${walBytesKept}`)
      database.run("BEGIN IMMEDIATE; COMMIT")
    } catch (error) {
      database.close()
      throw error
    }
    return new LogTables(database)
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
      const tables = new LogTables(database)
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

  /** The commit counter, and why a group that is not found may have been lost. */
  meta(): { readonly sequence: number; readonly suspicion: string } {
    const row = this.rows("SELECT sequence, suspicion, checksum FROM meta")[0] ?? []
    const [sequence, suspicion, checksum] = row as [number, string, Uint8Array]
    verifyChecksum("the commit counter", checksum, hashFields(sequence, suspicion))
    return { sequence, suspicion }
  }

  /** 0 when it cannot be read. */
  readableSequence(): number {
    try {
      return this.meta().sequence
    } catch (error) {
      damageOf(error)
      return 0
    }
  }

  putMeta(sequence: number, suspicion: string): void {
    const checksum = hashToBytes(hashFields(sequence, suspicion))
    this.run("INSERT OR REPLACE INTO meta VALUES (1, ?, ?, ?)", sequence, suspicion, checksum)
  }

  /** The peers whose rows are good. `damage` names the first that is not. */
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

  /** The groups whose rows are good. `damage` names the first that is not. */
  groups(): { readonly records: ReadonlyArray<GroupRecord>; readonly damage: string } {
    const records: Array<GroupRecord> = []
    let damage = ""
    try {
      // Group by group, not one join: a bad row must not hide the others.
      for (const row of this.rows(`SELECT ${groupColumns} FROM groups ORDER BY number`)) {
        try {
          records.push(this.groupOf(row as GroupRow))
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
    const { number, group, term, votedFor, lastIndex, lastTerm, suspicion } = record
    const fields = [
      number,
      group,
      term,
      votedFor,
      lastIndex,
      lastTerm,
      hex(record.lastHash),
      suspicion,
    ] as const
    this.run(
      `INSERT OR REPLACE INTO groups (${groupColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...fields,
      hashToBytes(hashFields(...fields)),
    )
  }

  putBase(record: GroupRecord): void {
    const fields = [
      record.number,
      record.baseIndex,
      record.baseTerm,
      hex(record.baseHash),
      new TextDecoder().decode(encodeConfiguration(record.baseConfiguration)),
      record.pendingInstall?.snapshotId ?? null,
      record.pendingInstall?.index ?? null,
    ] as const
    this.run(
      `INSERT OR REPLACE INTO bases (${baseColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      ...fields,
      hashToBytes(hashFields(...fields)),
    )
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

  /** In order, without verification of the chain; a row that cannot be an entry is {@link LogDamaged}. */
  *entries(number: number, from: number, to: number): Generator<StoredEntry> {
    const rowsMax = 512
    for (let next = from; next <= to; ) {
      const rows = this.rows(
        `SELECT position, term, time, kind, hash, data FROM entries
         WHERE position BETWEEN ? AND ? ORDER BY position LIMIT ${rowsMax}`,
        number * groupSpan + next,
        number * groupSpan + to,
      )
      for (const row of rows) yield storedEntry(number, row as EntryRow)
      if (rows.length < rowsMax) return
      next = ((rows.at(-1) as EntryRow)[0] % groupSpan) + 1
    }
  }

  /** The data length of each entry, newest first. */
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

  /** Lowest index that has a row at or below `to`. */
  lowestIndex(number: number, to: number): number | undefined {
    const row = this.rows(
      "SELECT position FROM entries WHERE position BETWEEN ? AND ? ORDER BY position LIMIT 1",
      number * groupSpan + 1,
      number * groupSpan + to,
    )[0]
    return row === undefined ? undefined : (row[0] as number) % groupSpan
  }

  /** Frames in the write-ahead log, and how many of them are in the database already. */
  walFrames(): { readonly frames: number; readonly checkpointed: number } {
    const row = this.rows("PRAGMA wal_checkpoint(NOOP)")[0] as [number, number, number]
    return { frames: row[1], checkpointed: row[2] }
  }

  checkpoint(mode: "PASSIVE" | "TRUNCATE"): void {
    this.rows(`PRAGMA wal_checkpoint(${mode})`)
  }

  run(sql: string, ...values: ReadonlyArray<Bindable>): void {
    this.statement(sql).run(...values)
  }

  close(): void {
    this.finalize()
    this.database.close()
  }

  private finalize(): void {
    for (const statement of this.statements.values()) statement.finalize()
    this.statements.clear()
  }

  private groupOf(row: GroupRow): GroupRecord {
    const [number, group, term, votedFor, lastIndex, lastTerm, lastHash, suspicion, checksum] = row
    const fields = [number, group, term, votedFor, lastIndex, lastTerm, lastHash, suspicion] as const
    verifyChecksum(`the hard state of group ${group}`, checksum, hashFields(...fields))
    const base = this.rows(`SELECT ${baseColumns} FROM bases WHERE number = ?`, number)[0] as
      | BaseRow
      | undefined
    if (base === undefined) throw new LogDamaged(`the base of group ${group} is missing`)
    const [, baseIndex, baseTerm, baseHash, configuration, snapshotId, pendingIndex, baseChecksum] = base
    verifyChecksum(
      `the base of group ${group}`,
      baseChecksum,
      hashFields(...(base.slice(0, 7) as Array<string>)),
    )
    return {
      number,
      group,
      term,
      votedFor,
      lastIndex,
      lastTerm,
      lastHash: BigInt(`0x${lastHash}`),
      suspicion,
      baseIndex,
      baseTerm,
      baseHash: BigInt(`0x${baseHash}`),
      baseConfiguration: decodeConfiguration(new TextEncoder().encode(configuration)),
      pendingInstall:
        snapshotId === null || pendingIndex === null ? null : { snapshotId, index: pendingIndex },
    }
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

const walBytesKept = 16_777_216
const groupColumns = "number, name, term, voted_for, last_index, last_term, last_hash, suspicion, checksum"
const baseColumns =
  "number, base_index, base_term, base_hash, configuration, pending_snapshot, pending_index, checksum"
const schema = `
  CREATE TABLE identity (cluster_id TEXT, node_id TEXT, incarnation TEXT, checksum BLOB);
  CREATE TABLE meta (one INTEGER PRIMARY KEY, sequence INTEGER, suspicion TEXT, checksum BLOB);
  CREATE TABLE peers (node_id TEXT, incarnation TEXT, checksum BLOB);
  CREATE TABLE groups (number INTEGER PRIMARY KEY, name TEXT, term INTEGER, voted_for TEXT,
    last_index INTEGER, last_term INTEGER, last_hash TEXT, suspicion TEXT, checksum BLOB);
  CREATE TABLE bases (number INTEGER PRIMARY KEY, base_index INTEGER, base_term INTEGER, base_hash TEXT,
    configuration TEXT, pending_snapshot TEXT, pending_index INTEGER, checksum BLOB);
  CREATE TABLE entries (position INTEGER PRIMARY KEY, term INTEGER, time INTEGER, kind INTEGER, hash BLOB,
    data BLOB)`

type Bindable = string | number | null | Uint8Array
type GroupRow = [number, string, number, string | null, number, number, string, string, Uint8Array]
type BaseRow = [number, number, number, string, string, string | null, number | null, Uint8Array]
type EntryRow = [number, number, number, number, Uint8Array, Uint8Array]

const storedEntry = (number: number, row: EntryRow): StoredEntry => {
  const [position, term, time, kind, hash, data] = row
  const index = position - number * groupSpan
  const entryKind = kindOf(kind)
  if (entryKind === undefined || !(data instanceof Uint8Array)) {
    throw new LogDamaged(`entry ${index} is not an entry`)
  }
  return {
    entry: { index, term, time, kind: entryKind, data, origin: null },
    hash: hashFromBytes(hash),
  }
}

const hex = (hash: bigint): string => hash.toString(16)
