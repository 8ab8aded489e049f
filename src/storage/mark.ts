// What did this node promise last, told by a second witness beside the database? (HAZARDS S4, S6)
//
// SQLite shortens a damaged log silently. The mark names the last commit and where each group's log ended,
// so a database that comes back behind it is recognised. Its slots are written without a sync: a process that
// dies leaves them in the page cache. About once a second they are synced, and then the other pair of slots
// is used: one synced mark always stays untouched, whatever a power loss makes of the newer ones.

import { closeSync, fdatasyncSync, openSync, readFileSync, readSync, writeSync } from "node:fs"
import type { GroupId, NodeId } from "../consensus/types.ts"
import { hashToBytes } from "./checksum.ts"

export interface MarkedGroup {
  readonly term: number
  readonly votedFor: NodeId | null
  readonly lastIndex: number
  readonly lastTerm: number
  /** Hash of the last entry, hexadecimal. */
  readonly hash: string
}

export interface Mark {
  /** The database's commit counter. */
  readonly sequence: number
  /** The machine's boot in which it was written: within one boot nothing written is forgotten. */
  readonly boot: string
  /** A bad page was met while running: the next start copies what can be verified into a new file. */
  readonly damaged: boolean
  readonly groups: Readonly<Record<GroupId, MarkedGroup>>
}

export class LogMark {
  private readonly file: number
  private pair = 0
  private unsynced = false

  private constructor(file: number) {
    this.file = file
  }

  /** Makes the file with room for all its slots, all empty, so that a mark never needs space that a full disk lacks. */
  static make(path: string): void {
    const file = openSync(path, "w")
    writeSync(file, new Uint8Array(slotBytes * slots))
    closeSync(file)
  }

  static open(path: string): LogMark {
    return new LogMark(openSync(path, "r+"))
  }

  /** The newest readable mark; null when no slot can be read. */
  read(): Mark | null {
    let newest: Mark | null = null
    for (let slot = 0; slot < slots; slot++) {
      const mark = this.readSlot(slot)
      if (mark === null || (newest !== null && mark.sequence < newest.sequence)) continue
      newest = mark
      this.pair = slot >> 1
    }
    // What was read may be the only good mark, and unsynced: keep it until a newer one is on the disk.
    this.pair = 1 - this.pair
    return newest
  }

  write(mark: Mark): void {
    const payload = encoder.encode(JSON.stringify(mark))
    if (payload.byteLength > slotBytes - slotHeaderBytes) {
      throw new Error(`a mark of ${payload.byteLength} bytes does not fit a slot of ${slotBytes}`)
    }
    const bytes = new Uint8Array(slotHeaderBytes + payload.byteLength)
    new DataView(bytes.buffer).setUint32(8, payload.byteLength)
    bytes.set(payload, slotHeaderBytes)
    bytes.set(hashToBytes(Bun.hash.xxHash64(bytes.subarray(8))), 0)
    writeSync(this.file, bytes, 0, bytes.byteLength, (this.pair * 2 + (mark.sequence & 1)) * slotBytes)
    this.unsynced = true
  }

  sync(): void {
    if (!this.unsynced) return
    fdatasyncSync(this.file)
    this.unsynced = false
    this.pair = 1 - this.pair
  }

  close(): void {
    this.sync()
    closeSync(this.file)
  }

  private readSlot(slot: number): Mark | null {
    const bytes = new Uint8Array(slotBytes)
    readSync(this.file, bytes, 0, slotBytes, slot * slotBytes)
    const length = new DataView(bytes.buffer).getUint32(8)
    if (length === 0 || length > slotBytes - slotHeaderBytes) return null
    const covered = bytes.subarray(8, slotHeaderBytes + length)
    if (!Buffer.from(hashToBytes(Bun.hash.xxHash64(covered))).equals(bytes.subarray(0, 8))) return null
    return JSON.parse(decoder.decode(bytes.subarray(slotHeaderBytes, slotHeaderBytes + length))) as Mark
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

const slots = 4
const slotBytes = 65_536
const slotHeaderBytes = 12
const encoder = new TextEncoder()
const decoder = new TextDecoder()
