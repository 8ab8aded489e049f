// How does the mark of the log lie in its file?

import { closeSync, fdatasyncSync, openSync, readFileSync, readSync, writeSync } from "node:fs"
import { hashToBytes } from "./checksum.ts"
import { type Mark, type MarkSlots, slotsOfMark } from "./mark.ts"

/** Makes the file with room for all its slots, all empty, so that a mark never needs space that a full disk lacks. */
export const makeMarkFile = (path: string): void => {
  const file = openSync(path, "w")
  writeSync(file, new Uint8Array(slotBytes * slotsOfMark))
  closeSync(file)
}

export const openMarkFile = (path: string): MarkSlots => {
  const file = openSync(path, "r+")
  return {
    read: (slot) => {
      const bytes = new Uint8Array(slotBytes)
      readSync(file, bytes, 0, slotBytes, slot * slotBytes)
      return decode(bytes)
    },
    write: (slot, mark) => {
      const bytes = encode(mark)
      writeSync(file, bytes, 0, bytes.byteLength, slot * slotBytes)
    },
    sync: () => fdatasyncSync(file),
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

const encode = (mark: Mark): Uint8Array => {
  const payload = encoder.encode(JSON.stringify(mark))
  if (payload.byteLength > slotBytes - slotHeaderBytes) {
    throw new Error(`a mark of ${payload.byteLength} bytes does not fit a slot of ${slotBytes}`)
  }
  const bytes = new Uint8Array(slotHeaderBytes + payload.byteLength)
  new DataView(bytes.buffer).setUint32(8, payload.byteLength)
  bytes.set(payload, slotHeaderBytes)
  bytes.set(hashToBytes(Bun.hash.xxHash64(bytes.subarray(8))), 0)
  return bytes
}

const decode = (bytes: Uint8Array): Mark | null => {
  const length = new DataView(bytes.buffer).getUint32(8)
  if (length === 0 || length > slotBytes - slotHeaderBytes) return null
  const covered = bytes.subarray(8, slotHeaderBytes + length)
  if (!Buffer.from(hashToBytes(Bun.hash.xxHash64(covered))).equals(bytes.subarray(0, 8))) return null
  return JSON.parse(decoder.decode(bytes.subarray(slotHeaderBytes, slotHeaderBytes + length))) as Mark
}

const slotBytes = 65_536
const slotHeaderBytes = 12
const encoder = new TextEncoder()
const decoder = new TextDecoder()
