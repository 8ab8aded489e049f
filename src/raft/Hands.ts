// Who takes what a turn leaves behind, and how does a life begin?

import type { Queue } from "effect"
import type { Turn } from "../consensus/node.ts"
import type { Checkpoints } from "./Checkpoints.ts"
import type { Asked } from "./giver.ts"
import type { Operations } from "./Operations.ts"
import type { Proposals } from "./Proposals.ts"
import type { Reads } from "./Reads.ts"
import type { Run } from "./run.ts"
import type { Piece } from "./snapshotter.ts"
import type { Tenure } from "./Tenure.ts"
import type { Writer } from "./writer.ts"

/** Who is handed what a turn leaves behind. */
export interface Hands {
  readonly writer: Writer
  readonly proposals: Proposals
  readonly reads: Reads
  readonly operations: Operations
  readonly checkpoints: Checkpoints
  readonly tenure: Tenure
  readonly pieces: Queue.Queue<Piece>
  /** Peers that want a copy of the state. */
  readonly asked: Queue.Queue<Asked>
  /** Gets one for each completed snapshot that the turn has heard of. */
  readonly taken: Queue.Queue<void>
  readonly cuts: Queue.Queue<NonNullable<Turn["compacted"]>>
  /** Runs a life in a scope; what kills it ends the group. */
  readonly run: Run
}
