// Has this command been answered before? What makes a retry safe (Raft §8): the newest outcomes of the group
// are remembered, and forgotten in the order of the log, so that all replicas remember the same ones.

import type { Index } from "../consensus/types.ts"
import type { StateStore, StoredOutcome } from "../storage/StateStore.ts"
import { Digest, outcomeDigest } from "./digest.ts"

/** Where an outcome is remembered. */
export interface OutcomeSlot {
  readonly actor: string
  readonly key: string
  readonly idempotencyKey: string
  readonly id: string
  /** A clash costs one look at the disk. */
  readonly hash: number
}

/** Names of actors hold no slash, and keys no NUL. */
export const outcomeSlot = (actor: string, key: string, idempotencyKey: string): OutcomeSlot => {
  const id = `${actor}/${key}\u0000${idempotencyKey}`
  return { actor, key, idempotencyKey, id, hash: Bun.hash.xxHash32(id) }
}

/**
 * About 60 bytes of memory per outcome: what is on disk stays there, and is looked up only when a hash says
 * that it is there.
 */
export class Outcomes {
  readonly #store: StateStore
  readonly #max: number
  readonly #digest = new Digest("")
  // A ring over the remembered outcomes, oldest first.
  readonly #indexes: Float64Array
  readonly #hashes: Uint32Array
  readonly #digests: BigUint64Array
  #first = 0
  #count = 0
  /** How many remembered outcomes have this hash. */
  readonly #hashCounts = new Map<number, number>()
  #unflushed = new Map<string, StoredOutcome>()
  #unflushedBytes = 0
  #forgetBelow: Index = 0

  constructor(store: StateStore, max: number) {
    this.#store = store
    this.#max = max
    this.#indexes = new Float64Array(max)
    this.#hashes = new Uint32Array(max)
    this.#digests = new BigUint64Array(max)
    for (const row of store.outcomes()) {
      this.#remember(outcomeSlot(row.actor, row.key, row.idempotencyKey).hash, row)
    }
  }

  get digest(): string {
    return this.#digest.toString()
  }

  get count(): number {
    return this.#count
  }

  /** Outcomes of entries below this index are forgotten. */
  get forgetBelow(): Index {
    return this.#forgetBelow
  }

  get unflushedBytes(): number {
    return this.#unflushedBytes
  }

  find({ actor, key, idempotencyKey, id, hash }: OutcomeSlot): StoredOutcome | undefined {
    if (!this.#hashCounts.has(hash)) return undefined
    const found = this.#unflushed.get(id) ?? this.#store.outcome(actor, key, idempotencyKey)
    return found === undefined || found.index < this.#forgetBelow ? undefined : found
  }

  /** `row.index` is above all that were added before. */
  add(slot: OutcomeSlot, row: StoredOutcome): void {
    this.#remember(slot.hash, row)
    this.#unflushed.set(slot.id, row)
    this.#unflushedBytes += row.outcome.length + slot.id.length
  }

  /** The rows that a flush must write. */
  unflushedRows(): ReadonlyArray<StoredOutcome> {
    return Array.from(this.#unflushed.values()).filter(({ index }) => index >= this.#forgetBelow)
  }

  flushed(): void {
    this.#unflushed = new Map()
    this.#unflushedBytes = 0
  }

  #remember(hash: number, row: StoredOutcome): void {
    if (this.#count === this.#max) this.#forgetOldest()
    const digest = outcomeDigest(row)
    const at = (this.#first + this.#count) % this.#max
    this.#indexes[at] = row.index
    this.#hashes[at] = hash
    this.#digests[at] = digest
    this.#count++
    this.#hashCounts.set(hash, (this.#hashCounts.get(hash) ?? 0) + 1)
    this.#digest.add(digest)
  }

  #forgetOldest(): void {
    const hash = this.#hashes[this.#first]!
    const count = this.#hashCounts.get(hash)!
    if (count === 1) this.#hashCounts.delete(hash)
    else this.#hashCounts.set(hash, count - 1)
    this.#digest.remove(this.#digests[this.#first]!)
    this.#forgetBelow = this.#indexes[this.#first]! + 1
    this.#first = (this.#first + 1) % this.#max
    this.#count--
  }
}
