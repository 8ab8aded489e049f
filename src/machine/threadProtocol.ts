// What do the consensus thread and the machine's thread say to each other? One request, one reply, in order.

import type { Configuration, Entry } from "../consensus/types.ts"
import type { StatePosition } from "../storage/StateStore.ts"
import type { ActorModule } from "./bundle.ts"
import type { MachineLimits } from "./limits.ts"
import type { Admission, FailureReason, MachineStatus, Query } from "./MachineHost.ts"
import type { Accepted, Outcome, QueryOutcome } from "./outcome.ts"
import { packBytes, unpackBytes } from "./packing.ts"
import type { ActorProblem } from "./Registry.ts"
import type { Checkpoint } from "./system/checkpoint.ts"

export interface LoadOptions {
  readonly modules: ReadonlyArray<ActorModule>
  readonly earlier: ReadonlyArray<ActorModule>
}

export interface OpenOptions {
  readonly statePath: string
  readonly initial: Configuration
  readonly limits: Partial<MachineLimits>
}

/** What each operation is given, and what it gives. */
export interface Operations {
  readonly load: { readonly given: LoadOptions; readonly gives: ReadonlyArray<ActorProblem> }
  readonly open: { readonly given: OpenOptions; readonly gives: StatePosition }
  readonly position: { readonly given: null; readonly gives: StatePosition }
  /** Packed commands. */
  readonly admit: { readonly given: Uint8Array; readonly gives: PackedAdmissions }
  /** Packed entries, to packed outcomes of those with an origin. */
  readonly apply: { readonly given: Uint8Array; readonly gives: string }
  readonly query: { readonly given: ReadonlyArray<Query>; readonly gives: ReadonlyArray<QueryOutcome> }
  readonly flush: { readonly given: null; readonly gives: number }
  readonly nextTimer: { readonly given: null; readonly gives: number | null }
  /** Packed commands. */
  readonly due: { readonly given: { readonly now: number; readonly max: number }; readonly gives: Uint8Array }
  readonly stateHash: {
    readonly given: null
    readonly gives: { readonly index: number; readonly hash: string }
  }
  readonly checkpoints: { readonly given: null; readonly gives: ReadonlyArray<Checkpoint> }
  readonly status: { readonly given: null; readonly gives: MachineStatus }
  readonly giveUp: { readonly given: null; readonly gives: null }
  readonly close: { readonly given: null; readonly gives: null }
}

export type Operation = keyof Operations

export interface Request<Name extends Operation = Operation> {
  readonly id: number
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
  /** JSON text: cheaper to hand over than the objects. */
  readonly outcomes: string
}

export const packAdmissions = (admissions: ReadonlyArray<Admission>): PackedAdmissions => ({
  commands: packBytes(
    admissions.map((admission) => (admission._tag === "Admitted" ? admission.command : nothing)),
  ),
  outcomes: JSON.stringify(
    admissions.flatMap((admission) => (admission._tag === "Settled" ? [admission.outcome] : [])),
  ),
})

export const unpackAdmissions = (packed: PackedAdmissions): ReadonlyArray<Admission> => {
  const outcomes = JSON.parse(packed.outcomes) as ReadonlyArray<Outcome>
  let settled = 0
  return unpackBytes(packed.commands).map((command) =>
    command.byteLength === 0
      ? { _tag: "Settled", outcome: outcomes[settled++]! }
      : { _tag: "Admitted", command },
  )
}

/** JSON text: what the other side does not have of its own. */
export const packOutcomes = (
  entries: ReadonlyArray<Entry>,
  outcomes: ReadonlyArray<Outcome | null>,
): string => {
  const told = outcomes.filter((_, at) => entries[at]!.origin !== null)
  return JSON.stringify(
    told.map((outcome) => (isFirst(outcome) ? [outcome.result, outcome.revision] : outcome)),
  )
}

/** `isWaitedFor` as it was when the entries were packed: origins are taken away when somebody else has answered. */
export const unpackOutcomes = (
  text: string,
  entries: ReadonlyArray<Entry>,
  isWaitedFor: ReadonlyArray<boolean>,
): ReadonlyArray<Outcome | null> => {
  const told = JSON.parse(text) as ReadonlyArray<Outcome | readonly [string, number] | null>
  let next = 0
  return entries.map(({ index, term }, at) => {
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
