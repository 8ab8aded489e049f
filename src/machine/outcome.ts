// What can become of a command or a query, as far as the machine decides it?

import type { Index, Term } from "../consensus/types.ts"

/** The codes of the contract's error table that the machine gives. */
export type RefusalCode =
  | "unknown-actor"
  | "unknown-command"
  | "unknown-query"
  | "invalid-input"
  | "revision-mismatch"
  | "idempotency-mismatch"
  | "rejected"
  | "too-large"
  | "overloaded"
  | "quarantined"
  | "version-conflict"
  | "not-found"
  /** What was asked to go is needed, or what was asked for takes something away. */
  | "in-use"
  /** Never told to a client: the command was admitted for a version that is no longer active, and not executed. */
  | "version-moved"
  /** Never told to a client: not executed, for the group does not have this key. Who asked looks again where it is. */
  | "elsewhere"

/** The command was executed. */
export interface Accepted {
  readonly _tag: "Accepted"
  /** JSON text. */
  readonly result: string
  readonly revision: number
  readonly index: Index
  readonly term: Term
  /** True: this is the answer that an earlier attempt was given. */
  readonly replayed: boolean
}

/** The command did not and will not happen. */
export interface Refused {
  readonly _tag: "Refused"
  readonly code: RefusalCode
  readonly detail: string
  /** JSON object text with what the code adds to the problem: `issues`, `revision`, `reason`, … */
  readonly extra: string
  readonly replayed: boolean
}

export type Outcome = Accepted | Refused

/** The answer to a query. */
export interface Answered {
  readonly _tag: "Answered"
  /** JSON object text without its braces' neighbours: the whole body of the HTTP answer. */
  readonly body: string
  /** Applied index at which it was read. */
  readonly index: Index
}

export type QueryOutcome = Answered | Refused

/** Not executed, and no answer for a client: to be asked again of the group where the key is. */
export const isElsewhere = (outcome: { readonly _tag: string }): outcome is Refused =>
  outcome._tag === "Refused" && (outcome as Refused).code === "elsewhere"

/** Not executed, and no answer for a client: to be admitted anew, for the version that is active now. */
export const isMoved = (outcome: Outcome): outcome is Refused =>
  outcome._tag === "Refused" && outcome.code === "version-moved"

/** A later state gives the same answer: what was executed is remembered, and revisions never fall. */
export const isLasting = (outcome: Outcome): boolean =>
  outcome._tag === "Accepted" || outcome.replayed || lastingCodes.has(outcome.code)

const lastingCodes: ReadonlySet<string> = new Set([
  "revision-mismatch",
  "idempotency-mismatch",
  "too-large",
  "overloaded",
])
