// What does one write of one group change in log.db? Called inside a transaction.

import type { Index, Write } from "../consensus/types.ts"
import { assert } from "./assert.ts"
import { verifyEntry } from "./chain.ts"
import { hashBase, hashEntry } from "./checksum.ts"
import { LogDamaged } from "./damage.ts"
import type { LogTables, StoredEntry } from "./LogTables.ts"
import type { GroupRecord } from "./logRows.ts"

/** In this order: hard state, install, truncation, entries, standing. The caller stores the record. */
export const applyWrite = (tables: LogTables, record: GroupRecord, write: Write): GroupRecord => {
  let next = record
  if (write.hardState !== null) {
    const { term, votedFor } = write.hardState
    assert(term >= next.term, `term ${term} behind the durable term ${next.term}`)
    next = { ...next, term, votedFor }
  }
  if (write.install !== null) next = install(tables, next, write.install)
  if (write.truncateFrom !== null) next = truncate(tables, next, write.truncateFrom)
  if (write.entries.length > 0) next = append(tables, next, write.entries)
  if (write.standing === null) return next
  return { ...next, suspicion: write.standing === "whole" ? "" : next.suspicion || "declared suspect" }
}

/** The hash that the entry behind `index` continues. */
export const hashAt = (tables: LogTables, record: GroupRecord, index: Index): bigint => {
  if (index === record.baseIndex) return record.baseHash
  if (index === record.lastIndex) return record.lastHash
  return stored(tables, record, index).hash
}

const install = (
  tables: LogTables,
  record: GroupRecord,
  { index, term, configuration, snapshotId }: NonNullable<Write["install"]>,
): GroupRecord => {
  assert(index >= record.baseIndex, `install at ${index} behind the base ${record.baseIndex}`)
  // Rows at or below the new base count for nothing: they are swept in pieces, after the commit.
  tables.deleteEntries(record.number, index + 1, record.lastIndex)
  const hash = hashBase(record.group, { index, term })
  const next: GroupRecord = {
    ...record,
    lastIndex: index,
    lastTerm: term,
    lastHash: hash,
    baseIndex: index,
    baseTerm: term,
    baseHash: hash,
    baseConfiguration: configuration,
    pendingInstall: { snapshotId, index },
  }
  tables.putBase(next)
  return next
}

const truncate = (tables: LogTables, record: GroupRecord, from: Index): GroupRecord => {
  assert(from > record.baseIndex, `truncate from ${from} at or below the base ${record.baseIndex}`)
  if (from > record.lastIndex) return record
  tables.deleteEntries(record.number, from, record.lastIndex)
  if (from - 1 === record.baseIndex) {
    return {
      ...record,
      lastIndex: record.baseIndex,
      lastTerm: record.baseTerm,
      lastHash: record.baseHash,
    }
  }
  const last = verified(tables, record, from - 1)
  return { ...record, lastIndex: from - 1, lastTerm: last.entry.term, lastHash: last.hash }
}

const append = (tables: LogTables, record: GroupRecord, entries: Write["entries"]): GroupRecord => {
  let { lastIndex, lastTerm, lastHash } = record
  for (const entry of entries) {
    assert(entry.index === lastIndex + 1, `entry ${entry.index} behind a log that ends at ${lastIndex}`)
    assert(entry.term >= lastTerm, `entry of term ${entry.term} behind one of term ${lastTerm}`)
    lastHash = hashEntry(lastHash, entry)
    tables.insert(record.number, entry, lastHash)
    lastIndex = entry.index
    lastTerm = entry.term
  }
  return { ...record, lastIndex, lastTerm, lastHash }
}

/** An entry on which something is built: a flipped bit in it must not become part of the chain (HAZARDS S5). */
export const verified = (tables: LogTables, record: GroupRecord, index: Index): StoredEntry => {
  const found = stored(tables, record, index)
  verifyEntry(found.entry, found.hash, hashAt(tables, record, index - 1))
  return found
}

const stored = (tables: LogTables, record: GroupRecord, index: Index) => {
  const found = tables.entry(record.number, index)
  if (found === undefined) throw new LogDamaged(`entry ${index} of group ${record.group} is missing`)
  return found
}
