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
