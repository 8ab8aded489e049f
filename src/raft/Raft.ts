// What does the rest of the house ask of a Raft group? The door: proposals, reads, status.

import { Context, type Effect, Schema } from "effect"
import type { Configuration, GroupId, Index, Millis, NodeId, Standing, Term } from "../consensus/types.ts"
import type { MachineFailed, Query } from "../machine/MachineHost.ts"
import type { Outcome, QueryOutcome } from "../machine/outcome.ts"
import type { StorageFailed, StorageFull } from "../storage/LogStore.ts"
import type { Snapshot } from "../storage/SnapshotStore.ts"

/** Why the machine never gave an answer. `outcome` as in the contract: rejected or unknown. */
export interface Failure {
  readonly _tag: "Failure"
  readonly code:
    | "no-leader"
    | "not-leader"
    | "shutting-down"
    | "overloaded"
    | "storage-full"
    | "leadership-lost"
    | "timeout"
    | "stale"
  readonly outcome: "rejected" | "unknown"
  readonly detail: string
}

/** One of the group's lives has died. Nothing is retried in place: the node ends and starts from its disk. */
export class GroupStopped extends Schema.TaggedError<GroupStopped>()("GroupStopped", {
  group: Schema.String,
  message: Schema.String,
  /** `world`: the disk or the machine failed. `code`: ours did something that it never may. */
  fault: Schema.Literals(["world", "code"]),
}) {}

export interface Proposal {
  /** An encoded command (`machine/command`), always with an idempotency key. */
  readonly command: Uint8Array
  /** When its client stops waiting. */
  readonly deadline: Millis
  /** False: do not hand it to another node. Answers `not-leader` when this node does not lead. */
  readonly forward: boolean
  /** Called exactly once. */
  readonly answer: (answer: Outcome | Failure) => void
}

export interface Read {
  readonly query: Query
  readonly consistency: "linearizable" | "lease" | "local"
  /** Not before this node has applied so far. 0 = no matter. */
  readonly minIndex: Index
  /** For `local`: at most this long since this node last knew itself up to date. Infinity = no matter. */
  readonly maxStalenessMillis: number
  readonly deadline: Millis
  /** Called exactly once. */
  readonly answer: (answer: QueryOutcome | Failure) => void
}

export interface MemberStatus {
  readonly id: NodeId
  readonly role: "voter" | "learner"
  readonly peer: string
  readonly client: string
  /** Known to the leader only. */
  readonly progress: {
    readonly state: "probe" | "replicate" | "snapshot"
    readonly matchIndex: Index
    readonly lag: number
    readonly lastContactMillis: number | null
    readonly whole: boolean
  } | null
}

export interface GroupStatus {
  readonly group: GroupId
  readonly id: NodeId
  readonly role: "follower" | "candidate" | "leader" | "learner"
  readonly standing: Standing
  readonly term: Term
  readonly leader: NodeId | null
  /** This node leads and has applied everything up to its own first entry. */
  readonly serving: boolean
  /** This node knows a leader and has applied what was committed when it last heard from it. */
  readonly ready: boolean
  readonly commitIndex: Index
  readonly appliedIndex: Index
  readonly persistedIndex: Index
  readonly firstIndex: Index
  readonly lastIndex: Index
  /** How far the state on this node's disk has come: the log up to here is no longer needed by this node. */
  readonly snapshotIndex: Index
  readonly leaderChanges: number
  /** How long the disk has been at work on the oldest write; 0 when on none. */
  readonly diskBusyMillis: number
  /** The disk is full: no commands are taken that would count on it. */
  readonly diskShort: boolean
  readonly configuration: Configuration
  readonly members: ReadonlyArray<MemberStatus>
  /** Name → how many wait there now. */
  readonly queues: Readonly<Record<string, number>>
}

export class Raft extends Context.Service<
  Raft,
  {
    readonly group: GroupId
    /** The node's monotonic clock, for deadlines. */
    readonly now: () => Millis
    /**
     * Never waits; the answers come through the proposals. What is proposed in one call is executed in its
     * order, as far as it is executed; of two calls either may be first.
     */
    readonly propose: (proposals: ReadonlyArray<Proposal>) => void
    /** Never waits; the answer comes through the read. */
    readonly read: (read: Read) => void
    readonly status: () => GroupStatus
    /** Fails when the group can do nothing more: a failed disk, a failed machine, broken code. The node stops. */
    readonly stopped: Effect.Effect<never, GroupStopped>
    /** Answers everybody who waits, with as much as is known, and lets nobody in: the node is about to stop. */
    readonly answerAll: Effect.Effect<void>
    /** Flushes, makes a snapshot and cuts the log behind it, less the margin for slow peers. */
    readonly snapshot: Effect.Effect<Snapshot, StorageFailed | StorageFull | MachineFailed>
  }
>()("raftlet/raft/Raft") {}
