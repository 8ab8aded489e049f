// Has this command been answered before? What makes a retry safe (Raft §8): the newest outcomes of the group
// are remembered, and forgotten in the order of the log, so that all replicas remember the same ones.

import type { Entry, Index } from "../consensus/types.ts"
import { type OutcomeChunk, StateCorrupt, type StateStore } from "../storage/StateStore.ts"
import type { LoggedCommand } from "./command.ts"
import { Digest } from "./digest.ts"
import { OutcomeRing } from "./OutcomeRing.ts"
import type { Outcome } from "./outcome.ts"
import { findRow, type OutcomeRow, OutcomeRows, rowsOf } from "./outcomeRows.ts"

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
    for (const index of this.#ring.find(hash)) {
      const row = this.#read(index)
      if (row.actor === actor && row.key === key && row.idempotencyKey === idempotencyKey) return row
    }
    return undefined
  }

  /** The index of the entry is above all that were added before. */
  add(slot: OutcomeSlot, command: LoggedCommand, { index, term }: Entry, outcome: Outcome): void {
    this.#remember(slot.hash, index, this.#unflushed.add(command, index, term, outcome))
  }

  /** What a flush must write. Valid until the next `add`. */
  unflushedChunks(): ReadonlyArray<OutcomeChunk> {
    return this.#unflushed.chunksFrom(this.#forgetBelow)
  }

  flushed(): void {
    this.#unflushed.clear()
  }

  #read(index: Index): OutcomeRow {
    const unflushed = this.#unflushed.find(index)
    if (unflushed !== undefined) return unflushed
    if (this.#chunk === null || index < this.#chunk.firstIndex || index > this.#chunk.lastIndex) {
      this.#chunk = this.#store.outcomesAt(index) ?? null
    }
    const row = this.#chunk === null ? undefined : findRow(this.#chunk, index)
    if (row === undefined) throw new StateCorrupt(`what became of entry ${index} is missing`)
    return row
  }

  #remember(hash: number, index: Index, digest: bigint): void {
    if (this.#ring.isFull) {
      const oldest = this.#ring.removeOldest()
      this.#digest.remove(oldest.digest)
      this.#forgetBelow = oldest.index + 1
    }
    this.#ring.add(index, hash, digest)
    this.#digest.add(digest)
  }
}
