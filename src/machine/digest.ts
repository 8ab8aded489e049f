// How do replicas compare their states without sending them? A sum of row hashes, kept as rows come and go:
// it depends on what is there, and neither on the order nor on when it was flushed.

import type { StoredInstance, StoredTimer } from "../storage/StateStore.ts"

export const instanceDigest = (row: Omit<StoredInstance, "state">, state: string): bigint =>
  Bun.hash.xxHash64(
    state,
    hashOf(`${row.actor}\n${row.revision}\n${row.version}\n${row.index}\n${row.key}`, 1n),
  )

export const timerDigest = (row: StoredTimer): bigint =>
  hashOf(`${row.id}\n${row.dueAt}\n${row.actor}\n${row.command}\n${row.key}\n${row.input}`, 3n)

/** A sum of hashes that wraps at 64 bits. */
export class Digest {
  #sum: bigint

  constructor(text: string) {
    this.#sum = text === "" ? 0n : BigInt(`0x${text}`)
  }

  add(hash: bigint): void {
    this.#sum = BigInt.asUintN(64, this.#sum + hash)
  }

  remove(hash: bigint): void {
    this.#sum = BigInt.asUintN(64, this.#sum - hash)
  }

  /** 16 hexadecimal digits. */
  toString(): string {
    return this.#sum.toString(16).padStart(16, "0")
  }
}

const hashOf = (text: string, seed: bigint): bigint => Bun.hash.xxHash64(text, seed)
