// How do log.db and log.mark lie in a data directory?

import {
  accessSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs"
import { basename, join } from "node:path"
import { damageOf } from "./damage.ts"
import { syncPath } from "./durable.ts"
import { codeOf } from "./errorCode.ts"
import type { LogMedium } from "./LogMedium.ts"
import { DataDirectoryRefused, type Identity } from "./LogStore.ts"
import type { LogTables } from "./LogTables.ts"
import { SqliteLogTables } from "./logTablesSqlite.ts"
import { LogMark } from "./mark.ts"
import { currentBoot, makeMarkFile, openMarkFile } from "./markFile.ts"
import { openReserveFile } from "./reserveFile.ts"
import { inspectWal } from "./wal.ts"

export const logPaths = (directory: string) => ({
  log: join(directory, "log.db"),
  wal: join(directory, "log.db-wal"),
  mark: join(directory, "log.mark"),
  salvage: join(directory, "log.db.salvage"),
  evidence: join(directory, "evidence"),
  reserve: join(directory, "reserve"),
})

/** An empty log with its mark, in a directory that has promised nothing yet. */
export const makeLog = (directory: string, identity: Identity): void => {
  const paths = logPaths(directory)
  SqliteLogTables.make(paths.log, identity, (tables) =>
    tables.putMeta({ sequence: 0, suspicion: "", lostThrough: 0 }),
  )
  makeMarkFile(paths.mark)
  const mark = new LogMark(openMarkFile(paths.mark))
  const head = { sequence: 0, boot: currentBoot(), damaged: false, failed: false }
  mark.write({ ...head, groups: [] }, () => ({ ...head, groups: new Map() }))
  mark.close()
  syncPath(paths.log)
  syncPath(paths.mark)
  syncPath(directory)
}

/** The directory is made, and held by this process. `reserveBytes`: null for as much as is usual. */
export const openLogDirectory = (
  directory: string,
  identity: Identity,
  reserveBytes: number | null = null,
): LogMedium => {
  const paths = logPaths(directory)
  refuseClosed(directory, [paths.log, paths.wal, paths.mark])
  return {
    directory,
    identity,
    boot: currentBoot(),
    reserve: openReserveFile(paths.reserve, reserveBytes),
    openMark: () => {
      const isThere = existsSync(paths.mark)
      if (!isThere) makeMarkFile(paths.mark)
      const mark = new LogMark(openMarkFile(paths.mark))
      return { mark, last: isThere ? mark.read() : null }
    },
    hasLog: () => existsSync(paths.log),
    inspectWal: () => inspectWal(paths.wal),
    isCutOff: () => isCutOff(paths.log, paths.wal),
    keepEvidence: () => keepEvidence(directory),
    openTables: () => SqliteLogTables.open(paths.log),
    replace: ({ fill, damaged, evidenceKept }) => {
      rmSync(paths.salvage, { force: true })
      SqliteLogTables.make(paths.salvage, identity, fill)
      syncPath(paths.salvage)
      closeDamaged(damaged)
      if (!evidenceKept) keepEvidence(directory, linkSync)
      // First the write-ahead log, durably: it belongs to the old file, and SQLite would read it into the new one.
      rmSync(paths.wal, { force: true })
      syncPath(directory)
      renameSync(paths.salvage, paths.log)
      syncPath(directory)
    },
  }
}

/** The last ones only, of the log: what stands there of the state may be all that is left of it. */
const keepEvidence = (
  directory: string,
  keep: (from: string, to: string) => void = copyFileSync,
): boolean => {
  const { evidence, log, wal } = logPaths(directory)
  const kept = [wal, log].map((path) => [path, join(evidence, basename(path))] as const)
  const forget = () => {
    for (const [, to] of kept) rmSync(to, { force: true })
  }
  try {
    mkdirSync(evidence, { recursive: true })
    forget()
    for (const [path, to] of kept) if (existsSync(path)) keep(path, to)
    return true
  } catch {
    forget()
    return false
  }
}

const closeDamaged = (tables: LogTables | null): void => {
  try {
    tables?.close()
  } catch (error) {
    damageOf(error)
  }
}

/**
 * The database is shorter than its own header says, by more than the write-ahead log can still hold: that
 * much may be missing where a checkpoint was interrupted.
 */
const isCutOff = (log: string, wal: string): boolean => {
  if (!existsSync(log)) return false
  const header = Buffer.alloc(databaseHeaderBytes)
  const file = openSync(log, "r")
  try {
    if (readSync(file, header) < databaseHeaderBytes) return true
    // sqlite.org/fileformat2.html#the_database_header: 1 stands for 65,536 bytes a page.
    const pageBytes = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16)
    const walBytes = statSync(wal, { throwIfNoEntry: false })?.size ?? 0
    return fstatSync(file).size + walBytes < pageBytes * header.readUInt32BE(28)
  } finally {
    closeSync(file)
  }
}

/** What the system does not let us open is not damaged: it must not be replaced. */
const refuseClosed = (directory: string, paths: ReadonlyArray<string>): void => {
  for (const path of paths.filter((each) => existsSync(each))) {
    try {
      accessSync(path, constants.R_OK | constants.W_OK)
    } catch (error) {
      const reason = `its ${basename(path)} cannot be read and written (${codeOf(error)}): let the user of this process do both`
      throw new DataDirectoryRefused({ directory, reason })
    }
  }
}

const databaseHeaderBytes = 100
