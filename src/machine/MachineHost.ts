// How does the consensus reach the reducers, wherever they run? Bytes and batches in and out.

import { Context, type Effect, Schema } from "effect"
import type { Entry, Index } from "../consensus/types.ts"
import { StateCorrupt, type StatePosition, StateStoreFull } from "../storage/StateStore.ts"
import type { Outcome, QueryOutcome } from "./outcome.ts"
import type { Checkpoint } from "./system/checkpoint.ts"

/** What a client wants to know. JSON in, JSON out. */
export type Query =
  | {
      readonly type: "query"
      readonly actor: string
      readonly key: string
      readonly query: string
      readonly input: string
    }
  | { readonly type: "state"; readonly actor: string; readonly key: string }
  | {
      readonly type: "list"
      readonly actor: string
      readonly prefix: string
      readonly after: string
      readonly limit: number
    }

/** Whether a proposal may enter the log: the bytes to append, or the answer that it already has. */
export type Admission =
  | { readonly _tag: "Admitted"; readonly command: Uint8Array }
  | { readonly _tag: "Settled"; readonly outcome: Outcome }

/**
 * The machine cannot go on. `corrupt`: its state was not what was written, and is given up; there is no room for a new
 * one while it is `full`. Otherwise, with a failed disk or a dead worker, the group stops on this node.
 */
export class MachineFailed extends Schema.TaggedError<MachineFailed>()("MachineFailed", {
  operation: Schema.String,
  message: Schema.String,
  reason: Schema.Literals(["corrupt", "full", "failed"]),
}) {}

export type FailureReason = MachineFailed["reason"]

/** What an error says that the machine or its store has thrown. */
export const reasonOf = (error: unknown): FailureReason => {
  if (error instanceof StateCorrupt) return "corrupt"
  return error instanceof StateStoreFull ? "full" : "failed"
}

/** What an operator sees of the machine. */
export interface MachineStatus {
  readonly actors: ReadonlyArray<{
    readonly name: string
    readonly version: string
    readonly commands: ReadonlyArray<string>
    readonly queries: ReadonlyArray<string>
  }>
  readonly appliedIndex: Index
  readonly instancesInMemory: number
  /** Remembered, so that a retry gets its first answer. */
  readonly outcomes: number
  /** Waiting for their time. */
  readonly timers: number
  /** Instances written since the last flush. */
  readonly dirty: number
}

/** The state machine of one group (Raft §2): same entries in the same order, same state everywhere. */
export class MachineHost extends Context.Service<
  MachineHost,
  {
    /** The position of the state as of the last flush: where applying starts. */
    readonly position: Effect.Effect<StatePosition, MachineFailed>
    /**
     * Checks proposals before they enter the log: actor, command, input schema, and, against the state
     * applied so far, idempotency keys and revisions as far as these can no longer change.
     */
    readonly admit: (
      commands: ReadonlyArray<Uint8Array>,
    ) => Effect.Effect<ReadonlyArray<Admission>, MachineFailed>
    /**
     * Applies committed entries in order, without a gap. One outcome per entry: null for those without a command
     * or without an origin, for nobody waits for them.
     */
    readonly apply: (
      entries: ReadonlyArray<Entry>,
    ) => Effect.Effect<ReadonlyArray<Outcome | null>, MachineFailed>
    /** Answers from what has been applied, all at the same index. */
    readonly query: (
      queries: ReadonlyArray<Query>,
    ) => Effect.Effect<ReadonlyArray<QueryOutcome>, MachineFailed>
    /**
     * Makes everything applied so far durable; succeeds with the index it covers. While the disk is full that is
     * the index of an earlier flush, and the next one tries again.
     */
    readonly flush: Effect.Effect<Index, MachineFailed>
    /** Log time, ms since 1970, at which the first timer falls due; null when none waits. */
    readonly nextTimer: Effect.Effect<number | null, MachineFailed>
    /**
     * Commands of the timers due at `now`, earliest first, to be admitted and proposed like any other. They stay
     * due until an entry has fired them; proposing one twice is harmless, only the first fires (HAZARDS D9).
     */
    readonly due: (now: number, max: number) => Effect.Effect<ReadonlyArray<Uint8Array>, MachineFailed>
    /** Hash over all instances, outcomes and timers: equal on all replicas at equal index. */
    readonly stateHash: Effect.Effect<{ readonly index: Index; readonly hash: string }, MachineFailed>
    /** What {@link stateHash} was at the newest checkpoints applied since the state was opened, oldest first. */
    readonly checkpoints: Effect.Effect<ReadonlyArray<Checkpoint>, MachineFailed>
    /** Closes the state, lets the snapshot's file take its place, and opens that. */
    readonly install: (snapshotId: string) => Effect.Effect<StatePosition, MachineFailed>
    /**
     * Gives the state up, whatever it is: its file is kept as evidence, as of now if that can be, and an empty state is
     * opened. When that fails for want of room it may be asked for again.
     */
    readonly giveUp: Effect.Effect<StatePosition, MachineFailed>
    readonly status: Effect.Effect<MachineStatus, MachineFailed>
  }
>()("raftlet/machine/MachineHost") {}
