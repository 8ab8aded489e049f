// How does an outcome stand among its neighbours, in memory and on disk? Rows behind each other in chunks: a
// flush writes a chunk where it would otherwise write a row for every command.

import type { Index, Term } from "../consensus/types.ts"
import { type OutcomeChunk, StateCorrupt } from "../storage/StateStore.ts"
import type { LoggedCommand } from "./command.ts"
import type { Outcome } from "./outcome.ts"

/** A command, as it is known again. */
export interface Remembered {
  readonly actor: string
  readonly key: string
  readonly idempotencyKey: string
  readonly request: Fingerprint
}

/** What is remembered of a command. */
export interface OutcomeRow extends Remembered {
  /** The entry that brought it here: its own, or the one that took it over from another group with many others. */
  readonly index: Index
  readonly outcome: Outcome
}

/** Tells a retry from another request under the same key: only inputs can clash, by a 64-bit hash and length. */
export interface Fingerprint {
  readonly command: string
  /** In UTF-16 code units. */
  readonly inputLength: number
  readonly inputHash: bigint
}

export const fingerprintOf = (request: Pick<LoggedCommand, "command" | "input">): Fingerprint => ({
  command: request.command,
  inputLength: request.input.length,
  inputHash: Bun.hash.xxHash64(request.input),
})

export const isSameRequest = (one: Fingerprint, other: Fingerprint): boolean =>
  one.inputLength === other.inputLength && one.inputHash === other.inputHash && one.command === other.command

/**
 * Rows that no flush has written yet, in chunks that are small enough for a retry to read one.
 *
 * A row is its length, index, term and revision (0: refused), the input's hash and length, the lengths of four
 * texts, then the texts: actor, key, idempotency key, command, and the result (of a refusal, and of what another group
 * has answered: the outcome as JSON). Numbers are big-endian, texts UTF-8 without a gap.
 */
export class OutcomeRows {
  #blocks: Array<Block> = []
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** Behind all others. Gives the hash of the row. */
  add(command: LoggedCommand, index: Index, term: Term, outcome: Outcome): bigint {
    const { actor, key, idempotencyKey } = command
    return this.#add(
      packRow({ actor, key, idempotencyKey, request: fingerprintOf(command) }, index, term, outcome),
      index,
    )
  }

  /** The same of what another group has answered: its index and term are those of that group. */
  addTaken(remembered: Remembered, index: Index, term: Term, outcome: Outcome): bigint {
    return this.#add(packRow(remembered, index, term, outcome, true), index)
  }

  #add(row: Uint8Array, index: Index): bigint {
    const block = this.#blockFor(index, row.byteLength)
    block.bytes.set(row, block.end)
    block.end += row.byteLength
    block.lastIndex = index
    this.#bytes += row.byteLength
    return hashRow(row)
  }

  /** Those of one entry. */
  find(index: Index): ReadonlyArray<OutcomeRow> {
    return this.#blocks
      .filter(({ firstIndex, lastIndex }) => firstIndex <= index && index <= lastIndex)
      .flatMap((block) => findRows(chunkOf(block), index))
  }

  /** Those that hold anything from `index` on. Views: valid until the next `add`. */
  chunksFrom(index: Index): ReadonlyArray<OutcomeChunk> {
    return this.#blocks.filter(({ lastIndex }) => lastIndex >= index).map(chunkOf)
  }

  clear(): void {
    this.#blocks = []
    this.#bytes = 0
  }

  #blockFor(index: Index, rowBytes: number): Block {
    const last = this.#blocks.at(-1)
    if (last !== undefined && last.bytes.byteLength - last.end >= rowBytes) return last
    // Chunks are told apart by their last index: what one entry has taken over stays together.
    if (last?.lastIndex === index) return grown(last, rowBytes)
    const bytes = new Uint8Array(Math.max(chunkBytes, rowBytes))
    const block: Block = { bytes, firstIndex: index, lastIndex: index, end: 0 }
    this.#blocks.push(block)
    return block
  }
}

/** The rows of one entry: one, but where it has taken over some. */
export const findRows = (chunk: OutcomeChunk, index: Index): ReadonlyArray<OutcomeRow> => {
  const view = viewOf(chunk.rows)
  const found: Array<OutcomeRow> = []
  for (let at = 0; at < chunk.rows.byteLength; ) {
    const length = lengthAt(view, at)
    if (view.getFloat64(at + 4) === index) found.push(readRow(chunk.rows, view, at))
    // They stand in the order of the log.
    else if (found.length > 0) break
    at += length
  }
  return found
}

/** Every row of a chunk, with its hash. */
export function* rowsOf(chunk: OutcomeChunk): Generator<{ readonly row: OutcomeRow; readonly hash: bigint }> {
  const view = viewOf(chunk.rows)
  for (let at = 0; at < chunk.rows.byteLength; ) {
    const length = lengthAt(view, at)
    const hash = hashRow(chunk.rows.subarray(at, at + length))
    yield { row: readRow(chunk.rows, view, at), hash }
    at += length
  }
}

/** Valid until the next one is packed. */
const packRow = (
  { actor, key, idempotencyKey, request: { command, inputLength, inputHash } }: Remembered,
  index: Index,
  term: Term,
  outcome: Outcome,
  isTaken = false,
): Uint8Array => {
  const isAccepted = outcome._tag === "Accepted" && !isTaken
  const told = isAccepted ? outcome.result : JSON.stringify(outcome)
  const texts = actor + key + idempotencyKey + command + told
  // A code unit takes three bytes at the most.
  const isSmall = headBytes + texts.length * 3 <= scratch.byteLength
  const row = isSmall ? scratch : Buffer.allocUnsafeSlow(headBytes + Buffer.byteLength(texts))
  const view = isSmall ? scratchView : viewOf(row)
  const textBytes = row.write(texts, headBytes)
  const isAscii = textBytes === texts.length
  const bytesOf = (text: string): number => (isAscii ? text.length : Buffer.byteLength(text))
  view.setUint32(0, headBytes + textBytes)
  view.setFloat64(4, index)
  view.setFloat64(12, term)
  view.setFloat64(20, isAccepted ? outcome.revision : 0)
  view.setBigUint64(28, inputHash)
  view.setUint32(36, inputLength)
  view.setUint32(40, bytesOf(actor))
  view.setUint32(44, bytesOf(key))
  view.setUint32(48, bytesOf(idempotencyKey))
  view.setUint32(52, bytesOf(command))
  return isSmall ? scratchOf(headBytes + textBytes) : row
}

/** A new view for every row would cost more than to pack it and hash it. */
const scratchOf = (length: number): Uint8Array => {
  scratchViews[length] ??= scratch.subarray(0, length)
  return scratchViews[length]
}

const readRow = (rows: Uint8Array, view: DataView, at: number): OutcomeRow => {
  const index = view.getFloat64(at + 4)
  const revision = view.getFloat64(at + 20)
  let textAt = at + headBytes
  const next = (length: number): string => {
    textAt += length
    return decoder.decode(rows.subarray(textAt - length, textAt))
  }
  const actor = next(view.getUint32(at + 40))
  const key = next(view.getUint32(at + 44))
  const idempotencyKey = next(view.getUint32(at + 48))
  const command = next(view.getUint32(at + 52))
  const told = next(at + lengthAt(view, at) - textAt)
  return {
    index,
    actor,
    key,
    idempotencyKey,
    request: { command, inputLength: view.getUint32(at + 36), inputHash: view.getBigUint64(at + 28) },
    outcome:
      revision === 0
        ? (JSON.parse(told) as Outcome)
        : {
            _tag: "Accepted",
            result: told,
            revision,
            index,
            term: view.getFloat64(at + 12),
            replayed: false,
          },
  }
}

/** A length that goes nowhere would be read for ever. */
const lengthAt = (view: DataView, at: number): number => {
  const left = view.byteLength - at
  const length = left < headBytes ? 0 : view.getUint32(at)
  if (length >= headBytes && length <= left) return length
  throw new StateCorrupt(`a row of outcomes has ${length} bytes where ${left} are left`)
}

const chunkOf = ({ bytes, firstIndex, lastIndex, end }: Block): OutcomeChunk => ({
  firstIndex,
  lastIndex,
  rows: bytes.subarray(0, end),
})

const grown = (block: Block, rowBytes: number): Block => {
  const bytes = new Uint8Array(Math.max(2 * block.bytes.byteLength, block.end + rowBytes))
  bytes.set(block.bytes)
  block.bytes = bytes
  return block
}

interface Block {
  bytes: Uint8Array
  readonly firstIndex: Index
  lastIndex: Index
  end: number
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Differs from the hashes of instances and timers with the same bytes. */
const hashRow = (row: Uint8Array): bigint => Bun.hash.xxHash64(row, 2n)

const headBytes = 56
/** What a retry reads to get its answer: about a hundred small outcomes. */
const chunkBytes = 16 * 1024
const scratch = Buffer.allocUnsafeSlow(4096)
const scratchView = viewOf(scratch)
const scratchViews: Array<Uint8Array | undefined> = []
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
