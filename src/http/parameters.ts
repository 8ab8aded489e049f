// What may a request say beside its path and body? The headers and limits of the contract.

import { Problem } from "./problem.ts"
import { parseCount } from "./target.ts"

export const timeoutMillisDefault = 5000
export const timeoutMillisMax = 60_000

/** `Raftlet-Timeout-Ms`: how long the client waits. */
export const timeoutMillis = (request: Request): number =>
  parseCount(request.headers.get("raftlet-timeout-ms"), "Raftlet-Timeout-Ms", 1, timeoutMillisMax) ??
  timeoutMillisDefault

/** `If-Revision`: null = at any revision. */
export const ifRevision = (request: Request): number | null =>
  parseCount(request.headers.get("if-revision"), "If-Revision", 0, Number.MAX_SAFE_INTEGER)

/** `Idempotency-Key`, or one of our own: then a retry on another node is still executed once. */
export const idempotencyKey = (request: Request): string => {
  const key = request.headers.get("idempotency-key")
  return key === null ? crypto.randomUUID() : checkIdempotencyKey(key)
}

export const checkIdempotencyKey = (key: string): string => {
  if (!printable.test(key)) {
    throw new Problem("bad-request", "An idempotency key has 1 to 128 printable ASCII characters.")
  }
  return key
}

/** 16 bytes of the host's chance: all that the reducer will see of it. */
export const freshSeed = (): Uint8Array => {
  if (poolAt === pool.length) {
    crypto.getRandomValues(pool)
    poolAt = 0
  }
  poolAt += seedBytes
  return pool.slice(poolAt - seedBytes, poolAt)
}

// One call for 256 seeds: the call costs more than the bytes.
const seedBytes = 16
const pool = new Uint8Array(256 * seedBytes)
let poolAt = pool.length

const printable = /^[\x20-\x7e]{1,128}$/
