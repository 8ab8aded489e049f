// What does the machine ask of whoever runs reducers, and what may come back? The machine itself runs no code of
// users: it checks, remembers and stores, and hands the calls out in batches.

import type { Effect } from "effect"
import type { Index, Term } from "../consensus/types.ts"
import type { Json } from "./actor.ts"
import type { Emitted } from "./Emissions.ts"
import type { Fault } from "./fault.ts"
import type { Instance } from "./Instance.ts"
import type { Refused } from "./outcome.ts"
import type { Reason } from "./refusals.ts"

/** Which code runs it. */
interface Code {
  readonly actor: string
  /** Version id. */
  readonly version: string
}

/** May this be the input of that command? */
export interface Check extends Code {
  readonly type: "check"
  readonly command: string
  readonly input: Json
}

/** Runs a command. Of two with the same instance in one batch, the second sees what the first has left. */
export interface Reduce extends Code {
  readonly type: "reduce"
  /** As it stood before the batch; undefined: never written. */
  readonly instance: Instance | undefined
  readonly key: string
  readonly command: string
  readonly input: Json
  readonly ifRevision: number | null
  readonly commandId: string
  readonly caller: string
  readonly seed: Uint8Array
  /** Log time, ms since 1970. */
  readonly now: number
  readonly index: Index
  readonly term: Term
  /** How many timers it may set. */
  readonly timersMax: number
  /** A second run, to see whether it comes to the same: where the stack and what the module keeps are other than before. */
  readonly isAgain?: boolean
}

/** Asks what the state says. */
export interface Ask extends Code {
  readonly type: "ask"
  readonly instance: Instance | undefined
  readonly key: string
  readonly query: string
  readonly input: Json
  readonly now: number
}

/** The state as this version has it: brought up to it, or down, when another wrote it. */
export interface Show extends Code {
  readonly type: "show"
  readonly instance: Instance | undefined
  readonly key: string
}

/** Is this a state of that version? An operator gives it to an instance. */
export interface Adopt extends Code {
  readonly type: "adopt"
  readonly state: Json
}

export type Call = Check | Reduce | Ask | Show | Adopt

/** A timer that the reducer asked for. */
export interface Scheduled {
  readonly id: string
  readonly dueAt: number
  readonly command: string
  /** Canonical JSON text. */
  readonly input: string
}

/** A command that was accepted. */
export interface Reduced {
  readonly type: "reduced"
  readonly revision: number
  /** What it leaves; null when a later call of the same batch has replaced it. */
  readonly instance: Instance | null
  /** JSON text. */
  readonly result: string
  readonly timers: ReadonlyArray<Scheduled>
  readonly events: ReadonlyArray<Emitted>
}

export type Reply =
  | Reduced
  /** JSON text: of a query's result or of a state; `null` of a check. */
  | { readonly type: "answered"; readonly text: string }
  | { readonly type: "rejected"; readonly reason: Reason }
  | { readonly type: "refused"; readonly refused: Refused }
  | { readonly type: "faulted"; readonly fault: Fault }

/** Runs calls at once and in order. After a command whose host fails it may run none. */
export interface CallRunner {
  readonly run: (calls: ReadonlyArray<Call>) => ReadonlyArray<Reply>
}

/** For the log, or for whatever may be given up: queries, trials, plans. */
export type Lane = "log" | "door"

/** Runs calls as a {@link CallRunner} does. It may take its time, and other work of the machine goes on meanwhile. */
export interface Executor {
  readonly run: (calls: ReadonlyArray<Call>, lane: Lane) => Effect.Effect<ReadonlyArray<Reply>>
}

/** Work of the machine that pauses where users' code must run: it hands calls out, and takes their replies in order. */
export type Work<Value> = Generator<ReadonlyArray<Call>, Value, ReadonlyArray<Reply>>
