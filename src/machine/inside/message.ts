// How do calls and replies cross to where the code runs? A small JSON document, and behind it the texts that it
// names by number: states and inputs are JSON already, and quoting them again would cost as much as to run them.

/** Texts of a message under way: a document names them by their place. */
export class Texts {
  readonly all: Array<string> = []

  put(text: string): number {
    return this.all.push(text) - 1
  }
}

export const packMessage = (document: unknown, texts: ReadonlyArray<string>): Uint8Array<ArrayBuffer> => {
  const head = encoder.encode(JSON.stringify(document))
  const parts = texts.map((text) => encoder.encode(text))
  const lengths = new Uint32Array(2 + parts.length)
  lengths[0] = head.byteLength
  lengths[1] = parts.length
  let length = lengths.byteLength + head.byteLength
  for (const [at, { byteLength }] of parts.entries()) {
    lengths[2 + at] = byteLength
    length += byteLength
  }
  const bytes = new Uint8Array(length)
  bytes.set(new Uint8Array(lengths.buffer))
  bytes.set(head, lengths.byteLength)
  let at = lengths.byteLength + head.byteLength
  for (const part of parts) {
    bytes.set(part, at)
    at += part.byteLength
  }
  return bytes
}

/** Throws when the bytes are no message: whoever sent them runs code that nobody vouches for. */
export const unpackMessage = (
  bytes: Uint8Array,
): { readonly document: unknown; readonly text: (at: number) => string } => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headLength = view.getUint32(0, true)
  const count = view.getUint32(4, true)
  if (count > bytes.byteLength / 4) throw new Error("a message without end")
  const offsets: Array<number> = []
  let at = 8 + count * 4 + headLength
  for (let part = 0; part < count; part++) {
    offsets.push(at)
    at += view.getUint32(8 + part * 4, true)
  }
  offsets.push(at)
  if (at !== bytes.byteLength) throw new Error("a message of another length than it says")
  const headAt = 8 + count * 4
  const text = (part: number): string => {
    const [from, to] = [offsets[part], offsets[part + 1]]
    if (from === undefined || to === undefined) throw new Error("a message without that text")
    return decoder.decode(bytes.subarray(from, to))
  }
  return { document: JSON.parse(decoder.decode(bytes.subarray(headAt, headAt + headLength))), text }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
