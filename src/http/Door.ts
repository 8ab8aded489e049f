// What is one group as HTTP sees it, whether this node runs it or asks a member that does?

import type { NodeId, Term } from "../consensus/types.ts"
import type { LeadingService } from "../machine/leading/Leading.ts"
import type { MachineHost } from "../machine/MachineHost.ts"
import type { QueryOutcome } from "../machine/outcome.ts"
import type { Failure, Raft } from "../raft/Raft.ts"

/** One group as HTTP sees it. */
export interface Door {
  readonly raft: Raft["Service"]
  readonly machine: Pick<
    MachineHost["Service"],
    "own" | "actors" | "plan" | "shard" | "groups" | "places" | "status" | "events" | "inspect"
  >
  /** This node does not run the group: who is asked instead. */
  readonly far?: Far
  /** What users have run where it leads; null or absent: nothing can. */
  readonly leading?: LeadingService | null
  /** Of `main`: the node's own actors on their way into their groups; absent: it has none. */
  readonly offering?: {
    /** None of them waits any more. */
    readonly isDone: boolean
    /** Null: nobody need wait for that actor. */
    readonly settled: (actor: string) => Promise<void> | null
  }
}

/** Who is asked of a group that this node does not run. */
export interface Far {
  /** In this order. */
  readonly members: ReadonlyArray<Member>
  /** What a member says of the group; null: nobody has answered. */
  readonly ask: (millis: number) => Promise<FarStatus | null>
}

/** A member as it is reached: `http://host:port`. */
export interface Member {
  readonly id: NodeId
  readonly client: string
}

/** What a member says of a group that it runs. */
export interface FarStatus {
  readonly leader: NodeId | null
  readonly term: Term
  readonly members: object
}

/** An answer that another node has given for this one. */
export type FromAfar = (QueryOutcome | Failure) & { readonly by?: NodeId }
