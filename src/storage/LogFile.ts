// What does the storage thread do with the log? The synchronous core of all layers, whatever the log lies on.

import { mainGroup } from "../consensus/groups.ts"
import type { GroupId, Index, NodeId } from "../consensus/types.ts"
import { assert, BrokenCode } from "./assert.ts"
import { verifyEntry } from "./chain.ts"
import { LogDamaged } from "./damage.ts"
import { entryBytes } from "./entryCodec.ts"
import type { LogMedium } from "./LogMedium.ts"
import {
  Compacted,
  DataDirectoryRefused,
  type GroupWrite,
  type LoadedGroup,
  type LogStore,
  type StorageFailed,
  StorageFull,
} from "./LogStore.ts"
import { groupNumberMax, type LogTables } from "./LogTables.ts"
import { type LoadOptions, loadGroup } from "./logLoad.ts"
import { type OpenedLog, openLog, openTables } from "./logOpen.ts"
import type { GroupRecord } from "./logRows.ts"
import { salvage } from "./logSalvage.ts"
import { applyWrite, hashAt, verified } from "./logWrite.ts"
import { MarkKeeper } from "./MarkKeeper.ts"
import type { Mark, MarkHead } from "./mark.ts"
import { Room } from "./Room.ts"
import { Sweeper } from "./Sweeper.ts"
import { storageError } from "./sqliteError.ts"

type Service = LogStore["Service"]
export type ReadOptions = Parameters<Service["read"]>[0]
export type CompactOptions = Parameters<Service["compact"]>[0]

/** All methods throw the service's errors. After a {@link StorageFailed} every later call throws it again. */
export class LogFile {
  private readonly medium: LogMedium
  private readonly room: Room
  private readonly sweeper: Sweeper
  tables: LogTables
  groups: Map<GroupId, GroupRecord>
  private readonly mark: MarkKeeper
  private readonly evidenceKept: boolean
  /** Groups that are gone, by their number: what is left of them goes piece by piece. */
  private readonly forgotten: Map<number, GroupId>
  /** Groups of which nothing has come to the disk yet. */
  private readonly begun = new Set<GroupId>()
  /** Why a group that is not found may have been lost. */
  suspicion: string
  /** Groups that were founded up to here may have been lost without a trace: see `LogMeta`. */
  lostThrough: Index
  /** Counts the commits. */
  sequence: number
  private readonly peers: Map<NodeId, string>
  private failure: StorageFailed | null = null
  private damaged = false
  private framesAtLastIdle = 0

  private constructor(medium: LogMedium, opened: OpenedLog) {
    this.medium = medium
    this.room = new Room(medium.reserve, () => this.tables)
    this.sweeper = new Sweeper(this.room, () => this.tables)
    this.tables = opened.tables
    this.groups = opened.groups
    this.mark = new MarkKeeper(opened.mark, opened.marked)
    this.evidenceKept = opened.evidenceKept
    this.forgotten = opened.forgotten
    this.suspicion = opened.suspicion
    this.lostThrough = opened.lostThrough
    this.sequence = opened.sequence
    this.peers = opened.peers
    for (const record of this.groups.values()) this.mark.found(record)
    // The file of the mark may be a new one.
    this.makeRoomInMark(this.marked.size)
    this.writeMark()
  }

  /** What the mark says of each group; also of groups that the database has lost. */
  get marked(): Mark["groups"] {
    return this.mark.groups
  }

  static open(medium: LogMedium): LogFile {
    try {
      return new LogFile(medium, openLog(medium))
    } catch (error) {
      throw error instanceof DataDirectoryRefused ? error : storageError("open", error)
    }
  }

  /** The disk is full, and the room that was kept for this is in use: only what must be written should be. */
  get isShort(): boolean {
    return this.room.isShort
  }

  /** Another file of the directory found no room: it gets what is kept. */
  giveRoom(): void {
    this.attempt("giveRoom", () => this.room.giveUp())
  }

  rememberIncarnation(peer: NodeId, incarnation: string): "known" | "another" {
    return this.attempt("rememberIncarnation", () => {
      const known = this.peers.get(peer)
      if (known !== undefined) return known === incarnation ? "known" : "another"
      this.commit([], () => this.tables.putPeer(peer, incarnation))
      this.peers.set(peer, incarnation)
      return "known"
    })
  }

  incarnations(): ReadonlyMap<NodeId, string> {
    return this.attempt("incarnations", () => new Map(this.peers))
  }

  load(options: LoadOptions): LoadedGroup {
    return this.attempt("load", () => loadGroup(this, options))
  }

  write(batch: ReadonlyArray<GroupWrite>): void {
    this.attempt("write", () => {
      if (batch.length === 0) return
      const entries = batch.flatMap(({ write }) => write.entries)
      const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0)
      if (bytes > 0 && !this.room.admits(bytes)) throw new StorageFull({ operation: "write" })
      this.commit([], () => {
        const records = new Map<GroupId, GroupRecord>()
        for (const { group, write } of batch) {
          records.set(group, applyWrite(this.tables, records.get(group) ?? this.record(group), write))
        }
        return [...records.values()]
      })
    })
  }

  read(options: ReadOptions): LoadedGroup["tail"] {
    return this.attempt("read", () => {
      const record = this.record(options.group)
      const { from, to, bytesMax } = options
      if (from <= record.baseIndex) throw new Compacted({ index: from, baseIndex: record.baseIndex })
      assert(
        to <= record.lastIndex && from <= to,
        `read ${from}..${to} of a log that ends at ${record.lastIndex}`,
      )
      let previous = hashAt(this.tables, record, from - 1)
      let bytes = 0
      const entries = []
      for (const { entry, hash } of this.tables.entries(record.number, from, to)) {
        if (entry.index !== from + entries.length) break
        verifyEntry(entry, hash, previous)
        bytes += entryBytes(entry)
        if (entries.length > 0 && bytes > bytesMax) return entries
        entries.push(entry)
        previous = hash
      }
      if (entries.length < to - from + 1) throw new LogDamaged(`entry ${from + entries.length} is missing`)
      return entries
    })
  }

  /** The first step of a compaction: the base moves, the rows behind it become leftovers. */
  moveBase(options: CompactOptions): void {
    this.attempt("compact", () => {
      const record = this.record(options.group)
      const { index, term } = options.through
      if (index <= record.baseIndex) return
      assert(index <= record.lastIndex, `compact through ${index} of a log that ends at ${record.lastIndex}`)
      const stored = verified(this.tables, record, index)
      assert(stored.entry.term === term, `compact through term ${term}, the entry has ${stored.entry.term}`)
      const moved = {
        ...record,
        baseIndex: index,
        baseTerm: term,
        baseHash: stored.hash,
        baseConfiguration: options.configuration,
      }
      this.commit([moved], () => this.tables.putBase(moved))
    })
  }

  /** Removes one piece of the rows behind the base, small enough not to hold up a commit. True: there is more. */
  sweep(group: GroupId): boolean {
    return this.attempt("compact", () => {
      const { number, baseIndex } = this.record(group)
      return this.sweeper.sweep(number, baseIndex)
    })
  }

  /** Durable when it returns. What is left of the group's rows goes with {@link sweepForgotten}. */
  forget(group: GroupId): void {
    this.attempt("forget", () => {
      const record = this.groups.get(group)
      // The database may have lost it: then its mark alone keeps it from being taken for a new one.
      if (record === undefined && !this.marked.has(group)) return
      const number = record?.number ?? this.nextGroupNumber()
      this.commit([], () => this.tables.forgetGroup(number, group), { forgotten: group })
      this.forgotten.set(number, group)
    })
  }

  /**
   * Removes one piece of what is left of forgotten groups. True: there is more. The number of one is free for another
   * group, and its name no longer noted, when its rows are gone, and no mark that names it can come back.
   */
  sweepForgotten(): boolean {
    return this.attempt("forget", () => {
      for (const number of this.forgotten.keys()) {
        if (this.sweeper.sweep(number)) return true
        this.mark.sync()
        this.room.transact(() => this.tables.transaction(() => this.tables.finishForgotten(number)))
        this.forgotten.delete(number)
        return this.forgotten.size > 0
      }
      return false
    })
  }

  /** A group of this name is about to be made. */
  prepareGroup(group: GroupId): void {
    // Its own life must not end with the note that the one before was forgotten.
    while ([...this.forgotten.values()].includes(group)) this.sweepForgotten()
    this.makeRoomInMark(this.marked.size + 1)
  }

  begin(record: GroupRecord): void {
    this.begun.add(record.group)
    this.groups.set(record.group, record)
  }

  installed(group: GroupId): void {
    this.attempt("installed", () => {
      const record = { ...this.record(group), pendingInstall: null }
      this.commit([record], () => this.tables.putBase(record))
    })
  }

  /** The next commits count on from there: what others know of this log is less again. */
  outrun(sequence: number): void {
    this.attempt("outrun", () => {
      if (sequence < this.sequence) return
      // Also those that nobody has asked for yet, and those that only the newer log knows.
      this.suspicion ||= outrunSuspicion
      const suspects = Array.from(this.groups.values(), (record) => ({
        ...record,
        suspicion: record.suspicion || outrunSuspicion,
      }))
      this.commit(suspects, () => {}, { sequence: sequence + 1 })
    })
  }

  /** Between two batches: keeps the write-ahead log short. */
  relieve(): void {
    this.attempt("checkpoint", () => this.room.relieve())
  }

  /** About once a second: the mark becomes durable, a quiet log goes into the database, and room is kept. */
  idle(): void {
    this.attempt("idle", () => {
      this.mark.sync()
      const { frames, checkpointed } = this.tables.walFrames()
      if (frames === this.framesAtLastIdle && frames > checkpointed) this.room.checkpoint()
      this.framesAtLastIdle = frames
      this.sweepAll()
      this.room.regain()
    })
  }

  /** A crash may have left something of a forgotten group; on a full disk a cut leaves what lies behind it. */
  private sweepAll(): void {
    try {
      if (this.room.isShort) for (const group of this.groups.keys()) this.sweep(group)
      this.sweepForgotten()
    } catch (error) {
      if (!(error instanceof StorageFull)) throw error
    }
  }

  /** A failed store is left as it is: closing it would write what the failed sync may have lost. */
  close(): void {
    if (this.failure !== null) return
    this.mark.sync()
    this.tables.close()
    this.mark.close()
  }

  record(group: GroupId): GroupRecord {
    const record = this.groups.get(group)
    assert(record !== undefined, `group ${group} was never loaded`)
    return record
  }

  /** The lowest under which no rows are left. */
  nextGroupNumber(): number {
    const taken = new Set(this.forgotten.keys())
    for (const record of this.groups.values()) taken.add(record.number)
    let number = 1
    while (taken.has(number)) number++
    assert(number <= groupNumberMax, `group number ${number} of at most ${groupNumberMax}`)
    return number
  }

  /** One durable transaction; then memory and the mark follow. `body` may name further changed records. */
  commit(
    changed: ReadonlyArray<GroupRecord>,
    body: () => ReadonlyArray<GroupRecord> | void,
    options: { readonly sequence?: number; readonly forgotten?: GroupId } = {},
  ): void {
    const { sequence = this.sequence + 1, forgotten } = options
    let { suspicion, lostThrough } = this
    let records = changed
    const transaction = () => {
      records = [...changed, ...(body() ?? [])]
      for (const record of records) {
        this.tables.putGroup(record)
        if (this.begun.has(record.group)) this.tables.putBase(record)
      }
      suspicion = this.suspicionAfter(records, forgotten)
      lostThrough = this.lostThroughAfter(records)
      this.tables.putMeta({ sequence, suspicion, lostThrough })
    }
    this.room.transact(() => this.tables.transaction(transaction))
    this.suspicion = suspicion
    this.lostThrough = lostThrough
    this.sequence = sequence
    for (const record of records) {
      this.groups.set(record.group, record)
      this.begun.delete(record.group)
      this.mark.changed(record)
    }
    if (forgotten !== undefined) {
      this.groups.delete(forgotten)
      this.begun.delete(forgotten)
      this.mark.forgotten(forgotten)
    }
    this.writeMark()
  }

  /** The file is bad somewhere: a new one takes its place, with everything that can be verified. */
  replaceDamaged(): void {
    const { medium, tables, suspicion, evidenceKept } = this
    this.room.orReserve(() =>
      salvage({ medium, tables, suspicion, evidenceKept, sequence: this.sequence + 1 }),
    )
    const content = openTables(medium)
    this.tables = content.tables
    // Nothing of these is in a file yet: no damage has touched them, and whoever asked for them has them already.
    const begun = [...this.begun].map((group) => [group, this.record(group)] as const)
    this.groups = new Map([...content.groups, ...begun])
    this.suspicion = content.suspicion
    this.lostThrough = content.lostThrough
    this.sequence = content.sequence
  }

  /** When `main` is whole again, it knows all groups that were there when something was lost. */
  private lostThroughAfter(changed: ReadonlyArray<GroupRecord>): Index {
    const main = changed.find(({ group }) => group === mainGroup)
    const wasSuspect = (this.groups.get(mainGroup)?.suspicion ?? "") !== ""
    const isWholeAgain = wasSuspect && main?.suspicion === ""
    return isWholeAgain ? Math.max(this.lostThrough, main.lastIndex) : this.lostThrough
  }

  /** Once every group is whole again, a new group has no reason to be suspect; while one is not, it has. */
  private suspicionAfter(changed: ReadonlyArray<GroupRecord>, forgotten: GroupId | undefined): string {
    // Who others remember to have had more has lost that of all groups, also of those that it knows nothing of (S6).
    const suspicion = this.suspicion || (changed.find((record) => record.suspicion !== "")?.suspicion ?? "")
    if (suspicion === "") return ""
    const groups = new Map(this.groups)
    for (const record of changed) groups.set(record.group, record)
    if (forgotten !== undefined) groups.delete(forgotten)
    const present = [...this.marked.keys()].every((group) => group === forgotten || groups.has(group))
    const whole = [...groups.values()].every((record) => record.suspicion === "")
    return present && whole && groups.size > 0 ? "" : suspicion
  }

  private markHead(): MarkHead {
    const { sequence, medium, damaged } = this
    return { sequence, boot: medium.boot, damaged, failed: this.failure !== null }
  }

  /** Of a full disk a mark never asks for more than it has. */
  private makeRoomInMark(groups: number): void {
    this.room.orReserve(() => this.mark.makeRoom(groups, this.markHead()))
  }

  private writeMark(): void {
    this.mark.write(this.markHead())
  }

  private attempt<A>(operation: string, body: () => A): A {
    if (this.failure !== null) throw this.failure
    try {
      return body()
    } catch (error) {
      if (error instanceof Compacted || error instanceof BrokenCode) throw error
      const wrapped = storageError(operation, error)
      if (wrapped._tag === "StorageFailed") this.fail(wrapped, error)
      throw wrapped
    }
  }

  private fail(failure: StorageFailed, error: unknown): void {
    this.failure = failure
    this.damaged = error instanceof LogDamaged || /SQLITE_CORRUPT/.test(failure.message)
    try {
      this.writeMark()
    } catch {
      // The first failure is the one to tell.
    }
  }
}

const outrunSuspicion = "others know that this log was longer: the directory is an older copy"
