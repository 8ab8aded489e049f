// Who waits for an answer, as the turn and the applier see it?

import type { Dismissed, Turn } from "../consensus/node.ts"
import type { Index } from "../consensus/types.ts"
import type { Outcome } from "../machine/outcome.ts"

/** Rides on an entry of the leader's log. */
export interface ProposalOrigin {
  /** The entry is committed and the machine has executed it. */
  readonly applied: (outcome: Outcome) => void
  /** This node no longer answers for it. */
  readonly dismissed: (reason: Dismissed["reason"]) => void
}

/** Rides on a request for a read index. */
export interface ReadOrigin {
  /** It may be served once the machine has come this far. */
  readonly confirmed: (index: Index) => void
  readonly dismissed: (reason: Dismissed["reason"]) => void
}

/** Rides on what an operator asks for. */
export interface OperationOrigin {
  /** Where it leads, or why it is not begun. */
  readonly judged: (verdict: Turn["judged"][number]["verdict"]) => void
}
