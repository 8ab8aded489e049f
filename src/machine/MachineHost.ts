// How does the consensus reach the reducers, wherever they run? Bytes and batches in and out.

import { Context, type Effect, Schema } from "effect"
import type { Entry, GroupId, Index } from "../consensus/types.ts"
import { StateCorrupt, type StatePosition, StateStoreFull } from "../storage/StateStore.ts"
import type { Manifest } from "./Catalogue.ts"
import type { Emitted } from "./Emissions.ts"
import type { Fault } from "./fault.ts"
import type { Outcome, QueryOutcome, Refused } from "./outcome.ts"
import type { Portion, PortionAsked } from "./portions.ts"
import type { SlotRange } from "./slots.ts"
import type { Changes } from "./system/changes.ts"
import type { Checkpoint } from "./system/checkpoint.ts"
import type { GroupList } from "./system/GroupDirectory.ts"
import type { Plan, PlanRequest } from "./system/plan.ts"
import type { Quarantine, Voided } from "./system/Quarantines.ts"
import type { Places, ShardStatus } from "./system/Whereabouts.ts"

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
      /** Who asks takes the group to have these: it has them all, or says `elsewhere`. Absent: some will do. */
      readonly slots?: ReadonlyArray<SlotRange>
    }

/** What a watcher of one instance has seen. */
export interface EventsAsked {
  readonly actor: string
  readonly key: string
  /** All events of entries up to here; null: it begins with what comes next. */
  readonly after: Index | null
  /** The move by which the key had come to the group whose index that is. Absent: by none. */
  readonly move?: Index
}

/** The events of one entry, in their order; never none. */
export interface EntryEvents {
  readonly index: Index
  readonly events: ReadonlyArray<Emitted>
}

/** What watchers are to see next. */
export interface EventsAnswer {
  /** All that was applied up to here has been looked at. */
  readonly index: Index
  /** In the order of the questions. */
  readonly outcomes: ReadonlyArray<EventsOutcome>
}

export type EventsOutcome =
  /** In the order of the log, and all that there are behind `after` up to here: the answer's index, or a full page. */
  | {
      readonly _tag: "Events"
      readonly entries: ReadonlyArray<EntryEvents>
      readonly upTo: Index
      /** By which the key has come to this group. Absent: by none. */
      readonly move?: Index
    }
  /** Some of what lies behind `after` is not kept any more: the whole state at the answer's index, as JSON. */
  | { readonly _tag: "Reset"; readonly body: string; readonly move?: Index }
  /** The answer is as large as it may be without this one: ask again. Never the first. */
  | { readonly _tag: "Postponed" }
  | Refused

/** Whether a proposal may enter the log: the bytes to append, or the answer that it already has. */
export type Admission =
  | { readonly _tag: "Admitted"; readonly command: Uint8Array }
  /** It runs once before it may enter the log: nobody vouches for its code. */
  | { readonly _tag: "Untried"; readonly command: Uint8Array; readonly actor: string }
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

/** An entry that the machine cannot get past, because whoever runs the code for it fails each time. */
export interface Stuck {
  readonly index: Index
  readonly actor: string
  readonly key: string
  readonly fault: Fault
}

/** Code of an actor that no entry has brought yet. */
export interface Draft {
  readonly actor: string
  readonly code: string
  readonly source: "file" | "upload"
}

/** An actor of this node's own files: bundled, and seen to be one. */
export interface OwnActor extends Draft {
  readonly version: string
  readonly manifest: Manifest
}

export type Inspection =
  | { readonly version: string; readonly manifest: Manifest }
  /** `isBlameless`: it could not be looked at just now. */
  | { readonly version: string; readonly problem: string; readonly isBlameless: boolean }

/** A version of an actor, by its names. */
export interface LedActor {
  readonly actor: string
  readonly version: string
}

/** What answers requests of an actor now. */
export interface RoutedActor {
  /** The active version; null: nothing of it answers any. */
  readonly version: string | null
}

/** One actor, as operators see it. */
export interface ActorStatus {
  readonly name: string
  readonly active: string | null
  readonly previous: string | null
  readonly activatedAt: Index
  /** None of its instances takes a command of the active version, from that entry on. */
  readonly suspendedSince: Index | null
  readonly versions: ReadonlyArray<{
    readonly version: string
    readonly declared: number
    readonly by: string
    readonly source: "file" | "upload"
    readonly index: Index
    readonly at: number
    readonly bytes: number
    readonly commands: ReadonlyArray<string>
    readonly queries: ReadonlyArray<string>
    readonly hasLeading: boolean
    readonly hasRoutes: boolean
    /** Where its definition wants the actor to live; null: it does not say. Where it lives was settled once and for all. */
    readonly group: GroupId | null
    readonly shards: number | null
    readonly replicas: number | null
    /** That it wrote last. */
    readonly instances: number
  }>
  readonly offers: { readonly [node: string]: { readonly version: string; readonly declared: number } }
  readonly quarantined: ReadonlyArray<Quarantine>
}

/** What an operator sees of the machine. */
export interface MachineStatus {
  readonly actors: ReadonlyArray<{
    readonly name: string
    /** The active one. */
    readonly version: string
    readonly declared: number
    /** None of its instances takes a command of that version. */
    readonly isSuspended: boolean
    /** Of its instances, by whichever version. */
    readonly quarantined: number
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
  /** Instances that take no commands until an operator repairs them. */
  readonly quarantined: number
  /** Commands that were voided since the state was opened. */
  readonly voided: number
  readonly stuck: Stuck | null
}

/** The state machine of one group (Raft §2): same entries in the same order, same state everywhere. */
export class MachineHost extends Context.Service<
  MachineHost,
  {
    /** What this node has in its actors directory: to be offered to the group. */
    readonly own: ReadonlyArray<OwnActor>
    /** Why the state was given up that was found when this host was opened; null: it was not. */
    readonly lost: string | null
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
     * Checks and runs once what was admitted as untried, one after the other: each is settled, or admitted, or what is
     * to stand in its place is. It may take as long as the code takes to be given up.
     */
    readonly trial: (
      commands: ReadonlyArray<Uint8Array>,
    ) => Effect.Effect<ReadonlyArray<Admission>, MachineFailed>
    /**
     * Applies committed entries in order, without a gap. One outcome per entry: null for those without a command
     * or without an origin, for nobody waits for them. Fewer than entries when it is stuck at the next one: that one
     * and what follows are to be given again.
     */
    readonly apply: (
      entries: ReadonlyArray<Entry>,
    ) => Effect.Effect<ReadonlyArray<Outcome | null>, MachineFailed>
    /** What a later entry voids, before the entries are applied again that the machine is stuck at. */
    readonly foresee: (voided: Voided) => Effect.Effect<void, MachineFailed>
    /** Answers from what has been applied, all at the same index. */
    readonly query: (
      queries: ReadonlyArray<Query>,
    ) => Effect.Effect<ReadonlyArray<QueryOutcome>, MachineFailed>
    /**
     * What watchers have not seen yet, all as of the same applied index: of a cursor that is too old, the state, so
     * that state and later events neither overlap nor leave a gap. A cursor that is ahead of this node gets nothing.
     */
    readonly events: (asked: ReadonlyArray<EventsAsked>) => Effect.Effect<EventsAnswer, MachineFailed>
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
    /**
     * What entries behind that one have changed of actors and their instances, oldest first: those that were applied since
     * the state was opened. Those before it are forgotten.
     */
    readonly changes: (after: Index) => Effect.Effect<Changes, MachineFailed>
    /** Closes the state, lets the snapshot's file take its place, and opens that. */
    readonly install: (snapshotId: string) => Effect.Effect<StatePosition, MachineFailed>
    /**
     * Gives the state up, whatever it is: its file is kept as evidence, as of now if that can be, and an empty state is
     * opened. When that fails for want of room it may be asked for again.
     */
    readonly giveUp: Effect.Effect<StatePosition, MachineFailed>
    readonly status: Effect.Effect<MachineStatus, MachineFailed>
    /** Loads code of an actor where nobody's commands run, and says what it is. */
    readonly inspect: (draft: Draft) => Effect.Effect<Inspection, MachineFailed>
    /** What another version would change. Nothing is written. */
    readonly plan: (asked: PlanRequest) => Effect.Effect<Plan | Refused, MachineFailed>
    /** Actors of which something runs where the group leads, and the version of it that is active now. */
    readonly led: Effect.Effect<ReadonlyArray<LedActor>, MachineFailed>
    /** Which version of an actor answers requests; null: there is no such actor, or nobody has switched it on. */
    readonly routed: (actor: string) => Effect.Effect<RoutedActor | null, MachineFailed>
    /** The code of a version; null when it is not known. */
    readonly code: (actor: LedActor) => Effect.Effect<string | null, MachineFailed>
    /** All that is known of actors and their versions, as of now. */
    readonly actors: Effect.Effect<ReadonlyArray<ActorStatus>, MachineFailed>
    /** The groups of the cluster, as of now; none but in `main`. */
    readonly groups: Effect.Effect<GroupList, MachineFailed>
    /** Where actors live, as of now; nowhere known but in `main`. */
    readonly places: Effect.Effect<Places, MachineFailed>
    /** What this group has of an actor, and what of it is on its way, as of now; null: it was never given anything. */
    readonly shard: (actor: string) => Effect.Effect<ShardStatus | null, MachineFailed>
    /** What is handed over next of keys that this group has let go of; null: no such move is under way here. */
    readonly portion: (asked: PortionAsked) => Effect.Effect<Portion | null, MachineFailed>
  }
>()("raftlet/machine/MachineHost") {}
