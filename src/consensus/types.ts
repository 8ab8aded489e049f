// What are the facts that the decisions are about? The words of the paper, and no behaviour.

/** A member of the cluster, stable for life; its addresses may change. */
export type NodeId = string
/** One independent Raft log with its own leader. */
export type GroupId = string
/** Counts elections; 0 before the first. */
export type Term = number
/** A position in the log; the first entry is 1, 0 is "before the first". */
export type Index = number
/** A point on the node's monotonic clock, in whole milliseconds. Only differences mean something. */
export type Millis = number

/**
 * Who waits for an entry. Opaque to the decisions: it rides on the leader's in-memory entry,
 * is never stored and never sent.
 */
export type Origin = object

/** One entry of the replicated log (Raft §5.3). */
export interface Entry {
  readonly index: Index
  readonly term: Term
  /** The leader's wall clock when it appended the entry, ms since 1970; never decreases along a log. */
  readonly time: number
  readonly kind: EntryKind
  /** Bytes of the command; a configuration is encoded by `encodeConfiguration`; empty for a no-op. */
  readonly data: Uint8Array
  /** Set only on the leader that took the proposal, until somebody has answered. */
  origin: Origin | null
}

export type EntryKind = "noop" | "command" | "configuration"

/** Where a node can be reached. */
export interface Address {
  /** `host:port` of the peer port (Raft messages). */
  readonly peer: string
  /** `http://host:port` of the client port; empty when not known. */
  readonly client: string
  /**
   * Of the data directory that is meant by this member; absent: whichever was seen first under its id. A node that
   * comes back without its data, or with an older copy of it, has another one (HAZARDS S6, M10).
   */
  readonly incarnation?: string
  /**
   * Who leads rather than others: a voter waits one election timeout longer for each voter with a higher one. 0: never
   * leads. Absent: 1.
   */
  readonly priority?: number
}

/** Where a change of members leads. */
export interface Aim {
  readonly voters: ReadonlyArray<NodeId>
  readonly learners: ReadonlyArray<NodeId>
  /** Of all of them. */
  readonly addresses: Readonly<Record<NodeId, Address>>
}

/**
 * Who takes part (Raft §6, thesis §4.3). While `outgoing` is not empty the configuration is joint:
 * every decision needs a majority of `voters` and a majority of `outgoing`.
 */
export interface Configuration {
  readonly voters: ReadonlyArray<NodeId>
  /** The voters of the configuration that is being left; empty when not joint. */
  readonly outgoing: ReadonlyArray<NodeId>
  /** Receive the log, neither vote nor count. Disjoint from both voter sets. */
  readonly learners: ReadonlyArray<NodeId>
  /** Voters of `outgoing` that become learners when the joint configuration is left. */
  readonly learnersNext: ReadonlyArray<NodeId>
  readonly addresses: Readonly<Record<NodeId, Address>>
  /**
   * The term of the last reset by decree, which is one node's own; absent: there was none. Whoever knows of an earlier
   * one is fenced off (HAZARDS O7).
   */
  readonly epoch?: number
  /** Of the reset that made this configuration: the voters before, whose majority was given up. For those who read the log. */
  readonly resetFrom?: ReadonlyArray<NodeId>
  /** Where a change leads that waits for newcomers to catch up; every leader goes on with it. */
  readonly goal?: Aim
}

/** What an operator wants changed. */
export type Change =
  | {
      readonly kind: "set"
      readonly voters: ReadonlyArray<NodeId>
      readonly learners: ReadonlyArray<NodeId>
      /** Of those that are no members yet; also new ones of members. */
      readonly addresses: Readonly<Record<NodeId, Address>>
    }
  | {
      readonly kind: "add"
      readonly id: NodeId
      readonly address: Address
      readonly as: "voter" | "learner"
    }
  | { readonly kind: "remove"; readonly id: NodeId }
  | { readonly kind: "promote"; readonly id: NodeId }
  /** `by` takes the place of `id`, in one change. */
  | { readonly kind: "replace"; readonly id: NodeId; readonly by: NodeId; readonly address: Address }

/** What a node must never forget (Raft figure 2). One durable position. */
export interface HardState {
  readonly term: Term
  readonly votedFor: NodeId | null
}

/** The position just before the first entry that the log still holds. */
export interface LogBase {
  readonly index: Index
  readonly term: Term
}

/** A run of consecutive entries of one term: what is left of a log when only its shape matters. */
export interface TermRun {
  readonly term: Term
  readonly firstIndex: Index
}

/**
 * `whole`: the node holds all that it ever acknowledged. `suspect`: its disk came back shorter or
 * altered; it neither votes nor counts until a leader has repaired it (HAZARDS S4, S5).
 */
export type Standing = "whole" | "suspect"

/** A state machine image, complete as of `index`. */
export interface SnapshotPosition {
  readonly index: Index
  readonly term: Term
  /** The configuration as of `index`, never a later one. */
  readonly configuration: Configuration
}

/** What must reach the disk, in one transaction, before anything that rests on it is said. */
export interface Write {
  /** Counts the writes of one run of one group, from 1. */
  readonly sequence: number
  readonly hardState: HardState | null
  /** Empty the log and begin it anew behind this position, which a finished snapshot covers. */
  readonly install: (SnapshotPosition & { readonly snapshotId: string }) | null
  /** Remove this entry and all behind it, before `entries` are appended. */
  readonly truncateFrom: Index | null
  readonly entries: ReadonlyArray<Entry>
  readonly standing: Standing | null
}
