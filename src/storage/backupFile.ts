// Is this file a backup, whole and of our format, and what must be other in it for another cluster?

import { Database } from "bun:sqlite"
import { closeSync, fstatSync, openSync, readSync, statSync, writeSync } from "node:fs"
import { isDeepStrictEqual } from "node:util"
import { Schema } from "effect"
import type { Configuration } from "../consensus/types.ts"
import { syncPath } from "./durable.ts"
import { codeOf } from "./errorCode.ts"
import { failing } from "./StateGuard.ts"
import {
  type StateContent,
  StateCorrupt,
  type StatePosition,
  StateStoreFailed,
  type StoredInstance,
} from "./StateStore.ts"
import {
  formatVersion,
  putInstance,
  putPosition,
  type Run,
  readContent,
  readRecord,
  readRowsOf,
  schema,
} from "./stateRows.ts"

/** The file is no backup, or no longer what it was. */
export class BackupRefused extends Schema.TaggedError<BackupRefused>()("BackupRefused", {
  file: Schema.String,
  reason: Schema.String,
}) {}

export interface Backup {
  readonly position: StatePosition
  /** The machine's hash over all that is in it. */
  readonly digest: string
  readonly instances: number
  readonly timers: number
}

/** A file that is something else is told from its first bytes, before anything is made of it. */
export const refuseOther = (file: string): void => {
  for (const suffix of ["-wal", "-journal"]) {
    const bytes = statSync(`${file}${suffix}`, { throwIfNoEntry: false })?.size ?? 0
    if (bytes > 0) throw refusal(file, `a part of it stands in ${file}${suffix}: it is in use, and no backup`)
  }
  const source = openForReading(file)
  try {
    if (!fstatSync(source).isFile()) throw refusal(file, "it is not a file")
    const head = Buffer.alloc(headBytes)
    const bytes = readSync(source, head, 0, headBytes, 0)
    if (bytes < headBytes || !head.toString("latin1").startsWith("SQLite format 3\0")) {
      throw refusal(file, "it is not a SQLite file")
    }
    // sqlite.org/fileformat2.html#user_version_number
    const version = head.readInt32BE(60)
    if (version !== formatVersion) {
      throw refusal(file, `it has format ${version}, this program reads format ${formatVersion}`)
    }
  } finally {
    closeSync(source)
  }
}

/** Gives the SHA-256 of what was copied, hexadecimal. */
export const copyBackup = (file: string, to: string): string => {
  const source = openForReading(file)
  const target = openSync(to, "wx", 0o600)
  try {
    const hasher = new Bun.CryptoHasher("sha256")
    const piece = new Uint8Array(1_048_576)
    for (let at = 0; ; ) {
      const read = readSync(source, piece, 0, piece.byteLength, at)
      if (read === 0) return hasher.digest("hex")
      hasher.update(piece.subarray(0, read))
      for (let written = 0; written < read; ) written += writeSync(target, piece, written, read - written)
      at += read
    }
  } finally {
    closeSync(target)
    closeSync(source)
  }
}

export interface Adopted {
  readonly backup: Backup
  /** Of the actors that were asked for, as the backup has them. */
  readonly rows: ReadonlyArray<StoredInstance>
  /** How many there are of each actor. */
  readonly instancesOf: ReadonlyMap<string, number>
}

/**
 * Judges the copy of a backup by every page, row and sum, and gives it `configuration` in place of that of the cluster
 * it comes from, and what `amended` makes of the rows of `actors`. Durable when it returns. `file`: the name to complain of.
 */
export const adoptBackup = (options: {
  readonly file: string
  readonly copy: string
  readonly configuration: Configuration
  readonly digestOf: (content: StateContent) => string
  readonly actors: ReadonlyArray<string>
  readonly amended: (rows: ReadonlyArray<StoredInstance>) => ReadonlyArray<StoredInstance>
}): Adopted => {
  try {
    const backup = failing("read", () => adopt(options))
    syncPath(options.copy)
    return backup
  } catch (error) {
    if (!(error instanceof StateCorrupt || error instanceof StateStoreFailed)) throw error
    // What SQLite cannot make anything of is the file's fault; a disk without room, or a broken one, is not.
    const isOurs = error.cause !== undefined && !/^SQLITE_(?!FULL|IOERR)/.test(codeOf(error.cause))
    throw isOurs ? error.cause : refusal(options.file, error.message)
  }
}

const adopt = ({
  copy,
  configuration,
  digestOf,
  actors,
  amended,
}: Parameters<typeof adoptBackup>[0]): Adopted => {
  const database = new Database(copy, { readwrite: true, create: false, strict: true })
  try {
    database.run("PRAGMA journal_mode = DELETE")
    const damage = database.query("PRAGMA integrity_check(1)").values()[0]?.[0]
    if (damage !== "ok") throw new StateCorrupt(`it is damaged: ${damage}`)
    if (!isDeepStrictEqual(tablesOf(database), ourTables()))
      throw new StateCorrupt("its tables are not those of a state")
    const record = readRecord(database)
    if (record.position.index === 0) throw new StateCorrupt("nothing was ever written to its state")
    const found = digestOf(readContent(database, record))
    if (found !== record.digest) {
      throw new StateCorrupt(`rows are missing: their hash is ${found} instead of ${record.digest}`)
    }
    const position = { ...record.position, configuration }
    const rows = readRowsOf(database, actors)
    const others = amended(rows)
    const run: Run = (sql, ...values) => database.query(sql).run(...values)
    for (const row of others) putInstance(run, row)
    const digest = others.length === 0 ? found : digestOf(readContent(database, record))
    putPosition(run, { ...record, position, digest })
    const instances = countOf(database, "instances")
    const counts = database
      .query<{ actor: string; count: number }, []>(
        "SELECT actor, count(*) AS count FROM instances GROUP BY actor",
      )
      .all()
    return {
      backup: { position, digest, instances, timers: countOf(database, "timers") },
      rows,
      instancesOf: new Map(counts.map(({ actor, count }) => [actor, count])),
    }
  } finally {
    database.close()
  }
}

const openForReading = (file: string): number => {
  try {
    return openSync(file, "r")
  } catch (error) {
    const code = codeOf(error)
    throw refusal(file, code === "ENOENT" ? "there is no such file" : `it cannot be read (${code})`)
  }
}

const tablesOf = (database: Database): ReadonlyArray<unknown> =>
  database.query("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name").values()

const ourTables = (): ReadonlyArray<unknown> => {
  const database = new Database(":memory:")
  try {
    database.run(schema)
    return tablesOf(database)
  } finally {
    database.close()
  }
}

const countOf = (database: Database, table: "instances" | "timers"): number =>
  database.query(`SELECT count(*) FROM ${table}`).values()[0]?.[0] as number

const refusal = (file: string, reason: string): BackupRefused => new BackupRefused({ file, reason })

const headBytes = 100
