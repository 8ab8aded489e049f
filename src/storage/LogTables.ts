// Which rows does the log of a node consist of? What the rules ask of the file that holds them.

import type { Entry, GroupId, Index, NodeId } from "../consensus/types.ts"
import type { Identity } from "./LogStore.ts"
import type { GroupRecord } from "./logRows.ts"

export interface StoredEntry {
  readonly entry: Entry
  readonly hash: bigint
}

/** What the log says of itself as a whole. */
export interface LogMeta {
  /** Counts the commits. */
  readonly sequence: number
  /** Why a group that is not found may have been lost; empty when nothing was. */
  readonly suspicion: string
  /**
   * Something was lost once, and groups with it perhaps that nobody here remembers: any that was founded by an entry of
   * `main` up to here may have been one of them. 0: nothing ever was.
   */
  readonly lostThrough: Index
}

export const formatVersion = 3
/** Entries of all groups share one table, keyed by group number × 2^40 + index: inserts go to its end. */
export const groupSpan = 2 ** 40
export const entryIndexMax = groupSpan - 1
/** What a position beyond that would be, no number of JavaScript holds. */
export const groupNumberMax = 2 ** 13 - 1

/** All that changes rows is called inside a transaction, but for a file that is being made. */
export interface LogTables {
  readonly version: () => number
  readonly identity: () => Identity
  readonly meta: () => LogMeta
  /** The commit counter; 0 when it cannot be read. */
  readonly readableSequence: () => number
  readonly putMeta: (meta: LogMeta) => void
  /** The peers whose rows are good. `damage` names the first that is not. */
  readonly peers: () => { readonly peers: Map<NodeId, string>; readonly damage: string }
  readonly putPeer: (nodeId: NodeId, incarnation: string) => void
  /** The groups whose rows are good. `damage` names the first that is not. */
  readonly groups: () => { readonly records: ReadonlyArray<GroupRecord>; readonly damage: string }
  /** The hot row: all but the base. */
  readonly putGroup: (record: GroupRecord) => void
  /** The cold row: the base, its configuration and a pending install. */
  readonly putBase: (record: GroupRecord) => void
  /** Both rows go. Its entries stay, under a number that stands here until `finishForgotten`. */
  readonly forgetGroup: (number: number, group: GroupId) => void
  /** Numbers whose entries are left over, and which groups had them. `damage` names the first row that is not good. */
  readonly forgotten: () => { readonly forgotten: Map<number, GroupId>; readonly damage: string }
  readonly finishForgotten: (number: number) => void
  readonly insert: (number: number, entry: Entry, hash: bigint) => void
  /** In order, without verification of the chain; throws when a row cannot be an entry. */
  readonly entries: (number: number, from: Index, to: Index) => Iterable<StoredEntry>
  readonly entry: (number: number, index: Index) => StoredEntry | undefined
  /** The data length of each entry, newest first. */
  readonly lengthsBackwards: (number: number, from: Index, to: Index) => Iterable<number>
  readonly deleteEntries: (number: number, from: Index, to: Index) => void
  /** Lowest index that has a row at or below `to`. */
  readonly lowestIndex: (number: number, to: Index) => Index | undefined
  /** Frames in the write-ahead log, and how many of them are in the database already. */
  readonly walFrames: () => { readonly frames: number; readonly checkpointed: number }
  /** What the write-ahead log holds goes into the database, durably. `TRUNCATE` empties the write-ahead log. */
  readonly checkpoint: (mode: "PASSIVE" | "TRUNCATE") => void
  /** How much of the write-ahead log's file stays when it begins anew: enough for term and vote, or for a burst. */
  readonly keepWal: (share: "little" | "usual") => void
  /** How much more of the disk the files may need for entries of so many bytes. */
  readonly growthOf: (bytes: number) => number
  /** What the files hold of the disk and neither rows nor frames need. */
  readonly unusedBytes: () => number
  /** Gives as much of that back as it can; throws when even for this there is no room, and nothing has changed. */
  readonly shrink: () => void
  /** All that `body` changes, durable when this returns; nothing of it when it throws. */
  readonly transaction: (body: () => void) => void
  readonly close: () => void
}
