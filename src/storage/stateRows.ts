// Which rows does a state file hold, and how does each prove itself?

import type { Database } from "bun:sqlite"
import { decodeConfiguration, encodeConfiguration } from "../consensus/configuration.ts"
import { hashFields, hashFromBytes, hashText, hashToBytes } from "./checksum.ts"
import {
  StateCorrupt,
  type StatePosition,
  StateStoreFailed,
  type StoredInstance,
  type StoredOutcome,
  type StoredTimer,
} from "./StateStore.ts"

export const formatVersion = 1

export const schema = `
  CREATE TABLE position (one INTEGER PRIMARY KEY, entry_index INTEGER, term INTEGER, time INTEGER,
    configuration TEXT, digest TEXT, checksum BLOB);
  CREATE TABLE instances (actor TEXT, key TEXT, revision INTEGER, version TEXT, entry_index INTEGER,
    state_hash BLOB, checksum BLOB, state TEXT, UNIQUE (actor, key));
  CREATE TABLE outcomes (actor TEXT, key TEXT, idempotency_key TEXT, entry_index INTEGER, fingerprint TEXT,
    outcome TEXT, checksum BLOB, UNIQUE (actor, key, idempotency_key));
  CREATE INDEX outcomes_by_index ON outcomes (entry_index);
  CREATE TABLE timers (id TEXT PRIMARY KEY, due_at INTEGER, actor TEXT, key TEXT, command TEXT, input TEXT,
    checksum BLOB)`

/** Executes one prepared statement. */
export type Run = (sql: string, ...values: ReadonlyArray<string | number | Uint8Array>) => void

export interface PositionRow {
  readonly entry_index: number
  readonly term: number
  readonly time: number
  readonly configuration: string
  readonly digest: string
  readonly checksum: Uint8Array
}

/** An instance without its state, which may be large: the checksum covers the hash of the state. */
export interface HeadRow {
  readonly actor: string
  readonly key: string
  readonly revision: number
  readonly version: string
  readonly entry_index: number
  readonly state_hash: Uint8Array
  readonly checksum: Uint8Array
}

export interface InstanceRow extends HeadRow {
  readonly state: string
}

export interface OutcomeRow {
  readonly row: number
  readonly actor: string
  readonly key: string
  readonly idempotency_key: string
  readonly entry_index: number
  readonly fingerprint: string
  readonly outcome: string
  readonly checksum: Uint8Array
}

export interface TimerRow {
  readonly id: string
  readonly due_at: number
  readonly actor: string
  readonly key: string
  readonly command: string
  readonly input: string
  readonly checksum: Uint8Array
}

const headColumns = "actor, key, revision, version, entry_index, state_hash, checksum"
export const selectPosition =
  "SELECT entry_index, term, time, configuration, digest, checksum FROM position WHERE one = 1"
export const selectHeads = `SELECT ${headColumns} FROM instances`
export const selectInstances = `SELECT ${headColumns}, state FROM instances`
export const selectOutcomes =
  "SELECT rowid AS row, actor, key, idempotency_key, entry_index, fingerprint, outcome, checksum FROM outcomes"
export const selectTimers = "SELECT id, due_at, actor, key, command, input, checksum FROM timers"

/** Reads the position out of a state file that nobody writes to: a snapshot. */
export const readStatePosition = (database: Database): StatePosition => {
  checkVersion(database)
  return positionOf(database.query(selectPosition).get() as PositionRow | null).position
}

/** Reads every row once; throws {@link StateCorrupt} at the first bad one. */
export const verifyState = (database: Database): void => {
  for (const row of database.query(selectInstances).iterate()) instanceOf(row as InstanceRow)
  for (const row of database.query(selectOutcomes).iterate()) outcomeOf(row as OutcomeRow)
  for (const row of database.query(selectTimers).iterate()) timerOf(row as TimerRow)
}

export const checkVersion = (database: Database): void => {
  const version = database.query("PRAGMA user_version").values()[0]?.[0]
  if (version === formatVersion) return
  throw new StateStoreFailed(
    `the state file has format ${version}, this program reads format ${formatVersion}`,
  )
}

export const positionOf = (row: PositionRow | null) => {
  if (row === null) throw new StateCorrupt("the position of the state is missing")
  const { entry_index: index, term, time, configuration, digest } = row
  verify("the position of the state", row.checksum, hashFields(index, term, time, configuration, digest))
  const position: StatePosition = {
    index,
    term,
    time,
    configuration: decodeConfiguration(encoder.encode(configuration)),
  }
  return { position, digest }
}

export const instanceOf = (row: InstanceRow): StoredInstance => {
  verifyHead(row)
  const { actor, key, state, revision, version, entry_index: index } = row
  verify(`the state of instance ${actor}/${key}`, row.state_hash, hashText(state))
  return { actor, key, state, revision, version, index }
}

export const verifyHead = (row: HeadRow): void => {
  const { actor, key, revision, version, entry_index } = row
  const stateHash = hashFromBytes(row.state_hash).toString(16)
  const expected = hashFields(actor, key, revision, version, entry_index, stateHash)
  verify(`instance ${actor}/${key}`, row.checksum, expected)
}

export const outcomeOf = (row: OutcomeRow): StoredOutcome => {
  const { actor, key, idempotency_key: idempotencyKey, entry_index: index, fingerprint, outcome } = row
  const expected = hashFields(actor, key, idempotencyKey, index, fingerprint, outcome)
  verify(`the outcome of ${idempotencyKey} for ${actor}/${key}`, row.checksum, expected)
  return { actor, key, idempotencyKey, index, fingerprint, outcome }
}

export const timerOf = (row: TimerRow): StoredTimer => {
  const { id, due_at: dueAt, actor, key, command, input } = row
  verify(`timer ${id}`, row.checksum, hashFields(id, dueAt, actor, key, command, input))
  return { id, dueAt, actor, key, command, input }
}

export const putInstance = (run: Run, instance: StoredInstance): void => {
  const { actor, key, state, revision, version, index } = instance
  const stateHash = hashText(state)
  run(
    `INSERT INTO instances (${headColumns}, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (actor, key) DO UPDATE SET revision = excluded.revision, version = excluded.version,
       entry_index = excluded.entry_index, state_hash = excluded.state_hash, checksum = excluded.checksum,
       state = excluded.state`,
    actor,
    key,
    revision,
    version,
    index,
    hashToBytes(stateHash),
    hashToBytes(hashFields(actor, key, revision, version, index, stateHash.toString(16))),
    state,
  )
}

export const putOutcome = (run: Run, stored: StoredOutcome): void => {
  const { actor, key, idempotencyKey, index, fingerprint, outcome } = stored
  const fields = [actor, key, idempotencyKey, index, fingerprint, outcome] as const
  run(
    `INSERT INTO outcomes (actor, key, idempotency_key, entry_index, fingerprint, outcome, checksum)
     VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (actor, key, idempotency_key) DO UPDATE SET entry_index = excluded.entry_index,
       fingerprint = excluded.fingerprint, outcome = excluded.outcome, checksum = excluded.checksum`,
    ...fields,
    hashToBytes(hashFields(...fields)),
  )
}

export const putTimer = (run: Run, { id, dueAt, actor, key, command, input }: StoredTimer): void => {
  const fields = [id, dueAt, actor, key, command, input] as const
  run(
    `INSERT OR REPLACE INTO timers (id, due_at, actor, key, command, input, checksum)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ...fields,
    hashToBytes(hashFields(...fields)),
  )
}

export const putPosition = (run: Run, position: StatePosition, digest: string): void => {
  const { index, term, time } = position
  const configuration = decoder.decode(encodeConfiguration(position.configuration))
  const fields = [index, term, time, configuration, digest] as const
  run(
    "INSERT OR REPLACE INTO position VALUES (1, ?, ?, ?, ?, ?, ?)",
    ...fields,
    hashToBytes(hashFields(...fields)),
  )
}

const verify = (what: string, checksum: unknown, expected: bigint): void => {
  if (hashFromBytes(checksum) !== expected) throw new StateCorrupt(`${what} has a bad checksum`)
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
