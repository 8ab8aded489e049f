// What stands in a command entry?

import type { NodeId } from "../consensus/types.ts"
/** One call of one command of one instance, as it travels through the log. */
export interface Command {
  readonly actor: string
  readonly key: string
  readonly command: string
  /** JSON text of the encoded input. */
  readonly input: string
  /** Never empty: who sends none gets one at the door. */
  readonly idempotencyKey: string
  /** Execute only when the instance is at this revision; null = at any. */
  readonly ifRevision: number | null
  /** Version id of the code that runs it; filled in by `admit`. */
  readonly version: string
  /** 16 random bytes from the door: all chance that the reducer can see. */
  readonly seed: Uint8Array
  /** Name of the token that proposed it; empty without tokens. */
  readonly caller: string
  /** Node whose door took it. */
  readonly door: NodeId
}

/** A command as it is read from the log. */
export interface LoggedCommand extends Command {
  /** Id of the timer that it fires. Empty for what a client proposed: doors cannot set it. */
  readonly timer: string
}

/** The bytes of a proposal. */
export const encodeCommand = (command: Command): Uint8Array => encodeLogged({ ...command, timer: "" })

/**
 * Format 1: one byte for the format, then as varints the expected revision plus one (0 = any) and the lengths of
 * the seed and of nine texts, then the seed, then all texts as UTF-8 without a gap. Written by hand,
 * because every node reads every command: it takes a third of what protobuf's nine strings take.
 */
export const encodeLogged = (command: LoggedCommand): Uint8Array => {
  const { actor, key, command: name, input, idempotencyKey, caller, door, timer, version } = command
  const text = actor + key + name + input + idempotencyKey + caller + door + timer + version
  const textBytes = encoder.encode(text)
  const isAscii = textBytes.byteLength === text.length
  const lengthOf = (part: string) => (isAscii ? part.length : Buffer.byteLength(part))
  const bytes = new Uint8Array(headBytesMax + command.seed.byteLength + textBytes.byteLength)
  bytes[0] = format
  let at = writeVarint(bytes, 1, command.ifRevision === null ? 0 : command.ifRevision + 1)
  at = writeVarint(bytes, at, command.seed.byteLength)
  at = writeVarint(bytes, at, lengthOf(actor))
  at = writeVarint(bytes, at, lengthOf(key))
  at = writeVarint(bytes, at, lengthOf(name))
  at = writeVarint(bytes, at, lengthOf(input))
  at = writeVarint(bytes, at, lengthOf(idempotencyKey))
  at = writeVarint(bytes, at, lengthOf(caller))
  at = writeVarint(bytes, at, lengthOf(door))
  at = writeVarint(bytes, at, lengthOf(timer))
  at = writeVarint(bytes, at, lengthOf(version))
  bytes.set(command.seed, at)
  at += command.seed.byteLength
  bytes.set(textBytes, at)
  return bytes.subarray(0, at + textBytes.byteLength)
}

/**
 * The same command with the version that runs it. Doors leave it empty, and it stands last: then all other bytes
 * stay as they are.
 */
export const withVersion = (bytes: Uint8Array, command: LoggedCommand, version: string): Uint8Array => {
  const versionBytes = encoder.encode(version)
  if (command.version !== "" || versionBytes.byteLength >= 0x80) return encodeLogged({ ...command, version })
  const versioned = new Uint8Array(bytes.byteLength + versionBytes.byteLength)
  versioned.set(bytes)
  versioned.set(versionBytes, bytes.byteLength)
  const reader = new Reader(bytes)
  for (let number = 0; number < numbersCount; number++) reader.varint()
  versioned[reader.at - 1] = versionBytes.byteLength
  return versioned
}

/** Null when the bytes are no command of this format. */
export const decodeCommand = (bytes: Uint8Array): LoggedCommand | null => {
  if (bytes[0] !== format) return null
  const reader = new Reader(bytes)
  const expected = reader.varint()
  if (!Number.isSafeInteger(expected)) return null
  const seed = reader.readLengths()
  if (seed === null || !reader.readTexts()) return null
  return {
    actor: reader.next(),
    key: reader.next(),
    command: reader.next(),
    input: reader.next(),
    idempotencyKey: reader.next(),
    caller: reader.next(),
    door: reader.next(),
    timer: reader.next(),
    version: reader.next(),
    ifRevision: expected === 0 ? null : expected - 1,
    seed,
  }
}

/** Whether the name of its actor begins so, without reading the rest; for one character of ASCII. */
export const actorBegins = (bytes: Uint8Array, character: string): boolean => {
  if (bytes[0] !== format) return false
  const reader = new Reader(bytes)
  reader.varint()
  const seedLength = reader.varint()
  const actorLength = reader.varint()
  for (let part = 1; part < textsCount; part++) reader.varint()
  return actorLength > 0 && bytes[reader.at + seedLength] === character.charCodeAt(0)
}

/** Written by a later Raftlet: what it means, this one cannot know. */
export const isLaterFormat = (bytes: Uint8Array): boolean => bytes.byteLength > 0 && bytes[0]! > format

class Reader {
  at = 1
  readonly #bytes: Uint8Array
  readonly #lengths: Array<number> = []
  #text: string | null = null
  #part = 0
  #partAt = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** The seed; null when the lengths do not add up to the bytes that are there. */
  readLengths(): Uint8Array | null {
    const seedLength = this.varint()
    let total = seedLength
    for (let part = 0; part < textsCount; part++) {
      const length = this.varint()
      this.#lengths.push(length)
      total += length
    }
    if (this.at + total !== this.#bytes.byteLength) return null
    const seed = this.#bytes.slice(this.at, this.at + seedLength)
    this.at += seedLength
    return seed
  }

  /** False when they are not UTF-8. */
  readTexts(): boolean {
    const { byteLength } = this.#bytes
    // A part of a string keeps the whole alive: a key in the cache must not hold a long input.
    if (byteLength - this.at <= sharedTextMax) {
      const text = lossyText.call(this.#bytes as Buffer, "utf8", this.at, byteLength)
      if (text.length === byteLength - this.at && !text.includes(replacement)) {
        this.#text = text
        return true
      }
    }
    try {
      decoder.decode(this.#bytes.subarray(this.at))
      return this.#partsAreUtf8()
    } catch {
      return false
    }
  }

  next(): string {
    const from = this.#partAt
    this.#partAt += this.#lengths[this.#part++]!
    return this.#text === null
      ? decoder.decode(this.#bytes.subarray(this.at + from, this.at + this.#partAt))
      : this.#text.slice(from, this.#partAt)
  }

  /** The whole may be UTF-8 while a length cuts a character in two. */
  #partsAreUtf8(): boolean {
    let at = this.at
    for (const length of this.#lengths) {
      if (length > 0 && (this.#bytes[at]! & 0xc0) === 0x80) return false
      at += length
    }
    return true
  }

  /** Not a safe integer when the bytes end too early or the number is too long. */
  varint(): number {
    let value = 0
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      const byte = this.#bytes[this.at++]
      if (byte === undefined) return Number.NaN
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    return Number.NaN
  }
}

const writeVarint = (bytes: Uint8Array, at: number, value: number): number => {
  let left = value
  let to = at
  while (left >= 0x80) {
    bytes[to++] = (left % 128) | 0x80
    left = Math.floor(left / 128)
  }
  bytes[to++] = left
  return to
}

const format = 1
const textsCount = 9
/** Before the seed: the expected revision, the seed's length and the texts'. */
const numbersCount = 2 + textsCount
/** The format, and a revision of eight bytes and ten lengths of five at the most. */
const headBytesMax = 1 + 8 + 10 * 5
const sharedTextMax = 1024
/** What is as long as its bytes and has no replacement for bad ones is ASCII: half the work of a checked decoding. */
const lossyText = Buffer.prototype.toString
const replacement = "\ufffd"
const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
