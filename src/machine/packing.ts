// How do batches cross into the machine's thread? Many byte strings in one buffer, handed over, not copied.

import type { Entry, EntryKind } from "../consensus/types.ts"

/** Byte strings, each behind its length. */
export const packBytes = (items: ReadonlyArray<Uint8Array>): Uint8Array<ArrayBuffer> => {
  let length = 0
  for (const item of items) length += lengthBytes + item.byteLength
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const item of items) {
    view.setUint32(at, item.byteLength)
    bytes.set(item, at + lengthBytes)
    at += lengthBytes + item.byteLength
  }
  return bytes
}

/** Views into `bytes`. */
export const unpackBytes = (bytes: Uint8Array): ReadonlyArray<Uint8Array> => {
  const items: Array<Uint8Array> = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < bytes.byteLength; ) {
    const length = view.getUint32(at)
    items.push(bytes.subarray(at + lengthBytes, at + lengthBytes + length))
    at += lengthBytes + length
  }
  return items
}

/** The origins stay behind: that somebody waits crosses, and not who. */
export const packEntries = (entries: ReadonlyArray<Entry>): Uint8Array<ArrayBuffer> => {
  let length = 0
  for (const { data } of entries) length += fieldsBytes + data.byteLength
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const entry of entries) {
    view.setFloat64(at, entry.index)
    view.setFloat64(at + 8, entry.term)
    view.setFloat64(at + 16, entry.time)
    view.setUint8(at + 24, kinds.indexOf(entry.kind) | (entry.origin === null ? 0 : waitedFor))
    view.setUint32(at + 25, entry.data.byteLength)
    bytes.set(entry.data, at + fieldsBytes)
    at += fieldsBytes + entry.data.byteLength
  }
  return bytes
}

/** The data of the entries are views into `bytes`. */
export const unpackEntries = (bytes: Uint8Array): ReadonlyArray<Entry> => {
  const entries: Array<Entry> = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < bytes.byteLength; ) {
    const kind = view.getUint8(at + 24)
    const length = view.getUint32(at + 25)
    entries.push({
      index: view.getFloat64(at),
      term: view.getFloat64(at + 8),
      time: view.getFloat64(at + 16),
      kind: kinds[kind & ~waitedFor]!,
      data: bytes.subarray(at + fieldsBytes, at + fieldsBytes + length),
      origin: (kind & waitedFor) === 0 ? null : somebody,
    })
    at += fieldsBytes + length
  }
  return entries
}

const kinds: ReadonlyArray<EntryKind> = ["noop", "command", "configuration"]
const waitedFor = 0x80
const somebody = {}
const lengthBytes = 4
const fieldsBytes = 29
