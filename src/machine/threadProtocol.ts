// What do the consensus thread and the thread of the machines say to each other? Each request has one reply; of those that
// wait for users' code, a later one may be answered first.

import type { Configuration, Entry, GroupId, Index, NodeId } from "../consensus/types.ts"
import type { StatePosition } from "../storage/StateStore.ts"
import type { MachineLimits } from "./limits.ts"
import type {
  ActorStatus,
  Admission,
  Draft,
  EventsAnswer,
  EventsAsked,
  FailureReason,
  Inspection,
  LedActor,
  MachineStatus,
  Query,
  RoutedActor,
} from "./MachineHost.ts"
import type { Accepted, Outcome, QueryOutcome, Refused } from "./outcome.ts"
import { packBytes, unpackBytes } from "./packing.ts"
import type { Portion, PortionAsked } from "./portions.ts"
import type { Changes } from "./system/changes.ts"
import type { Checkpoint } from "./system/checkpoint.ts"
import type { GroupList } from "./system/GroupDirectory.ts"
import type { Plan, PlanRequest } from "./system/plan.ts"
import type { Voided } from "./system/Quarantines.ts"
import type { Places, ShardStatus } from "./system/Whereabouts.ts"

/** The first request, of the node itself. */
export interface BeginOptions {
  readonly node: NodeId
  readonly limits: Partial<MachineLimits>
  /** Of all states in the thread so many keep their file open, those that were used last; more while they are in use. */
  readonly statesOpenMax: number
}

export interface OpenOptions {
  readonly statePath: string
  readonly initial: Configuration
}

/** What whoever opens a state asks next. */
export interface Opened {
  readonly position: StatePosition
  readonly changes: Changes
  readonly nextTimer: number | null
  readonly led: ReadonlyArray<LedActor>
}

/** What whoever applies entries asks next. */
export interface Applied {
  /** Packed, of those with an origin. */
  readonly outcomes: string
  readonly nextTimer: number | null
  /** The newest ones; null: none of the entries was one. */
  readonly checkpoints: ReadonlyArray<Checkpoint> | null
}

/** What each operation is given, and what it gives. */
export interface Operations {
  readonly begin: { readonly given: BeginOptions; readonly gives: null }
  /** The last one, of the node itself: no code of users runs any more, and no process of theirs is left behind. */
  readonly end: { readonly given: null; readonly gives: null }
  readonly open: { readonly given: OpenOptions; readonly gives: Opened }
  readonly position: { readonly given: null; readonly gives: StatePosition }
  /** Packed commands. */
  readonly admit: { readonly given: Uint8Array; readonly gives: PackedAdmissions }
  /** Packed commands. */
  readonly trial: { readonly given: Uint8Array; readonly gives: PackedAdmissions }
  /** Packed entries. */
  readonly apply: { readonly given: Uint8Array; readonly gives: Applied }
  readonly foresee: { readonly given: Voided; readonly gives: null }
  readonly query: { readonly given: ReadonlyArray<Query>; readonly gives: ReadonlyArray<QueryOutcome> }
  readonly events: { readonly given: ReadonlyArray<EventsAsked>; readonly gives: EventsAnswer }
  readonly flush: { readonly given: null; readonly gives: number }
  readonly nextTimer: { readonly given: null; readonly gives: number | null }
  /** Packed commands. */
  readonly due: { readonly given: { readonly now: number; readonly max: number }; readonly gives: Uint8Array }
  readonly stateHash: {
    readonly given: null
    readonly gives: { readonly index: number; readonly hash: string }
  }
  readonly checkpoints: { readonly given: null; readonly gives: ReadonlyArray<Checkpoint> }
  readonly changes: { readonly given: Index; readonly gives: Changes }
  readonly status: { readonly given: null; readonly gives: MachineStatus }
  readonly inspect: { readonly given: Draft; readonly gives: Inspection }
  readonly plan: { readonly given: PlanRequest; readonly gives: Plan | Refused }
  readonly led: { readonly given: null; readonly gives: ReadonlyArray<LedActor> }
  readonly routed: { readonly given: string; readonly gives: RoutedActor | null }
  readonly code: { readonly given: LedActor; readonly gives: string | null }
  readonly actors: { readonly given: null; readonly gives: ReadonlyArray<ActorStatus> }
  readonly groups: { readonly given: null; readonly gives: GroupList }
  readonly places: { readonly given: null; readonly gives: Places }
  readonly shard: { readonly given: string; readonly gives: ShardStatus | null }
  readonly portion: { readonly given: PortionAsked; readonly gives: Portion | null }
  readonly giveUp: { readonly given: null; readonly gives: null }
  readonly close: { readonly given: null; readonly gives: null }
}

export type Operation = keyof Operations

export interface Request<Name extends Operation = Operation> {
  readonly id: number
  /** Whose machine is asked; null: the node's own business. Those of one group begin in the order in which they came. */
  readonly group: GroupId | null
  readonly operation: Name
  readonly given: Operations[Name]["given"]
}

export type Reply =
  | { readonly id: number; readonly gives: unknown; readonly failure: null }
  | {
      readonly id: number
      readonly gives: null
      readonly failure: string
      readonly reason: FailureReason
    }

/** Empty bytes stand for a settled proposal, whose outcome is the next of `outcomes`. */
export interface PackedAdmissions {
  /** Packed commands. */
  readonly commands: Uint8Array
  /** Which of them are untried, and whose they are. */
  readonly untried: ReadonlyArray<readonly [at: number, actor: string]>
  /** JSON text: cheaper to hand over than the objects. */
  readonly outcomes: string
}

export const packAdmissions = (admissions: ReadonlyArray<Admission>): PackedAdmissions => ({
  commands: packBytes(
    admissions.map((admission) => (admission._tag === "Settled" ? nothing : admission.command)),
  ),
  untried: admissions.flatMap((admission, at): PackedAdmissions["untried"] =>
    admission._tag === "Untried" ? [[at, admission.actor]] : [],
  ),
  outcomes: JSON.stringify(
    admissions.flatMap((admission) => (admission._tag === "Settled" ? [admission.outcome] : [])),
  ),
})

export const unpackAdmissions = (packed: PackedAdmissions): ReadonlyArray<Admission> => {
  const outcomes = JSON.parse(packed.outcomes) as ReadonlyArray<Outcome>
  const untried = new Map(packed.untried)
  let settled = 0
  return unpackBytes(packed.commands).map((command, at): Admission => {
    if (command.byteLength === 0) return { _tag: "Settled", outcome: outcomes[settled++]! }
    const actor = untried.get(at)
    return actor === undefined ? { _tag: "Admitted", command } : { _tag: "Untried", command, actor }
  })
}

/** JSON text: what the other side does not have of its own. */
export const packOutcomes = (
  entries: ReadonlyArray<Entry>,
  outcomes: ReadonlyArray<Outcome | null>,
): string => {
  const told = outcomes.filter((_, at) => entries[at]!.origin !== null)
  return JSON.stringify([
    outcomes.length,
    ...told.map((outcome) => (isFirst(outcome) ? [outcome.result, outcome.revision] : outcome)),
  ])
}

/** `isWaitedFor` as it was when the entries were packed: origins are taken away when somebody else has answered. */
export const unpackOutcomes = (
  text: string,
  entries: ReadonlyArray<Entry>,
  isWaitedFor: ReadonlyArray<boolean>,
): ReadonlyArray<Outcome | null> => {
  const [count, ...told] = JSON.parse(text) as [number, ...Array<Outcome | readonly [string, number] | null>]
  let next = 0
  // Fewer than entries when the machine is stuck.
  return entries.slice(0, count).map(({ index, term }, at) => {
    const one = isWaitedFor[at] === true ? told[next++]! : null
    if (!Array.isArray(one)) return one as Outcome | null
    const [result, revision] = one as readonly [string, number]
    return { _tag: "Accepted", result, revision, index, term, replayed: false }
  })
}

/** Accepted by this very entry, as nearly all are. */
const isFirst = (outcome: Outcome | null): outcome is Accepted =>
  outcome !== null && outcome._tag === "Accepted" && !outcome.replayed

const nothing = new Uint8Array(0)
