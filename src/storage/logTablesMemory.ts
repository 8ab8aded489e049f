// How are the tables of the log kept in memory? As images: a transaction makes the next one.

import type { Entry, GroupId, Index, NodeId } from "../consensus/types.ts"
import { damageOf } from "./damage.ts"
import { EntryRows } from "./EntryRows.ts"
import { entryBytes } from "./entryCodec.ts"
import type { Identity } from "./LogStore.ts"
import { formatVersion, type LogMeta, type LogTables, type StoredEntry } from "./LogTables.ts"
import { baseRowOf, type GroupRecord, type GroupRow, groupRowOf, recordOf } from "./logRows.ts"

/** All of log.db at one moment. Never changed. */
export interface LogImage {
  readonly identity: Identity
  readonly sequence: number
  readonly suspicion: string
  readonly lostThrough: Index
  readonly peers: ReadonlyMap<NodeId, string>
  /** By their number. */
  readonly groups: ReadonlyMap<number, GroupImage>
  /** By their number, of which entries may be left. */
  readonly forgotten: ReadonlyMap<number, GroupId>
}

/** A group with its two rows, hot and cold, and its entries. */
export interface GroupImage {
  /** Null while there is no such row. */
  readonly group: GroupRecord | null
  readonly base: GroupRecord | null
  readonly entries: EntryRows
  /** What stands where the hot row should: not what was written. */
  readonly damaged: GroupRow | null
}

export const emptyImage = (identity: Identity): LogImage => ({
  identity,
  sequence: 0,
  suspicion: "",
  lostThrough: 0,
  peers: new Map(),
  groups: new Map(),
  forgotten: new Map(),
})

export const groupOf = (image: LogImage, name: GroupId): GroupImage | undefined => {
  for (const group of image.groups.values()) if (group.group?.group === name) return group
  return undefined
}

/** The file as the process sees it that has it open. */
export interface LogImageFile {
  readonly image: () => LogImage
  /** Durable when it returns; throws what SQLite would. `grownBytes`: of entries, less of those that are gone. */
  readonly commit: (image: LogImage, grownBytes: number) => void
  readonly checkpoint: (mode: "PASSIVE" | "TRUNCATE") => void
}

export class MemoryLogTables implements LogTables {
  readonly #file: LogImageFile
  /** Inside a transaction: what it will leave. */
  #next: Draft | null = null
  #grownBytes = 0
  #frames = 0
  #checkpointed = 0

  constructor(file: LogImageFile) {
    this.#file = file
  }

  /** The image of a new file into which `fill` puts the rows. */
  static make(identity: Identity, fill: (tables: LogTables) => void): LogImage {
    let made = emptyImage(identity)
    const tables = new MemoryLogTables({
      image: () => made,
      commit: (image) => {
        made = image
      },
      checkpoint: () => {},
    })
    tables.transaction(() => fill(tables))
    return made
  }

  version = () => formatVersion

  identity = () => this.#image.identity

  meta = (): LogMeta => {
    const { sequence, suspicion, lostThrough } = this.#image
    return { sequence, suspicion, lostThrough }
  }

  readableSequence = () => this.#image.sequence

  putMeta({ sequence, suspicion, lostThrough }: LogMeta): void {
    Object.assign(this.#draft, { sequence, suspicion, lostThrough })
  }

  peers = () => ({ peers: new Map(this.#image.peers), damage: "" })

  putPeer(nodeId: NodeId, incarnation: string): void {
    this.#draft.peers.set(nodeId, incarnation)
  }

  groups(): ReturnType<LogTables["groups"]> {
    const records: Array<GroupRecord> = []
    let damage = ""
    for (const { group, base, damaged } of this.#image.groups.values()) {
      if (group === null) continue
      try {
        records.push(recordOf(damaged ?? groupRowOf(group), base === null ? undefined : baseRowOf(base)))
      } catch (error) {
        damage ||= damageOf(error)
      }
    }
    return { records, damage }
  }

  putGroup(record: GroupRecord): void {
    this.#changeGroup(record.number, { group: record, damaged: null })
  }

  putBase(record: GroupRecord): void {
    this.#changeGroup(record.number, { base: record })
  }

  forgetGroup(number: number, group: GroupId): void {
    this.#changeGroup(number, { group: null, base: null, damaged: null })
    this.#draft.forgotten.set(number, group)
  }

  forgotten = () => ({ forgotten: new Map(this.#image.forgotten), damage: "" })

  finishForgotten(number: number): void {
    this.#draft.forgotten.delete(number)
    this.#draft.groups.delete(number)
  }

  insert(number: number, entry: Entry, hash: bigint): void {
    // Who waits for an entry is not stored with it.
    const stored = { entry: { ...entry, origin: null }, hash }
    this.#grownBytes += entryBytes(entry)
    this.#changeGroup(number, { entries: this.#entriesOf(number).append(stored) })
  }

  *entries(number: number, from: Index, to: Index): Generator<StoredEntry> {
    const entries = this.#entriesOf(number)
    for (let offset = entries.offsetOf(from); offset < entries.count; offset++) {
      const { entry, hash } = entries.at(offset)!
      if (entry.index > to) return
      // The reader may set the origin of what it gets; the disk never knows one.
      yield { entry: { ...entry }, hash }
    }
  }

  entry(number: number, index: Index): StoredEntry | undefined {
    return this.#entriesOf(number).find(index)
  }

  *lengthsBackwards(number: number, from: Index, to: Index): Generator<number> {
    const entries = this.#entriesOf(number)
    for (let offset = entries.offsetOf(to + 1) - 1; offset >= 0; offset--) {
      const { index, data } = entries.at(offset)!.entry
      if (index < from) return
      yield data.byteLength
    }
  }

  deleteEntries(number: number, from: Index, to: Index): void {
    for (const length of this.lengthsBackwards(number, from, to)) {
      this.#grownBytes -= entryBytes({ data: { byteLength: length } })
    }
    this.#changeGroup(number, { entries: this.#entriesOf(number).remove(from, to) })
  }

  lowestIndex(number: number, to: Index): Index | undefined {
    const lowest = this.#entriesOf(number).at(0)?.entry.index
    return lowest === undefined || lowest > to ? undefined : lowest
  }

  /** A transaction is one frame here. */
  walFrames = () => ({ frames: this.#frames, checkpointed: this.#checkpointed })

  checkpoint(mode: "PASSIVE" | "TRUNCATE"): void {
    this.#file.checkpoint(mode)
    if (mode === "TRUNCATE") this.#frames = 0
    this.#checkpointed = this.#frames
  }

  transaction(body: () => void): void {
    const before = this.#file.image()
    this.#grownBytes = 0
    const [peers, groups, forgotten] = [before.peers, before.groups, before.forgotten]
    this.#next = {
      ...before,
      peers: new Map(peers),
      groups: new Map(groups),
      forgotten: new Map(forgotten),
    }
    try {
      body()
      this.#file.commit(this.#next, this.#grownBytes)
      this.#frames++
    } finally {
      this.#next = null
    }
  }

  keepWal = () => {}

  growthOf = (bytes: number) => bytes

  /** What is gone is room for others at once. */
  unusedBytes = () => 0

  shrink = () => {}

  /** The last one to close a file makes a checkpoint; what goes wrong then, nobody is told. */
  close(): void {
    try {
      this.checkpoint("TRUNCATE")
    } catch {
      // The write-ahead log is still there.
    }
  }

  get #image(): LogImage {
    return this.#next ?? this.#file.image()
  }

  #entriesOf(number: number): EntryRows {
    return this.#image.groups.get(number)?.entries ?? EntryRows.none
  }

  #changeGroup(number: number, change: Partial<GroupImage>): void {
    const { groups } = this.#draft
    groups.set(number, { ...(groups.get(number) ?? noRows), ...change })
  }

  get #draft(): Draft {
    if (this.#next === null) throw new Error("a row is changed outside of a transaction")
    return this.#next
  }
}

interface Draft extends LogImage {
  readonly peers: Map<NodeId, string>
  readonly groups: Map<number, GroupImage>
  readonly forgotten: Map<number, GroupId>
}

const noRows: GroupImage = { group: null, base: null, entries: EntryRows.none, damaged: null }
