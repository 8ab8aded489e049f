// How do entries cross into the storage thread and back: many rows, one buffer?

import type { Entry } from "../consensus/types.ts"
import { kindCode, kindOf } from "./checksum.ts"

/** What an entry costs where a limit in bytes is kept: its data and the fields beside it. */
export const entryBytes = (entry: { readonly data: { readonly byteLength: number } }): number =>
  fieldsBytes + entry.data.byteLength

/** The origin stays behind: who waits never leaves the consensus thread. */
export const packEntries = (entries: ReadonlyArray<Entry>): Uint8Array<ArrayBuffer> => {
  let length = 0
  for (const entry of entries) length += entryBytes(entry)
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const entry of entries) {
    view.setFloat64(at, entry.index)
    view.setFloat64(at + 8, entry.term)
    view.setFloat64(at + 16, entry.time)
    view.setUint8(at + 24, kindCode(entry.kind))
    view.setUint32(at + 25, entry.data.byteLength)
    bytes.set(entry.data, at + fieldsBytes)
    at += entryBytes(entry)
  }
  return bytes
}

/** The data of the entries are views into `bytes`. */
export const unpackEntries = (bytes: Uint8Array): ReadonlyArray<Entry> => {
  const entries: Array<Entry> = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < bytes.byteLength; ) {
    const length = view.getUint32(at + 25)
    entries.push({
      index: view.getFloat64(at),
      term: view.getFloat64(at + 8),
      time: view.getFloat64(at + 16),
      kind: kindOf(view.getUint8(at + 24))!,
      data: bytes.subarray(at + fieldsBytes, at + fieldsBytes + length),
      origin: null,
    })
    at += fieldsBytes + length
  }
  return entries
}

const fieldsBytes = 29
