// How far is the state, in memory and on the disk, and is what lies between worth a flush?

import type { Index } from "../consensus/types.ts"
import type { RaftOptions } from "./options.ts"

/** How far the machine is. Written by the applier alone; the turn learns of it by `Applied`. */
export interface Applied {
  index: Index
  /** The last entry that may have changed something of the state. Behind it come leaders' first entries and checkpoints alone. */
  changedIndex: Index
}

/** What has been flushed so far. Written by the flusher alone. */
export interface Flushed {
  index: Index
  at: number
}

/**
 * There is something to flush. Where a thousand groups begin together, each of them has a new leader's first entries and nothing
 * else: to apply these once more at the next start costs less than a flush, as long as they are few. What was never flushed is
 * flushed: without a file it looks as if it had been lost.
 */
export const isBehind = (
  { options }: { readonly options: Pick<RaftOptions, "vainEntriesMax"> },
  { index, changedIndex }: Readonly<Applied>,
  flushed: Readonly<Flushed>,
): boolean =>
  changedIndex > flushed.index ||
  index - flushed.index > options.vainEntriesMax ||
  (flushed.index === 0 && index > 0)
