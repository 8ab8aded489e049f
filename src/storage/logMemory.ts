// How do log.db and log.mark lie in memory?

import type { LogMedium } from "./LogMedium.ts"
import { type LogImageFile, MemoryLogTables } from "./logTablesMemory.ts"
import { bootName, intact, type MemoryDisk } from "./MemoryDisk.ts"
import { type Syncable, sqliteError } from "./MemoryFile.ts"
import { MemoryMark } from "./MemoryMark.ts"
import { type Half, LogMark, type MarkHalves } from "./mark.ts"

/**
 * What the core does to the files is noted as steps of the log's thread: the core sees it at once, the disk takes
 * its time. Whether a sync fails is decided when it is asked for.
 */
export const openLogMemory = (disk: MemoryDisk): LogMedium => {
  const { conduct, identity } = disk
  // What an earlier thread of this process had begun comes first.
  for (const step of disk.logSteps.splice(0)) step.apply()
  disk.logSeen = disk.log.written

  const write = (apply: () => void): void => {
    disk.logSteps.push({ isSync: false, apply })
  }

  const sync = (files: ReadonlyArray<Syncable>, reach: (file: Syncable) => void): void => {
    const failed = conduct.failSync()
    const apply = (file: Syncable) => (failed === null ? reach(file) : file.failSync(failed))
    disk.logSteps.push({ isSync: true, apply: () => files.forEach(apply) })
    if (failed !== null) throw sqliteError("SQLITE_IOERR_FSYNC")
  }

  const log: LogImageFile = {
    image: () => disk.logSeen,
    commit: (image, grownBytes) => {
      disk.reserve.spend(Math.max(0, grownBytes))
      disk.reserve.free(Math.max(0, -grownBytes))
      write(() => disk.log.write(image))
      sync([disk.log], (file) => file.sync())
      disk.logSeen = image
    },
    checkpoint: (mode) => {
      // SQLite syncs the write-ahead log before it copies anything out of it.
      sync([disk.log], (file) => file.sync())
      disk.reserve.spend(0)
      sync([disk.log], (file) => file.rewrite())
      if (mode === "TRUNCATE") forgetWal()
    },
  }

  const forgetWal = (): void =>
    write(() => {
      disk.wal = intact
    })

  /** The half that was begun last, as this process sees it. */
  let begun: { readonly half: Half; readonly content: MemoryMark } | null = null
  const marks: MarkHalves = {
    read: (half) => disk.marks[half].written,
    begin: (half, generation, mark) => {
      const content = MemoryMark.whole(generation, mark)
      write(() => disk.marks[half].write(content, true))
      begun = { half, content }
    },
    append: (change) => {
      const content = begun?.content.append(change) ?? null
      if (begun === null || content === null) return false
      const { half } = begun
      write(() => disk.marks[half].write(content))
      begun = { half, content }
      return true
    },
    rewrite: (half) => write(() => disk.marks[half].write(disk.marks[half].written, true)),
    sync: () => sync(disk.marks, (file) => file.sync()),
    hasRoomFor: () => true,
    grow: () => {},
    close: () => {},
  }

  return {
    directory: "memory",
    identity,
    boot: bootName(disk.boot),
    reserve: disk.reserve,
    openMark: () => {
      const mark = new LogMark(marks)
      return { mark, last: mark.read() }
    },
    hasLog: () => true,
    inspectWal: () => disk.wal,
    isCutOff: () => false,
    keepEvidence: () => true,
    openTables: () => new MemoryLogTables(log),
    replace: ({ fill }) => {
      // What is copied was there before.
      log.commit(MemoryLogTables.make(identity, fill), 0)
      forgetWal()
    },
  }
}
