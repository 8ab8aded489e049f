// How is the state of a group kept in a SQLite file? Synchronous: for the thread that owns the machine.

import { constants, Database, type Statement } from "bun:sqlite"
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import type { Configuration } from "../consensus/types.ts"
import type { Awake } from "./Awake.ts"
import { syncPath } from "./durable.ts"
import { LateStateStore, type RestingStateStore } from "./LateStateStore.ts"
import { framesMaxIn } from "./reserveFile.ts"
import { failing, StateGuard } from "./StateGuard.ts"
import {
  type Flush,
  type OutcomeChunk,
  StateCorrupt,
  type StatePosition,
  type StateStore,
  type StoredInstance,
  type StoredTimer,
} from "./StateStore.ts"
import { isNoRoom } from "./sqliteError.ts"
import {
  type ChunkRow,
  checkVersion,
  chunkOf,
  corruptNote,
  emptyPosition,
  formatVersion,
  type HeadRow,
  type InstanceRow,
  instanceOf,
  type PositionRecord,
  type PositionRow,
  positionAfter,
  positionOf,
  putChunk,
  putInstance,
  putPosition,
  putTimer,
  type Run,
  schema,
  selectChunks,
  selectHeads,
  selectInstances,
  selectPosition,
  selectTimers,
  type TimerRow,
  timerOf,
  verifyHead,
  verifyState,
} from "./stateRows.ts"

/** Opens the file, or makes it: an empty state at position 0 with `initial` as its configuration. */
export const openSqliteStateStore = (path: string, initial: Configuration): RestingStateStore => {
  try {
    return failing("open", () => open(path, initial))
  } catch (error) {
    if (error instanceof StateCorrupt) discardState(path)
    throw error
  }
}

/** The same, of a state that has neither file nor directory before the first flush. */
export const openLateSqliteStateStore = (
  path: string,
  initial: Configuration,
  awake: Awake,
): LateStateStore =>
  new LateStateStore(
    {
      isThere: () => existsSync(path),
      open: () => {
        failing("open", () => makeDirectory(dirname(path)))
        return openSqliteStateStore(path, initial)
      },
      glance: () => glanceAt(path),
      discard: () => failing("discard", () => discardState(path)),
    },
    initial,
    awake,
  )

/** Durably, with what lies above it. */
const makeDirectory = (path: string): void => {
  const first = mkdirSync(path, { recursive: true })
  if (first === undefined) return
  for (let made = path; made.length >= first.length; made = dirname(made)) syncPath(dirname(made))
}

const open = (path: string, initial: Configuration): RestingStateStore => {
  if (existsSync(corruptNote(path))) judgeNoted(path)
  const database = new Database(path, { create: true, readwrite: true, strict: true })
  try {
    database.run("PRAGMA journal_mode = WAL")
    database.run("PRAGMA synchronous = FULL")
    // SQLite's own checkpoints swallow a failed sync; the store makes its own and looks (HAZARDS S2).
    database.run("PRAGMA wal_autocheckpoint = 0")
    if (isEmpty(database)) fill(database, initial)
    const store = new SqliteStateStore(path, database)
    makeDurable(database)
    return store
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * Without locks and without a write-ahead log: a quarter of what it costs to open the file. Only when there is nothing beside it
 * that belongs to it; nobody else writes there, and whoever copies it or reads all of it writes nothing. Whatever is
 * wrong with it, who opens it finds out.
 */
const glanceAt = (path: string): RestingStateStore | null => {
  const wal = statSync(`${path}-wal`, { throwIfNoEntry: false })
  if ((wal !== undefined && wal.size > 0) || existsSync(corruptNote(path))) return null
  let database: Database | null = null
  try {
    database = new Database(`${pathToFileURL(path)}?immutable=1`, glanceFlags)
    if (!isEmpty(database)) return new SqliteStateStore(path, database, true)
  } catch {
    // It is opened.
  }
  database?.close()
  return null
}

const glanceFlags = constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI

const isEmpty = (database: Database): boolean =>
  database.query("SELECT count(*) FROM sqlite_schema").values()[0]?.[0] === 0

const fill = (database: Database, initial: Configuration): void => {
  database.run("BEGIN IMMEDIATE")
  try {
    database.run(`${schema}; PRAGMA user_version = ${formatVersion}`)
    putPosition((sql, ...values) => void database.run(sql, [...values]), emptyPosition(initial))
    database.run("COMMIT")
  } catch (error) {
    if (database.inTransaction) database.run("ROLLBACK")
    throw error
  }
}

/**
 * A state that is noted as corrupt is read as a whole once more: a bad row may have been written anew since, and all
 * the others go with it. One of another format is refused like any other, and keeps its note.
 */
const judgeNoted = (path: string): void => {
  try {
    if (existsSync(path)) failing("judge", () => verifyFile(path))
  } catch (error) {
    if (!(error instanceof StateCorrupt)) throw error
    return discardState(path)
  }
  removeNote(path)
}

const verifyFile = (path: string): void => {
  const database = new Database(path, { readwrite: true, create: false, strict: true })
  try {
    verifyState(database)
  } finally {
    database.close()
  }
}

/**
 * First the write-ahead log: SQLite would read it into the file that comes next. In the evidence stand the two that
 * belong together, of the last state that was given up; one that stands there alone was moved before a crash.
 */
const discardState = (path: string): void => {
  const directory = dirname(path)
  const evidence = join(directory, "evidence")
  const [file, wal] = [basename(path), `${basename(path)}-wal`]
  mkdirSync(evidence, { recursive: true })
  if (existsSync(join(evidence, file))) {
    rmSync(join(evidence, wal), { force: true })
    rmSync(join(evidence, file))
  }
  for (const name of [wal, file]) {
    if (existsSync(join(directory, name))) renameSync(join(directory, name), join(evidence, name))
    syncPath(directory)
  }
  rmSync(`${path}-shm`, { force: true })
  removeNote(path)
}

/** Durably: it would speak of the next state otherwise. */
const removeNote = (path: string): void => {
  rmSync(corruptNote(path), { force: true })
  syncPath(dirname(path))
}

/** What was found is durable from now on: who wrote it may have died before its sync, or of its failure. */
const makeDurable = (database: Database): void => {
  try {
    database.run("PRAGMA wal_checkpoint(TRUNCATE)")
  } catch (error) {
    // A full disk keeps its write-ahead log, synced: that comes first.
    if (!isNoRoom(error)) throw error
  }
}

class SqliteStateStore implements RestingStateStore {
  private readonly path: string
  private readonly database: Database
  private readonly statements = new Map<string, Statement>()
  private current: PositionRecord
  private readonly guard = new StateGuard()
  private readonly framesMax: number
  private readonly isGlance: boolean
  private readsTogether = false

  /** `isGlance`: nothing can be written. */
  constructor(path: string, database: Database, isGlance = false) {
    this.path = path
    this.database = database
    this.isGlance = isGlance
    this.framesMax = isGlance ? 0 : framesMaxIn(dirname(path))
    checkVersion(database)
    this.current = positionOf(database.query(selectPosition).get() as PositionRow | null)
  }

  position = (): StatePosition => this.current.position

  digest = (): string => this.current.digest

  instance = (actor: string, key: string): StoredInstance | undefined =>
    this.guard.attempt("instance", () => {
      this.beginReading()
      const row = this.statement(`${selectInstances} WHERE actor = ? AND key = ?`).get(actor, key)
      return row === null ? undefined : instanceOf(row as InstanceRow)
    })

  list: StateStore["list"] = ({ actor, prefix, after, limit }) =>
    this.guard.attempt("list", () => {
      this.beginReading()
      const listed: Array<{ readonly key: string; readonly revision: number }> = []
      // SQLite compares text by its UTF-8 bytes: keys with the prefix stand together, from the prefix on.
      const rows = this.statement(
        `${selectHeads} WHERE actor = ?1 AND key > ?2 AND key >= ?3 ORDER BY key LIMIT ?4`,
      ).all(actor, after, prefix, limit)
      for (const row of rows as ReadonlyArray<HeadRow>) {
        if (!row.key.startsWith(prefix)) break
        verifyHead(row)
        listed.push({ key: row.key, revision: row.revision })
      }
      return listed
    })

  versions = (actor: string): ReadonlyMap<string, number> =>
    this.guard.attempt("versions", () => {
      this.beginReading()
      const rows = this.statement(
        "SELECT version, count(*) FROM instances WHERE actor = ? GROUP BY version",
      ).values(actor) as unknown as ReadonlyArray<[string, number]>
      return new Map(rows)
    })

  outcomesAt = (index: number): OutcomeChunk | undefined =>
    this.guard.attempt("outcomesAt", () => {
      this.beginReading()
      const row = this.statement(
        `${selectChunks} WHERE last_index >= ?1 AND first_index <= ?1 ORDER BY last_index LIMIT 1`,
      ).get(index)
      return row === null ? undefined : chunkOf(row as ChunkRow)
    })

  outcomes = (after = 0): Iterable<OutcomeChunk> => this.readChunks(after)

  outcomesForgottenBelow = (): number => this.current.outcomesFrom

  timers = (): ReadonlyArray<StoredTimer> =>
    this.guard.attempt("timers", () =>
      (this.statement(`${selectTimers} ORDER BY due_at, id`).all() as ReadonlyArray<TimerRow>).map(timerOf),
    )

  readTogether = <A>(body: () => A): A => {
    // A flush has begun: what is read stands in its transaction, which is not ours to end.
    if (this.database.inTransaction) return body()
    this.readsTogether = true
    try {
      return body()
    } finally {
      this.readsTogether = false
      if (this.database.inTransaction) this.guard.attempt("readTogether", () => this.run("COMMIT"))
    }
  }

  flush = (flush: Flush): void => {
    for (const _ of this.inParts(flush));
  }

  flushInParts: StateStore["flushInParts"] = (flush) => this.inParts(flush)

  close = (): void => {
    for (const statement of this.statements.values()) statement.finalize()
    this.statements.clear()
    this.database.close()
  }

  /** SQLite's own checkpoint at the close swallows a failed sync (HAZARDS S2): it is to find nothing to do. */
  rest = (): void => {
    try {
      if (!this.isGlance) this.guard.attempt("rest", () => this.checkpoint("TRUNCATE"))
    } finally {
      this.close()
    }
  }

  discard = (): void => {
    try {
      this.close()
    } finally {
      discardState(this.path)
    }
  }

  private *flushing(flush: Flush): Generator<void, void> {
    try {
      yield* this.writing(flush)
    } catch (error) {
      if (!isNoRoom(error)) throw error
      // What the write-ahead log holds of the disk and the file does not need, this flush may.
      this.checkpoint("TRUNCATE")
      yield* this.writing(flush)
    }
    this.current = positionAfter(flush)
    this.relieve()
  }

  private *inParts(flush: Flush): Generator<void, void> {
    const parts = this.flushing(flush)
    try {
      while (this.guard.attempt("flush", () => parts.next()).done !== true) yield
    } finally {
      // Who does not go on with it leaves no transaction behind.
      parts.return()
    }
  }

  /** In one transaction. */
  private *writing(flush: Flush): Generator<void, void> {
    this.database.run("BEGIN IMMEDIATE")
    try {
      for (const [at, instance] of flush.instances.entries()) {
        if (at > 0 && at % rowsAtOnce === 0) yield
        putInstance(this.run, instance)
      }
      for (const { actor, key } of flush.instancesRemoved ?? []) {
        this.run("DELETE FROM instances WHERE actor = ? AND key = ?", actor, key)
      }
      for (const chunk of flush.outcomes) {
        yield
        putChunk(this.run, chunk)
      }
      this.run("DELETE FROM outcomes WHERE last_index < ?", flush.forgetOutcomesBelow)
      for (const timer of flush.timersSet) putTimer(this.run, timer)
      // After the sets: a timer that came and fired between two flushes leaves nothing.
      for (const id of flush.timersCleared) this.run("DELETE FROM timers WHERE id = ?", id)
      putPosition(this.run, positionAfter(flush))
      this.database.run("COMMIT")
    } finally {
      if (this.database.inTransaction) this.database.run("ROLLBACK")
    }
  }

  private *readChunks(from: number): Generator<OutcomeChunk> {
    // Pages, not one open cursor: it would keep every later flush out of a checkpoint.
    const chunksMax = 16
    let after = from
    for (;;) {
      const rows = this.guard.attempt(
        "outcomes",
        () =>
          this.statement(`${selectChunks} WHERE last_index > ? ORDER BY last_index LIMIT ${chunksMax}`).all(
            after,
          ) as ReadonlyArray<ChunkRow>,
      )
      for (const row of rows) yield chunkOf(row)
      const last = rows.at(-1)
      if (last === undefined || rows.length < chunksMax) return
      after = last.last_index
    }
  }

  /** Each read would otherwise lock the file, look for its newest state and unlock it. */
  private beginReading(): void {
    if (this.readsTogether && !this.database.inTransaction) this.run("BEGIN")
  }

  /**
   * The write-ahead log goes into the file when it has grown, and gives its room back: on a small disk the log may need
   * it. A snapshot that reads meanwhile delays both.
   */
  private relieve(): void {
    const row = this.statement("PRAGMA wal_checkpoint(NOOP)").values()[0] as [number, number, number]
    if (row[1] - row[2] >= this.framesMax) this.checkpoint("TRUNCATE")
  }

  /** What finds no room in the file stays in the write-ahead log, synced. */
  private checkpoint(mode: "PASSIVE" | "TRUNCATE"): void {
    try {
      this.statement(`PRAGMA wal_checkpoint(${mode})`).values()
    } catch (error) {
      if (!isNoRoom(error)) throw error
    }
  }

  private readonly run: Run = (sql, ...values) => {
    this.statement(sql).run(...values)
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

/** Of a flush between two pauses: half a millisecond of a core. */
const rowsAtOnce = 64
