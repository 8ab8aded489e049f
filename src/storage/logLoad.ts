// A group starts: what of its log is verified, and where does it begin?

import { decodeConfiguration } from "../consensus/configuration.ts"
import { mainGroup } from "../consensus/groups.ts"
import type { Configuration, Entry, Index, TermRun } from "../consensus/types.ts"
import { followChain } from "./chain.ts"
import { hashBase } from "./checksum.ts"
import { entryBytes } from "./entryCodec.ts"
import { type LoadedGroup, type LogStore, StorageFull } from "./LogStore.ts"
import { entryIndexMax, type LogTables } from "./LogTables.ts"
import type { GroupRecord } from "./logRows.ts"
import type { MarkedGroup } from "./mark.ts"
import { settle, standingOf } from "./settle.ts"

export type LoadOptions = Parameters<LogStore["Service"]["load"]>[0]

/** What loading asks of the open log. */
export interface LogAtLoad {
  readonly tables: LogTables
  readonly groups: ReadonlyMap<string, GroupRecord>
  readonly marked: ReadonlyMap<string, MarkedGroup>
  /** Why a group that is not found may have been lost. */
  readonly suspicion: string
  readonly lostThrough: Index
  readonly prepareGroup: (group: string) => void
  /** A group of which nothing is to be kept before its first write. */
  readonly begin: (record: GroupRecord) => void
  readonly nextGroupNumber: () => number
  readonly commit: (changed: ReadonlyArray<GroupRecord>, body: () => void) => void
  readonly sweep: (group: string) => boolean
  readonly replaceDamaged: () => void
}

/** Verified row by row; what is kept in memory is the log's shape and its tail, never the log. */
export const loadGroup = (log: LogAtLoad, options: LoadOptions): LoadedGroup => {
  const { group, tailBytesMax } = options
  let surveyed = survey(log, log.groups.get(group))
  if (surveyed !== null && surveyed.damage !== "") {
    log.replaceDamaged()
    surveyed = survey(log, log.groups.get(group))
  }
  const marked = log.marked.get(group) ?? null
  const settled = settle({
    ...options,
    found: surveyed === null ? null : { ...surveyed, ...foundIn(surveyed.record) },
    marked: marked === null ? null : { term: marked.term, votedFor: marked.votedFor },
    lossSuspicion: lossOf(log, options.founded),
  })
  if (surveyed === null) log.prepareGroup(group)
  const before = surveyed?.record ?? newRecord(log, options)
  const hash = hashBase(group, settled.base)
  const { term, votedFor } = settled.hardState
  const record: GroupRecord = {
    ...before,
    term,
    votedFor,
    suspicion: settled.suspicion,
    ...(settled.restart ? restartAt(settled.base, hash, settled.baseConfiguration) : {}),
  }
  const isFresh = surveyed === null && settled.suspicion === "" && marked === null && settled.base.index === 0
  // What has promised nothing needs no sync of its own: its first write brings it to the disk (a thousand at once, perhaps).
  if (isFresh && options.founded !== undefined) log.begin(record)
  else if (surveyed === null || settled.restart || changed(before, record)) {
    log.commit([record], () => {
      if (!settled.restart) return
      log.tables.deleteEntries(record.number, 1, entryIndexMax)
      log.tables.putBase(record)
    })
  }
  sweepLeftovers(log, group)
  return {
    hardState: settled.hardState,
    base: settled.base,
    baseConfiguration: settled.baseConfiguration,
    lastIndex: record.lastIndex,
    terms: settled.restart || surveyed === null ? [] : surveyed.terms,
    configurations: settled.restart || surveyed === null ? [] : surveyed.configurations,
    tail: tailOf(log, record, tailBytesMax),
    standing: standingOf(settled.suspicion),
    suspicion: settled.suspicion,
    pendingInstall: record.pendingInstall,
  }
}

/**
 * Why a group that is not found may have been here. One that `main` has founded since it is whole again was not: whatever
 * was lost, was lost before.
 */
const lossOf = ({ groups, suspicion, lostThrough }: LogAtLoad, founded: Index | undefined): string => {
  const main = groups.get(mainGroup)
  if (founded === undefined || main === undefined) return suspicion
  if (main.suspicion !== "") return main.suspicion
  return founded <= lostThrough ? `what was lost once may have held a group founded by entry ${founded}` : ""
}

/** What a cut has left behind it. On a disk without room it stays: nothing needs it to be gone (HAZARDS S7). */
const sweepLeftovers = (log: LogAtLoad, group: string): void => {
  try {
    while (log.sweep(group)) {}
  } catch (error) {
    if (!(error instanceof StorageFull)) throw error
  }
}

interface Survey {
  readonly record: GroupRecord
  readonly terms: ReadonlyArray<TermRun>
  readonly configurations: LoadedGroup["configurations"]
  readonly damage: string
}

const survey = (log: LogAtLoad, record: GroupRecord | undefined): Survey | null => {
  if (record === undefined) return null
  const terms: Array<TermRun> = []
  const configurations: Array<{ readonly index: number; readonly configuration: Configuration }> = []
  const { damage } = followChain(log.tables, record, ({ entry }) => {
    if (terms.at(-1)?.term !== entry.term) terms.push({ term: entry.term, firstIndex: entry.index })
    if (entry.kind !== "configuration") return
    configurations.push({ index: entry.index, configuration: decodeConfiguration(entry.data) })
  })
  return { record, terms, configurations, damage }
}

const foundIn = (record: GroupRecord) => ({
  hardState: { term: record.term, votedFor: record.votedFor },
  base: { index: record.baseIndex, term: record.baseTerm },
  baseConfiguration: record.baseConfiguration,
  lastIndex: record.lastIndex,
  pendingInstall: record.pendingInstall,
  suspicion: record.suspicion,
})

const newRecord = (log: LogAtLoad, options: LoadOptions): GroupRecord => ({
  number: log.nextGroupNumber(),
  group: options.group,
  term: 0,
  votedFor: null,
  suspicion: "",
  pendingInstall: null,
  ...restartAt({ index: 0, term: 0 }, hashBase(options.group, { index: 0, term: 0 }), options.initial),
})

const restartAt = (
  base: { readonly index: number; readonly term: number },
  hash: bigint,
  baseConfiguration: Configuration,
) => ({
  lastIndex: base.index,
  lastTerm: base.term,
  lastHash: hash,
  baseIndex: base.index,
  baseTerm: base.term,
  baseHash: hash,
  baseConfiguration,
})

const changed = (before: GroupRecord, after: GroupRecord): boolean =>
  before.term !== after.term || before.votedFor !== after.votedFor || before.suspicion !== after.suspicion

const tailOf = (log: LogAtLoad, record: GroupRecord, bytesMax: number): ReadonlyArray<Entry> => {
  let from = record.lastIndex + 1
  let bytes = 0
  for (const length of log.tables.lengthsBackwards(record.number, record.baseIndex + 1, record.lastIndex)) {
    bytes += entryBytes({ data: { byteLength: length } })
    if (bytes > bytesMax) break
    from--
  }
  const tail: Array<Entry> = []
  for (const { entry } of log.tables.entries(record.number, from, record.lastIndex)) tail.push(entry)
  return tail
}
