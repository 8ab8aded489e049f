// The storage thread starts: is log.db what this node left behind?

import { mainGroup } from "../consensus/groups.ts"
import type { GroupId, Index, NodeId } from "../consensus/types.ts"
import { damageOf, LogDamaged } from "./damage.ts"
import { codeOf } from "./errorCode.ts"
import type { LogMedium } from "./LogMedium.ts"
import { DataDirectoryRefused } from "./LogStore.ts"
import { formatVersion, type LogTables } from "./LogTables.ts"
import type { GroupRecord } from "./logRows.ts"
import { salvage } from "./logSalvage.ts"
import type { LogMark, Mark } from "./mark.ts"
import { orReserve, type Reserve } from "./Room.ts"
import { isNoRoom } from "./sqliteError.ts"

export interface LogContent {
  readonly tables: LogTables
  readonly groups: Map<GroupId, GroupRecord>
  readonly peers: Map<NodeId, string>
  /** By their number: their entries are not all gone yet, or a durable mark still names them. */
  readonly forgotten: Map<number, GroupId>
  readonly sequence: number
  readonly suspicion: string
  readonly lostThrough: Index
}

export interface OpenedLog extends LogContent {
  readonly mark: LogMark
  readonly marked: Mark["groups"]
  /** The files stand in the evidence as they were found: nothing that this start made may replace them there. */
  readonly evidenceKept: boolean
}

export const openLog = (medium: LogMedium): OpenedLog => {
  const { reserve } = medium
  // A start notes what it finds, and other files of the directory are about to be made.
  if (reserve.isWhole() && reserve.freeBytes() < reserve.bytes / 2) reserve.giveUp()
  const { mark, last } = medium.openMark()
  if (last === null && !medium.hasLog()) {
    const reason = "log.db and log.mark are both gone"
    throw new DataDirectoryRefused({ directory: medium.directory, reason })
  }
  const reasons: Array<string> = []
  if (last === null) reasons.push("no mark of the last commit can be read")
  // Before SQLite opens the files: it would shorten a damaged write-ahead log without a word, and remove the
  // one beside an emptied database.
  const wal = medium.inspectWal()
  const foundBad = wal._tag === "Corrupt" || wal._tag === "Doubtful" || medium.isCutOff()
  const evidenceKept = foundBad && medium.keepEvidence()
  if (wal._tag === "Corrupt") reasons.push(wal.reason)
  // Within one boot the mark tells exactly whether that last transaction was ever acknowledged: below.
  if (wal._tag === "Doubtful" && (last === null || !isOfThisBoot(medium, last))) reasons.push(wal.reason)

  let marked: Mark["groups"] = last?.groups ?? new Map()
  const opened = openContent({ medium, last, evidenceKept }, (content, isAsFound) => {
    const all = last === null ? reasons : [...reasons, ...contradictions(content, last)]
    // A log that has lost something may have forgotten a group that was made once more since.
    if (all.length === 0 && isAsFound) marked = withoutForgotten(marked, content)
    const ready = all.length === 0 ? content : suspectAll(content, last, all.join("; "), reserve)
    truncateWal(ready.tables, last?.failed === true, reserve)
    return ready
  })
  return { ...opened, mark, marked, evidenceKept }
}

/** The process may have died before the mark of a forgotten group went, or a loss of power has brought it back. */
const withoutForgotten = (marked: Mark["groups"], { forgotten }: LogContent): Mark["groups"] => {
  const names = new Set(forgotten.values())
  return new Map([...marked].filter(([group]) => !names.has(group)))
}

/** Durable before anything else happens: a second restart must not find less reason than the first. */
const suspectAll = (
  content: LogContent,
  last: Mark | null,
  suspicion: string,
  reserve: Reserve,
): LogContent => {
  const sequence = Math.max(content.sequence, last?.sequence ?? 0) + 1
  const lostThrough = Math.max(content.lostThrough, content.groups.get(mainGroup)?.lastIndex ?? 0)
  const groups = new Map<GroupId, GroupRecord>()
  for (const record of content.groups.values()) {
    groups.set(record.group, { ...record, suspicion: record.suspicion || suspicion })
  }
  const note = () => {
    for (const record of groups.values()) content.tables.putGroup(record)
    content.tables.putMeta({ sequence, suspicion, lostThrough })
  }
  orReserve(reserve, () => content.tables.transaction(note))
  return { ...content, groups, sequence, suspicion, lostThrough }
}

/**
 * What a torn tail left behind the last commit is gone before the next frames are written, and what the process
 * before had not synced is synced: a killed one leaves it in the cache, where it looks like the rest.
 */
const truncateWal = (tables: LogTables, failedBefore: boolean, reserve: Reserve): void => {
  try {
    orReserve(reserve, () => tables.checkpoint("TRUNCATE"))
  } catch (error) {
    // A full disk keeps its old frames, synced; a node must be able to start on it. But after a sync that failed
    // only a copy is sure to be on the disk (HAZARDS S2), and that needs room.
    if (!isNoRoom(error) || failedBefore) throw error
  }
}

/** Reads everything but the entries; throws {@link LogDamaged} or SQLite's error when a row is bad. */
export const openTables = ({ directory, identity, openTables }: LogMedium): LogContent => {
  const tables = openTables()
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
    const { forgotten, damage: forgottenDamage } = tables.forgotten()
    const bad = damage || peersDamage || forgottenDamage
    if (bad !== "") throw new LogDamaged(bad)
    const groups = new Map(records.map((record) => [record.group, record]))
    return { tables, groups, peers, forgotten, ...tables.meta() }
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
  options: { readonly medium: LogMedium; readonly last: Mark | null; readonly evidenceKept: boolean },
  prepare: (content: LogContent, isAsFound: boolean) => LogContent,
): LogContent => {
  const { medium, last, evidenceKept } = options
  let reason = last?.damaged === true ? "a bad page was met while running" : ""
  let tables: LogTables | null = null
  if (!medium.hasLog()) {
    reason = "log.db is gone"
  } else {
    try {
      const content = openTables(medium)
      if (reason === "") {
        tables = content.tables
        return prepare(content, true)
      }
      content.tables.close()
    } catch (error) {
      if (error instanceof DataDirectoryRefused) throw error
      if (codeOf(error).startsWith("SQLITE_BUSY")) {
        const busy = "another process has log.db open"
        throw new DataDirectoryRefused({ directory: medium.directory, reason: busy })
      }
      reason = damageOf(error)
    }
    tables ??= openUnverified(medium)
  }
  const sequence = Math.max(tables?.readableSequence() ?? 0, last?.sequence ?? 0)
  const suspicion = tables === null ? reason : ""
  orReserve(medium.reserve, () => salvage({ medium, tables, sequence, suspicion, evidenceKept }))
  return prepare(openTables(medium), false)
}

/** A file so bad that SQLite does not even open it gives nothing. */
const openUnverified = (medium: LogMedium): LogTables | null => {
  try {
    return medium.openTables()
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
    const marked = last.groups.get(record.group)
    if (marked === undefined) return [`the mark does not know group ${record.group}`]
    const same = marked.lastIndex === record.lastIndex && marked.hash === record.lastHash.toString(16)
    return same
      ? []
      : [`group ${record.group} ends at ${record.lastIndex}, the mark names ${marked.lastIndex}`]
  })
}

const isOfThisBoot = (medium: LogMedium, mark: Mark): boolean => mark.boot !== "" && mark.boot === medium.boot
