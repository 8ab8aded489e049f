// Which rows does a state file hold, and how does each prove itself?

import type { Database } from "bun:sqlite"
import { decodeConfiguration, encodeConfiguration } from "../consensus/configuration.ts"
import type { Configuration } from "../consensus/types.ts"
import { hashFields, hashFromBytes, hashText, hashToBytes } from "./checksum.ts"
import {
  type DigestOf,
  type Flush,
  type OutcomeChunk,
  type StateContent,
  StateCorrupt,
  type StatePosition,
  StateStoreFailed,
  type StoredInstance,
  type StoredTimer,
} from "./StateStore.ts"

/** 3: the code of actors is in the state, and no longer beside it. */
export const formatVersion = 3

export const schema = `
  CREATE TABLE position (one INTEGER PRIMARY KEY, entry_index INTEGER, term INTEGER, time INTEGER,
    configuration TEXT, digest TEXT, outcomes_from INTEGER, checksum BLOB);
  CREATE TABLE instances (actor TEXT, key TEXT, revision INTEGER, version TEXT, entry_index INTEGER,
    state_hash BLOB, checksum BLOB, state TEXT, UNIQUE (actor, key));
  CREATE TABLE outcomes (last_index INTEGER PRIMARY KEY, first_index INTEGER, checksum BLOB, rows BLOB);
  CREATE TABLE timers (id TEXT PRIMARY KEY, due_at INTEGER, actor TEXT, key TEXT, command TEXT, input TEXT,
    checksum BLOB)`

/** Executes one prepared statement. */
export type Run = (sql: string, ...values: ReadonlyArray<string | number | Uint8Array>) => void

/** How far the state has come, and what it was then. */
export interface PositionRecord {
  readonly position: StatePosition
  readonly digest: string
  readonly outcomesFrom: number
}

/** Before the first flush. */
export const emptyPosition = (configuration: Configuration): PositionRecord => ({
  position: { index: 0, term: 0, time: 0, configuration },
  digest: "",
  outcomesFrom: 0,
})

export const positionAfter = (flush: Flush): PositionRecord => ({
  position: flush.position,
  digest: flush.digest,
  outcomesFrom: flush.forgetOutcomesBelow,
})

export interface PositionRow {
  readonly entry_index: number
  readonly term: number
  readonly time: number
  readonly configuration: string
  readonly digest: string
  readonly outcomes_from: number
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

export interface ChunkRow {
  readonly last_index: number
  readonly first_index: number
  readonly checksum: Uint8Array
  readonly rows: Uint8Array
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
  "SELECT entry_index, term, time, configuration, digest, outcomes_from, checksum FROM position WHERE one = 1"
export const selectHeads = `SELECT ${headColumns} FROM instances`
export const selectInstances = `SELECT ${headColumns}, state FROM instances`
export const selectChunks = "SELECT last_index, first_index, checksum, rows FROM outcomes"
export const selectTimers = "SELECT id, due_at, actor, key, command, input, checksum FROM timers"

/** How far a state file has come that nobody writes to: a snapshot. */
export const readRecord = (database: Database): PositionRecord => {
  checkVersion(database)
  return positionOf(database.query(selectPosition).get() as PositionRow | null)
}

/** All of a state file that nobody writes to. Throws {@link StateCorrupt} at the first bad row. */
export const readContent = (database: Database, { outcomesFrom }: PositionRecord): StateContent => ({
  instances: readRows(database, selectInstances, instanceOf),
  outcomes: readRows(database, `${selectChunks} ORDER BY last_index`, chunkOf),
  outcomesForgottenBelow: outcomesFrom,
  timers: readRows(database, selectTimers, timerOf),
})

/** All instances of these actors in such a file, in the order of their names. Throws {@link StateCorrupt} at the first bad row. */
export const readRowsOf = (
  database: Database,
  actors: ReadonlyArray<string>,
): ReadonlyArray<StoredInstance> =>
  actors.flatMap((actor) =>
    database
      .query<InstanceRow, [string]>(`${selectInstances} WHERE actor = ? ORDER BY key`)
      .all(actor)
      .map(instanceOf),
  )

/**
 * Reads every row once; throws {@link StateCorrupt} at the first bad one, and when all are good and do not add up: then
 * one was altered with a checksum that fits, or is missing. Gives the position.
 */
export const verifyState = (database: Database, digestOf: DigestOf | null = null): StatePosition => {
  const record = readRecord(database)
  verifyContent(readContent(database, record), record, digestOf)
  return record.position
}

export const verifyContent = (
  content: StateContent,
  { digest }: PositionRecord,
  digestOf: DigestOf | null,
): void => {
  // Before the first flush there is neither a row nor a digest.
  if (digestOf !== null && digest !== "") {
    const sum = digestOf(content)
    if (sum !== digest) throw new StateCorrupt(`its rows add up to ${sum} instead of ${digest}`)
  } else for (const rows of [content.instances, content.outcomes, content.timers]) for (const _ of rows);
}

function* readRows<Row, Value>(database: Database, select: string, decode: (row: Row) => Value) {
  for (const row of database.query(select).iterate()) yield decode(row as Row)
}

/**
 * The file that says that a state is corrupt. Whoever finds that out beside the running machine leaves it: the next
 * one to open the state discards it.
 */
export const corruptNote = (path: string): string => `${path}.corrupt`

/** Its machine has given it up, and has not opened the next one yet. */
export const noState = "there is no state"

export const checkVersion = (database: Database): void => {
  const version = database.query("PRAGMA user_version").values()[0]?.[0]
  if (version === formatVersion) return
  throw new StateStoreFailed(
    `the state file has format ${version}, this program reads format ${formatVersion}`,
  )
}

export const positionOf = (row: PositionRow | null): PositionRecord => {
  if (row === null) throw new StateCorrupt("the position of the state is missing")
  const { entry_index: index, term, time, configuration, digest, outcomes_from: outcomesFrom } = row
  const expected = hashFields(index, term, time, configuration, digest, outcomesFrom)
  verify("the position of the state", row.checksum, expected)
  const position: StatePosition = {
    index,
    term,
    time,
    configuration: decodeConfiguration(encoder.encode(configuration)),
  }
  return { position, digest, outcomesFrom }
}

export const instanceOf = (row: InstanceRow): StoredInstance => {
  verifyHead(row)
  const { actor, key, state, revision, version, entry_index: index } = row
  verify(`the state of instance ${actor}/${key}`, row.state_hash, hashText(state))
  return { actor, key, state, revision, version, index }
}

export const verifyHead = (row: HeadRow): void => {
  const { actor, key, revision, version, entry_index } = row
  const stateHash = hashFromBytes(row.state_hash)
  const expected = hashHead({ actor, key, revision, version, index: entry_index }, stateHash)
  verify(`instance ${actor}/${key}`, row.checksum, expected)
}

export const chunkOf = ({ first_index: firstIndex, last_index: lastIndex, rows, checksum }: ChunkRow) => {
  const what = `what became of entries ${firstIndex} to ${lastIndex}`
  // A damaged cell may hold anything.
  if (!(rows instanceof Uint8Array)) throw new StateCorrupt(`${what} is missing`)
  const chunk: OutcomeChunk = { firstIndex, lastIndex, rows }
  verify(what, checksum, hashChunk(chunk))
  return chunk
}

export const timerOf = (row: TimerRow): StoredTimer => {
  const { id, due_at: dueAt, actor, key, command, input } = row
  verify(`timer ${id}`, row.checksum, hashFields(id, dueAt, actor, key, command, input))
  return { id, dueAt, actor, key, command, input }
}

export const instanceRowOf = (instance: StoredInstance): InstanceRow => {
  const { actor, key, state, revision, version, index } = instance
  const stateHash = hashText(state)
  return {
    actor,
    key,
    revision,
    version,
    entry_index: index,
    state_hash: hashToBytes(stateHash),
    checksum: hashToBytes(hashHead(instance, stateHash)),
    state,
  }
}

export const chunkRowOf = (chunk: OutcomeChunk): ChunkRow => ({
  last_index: chunk.lastIndex,
  first_index: chunk.firstIndex,
  checksum: hashToBytes(hashChunk(chunk)),
  rows: chunk.rows,
})

export const timerRowOf = ({ id, dueAt, actor, key, command, input }: StoredTimer): TimerRow => {
  const checksum = hashToBytes(hashFields(id, dueAt, actor, key, command, input))
  return { id, due_at: dueAt, actor, key, command, input, checksum }
}

export const positionRowOf = ({ position, digest, outcomesFrom }: PositionRecord): PositionRow => {
  const { index, term, time } = position
  const configuration = decoder.decode(encodeConfiguration(position.configuration))
  return {
    entry_index: index,
    term,
    time,
    configuration,
    digest,
    outcomes_from: outcomesFrom,
    checksum: hashToBytes(hashFields(index, term, time, configuration, digest, outcomesFrom)),
  }
}

export const putInstance = (run: Run, instance: StoredInstance): void => {
  const row = instanceRowOf(instance)
  run(
    `INSERT INTO instances (${headColumns}, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (actor, key) DO UPDATE SET revision = excluded.revision, version = excluded.version,
       entry_index = excluded.entry_index, state_hash = excluded.state_hash, checksum = excluded.checksum,
       state = excluded.state`,
    row.actor,
    row.key,
    row.revision,
    row.version,
    row.entry_index,
    row.state_hash,
    row.checksum,
    row.state,
  )
}

export const putChunk = (run: Run, chunk: OutcomeChunk): void => {
  const { last_index, first_index, checksum, rows } = chunkRowOf(chunk)
  run(
    "INSERT INTO outcomes (last_index, first_index, checksum, rows) VALUES (?, ?, ?, ?)",
    last_index,
    first_index,
    checksum,
    rows,
  )
}

export const putTimer = (run: Run, timer: StoredTimer): void => {
  const { id, due_at, actor, key, command, input, checksum } = timerRowOf(timer)
  run(
    `INSERT OR REPLACE INTO timers (id, due_at, actor, key, command, input, checksum)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    id,
    due_at,
    actor,
    key,
    command,
    input,
    checksum,
  )
}

export const putPosition = (run: Run, record: PositionRecord): void => {
  const row = positionRowOf(record)
  run(
    "INSERT OR REPLACE INTO position VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
    row.entry_index,
    row.term,
    row.time,
    row.configuration,
    row.digest,
    row.outcomes_from,
    row.checksum,
  )
}

const hashHead = (head: Omit<StoredInstance, "state">, stateHash: bigint): bigint => {
  const { actor, key, revision, version, index } = head
  return hashText(JSON.stringify([actor, key, revision, version, index]), stateHash)
}

const hashChunk = ({ firstIndex, lastIndex, rows }: OutcomeChunk): bigint =>
  Bun.hash.xxHash64(rows, hashFields(firstIndex, lastIndex))

const verify = (what: string, checksum: unknown, expected: bigint): void => {
  if (hashFromBytes(checksum) !== expected) throw new StateCorrupt(`${what} has a bad checksum`)
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
