// How fresh must an answer be of a group that a key has come to from another one?

import type { Raft, Read } from "../raft/Raft.ts"

/**
 * The same question, of a group that keys have come to from another one. An index that a client was told there may be far
 * ahead of this group's log: what it stands for is here, and whatever was told here a linearizable answer has.
 */
export const freshEnough = <Asked extends Pick<Read, "consistency" | "minIndex" | "maxStalenessMillis">>(
  { raft }: { readonly raft: Pick<Raft["Service"], "status"> },
  asked: Asked,
): Asked =>
  asked.minIndex === 0 || raft.status().appliedIndex >= asked.minIndex
    ? asked
    : { ...asked, consistency: "linearizable", minIndex: 0, maxStalenessMillis: Number.POSITIVE_INFINITY }
