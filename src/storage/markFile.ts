// How does the mark of the log lie in its file?
//
// Half after half. In each a chain of records: checksum (seeded with the record before), length, JSON. What is left in a
// half of an earlier chain does not continue this one, nor does what a loss of power has left behind a gap.

import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs"
import { dirname } from "node:path"
import { hashFromBytes, hashToBytes } from "./checksum.ts"
import { syncPath } from "./durable.ts"
import type { FoundMark, Half, Mark, MarkChange, MarkedGroup, MarkHalves, MarkHead } from "./mark.ts"

/** Makes the file with all its room, so that a mark never needs space that a full disk lacks. */
export const makeMarkFile = (path: string): void => closeSync(makeFile(path, halfBytesMin))

export const openMarkFile = (path: string): MarkHalves => {
  let file = openSync(path, "r+")
  let halfBytes = halfBytesOf(file)
  /** The half that was begun last: its end, and what continues it. */
  let place: { readonly half: Half; readonly at: number; readonly hash: bigint } | null = null

  const bytesOf = (half: Half): Uint8Array => {
    const bytes = new Uint8Array(halfBytes)
    readSync(file, bytes, 0, halfBytes, half * halfBytes)
    return bytes
  }

  const put = (half: Half, at: number, record: Uint8Array): void => {
    writeAll(file, record, half * halfBytes + at)
    place = { half, at: at + record.byteLength, hash: hashOf(record) }
  }

  return {
    read: (half) => scan(bytesOf(half))?.found ?? null,
    begin: (half, generation, mark) => {
      const record = encodeWhole(generation, mark)
      if (record.byteLength > halfBytes) {
        throw new Error(`a mark of ${record.byteLength} bytes does not fit ${halfBytes}`)
      }
      put(half, 0, record)
    },
    append: (change) => {
      if (place === null) return false
      const record = encodeChange(change, place.hash)
      if (place.at + record.byteLength > halfBytes) return false
      put(place.half, place.at, record)
      return true
    },
    rewrite: (half) => {
      const bytes = bytesOf(half)
      writeAll(file, bytes.subarray(0, scan(bytes)?.end ?? 0), half * halfBytes)
    },
    sync: () => {
      fdatasyncSync(file)
      // A page that is torn takes all that stands in it.
      if (place !== null) place = { ...place, at: pageAt(place.at) }
    },
    hasRoomFor: (groups) => 2 * wholeBytesMax(groups) <= halfBytes,
    grow: (groups, generation, mark) => {
      const grownBytes = halfBytesFor(groups)
      const grown = replaceFile(path, grownBytes, encodeWhole(generation, mark))
      closeSync(file)
      file = grown.file
      halfBytes = grownBytes
      place = { half: 0, at: pageAt(grown.at), hash: grown.hash }
    },
    close: () => closeSync(file),
  }
}

/** Empty where the system does not tell: then no mark counts as one of this boot. */
export const currentBoot = (): string => {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()
  } catch {
    return ""
  }
}

/** The old file or the new one, whenever the machine stops (HAZARDS S9). */
const replaceFile = (path: string, halfBytes: number, record: Uint8Array) => {
  const draft = `${path}.new`
  const file = makeFile(draft, halfBytes)
  try {
    writeAll(file, record, 0)
    fsyncSync(file)
    renameSync(draft, path)
    syncPath(dirname(path))
    return { file, at: record.byteLength, hash: hashOf(record) }
  } catch (error) {
    closeSync(file)
    throw error
  }
}

/** Real blocks, of nothing. */
const makeFile = (path: string, halfBytes: number): number => {
  const file = openSync(path, "w+")
  try {
    writeAll(file, new Uint8Array(2 * halfBytes), 0)
    return file
  } catch (error) {
    closeSync(file)
    rmSync(path, { force: true })
    throw error
  }
}

const writeAll = (file: number, bytes: Uint8Array, at: number): void => {
  for (let done = 0; done < bytes.byteLength; ) {
    done += writeSync(file, bytes, done, bytes.byteLength - done, at + done)
  }
}

/** A file that was cut off holds its room again when it is written. */
const halfBytesOf = (file: number): number =>
  Math.max(halfBytesMin, Math.floor(fstatSync(file).size / 2 / pageBytes) * pageBytes)

/** Reads on while the chain holds. */
const scan = (bytes: Uint8Array): { readonly found: FoundMark; readonly end: number } | null => {
  const first = recordAt(bytes, 0, 0n)
  if (first === null) return null
  const groups = new Map<string, MarkedGroup>()
  for (const row of first.content.groups) applyRow(groups, row)
  let last = first
  for (let next = nextAfter(bytes, last); next !== null; next = nextAfter(bytes, last)) {
    for (const row of next.content.groups) applyRow(groups, row)
    last = next
  }
  const { generation } = first.content as WholeRecord
  const { sequence, boot, damaged, failed } = last.content
  return { found: { generation, mark: { sequence, boot, damaged, failed, groups } }, end: last.end }
}

/** What was written after a sync begins with a page. */
const nextAfter = (bytes: Uint8Array, { end, hash }: { readonly end: number; readonly hash: bigint }) =>
  recordAt(bytes, end, hash) ?? recordAt(bytes, pageAt(end), hash)

const recordAt = (bytes: Uint8Array, at: number, previous: bigint) => {
  if (at + headerBytes > bytes.byteLength) return null
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at + hashBytes)
  const end = at + headerBytes + length
  if (length === 0 || end > bytes.byteLength) return null
  const hash = Bun.hash.xxHash64(bytes.subarray(at + hashBytes, end), previous)
  if (hashFromBytes(bytes.subarray(at, at + hashBytes)) !== hash) return null
  const content = JSON.parse(decoder.decode(bytes.subarray(at + headerBytes, end))) as ChangeRecord
  return { content, end, hash }
}

const encodeWhole = (generation: number, { groups, ...head }: Mark): Uint8Array =>
  encode({ generation, ...head, groups: Array.from(groups, rowOf) } satisfies WholeRecord, 0n)

const encodeChange = ({ groups, ...head }: MarkChange, previous: bigint): Uint8Array =>
  encode({ ...head, groups: groups.map(rowOf) } satisfies ChangeRecord, previous)

const encode = (content: ChangeRecord | WholeRecord, previous: bigint): Uint8Array => {
  const payload = encoder.encode(JSON.stringify(content))
  const bytes = new Uint8Array(headerBytes + payload.byteLength)
  new DataView(bytes.buffer).setUint32(hashBytes, payload.byteLength)
  bytes.set(payload, headerBytes)
  bytes.set(hashToBytes(Bun.hash.xxHash64(bytes.subarray(hashBytes), previous)), 0)
  return bytes
}

const hashOf = (record: Uint8Array): bigint => hashFromBytes(record.subarray(0, hashBytes))

const rowOf = ([group, marked]: readonly [string, MarkedGroup | null]): Row =>
  marked === null
    ? [group]
    : [group, marked.term, marked.votedFor, marked.lastIndex, marked.lastTerm, marked.hash]

const applyRow = (groups: Map<string, MarkedGroup>, row: Row): void => {
  if (row.length === 1) {
    groups.delete(row[0])
    return
  }
  const [group, term, votedFor, lastIndex, lastTerm, hash] = row
  groups.set(group, { term, votedFor, lastIndex, lastTerm, hash })
}

interface ChangeRecord extends MarkHead {
  readonly groups: ReadonlyArray<Row>
}
interface WholeRecord extends ChangeRecord {
  readonly generation: number
}
/** With the name alone: the group is forgotten. */
type Row = readonly [string] | readonly [string, number, string | null, number, number, string]

const pageAt = (at: number): number => Math.ceil(at / pageBytes) * pageBytes
/** Names of groups and nodes have 64 bytes at the most, and three numbers and a hash 64 more. */
const wholeBytesMax = (groups: number): number => 512 + groups * 256
const halfBytesFor = (groups: number): number =>
  Math.max(halfBytesMin, 2 ** Math.ceil(Math.log2(4 * wholeBytesMax(groups))))

const halfBytesMin = 131_072
const pageBytes = 4_096
const hashBytes = 8
const headerBytes = 12
const encoder = new TextEncoder()
const decoder = new TextDecoder()
