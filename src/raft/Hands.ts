// Who takes what a turn leaves behind, and how does a life begin?

import type { Turn } from "../consensus/node.ts"
import type { Checkpoints } from "./Checkpoints.ts"
import type { Errand } from "./Errand.ts"
import type { Asked } from "./giver.ts"
import type { Inbox } from "./Inbox.ts"
import type { Operations } from "./Operations.ts"
import type { Proposals } from "./Proposals.ts"
import type { Reads } from "./Reads.ts"
import type { Run } from "./run.ts"
import type { Receiver } from "./snapshotter.ts"
import type { Tenure } from "./Tenure.ts"
import type { Writer } from "./Writer.ts"

/** Who is handed what a turn leaves behind. */
export interface Hands {
  readonly writer: Writer
  readonly proposals: Proposals
  readonly reads: Reads
  readonly operations: Operations
  readonly checkpoints: Checkpoints
  readonly tenure: Tenure
  readonly receiver: Receiver
  /** Raised when the machine may have something to apply or install. */
  readonly applier: Errand
  /** Raised when there may be something to flush. */
  readonly flusher: Errand
  /** Peers that want a copy of the state. */
  readonly asked: Inbox<Asked>
  readonly cuts: Inbox<NonNullable<Turn["compacted"]>>
  /** Runs a life in a scope; what kills it ends the group. */
  readonly run: Run
}
