// What does a node's disk hold when there is no disk? The one thing that survives a restart in memory.

import { Effect } from "effect"
import type { GroupId } from "../consensus/types.ts"
import type { Identity } from "./LogStore.ts"
import { emptyImage, type LogImage } from "./logTablesMemory.ts"
import { MemoryDirectory } from "./MemoryDirectory.ts"
import { type FailedSync, MemoryFile, type Syncable, sqliteError } from "./MemoryFile.ts"
import { MemoryMark } from "./MemoryMark.ts"
import { type FullDisk, MemoryReserve } from "./MemoryReserve.ts"
import type { WalCondition } from "./wal.ts"

/** What a disk does besides keeping what it is given. */
export interface DiskConduct extends FullDisk {
  /** Ends when a sync would. */
  readonly syncing: Effect.Effect<void>
  /** Ends when anything else would that a thread of its own does: a read, a copy, a hash over a file. */
  readonly working: Effect.Effect<void>
  /** No sync returns now. */
  readonly hangs: () => boolean
  /** Asked once for every sync. Not null: it fails with EIO. */
  readonly failSync: () => FailedSync | null
}

/** No time passes, and nothing fails. */
export const calm: DiskConduct = {
  syncing: Effect.void,
  working: Effect.void,
  hangs: () => false,
  isFull: () => false,
  reserveBytes: () => 0,
  failSync: () => null,
}

/** One step of the log's thread on its way to a reply. */
export interface DiskStep {
  readonly isSync: boolean
  readonly apply: () => void
}

/**
 * Files that are seen when they are written and durable when they are synced. Hand the same disk to the layers of
 * the next run, and the node has restarted.
 */
export class MemoryDisk {
  readonly conduct: DiskConduct
  /** Room that is kept for when there is none. */
  readonly reserve: MemoryReserve
  identity: Identity
  /** Counts the processes that had the disk. Who has come to its end can do nothing here any more. */
  run = 1
  /** Counts the boots of the machine. */
  boot = 1
  /** log.db. */
  log: MemoryFile<LogImage>
  /** As the process sees it that has it open: what it committed last may still be on its way. */
  logSeen: LogImage
  /** What the log's thread has begun and not done yet, in order. */
  readonly logSteps: Array<DiskStep> = []
  /** What a look at the write-ahead log would find. */
  wal: WalCondition = intact
  /** log.mark, half by half. */
  readonly marks: MemoryMarks
  /** The state file and the snapshots of each group. */
  readonly directories = new Map<GroupId, MemoryDirectory>()

  constructor(identity: Identity, conduct: DiskConduct = calm) {
    this.conduct = conduct
    this.reserve = new MemoryReserve(conduct)
    this.identity = identity
    this.log = newLogFile(emptyImage(identity))
    this.logSeen = this.log.written
    this.marks = marksOf(this.boot)
  }

  directory(group: GroupId): MemoryDirectory {
    let directory = this.directories.get(group)
    if (directory === undefined) {
      directory = new MemoryDirectory()
      this.directories.set(group, directory)
    }
    return directory
  }

  /** A sync of this thread's own, which takes no time; throws what SQLite throws when it fails. */
  sync(file: Syncable, reach = (synced: Syncable) => synced.sync()): void {
    const failed = this.conduct.failSync()
    if (failed === null) return reach(file)
    file.failSync(failed)
    throw sqliteError("SQLITE_IOERR_FSYNC")
  }
}

export const intact: WalCondition = { _tag: "Intact", frames: 0 }

export type MemoryMarks = readonly [MemoryFile<MemoryMark | null>, MemoryFile<MemoryMark | null>]

/** The marks of a new directory: a log that has promised nothing yet. */
export const marksOf = (boot: number): MemoryMarks => {
  const head = { sequence: 0, boot: bootName(boot), damaged: false, failed: false }
  const first = MemoryMark.whole(1, { ...head, groups: new Map() })
  return [new MemoryFile<MemoryMark | null>(first), new MemoryFile<MemoryMark | null>(null)]
}

export const bootName = (boot: number): string => `boot ${boot}`

export const newLogFile = (image: LogImage): MemoryFile<LogImage> =>
  new MemoryFile(image, { olderMax: olderImagesMax })

/** As many as a write-ahead log may be put back by. */
const olderImagesMax = 32
