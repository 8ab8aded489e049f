// The storage thread starts: is log.db what this node left behind?

import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  statSync,
} from "node:fs"
import { basename } from "node:path"
import type { GroupId, NodeId } from "../consensus/types.ts"
import { damageOf, LogDamaged } from "./damage.ts"
import { syncPath } from "./durable.ts"
import { DataDirectoryRefused, type Identity } from "./LogStore.ts"
import { formatVersion, LogTables } from "./LogTables.ts"
import type { GroupRecord } from "./logRows.ts"
import { keepEvidence, logPaths, salvage } from "./logSalvage.ts"
import { currentBoot, LogMark, type Mark, type MarkedGroup } from "./mark.ts"
import { codeOf } from "./sqliteError.ts"
import { inspectWal } from "./wal.ts"

export interface LogContent {
  readonly tables: LogTables
  readonly groups: Map<GroupId, GroupRecord>
  readonly peers: Map<NodeId, string>
  readonly sequence: number
  readonly suspicion: string
}

export interface OpenedLog extends LogContent {
  readonly mark: LogMark
  readonly marked: Readonly<Record<GroupId, MarkedGroup>>
  /** The files stand in the evidence as they were found: nothing that this start made may replace them there. */
  readonly evidenceKept: boolean
}

/** An empty log with its mark, in a directory that has promised nothing yet. */
export const makeLog = (directory: string, identity: Identity): void => {
  const paths = logPaths(directory)
  LogTables.make(paths.log, identity, (tables) => tables.putMeta(0, ""))
  LogMark.make(paths.mark)
  const mark = LogMark.open(paths.mark)
  mark.write({ sequence: 0, boot: currentBoot(), damaged: false, groups: {} })
  mark.close()
  syncPath(paths.log)
  syncPath(paths.mark)
  syncPath(directory)
}

export const openLog = (directory: string, identity: Identity): OpenedLog => {
  const paths = logPaths(directory)
  refuseClosed(directory, [paths.log, paths.wal, paths.mark])
  const { mark, last } = openMark(paths.mark)
  if (last === null && !existsSync(paths.log)) {
    throw new DataDirectoryRefused({ directory, reason: "log.db and log.mark are both gone" })
  }
  const reasons: Array<string> = []
  if (last === null) reasons.push("no mark of the last commit can be read")
  // Before SQLite opens the files: it would shorten a damaged write-ahead log without a word, and remove the
  // one beside an emptied database.
  const wal = inspectWal(paths.wal)
  const foundBad = wal._tag === "Corrupt" || wal._tag === "Doubtful" || isCutOff(paths)
  const evidenceKept = foundBad && keepEvidence(directory)
  if (wal._tag === "Corrupt") reasons.push(wal.reason)
  // Within one boot the mark tells exactly whether that last transaction was ever acknowledged: below.
  if (wal._tag === "Doubtful" && (last === null || !isOfThisBoot(last))) reasons.push(wal.reason)

  const opened = openContent({ directory, identity, last, evidenceKept }, (content) => {
    const all = last === null ? reasons : [...reasons, ...contradictions(content, last)]
    const ready = all.length === 0 ? content : suspectAll(content, last, all.join("; "))
    truncateWal(ready.tables)
    return ready
  })
  return { ...opened, mark, marked: last?.groups ?? {}, evidenceKept }
}

/** Durable before anything else happens: a second restart must not find less reason than the first. */
const suspectAll = (content: LogContent, last: Mark | null, suspicion: string): LogContent => {
  const sequence = Math.max(content.sequence, last?.sequence ?? 0) + 1
  const groups = new Map<GroupId, GroupRecord>()
  for (const record of content.groups.values()) {
    groups.set(record.group, { ...record, suspicion: record.suspicion || suspicion })
  }
  content.tables.transaction(() => {
    for (const record of groups.values()) content.tables.putGroup(record)
    content.tables.putMeta(sequence, suspicion)
  })
  return { ...content, groups, sequence, suspicion }
}

/** What a torn tail left behind the last commit is gone before the next frames are written. */
const truncateWal = (tables: LogTables): void => {
  try {
    tables.checkpoint("TRUNCATE")
  } catch (error) {
    // A full disk keeps its old frames; a node must be able to start on it.
    if (codeOf(error) !== "SQLITE_FULL") throw error
  }
}

/** Reads everything but the entries; throws {@link LogDamaged} or SQLite's error when a row is bad. */
export const openTables = (directory: string, identity: Identity): LogContent => {
  const tables = LogTables.open(logPaths(directory).log)
  try {
    const found = tables.identity()
    for (const field of ["clusterId", "nodeId", "incarnation"] as const) {
      if (found[field] === identity[field]) continue
      const reason = `log.db belongs to ${field} ${found[field]}, the directory to ${identity[field]}`
      throw new DataDirectoryRefused({ directory, reason })
    }
    const version = tables.version()
    if (version !== formatVersion) {
      const reason = `log.db has format ${version}, this program reads format ${formatVersion}`
      throw new DataDirectoryRefused({ directory, reason })
    }
    const { records, damage } = tables.groups()
    const { peers, damage: peersDamage } = tables.peers()
    if (damage !== "" || peersDamage !== "") throw new LogDamaged(damage || peersDamage)
    const groups = new Map(records.map((record) => [record.group, record]))
    return { tables, groups, peers, ...tables.meta() }
  } catch (error) {
    tables.close()
    throw error
  }
}

/**
 * The content, made ready by `prepare`. Whatever SQLite finds bad on the way, in a row, in the schema or only
 * in the checkpoint, ends in a new file: a start that throws would throw again at every later one.
 */
const openContent = (
  options: {
    readonly directory: string
    readonly identity: Identity
    readonly last: Mark | null
    readonly evidenceKept: boolean
  },
  prepare: (content: LogContent) => LogContent,
): LogContent => {
  const { directory, identity, last, evidenceKept } = options
  const { log } = logPaths(directory)
  let reason = last?.damaged === true ? "a bad page was met while running" : ""
  let tables: LogTables | null = null
  if (!existsSync(log)) {
    reason = "log.db is gone"
  } else {
    try {
      const content = openTables(directory, identity)
      if (reason === "") {
        tables = content.tables
        return prepare(content)
      }
      content.tables.close()
    } catch (error) {
      if (error instanceof DataDirectoryRefused) throw error
      if (codeOf(error).startsWith("SQLITE_BUSY")) {
        throw new DataDirectoryRefused({ directory, reason: "another process has log.db open" })
      }
      reason = damageOf(error)
    }
    tables ??= openUnverified(log)
  }
  const sequence = Math.max(tables?.readableSequence() ?? 0, last?.sequence ?? 0)
  const suspicion = tables === null ? reason : ""
  salvage({ directory, identity, tables, sequence, suspicion, evidenceKept })
  return prepare(openTables(directory, identity))
}

/** A file so bad that SQLite does not even open it gives nothing. */
const openUnverified = (log: string): LogTables | null => {
  try {
    return LogTables.open(log)
  } catch (error) {
    damageOf(error)
    return null
  }
}

/** The mark was written after the commit that it names: a database behind it has lost something. */
const contradictions = (content: LogContent, last: Mark): ReadonlyArray<string> => {
  if (content.sequence < last.sequence) {
    return [`the log is at commit ${content.sequence}, the mark names commit ${last.sequence}`]
  }
  if (content.sequence > last.sequence) return []
  return [...content.groups.values()].flatMap((record) => {
    const marked = last.groups[record.group]
    if (marked === undefined) return [`the mark does not know group ${record.group}`]
    const same = marked.lastIndex === record.lastIndex && marked.hash === record.lastHash.toString(16)
    return same
      ? []
      : [`group ${record.group} ends at ${record.lastIndex}, the mark names ${marked.lastIndex}`]
  })
}

/**
 * The database is shorter than its own header says, by more than the write-ahead log can still hold: that
 * much may be missing where a checkpoint was interrupted.
 */
const isCutOff = ({ log, wal }: { readonly log: string; readonly wal: string }): boolean => {
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

const isOfThisBoot = (mark: Mark): boolean => mark.boot !== "" && mark.boot === currentBoot()

const openMark = (path: string): { readonly mark: LogMark; readonly last: Mark | null } => {
  if (!existsSync(path)) {
    LogMark.make(path)
    return { mark: LogMark.open(path), last: null }
  }
  const mark = LogMark.open(path)
  return { mark, last: mark.read() }
}
