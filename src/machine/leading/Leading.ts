// Who runs what users want to run where their group leads? A service that a group calls when it begins to lead.

import { Context, type Effect, type Scope } from "effect"
import type { GroupId, NodeId, Term } from "../../consensus/types.ts"
import type { FailureCount, ThreadFault } from "../beside/fault.ts"
import type { Query } from "../MachineHost.ts"
import type { Outcome, QueryOutcome } from "../outcome.ts"

/** The door of a group to whoever runs beside its leader. */
export interface Leadership {
  readonly group: GroupId
  /** The leader, and the term that it leads in: no other node ever leads in it. */
  readonly node: NodeId
  readonly term: Term
  /**
   * Fenced: executed by an entry of this term or not at all, whatever this node believes of itself. So nothing that is
   * proposed here is executed behind the first entry of a later leader.
   */
  readonly propose: (command: Uint8Array, millisMax: number) => Effect.Effect<Outcome | Unanswered>
  readonly read: (
    query: Query,
    consistency: Consistency,
    millisMax: number,
  ) => Effect.Effect<QueryOutcome | Unanswered>
  /** Calls back whenever more is applied, until it is told to stop by what it gives back. */
  readonly onApplied: (told: () => void) => () => void
}

export type Consistency = "linearizable" | "lease" | "local"

/** The machine gave no answer, and why. `outcome`: it will not happen, or nobody knows. */
export interface Unanswered {
  readonly _tag: "Failure"
  readonly code: string
  readonly outcome: "rejected" | "unknown"
  readonly detail: string
}

/** What runs for one leadership. When its scope closes it is ended at once, whatever it is doing, and nobody waits. */
export interface Led {
  /** Interrupts it, and waits until it has cleaned up, for a bounded time; then it is ended all the same. */
  readonly end: Effect.Effect<void>
}

/** Why a `leading` is not running any more that should be. */
export type LeadingFault = ThreadFault

/** What operators see of one actor's `leading`, where its group leads. */
export interface LeadingStatus {
  readonly actor: string
  readonly version: string
  readonly term: Term
  /** `pausing`: it has failed, and begins again soon. `ended`: it came to its end by itself, and stays there. */
  readonly state: "starting" | "running" | "pausing" | "ended"
  /** Of the state, ms since 1970. */
  readonly since: number
  /** How often it was begun again in this leadership. */
  readonly restarts: number
  readonly lastFailure: (LeadingFault & { readonly at: number }) | null
}

export interface LeadingService {
  /** Begins; never fails and does not wait for anything of users. */
  readonly lead: (leadership: Leadership) => Effect.Effect<Led, never, Scope.Scope>
  /** Empty where this node does not lead, or no actor has anything to run there. */
  readonly status: () => ReadonlyArray<LeadingStatus>
  readonly failures: () => ReadonlyArray<FailureCount>
}

/** Null: nothing of users runs beside a leader. */
export const Leading = Context.Reference<LeadingService | null>("raftlet/machine/Leading", {
  defaultValue: () => null,
})
