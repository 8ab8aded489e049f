// What did the clients see? One line for each operation, the same from a simulation and from real processes.

import type { Json } from "../machine/actor.ts"

/**
 * One operation of one client, from before its first attempt until its answer was known. Retries with the same
 * idempotency key belong to the same operation. Times are of one clock that all clients share; only their order
 * means something.
 */
export interface Operation {
  readonly client: string
  /** `actor.command`, or `actor?query` for a strong read. */
  readonly op: string
  /** `actor/key`. */
  readonly instance: string
  readonly input: Json
  /** Of an `ok`: what was answered. Of a `refused`: the problem's code. Else null. */
  readonly output: Json
  readonly start: number
  /** Null: the answer was never known. It may have happened at any time since `start`, or may yet. */
  readonly end: number | null
  /**
   * `ok`: executed and answered. `refused`: the machine looked at the state and said no (`If-Revision`, a
   * reducer's `reject`). `rejected`: it did not and will not happen, for reasons that say nothing about the
   * state. `unknown`: nobody can say.
   */
  readonly outcome: "ok" | "refused" | "rejected" | "unknown"
}

/** What an accepted command answers. */
export interface Executed {
  readonly result: Json
  readonly revision: number
}
