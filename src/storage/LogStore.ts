// What does the node ask of the disk that holds its log?

import { Context, type Effect, Schema } from "effect"
import type {
  Configuration,
  Entry,
  GroupId,
  HardState,
  Index,
  LogBase,
  NodeId,
  Standing,
  TermRun,
  Write,
} from "../consensus/types.ts"

/** The disk failed. Never retried in place: after a failed sync the cache lies (HAZARDS S2). The node stops. */
export class StorageFailed extends Schema.TaggedError<StorageFailed>()("StorageFailed", {
  operation: Schema.String,
  message: Schema.String,
  cause: Schema.Defect(),
}) {}

/** No room on the disk. Nothing of the batch was written; the same batch may be tried again. */
export class StorageFull extends Schema.TaggedError<StorageFull>()("StorageFull", {
  operation: Schema.String,
}) {}

/** The entry asked for lies at or before the base: only a snapshot holds it (HAZARDS S14). */
export class Compacted extends Schema.TaggedError<Compacted>()("Compacted", {
  index: Schema.Number,
  baseIndex: Schema.Number,
}) {}

/** The data directory cannot be used: taken by another process, another format, another node or cluster. */
export class DataDirectoryRefused extends Schema.TaggedError<DataDirectoryRefused>()("DataDirectoryRefused", {
  directory: Schema.String,
  reason: Schema.String,
}) {}

/** Who a data directory belongs to. Written once, when it is made. */
export interface Identity {
  readonly clusterId: string
  readonly nodeId: NodeId
  /** Made anew with every fresh data directory: a wiped node is not the voter that it was (HAZARDS S6). */
  readonly incarnation: string
}

/** What a group finds on disk when its node starts. */
export interface LoadedGroup {
  readonly hardState: HardState
  readonly base: LogBase
  /** The configuration as of `base`. */
  readonly baseConfiguration: Configuration
  readonly lastIndex: Index
  /** Shape of the log behind `base`, in ascending order. */
  readonly terms: ReadonlyArray<TermRun>
  /** All configuration entries behind `base`, in ascending order. */
  readonly configurations: ReadonlyArray<{ readonly index: Index; readonly configuration: Configuration }>
  /** The newest entries, without a gap up to `lastIndex`; as many as the caller's byte limit allows. */
  readonly tail: ReadonlyArray<Entry>
  readonly standing: Standing
  /** Why the standing is `suspect`; empty when whole. */
  readonly suspicion: string
  /** A snapshot whose install was begun: its file must become the state before anything else. */
  readonly pendingInstall: { readonly snapshotId: string; readonly index: Index } | null
}

/** A write of one group, as one part of a batch that becomes durable together. */
export interface GroupWrite {
  readonly group: GroupId
  readonly write: Write
}

/** The log and the hard state of all groups of this node: one file, one writer, one sync per batch. */
export class LogStore extends Context.Service<
  LogStore,
  {
    readonly identity: Identity
    /**
     * Fails about a second after the disk has failed, also when nobody was waiting for it: a node that neither
     * writes nor can be written to must end like any other (HAZARDS S2).
     */
    readonly failed: Effect.Effect<never, StorageFailed>
    /** Incarnation by which this node knows a peer; the first one seen is kept for ever. */
    readonly rememberIncarnation: (
      peer: NodeId,
      incarnation: string,
    ) => Effect.Effect<"known" | "another", StorageFailed>
    /**
     * Reads and verifies a group: checksums, chain, and the marks outside the file. Makes the group with
     * `initial` as its base configuration when it does not exist. `stateIndex` and `stateTerm` say how far
     * the state on disk has come: a log that ends before it has lost something.
     */
    readonly load: (options: {
      readonly group: GroupId
      readonly initial: Configuration
      readonly stateIndex: Index
      readonly stateTerm: number
      readonly stateConfiguration: Configuration
      readonly tailBytesMax: number
      /**
       * True: this node never had the group. While something of the log is lost, a group that is not found counts as lost
       * with it, and is suspect; with this it is not, unless the mark names it or its state has come to something.
       * False: it had, so one that is not found is suspect in any case. Not said: what is found decides.
       *
       * Whoever says that it is new must know it from a log that was whole all the time: the entry that founds the group came into
       * the log of group `main` on this node after this process had loaded it as whole, or after it had been repaired.
       * That the entry is applied for the first time does not tell: a state that lags behind applies it once more.
       */
      readonly isNew?: boolean
    }) => Effect.Effect<LoadedGroup, StorageFailed>
    /** Durable when it succeeds: all of the batch in one transaction, or nothing. Batches keep their order. */
    readonly write: (batch: ReadonlyArray<GroupWrite>) => Effect.Effect<void, StorageFailed | StorageFull>
    /** Entries from `from` to `to`, both included, at least one, then as many as fit `bytesMax`. Verified. */
    readonly read: (options: {
      readonly group: GroupId
      readonly from: Index
      readonly to: Index
      readonly bytesMax: number
    }) => Effect.Effect<ReadonlyArray<Entry>, StorageFailed | Compacted>
    /** The base moves to `through` at once; the rows behind it go in chunks that let writes pass. */
    readonly compact: (options: {
      readonly group: GroupId
      readonly through: LogBase
      /** As of `through.index`. */
      readonly configuration: Configuration
    }) => Effect.Effect<void, StorageFailed | StorageFull>
    /** The pending install is done: its file is the state now. Waits for room when there is none. */
    readonly installed: (group: GroupId) => Effect.Effect<void, StorageFailed>
    /**
     * The group is gone, durably when it succeeds: record, entries and mark. Its life on this node must have ended.
     * Whoever loads one of the same name makes a new one, which has promised nothing. A crash in between leaves the
     * group as it was or gone; a group that is not there is gone. Waits for room when there is none.
     */
    readonly forget: (group: GroupId) => Effect.Effect<void, StorageFailed>
    /**
     * The disk is full, and the room that was kept for this is in use (HAZARDS S7): what is written now is what the
     * node needs to go on. Entries are refused as soon as they would use up what term, vote, a flush and the cut of the
     * log need. False again when as much room is kept as before.
     */
    readonly isShort: () => boolean
    /**
     * How many commits the log on disk counts: durable, and never less at a later start. Where it is less, the whole
     * directory is an older copy, which only those can tell who were told (HAZARDS S6).
     */
    readonly sequence: () => number
    /** From now on the log counts more than that: its directory was an older copy, and that has been dealt with. */
    readonly outrun: (sequence: number) => Effect.Effect<void, StorageFailed>
    /** Another file of the directory has found no room: what is kept is for that file as well. */
    readonly giveRoom: Effect.Effect<void, StorageFailed>
  }
>()("raftlet/storage/LogStore") {}
