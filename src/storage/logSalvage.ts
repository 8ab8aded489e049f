// A page of log.db is bad: what of it can still be trusted, and how does the store go on without the rest?
//
// Nothing is written to a damaged tree. What can be verified is copied into a new file, which takes the
// place of the old one; the old one is kept as evidence, the last one only.

import { copyFileSync, existsSync, linkSync, mkdirSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { followChain } from "./chain.ts"
import { damageOf } from "./damage.ts"
import { syncPath } from "./durable.ts"
import type { Identity } from "./LogStore.ts"
import { LogTables } from "./LogTables.ts"

export const logPaths = (directory: string) => ({
  log: join(directory, "log.db"),
  wal: join(directory, "log.db-wal"),
  mark: join(directory, "log.mark"),
  salvage: join(directory, "log.db.salvage"),
  evidence: join(directory, "evidence"),
})

/** Builds log.db anew from what `tables` still gives; from nothing when it gives nothing. */
export const salvage = (options: {
  readonly directory: string
  readonly identity: Identity
  readonly tables: LogTables | null
  readonly sequence: number
  /** Why groups that cannot be found are suspect. */
  readonly suspicion: string
  /** They are there already, from before anything was opened. */
  readonly evidenceKept: boolean
}): void => {
  const paths = logPaths(options.directory)
  rmSync(paths.salvage, { force: true })
  LogTables.make(paths.salvage, options.identity, (fresh) => {
    const lost = options.tables === null ? options.suspicion : copyVerified(options.tables, fresh)
    fresh.putMeta(options.sequence, options.suspicion || lost)
  })
  syncPath(paths.salvage)
  closeDamaged(options.tables)
  if (!options.evidenceKept) keepEvidence(options.directory, linkSync)
  // First the write-ahead log, durably: it belongs to the old file, and SQLite would read it into the new one.
  rmSync(paths.wal, { force: true })
  syncPath(options.directory)
  renameSync(paths.salvage, paths.log)
  syncPath(options.directory)
}

/** Sets the files aside before anything changes them. False: no room for it; the node starts all the same. */
export const keepEvidence = (
  directory: string,
  keep: (from: string, to: string) => void = copyFileSync,
): boolean => {
  const paths = logPaths(directory)
  try {
    rmSync(paths.evidence, { recursive: true, force: true })
    mkdirSync(paths.evidence)
    if (existsSync(paths.wal)) keep(paths.wal, join(paths.evidence, "log.db-wal"))
    if (existsSync(paths.log)) keep(paths.log, join(paths.evidence, "log.db"))
    return true
  } catch {
    rmSync(paths.evidence, { recursive: true, force: true })
    return false
  }
}

/** Returns why groups that were not copied are missing; empty when all were. */
const copyVerified = (from: LogTables, to: LogTables): string => {
  // A forgotten peer is remembered again at its next handshake.
  for (const [peer, incarnation] of from.peers().peers) to.putPeer(peer, incarnation)
  const { records, damage } = from.groups()
  for (const record of records) {
    const { damage: broken, ...end } = followChain(from, record, ({ entry, hash }) => {
      to.insert(record.number, entry, hash)
    })
    to.putGroup({ ...record, ...end, suspicion: record.suspicion || broken })
    to.putBase(record)
  }
  return damage
}

const closeDamaged = (tables: LogTables | null): void => {
  try {
    tables?.close()
  } catch (error) {
    damageOf(error)
  }
}
