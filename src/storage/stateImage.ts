// What does a state file hold when there is no disk? An image, and the bytes that it travels in.

import type { Configuration, Index } from "../consensus/types.ts"
import { hashText } from "./checksum.ts"
import {
  type DigestOf,
  type Flush,
  type OutcomeChunk,
  type StateContent,
  StateCorrupt,
  type StoredInstance,
  type StoredTimer,
} from "./StateStore.ts"
import {
  type ChunkRow,
  chunkOf,
  emptyPosition,
  type InstanceRow,
  instanceOf,
  type PositionRecord,
  type PositionRow,
  positionAfter,
  positionOf,
  type TimerRow,
  timerOf,
  verifyContent,
} from "./stateRows.ts"

/** A row that is not what was written. */
export class DamagedRow<Row> {
  readonly row: Row

  constructor(row: Row) {
    this.row = row
  }
}

/** What was written and never damaged needs no row to prove it: the row would say the same. */
export type Kept<Value, Row> = Value | DamagedRow<Row>

/** The state of a group as of one flush. Never changed. */
export interface StateImage {
  readonly position: Kept<PositionRecord, PositionRow>
  readonly instances: ReadonlyMap<string, Kept<StoredInstance, InstanceRow>>
  /** In the order of the log. */
  readonly outcomes: ReadonlyArray<Kept<OutcomeChunk, ChunkRow>>
  readonly timers: ReadonlyMap<string, Kept<StoredTimer, TimerRow>>
}

export const emptyState = (configuration: Configuration): StateImage => ({
  position: emptyPosition(configuration),
  instances: new Map(),
  outcomes: [],
  timers: new Map(),
})

/** Verified; throws {@link StateCorrupt} when it is not what was written. */
export const readPosition = (state: StateImage): PositionRecord => read(state.position, positionOf)
export const readInstance = (kept: Kept<StoredInstance, InstanceRow>) => read(kept, instanceOf)
export const readChunk = (kept: Kept<OutcomeChunk, ChunkRow>) => read(kept, chunkOf)
export const readTimer = (kept: Kept<StoredTimer, TimerRow>) => read(kept, timerOf)

/** The stretch of the log by which a chunk is found, to be believed or not. */
export const stretchOf = (kept: Kept<OutcomeChunk, ChunkRow>) =>
  kept instanceof DamagedRow
    ? { firstIndex: kept.row.first_index, lastIndex: kept.row.last_index }
    : { firstIndex: kept.firstIndex, lastIndex: kept.lastIndex }

export const instanceKey = (actor: string, key: string): string => JSON.stringify([actor, key])

export const stateAfter = (state: StateImage, flush: Flush): StateImage => {
  const instances = new Map(state.instances)
  for (const stored of flush.instances) instances.set(instanceKey(stored.actor, stored.key), stored)
  for (const { actor, key } of flush.instancesRemoved ?? []) instances.delete(instanceKey(actor, key))
  const timers = new Map(state.timers)
  for (const timer of flush.timersSet) timers.set(timer.id, timer)
  // After the sets: a timer that came and fired between two flushes leaves nothing.
  for (const id of flush.timersCleared) timers.delete(id)
  return {
    position: positionAfter(flush),
    instances,
    outcomes: outcomesAfter(state.outcomes, flush.outcomes, flush.forgetOutcomesBelow),
    timers,
  }
}

/** Throws {@link StateCorrupt} at the first bad row, and when all are good and do not add up. */
export const verifyImage = (state: StateImage, digestOf: DigestOf | null): void => {
  const record = readPosition(state)
  const content: StateContent = {
    instances: Array.from(state.instances.values(), readInstance),
    outcomes: state.outcomes.map(readChunk),
    outcomesForgottenBelow: record.outcomesFrom,
    timers: Array.from(state.timers.values(), readTimer),
  }
  verifyContent(content, record, digestOf)
}

/** Throws {@link StateCorrupt} at the first bad row: no snapshot is made of one (HAZARDS S5). */
export const encodeState = (state: StateImage): Uint8Array => {
  const text = JSON.stringify({
    position: readPosition(state),
    instances: Array.from(state.instances.values(), readInstance),
    outcomes: state.outcomes
      .map(readChunk)
      .map((chunk) => ({ ...chunk, rows: Buffer.from(chunk.rows).toString("base64") })),
    timers: Array.from(state.timers.values(), readTimer),
  })
  return encoder.encode(`${hashText(text).toString(16).padStart(sumLength, "0")}${text}`)
}

/** Throws {@link StateCorrupt} unless it is what {@link encodeState} made. */
export const decodeState = (bytes: Uint8Array): StateImage => {
  const encoded = decoder.decode(bytes)
  const text = encoded.slice(sumLength)
  if (hashText(text) !== sumOf(encoded)) throw new StateCorrupt("the file is not what was written")
  const { position, instances, outcomes, timers } = JSON.parse(text) as Encoded
  return {
    position,
    instances: new Map(instances.map((stored) => [instanceKey(stored.actor, stored.key), stored])),
    outcomes: outcomes.map((chunk) => ({ ...chunk, rows: Uint8Array.fromBase64(chunk.rows) })),
    timers: new Map(timers.map((timer) => [timer.id, timer])),
  }
}

interface Encoded {
  readonly position: PositionRecord
  readonly instances: ReadonlyArray<StoredInstance>
  readonly outcomes: ReadonlyArray<Omit<OutcomeChunk, "rows"> & { readonly rows: string }>
  readonly timers: ReadonlyArray<StoredTimer>
}

const read = <Value, Row>(kept: Kept<Value, Row>, verified: (row: Row) => Value): Value =>
  kept instanceof DamagedRow ? verified(kept.row) : kept

const outcomesAfter = (
  before: StateImage["outcomes"],
  added: ReadonlyArray<OutcomeChunk>,
  below: Index,
): StateImage["outcomes"] => {
  // The caller keeps its buffer.
  const copies = added.map((chunk) => ({ ...chunk, rows: chunk.rows.slice() }))
  return [...before, ...copies].filter((kept) => stretchOf(kept).lastIndex >= below)
}

/** Not a number that a hash can have when there are no such digits. */
const sumOf = (encoded: string): bigint => {
  const digits = encoded.slice(0, sumLength)
  return /^[0-9a-f]{16}$/.test(digits) ? BigInt(`0x${digits}`) : -1n
}

const sumLength = 16
const encoder = new TextEncoder()
const decoder = new TextDecoder()
