// How does a stored row prove that it is the one that was written?

import type { Entry, EntryKind, GroupId, LogBase } from "../consensus/types.ts"

/** A 64-bit hash as it stands in a row: 8 bytes, big-endian. */
export type HashBytes = Uint8Array<ArrayBuffer>

/**
 * The hash of an entry is seeded with the hash of the one before it: a row that is missing, altered or taken
 * from another log breaks the chain at its place and everywhere behind it (HAZARDS S4, S5).
 */
export const hashEntry = (
  previous: bigint,
  entry: Pick<Entry, "index" | "term" | "time" | "kind" | "data">,
): bigint => {
  header.setFloat64(0, entry.index)
  header.setFloat64(8, entry.term)
  header.setFloat64(16, entry.time)
  header.setUint8(24, kindCode(entry.kind))
  return Bun.hash.xxHash64(entry.data, Bun.hash.xxHash64(headerBytes, previous))
}

/** Where a chain begins that no stored entry precedes: a new group, or a log restarted by a snapshot. */
export const hashBase = (group: GroupId, base: LogBase): bigint => hashFields(group, base.index, base.term)

/** Checksum of a small row. JSON keeps the borders between the fields. */
export const hashFields = (...fields: ReadonlyArray<string | number | null>): bigint =>
  hashText(JSON.stringify(fields))

/** Of its UTF-8. `seed`: another hash that this one is to cover. */
export const hashText = (text: string, seed = 0n): bigint => Bun.hash.xxHash64(text, seed)

export const hashToBytes = (hash: bigint): HashBytes => {
  hashView.setBigUint64(0, hash)
  // A copy costs a fifth of a view on a buffer of its own.
  return hashBytes.slice()
}

/** A value that is no hash (a damaged cell may hold anything) is told by a number that no hash can have. */
export const hashFromBytes = (bytes: unknown): bigint =>
  bytes instanceof Uint8Array && bytes.byteLength === 8
    ? new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0)
    : -1n

const kinds: ReadonlyArray<EntryKind> = ["noop", "command", "configuration"]

export const kindCode = (kind: EntryKind): number => kinds.indexOf(kind)

export const kindOf = (code: number): EntryKind | undefined => kinds[code]

const headerBytes = new Uint8Array(25)
const header = new DataView(headerBytes.buffer)
const hashBytes = new Uint8Array(8)
const hashView = new DataView(hashBytes.buffer)
