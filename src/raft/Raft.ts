// What does the rest of the house ask of a Raft group? The door: proposals, reads, status.

import { Context, type Effect, Schema, type Scope } from "effect"
import type { ChangeRefused } from "../consensus/membership.ts"
import type {
  Change,
  Configuration,
  EntryKind,
  GroupId,
  Index,
  Millis,
  NodeId,
  Standing,
  Term,
} from "../consensus/types.ts"
import type { MachineFailed, Query } from "../machine/MachineHost.ts"
import type { Outcome, QueryOutcome } from "../machine/outcome.ts"
import type { Checkpoint } from "../machine/system/checkpoint.ts"
import type { StorageFailed, StorageFull } from "../storage/LogStore.ts"
import type { HeldSnapshot, Snapshot } from "../storage/SnapshotStore.ts"

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
    /** This node's state is in repair. */
    | "not-ready"
    | ChangeRefused["code"]
    /** The successor did not take over in time; this node goes on leading. */
    | "transfer-failed"
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

/** This node's state is not what it should be; no copy of it is made before it is repaired. */
export class StateInRepair extends Schema.TaggedError<StateInRepair>()("StateInRepair", {
  group: Schema.String,
}) {}

/** Nothing has come into this node's state yet: there is nothing to copy. */
export class StateEmpty extends Schema.TaggedError<StateEmpty>()("StateEmpty", {
  group: Schema.String,
}) {}

/** The node's disk has lost something of the log; nothing of it is shown before a leader has repaired it. */
export class LogInRepair extends Schema.TaggedError<LogInRepair>()("LogInRepair", {
  group: Schema.String,
}) {}

export interface Proposal {
  /** An encoded command (`machine/command`), always with an idempotency key. */
  readonly command: Uint8Array
  /** When its client stops waiting. */
  readonly deadline: Millis
  /** False: do not hand it to another node. Answers `not-leader` when this node does not lead. */
  readonly forward: boolean
  /** The term in which this node leads; it is executed by an entry of that term or not at all. Null: of any. */
  readonly term?: Term | null
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

/** What became of a change of members. */
export interface Changed {
  readonly configuration: Configuration
  /** Where the configuration stands in the log. */
  readonly index: Index
  readonly term: Term
  /** False: the change is in the log for good, and waits for newcomers to catch up; every leader goes on with it. */
  readonly isDone: boolean
}

export interface ChangeRequest {
  readonly change: Change
  /** Also when too few of the new voters are alive to go on. */
  readonly force: boolean
  /**
   * Whoever asks has looked at everything that is bound to members, up to this entry: where the log holds more of it the
   * change is refused (`change-in-progress`). Absent: that is no matter.
   */
  readonly seen?: Index
  /** False: answered as soon as it is in the log for good, done or not. Absent: once it is done, or at the deadline. */
  readonly waits?: boolean
  readonly deadline: Millis
  /** Called exactly once. */
  readonly answer: (answer: Changed | Failure) => void
}

export interface ResetRequest {
  /** Who goes on, the asked node among them. */
  readonly voters: ReadonlyArray<NodeId>
  readonly deadline: Millis
  /** Called exactly once. */
  readonly answer: (answer: Changed | Failure) => void
}

export interface TransferRequest {
  /** Null: whoever is furthest. */
  readonly to: NodeId | null
  readonly deadline: Millis
  /** Called exactly once, with who leads now. */
  readonly answer: (answer: { readonly leader: NodeId; readonly term: Term } | Failure) => void
}

export interface LogRange {
  /** An index before the first that the log still holds means that one. */
  readonly from: Index
  readonly entriesMax: number
  /** Of what the entries hold; one comes in any case. */
  readonly bytesMax: number
}

/** What this node's own log holds that is committed. */
export interface LogPage {
  /** What came before, only a snapshot holds. */
  readonly firstIndex: Index
  /** The last that is committed, as far as this node knows; before `firstIndex` when there is none. */
  readonly lastIndex: Index
  /** Without a gap; empty when `from` lies behind `lastIndex`. */
  readonly entries: ReadonlyArray<ReadableEntry>
}

export interface ReadableEntry {
  readonly index: Index
  readonly term: Term
  /** The leader's wall clock, ms since 1970. */
  readonly time: number
  readonly kind: EntryKind
  /** Encoded (`machine/command`); null unless the entry is a command. */
  readonly command: Uint8Array | null
  /** Null unless the entry is a configuration. */
  readonly configuration: Configuration | null
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

/**
 * How it was found that a state is not what it should be. `differs`: from a majority's, at a checkpoint; `corrupt`: by a
 * row or page that the machine has read; `scrub`: when all of it was read, for that alone or for a copy;
 * `stuck`: the machine could not get past an entry that the leader's got past; `missing`: there was none when the node
 * started, though its log had entries.
 */
export type PartingReason = "differs" | "corrupt" | "scrub" | "stuck" | "missing"

/** A node's state is not what the others have. */
export interface Parting {
  readonly reason: PartingReason
  /** The checkpoint at which it differs, or how far the machine was. */
  readonly index: Index
  /** The wall clock's time, ms since 1970. */
  readonly since: number
}

/** What can be asked of a thousand groups now and then: it costs a few comparisons. */
export interface Glance {
  readonly leader: NodeId | null
  /** This node leads and has applied everything up to its own first entry. */
  readonly serving: boolean
  /** Nobody wants anything of the group: it does not tick, and wakes on demand. */
  readonly resting: boolean
  /** That rules here: the newest in the log, committed or not. */
  readonly configuration: Configuration
  /** The newest that is known to be committed. */
  readonly committed: Configuration
}

export interface GroupStatus extends Glance {
  readonly group: GroupId
  readonly id: NodeId
  readonly role: "follower" | "candidate" | "leader" | "learner"
  readonly standing: Standing
  readonly term: Term
  /** This node knows a leader and has applied what was committed when it last heard from it. */
  readonly ready: boolean
  /**
   * How long ago this node heard its leader, or at rest that one's process, in ms, also where it is far behind; 0: it leads.
   * Infinity: it knows none.
   */
  readonly heardMillis: number
  readonly commitIndex: Index
  readonly appliedIndex: Index
  readonly persistedIndex: Index
  readonly firstIndex: Index
  readonly lastIndex: Index
  readonly lastTerm: Term
  /** How far the state on this node's disk has come: the log up to here is no longer needed by this node. */
  readonly snapshotIndex: Index
  readonly leaderChanges: number
  /** Why every peer refuses this node, while it knows no leader: it was removed, most likely. Null otherwise. */
  readonly outcast: string | null
  /** How long the disk has been at work on the oldest write; 0 when on none. */
  readonly diskBusyMillis: number
  /** The disk is full: no commands are taken that would count on it. */
  readonly diskShort: boolean
  /** Not null: nothing of this node's state is shown before it is repaired. */
  readonly parted: Parting | null
  /** How often that has happened since the node started, by reason. */
  readonly partings: Readonly<Record<PartingReason, number>>
  /** The newest that this node's machine has come past since its state was opened. */
  readonly checkpoint: Checkpoint | null
  /** Checkpoints at which no majority can agree, as far as this node has seen them while it led. */
  readonly splits: number
  /** How often all of the state on this node's disk was read since it was opened, and how long the last time took. */
  readonly scrubs: { readonly count: number; readonly tookMillis: Millis }
  readonly members: ReadonlyArray<MemberStatus>
  /** Name → how many wait there now. */
  readonly queues: Readonly<Record<string, number>>
}

/** Why there is no copy of the state. */
export type CopyFailed = StorageFailed | StorageFull | MachineFailed | StateInRepair | StateEmpty

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
    /** Never waits. Only the leader does it; nothing is handed on. */
    readonly change: (request: ChangeRequest) => void
    /** Never waits. The majority is lost for good, and an operator has decided that these go on (HAZARDS O7). */
    readonly reset: (request: ResetRequest) => void
    /** Never waits. Only the leader does it; nothing is handed on. */
    readonly transfer: (request: TransferRequest) => void
    /**
     * Calls back whenever this node has applied more, or has taken over a snapshot, until it is told to stop by what it
     * gives back. Whoever is called must be quick, and must not throw.
     */
    readonly onApplied: (told: () => void) => () => void
    /** As it is in {@link status}. */
    readonly glance: () => Glance
    readonly status: () => GroupStatus
    /** Fails when the group can do nothing more: a failed disk, a failed machine, broken code. The node stops. */
    readonly stopped: Effect.Effect<never, GroupStopped>
    /**
     * When this node leads, somebody else does when it ends, or nobody can: for a node that is about to stop. First it
     * ends what users have run where it leads, for good. Takes no longer than that, and two election timeouts.
     */
    readonly handOver: Effect.Effect<void>
    /** Answers everybody who waits, with as much as is known, and lets nobody in: the node is about to stop. */
    readonly answerAll: Effect.Effect<void>
    /** Flushes, makes a snapshot and cuts the log behind it, less the margin for slow peers. */
    readonly snapshot: Effect.Effect<Snapshot, CopyFailed>
    /**
     * A snapshot of all that this node had applied when it was asked, or more, readable until the scope closes. For
     * all that was acknowledged anywhere, ask a linearizable read first.
     */
    readonly backup: Effect.Effect<HeldSnapshot, CopyFailed, Scope.Scope>
    /** Committed entries of this node's own log, and never others. */
    readonly log: (range: LogRange) => Effect.Effect<LogPage, LogInRepair | StorageFailed>
  }
>()("raftlet/raft/Raft") {}
