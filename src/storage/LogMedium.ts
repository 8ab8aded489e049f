// What does the log lie on: files in a directory, or their twin in memory?

import type { Identity } from "./LogStore.ts"
import type { LogTables } from "./LogTables.ts"
import type { LogMark, Mark } from "./mark.ts"
import type { Reserve } from "./Room.ts"
import type { WalCondition } from "./wal.ts"

/** log.db and log.mark as they are found. What follows from what is found is `logOpen`'s affair. */
export interface LogMedium {
  /** Where it is, for those who read of it. */
  readonly directory: string
  /** Whose it is. */
  readonly identity: Identity
  /** The machine's boot; empty where the system does not tell. */
  readonly boot: string
  /** Room that is kept for when there is none. */
  readonly reserve: Reserve
  /** The mark, made when it is not there, and the newest that it holds. */
  readonly openMark: () => { readonly mark: LogMark; readonly last: Mark | null }
  /** Whether there is a log.db at all. */
  readonly hasLog: () => boolean
  /** A look at the write-ahead log before anything opens it: SQLite would shorten a bad one without a word. */
  readonly inspectWal: () => WalCondition
  /** The database is shorter than its own header says. */
  readonly isCutOff: () => boolean
  /** Sets the files aside before anything changes them. False: no room for it; the node starts all the same. */
  readonly keepEvidence: () => boolean
  /** Throws when it is no log that can be read at all. */
  readonly openTables: () => LogTables
  /**
   * A new log.db, with what `fill` puts in, takes the place of the old one. Of the old one `damaged` is what could
   * be opened; the file is kept as evidence unless it is there already.
   */
  readonly replace: (options: {
    readonly fill: (fresh: LogTables) => void
    readonly damaged: LogTables | null
    readonly evidenceKept: boolean
  }) => void
}
