// How far can the stored log of a group be trusted?

import type { Entry } from "../consensus/types.ts"
import { hashEntry } from "./checksum.ts"
import { damageOf, LogDamaged } from "./damage.ts"
import type { LogTables, StoredEntry } from "./LogTables.ts"
import type { GroupRecord } from "./logRows.ts"

/** Reads on while the chain holds, telling each good entry; the end of the chain and what broke it. */
export const followChain = (
  tables: LogTables,
  record: GroupRecord,
  each: (stored: StoredEntry) => void,
): {
  readonly lastIndex: number
  readonly lastTerm: number
  readonly lastHash: bigint
  readonly damage: string
} => {
  let end = { lastIndex: record.baseIndex, lastTerm: record.baseTerm, lastHash: record.baseHash }
  let damage = ""
  try {
    for (const stored of tables.entries(record.number, record.baseIndex + 1, record.lastIndex)) {
      const { entry, hash } = stored
      if (entry.index !== end.lastIndex + 1) throw new LogDamaged(`entry ${end.lastIndex + 1} is missing`)
      verifyEntry(entry, hash, end.lastHash)
      each(stored)
      end = { lastIndex: entry.index, lastTerm: entry.term, lastHash: hash }
    }
    if (end.lastIndex !== record.lastIndex || end.lastHash !== record.lastHash) {
      throw new LogDamaged(`the log ends at ${end.lastIndex} instead of ${record.lastIndex}`)
    }
  } catch (error) {
    damage = damageOf(error)
  }
  return { ...end, damage }
}

export const verifyEntry = (entry: Entry, hash: bigint, previous: bigint): void => {
  if (hashEntry(previous, entry) !== hash) throw new LogDamaged(`entry ${entry.index} has a bad checksum`)
}
