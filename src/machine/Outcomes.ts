// Has this command been answered before? What makes a retry safe (Raft §8): the newest outcomes of the group
// are remembered, and forgotten in the order of the log, so that all replicas remember the same ones.

import type { Entry, Index } from "../consensus/types.ts"
import { type OutcomeChunk, StateCorrupt, type StateStore } from "../storage/StateStore.ts"
import type { LoggedCommand } from "./command.ts"
import { Digest } from "./digest.ts"
import { OutcomeRing } from "./OutcomeRing.ts"
import type { Outcome } from "./outcome.ts"
import { findRows, type OutcomeRow, OutcomeRows, type Remembered, rowsOf } from "./outcomeRows.ts"

/** Where an outcome is remembered. */
export interface OutcomeSlot {
  readonly actor: string
  readonly key: string
  readonly idempotencyKey: string
  /** A clash costs one look at what is remembered. */
  readonly hash: number
}

/** Names of actors hold no slash, and keys no NUL. */
export const outcomeSlot = (actor: string, key: string, idempotencyKey: string): OutcomeSlot => ({
  actor,
  key,
  idempotencyKey,
  hash: Bun.hash.xxHash32(`${actor}/${key}\u0000${idempotencyKey}`),
})

/** What is on disk stays there, and is looked up only when a hash says that it is there. */
export class Outcomes {
  readonly #store: StateStore
  readonly #digest = new Digest("")
  readonly #ring: OutcomeRing
  readonly #unflushed = new OutcomeRows()
  #forgetBelow: Index
  /** The one that was read last: retries come in the order in which the first attempts came. */
  #chunk: OutcomeChunk | null = null

  /** Throws {@link StateCorrupt} when the disk holds others than `digest` was made of. */
  constructor(store: StateStore, max: number, digest: string) {
    this.#store = store
    this.#ring = new OutcomeRing(max)
    this.#forgetBelow = store.outcomesForgottenBelow()
    const found = new Digest("")
    const from = this.#forgetBelow
    for (const chunk of store.outcomes()) {
      for (const { row, hash } of rowsOf(chunk)) {
        if (row.index < from) continue
        found.add(hash)
        this.#remember(outcomeSlot(row.actor, row.key, row.idempotencyKey).hash, row.index, hash)
      }
    }
    if (`${found}` !== digest) throw new StateCorrupt(`outcomes are missing: ${found} instead of ${digest}`)
  }

  get digest(): string {
    return this.#digest.toString()
  }

  get count(): number {
    return this.#ring.count
  }

  /** Outcomes of entries below this index are forgotten. */
  get forgetBelow(): Index {
    return this.#forgetBelow
  }

  get unflushedBytes(): number {
    return this.#unflushed.bytes
  }

  find({ actor, key, idempotencyKey, hash }: OutcomeSlot): OutcomeRow | undefined {
    const isIt = (row: OutcomeRow) =>
      row.actor === actor && row.key === key && row.idempotencyKey === idempotencyKey
    for (const index of this.#ring.find(hash)) {
      const row = this.#read(index).find(isIt)
      if (row !== undefined) return row
    }
    return undefined
  }

  /** All that is remembered of entries behind that one, in the order of the log. */
  *behind(index: Index): Generator<OutcomeRow> {
    const from = Math.max(index + 1, this.#forgetBelow)
    for (const chunk of [...this.#store.outcomes(from - 1), ...this.#unflushed.chunksFrom(from)]) {
      for (const { row } of rowsOf(chunk)) if (row.index >= from) yield row
    }
  }

  /** The index of the entry is above all that were added before. */
  add(slot: OutcomeSlot, command: LoggedCommand, { index, term }: Entry, outcome: Outcome): void {
    this.#remember(slot.hash, index, this.#unflushed.add(command, index, term, outcome))
  }

  /**
   * What another group has answered comes with the entry that takes it over, beside others. There is no room for more of them
   * than all that are remembered: those that come then are forgotten.
   */
  take(remembered: Remembered, { index, term }: Pick<Entry, "index" | "term">, outcome: Outcome): void {
    if (this.#ring.isFull && this.#ring.oldest === index) return
    const { hash } = outcomeSlot(remembered.actor, remembered.key, remembered.idempotencyKey)
    this.#remember(hash, index, this.#unflushed.addTaken(remembered, index, term, outcome))
  }

  /** What a flush must write. Valid until the next `add`. */
  unflushedChunks(): ReadonlyArray<OutcomeChunk> {
    return this.#unflushed.chunksFrom(this.#forgetBelow)
  }

  flushed(): void {
    this.#unflushed.clear()
  }

  /** Of one entry, never none. */
  #read(index: Index): ReadonlyArray<OutcomeRow> {
    const unflushed = this.#unflushed.find(index)
    if (unflushed.length > 0) return unflushed
    if (this.#chunk === null || index < this.#chunk.firstIndex || index > this.#chunk.lastIndex) {
      this.#chunk = this.#store.outcomesAt(index) ?? null
    }
    const rows = this.#chunk === null ? [] : findRows(this.#chunk, index)
    if (rows.length === 0) throw new StateCorrupt(`what became of entry ${index} is missing`)
    return rows
  }

  #remember(hash: number, index: Index, digest: bigint): void {
    if (this.#ring.isFull) this.#forgetOldest()
    this.#ring.add(index, hash, digest)
    this.#digest.add(digest)
  }

  /** All of one entry at once: what is forgotten is told by its index. */
  #forgetOldest(): void {
    const { oldest } = this.#ring
    if (oldest === null) return
    while (this.#ring.oldest === oldest) this.#digest.remove(this.#ring.removeOldest().digest)
    this.#forgetBelow = oldest + 1
  }
}
