// What may a `leading` know and ask? Its leadership, and the door of its group.

import type { Effect } from "effect"
import type { AnySchema, InputOf, Json } from "../values.ts"
import type { ProposeFailed, ReadFailed } from "./failures.ts"

/**
 * The window of a `leading` on its group. What it proposes is executed in the term of this leadership or not at all.
 * When the leadership is over, everything that is asked fails with `not-leader`.
 */
export interface LeadingContext<
  Inputs = Readonly<Record<string, unknown>>,
  Outputs = Readonly<Record<string, AnySchema>>,
  QueryInputs = Readonly<Record<string, unknown>>,
  QueryOutputs = Readonly<Record<string, AnySchema>>,
> {
  /** The actor's own name. */
  readonly actor: string
  readonly group: string
  /** The node that leads. */
  readonly node: string
  /**
   * The term of this leadership: it grows from leader to leader, and no two nodes lead in the same one. Whoever
   * outside keeps the highest that it has seen, and refuses what comes with a lower one, is safe from a leader that
   * does not know yet that it is none (a fencing token).
   */
  readonly term: number
  /**
   * Has a command executed, and gives its answer once it is committed and applied: one of this actor, or, with
   * `actor`, of any other one in the group, whose input and result are what stands in JSON.
   */
  readonly propose: Propose<Inputs, Outputs>
  /** Asks a query of this actor, or, with `actor`, of any other one in the group. */
  readonly read: Ask<QueryInputs, QueryOutputs>
  /** Instances that were ever written, by key: of this actor, or of another one. At most 1,000 at once. */
  readonly list: (asked?: ListQuestion) => Effect.Effect<InstanceList, ReadFailed>
}

interface Propose<Inputs, Outputs> {
  <Name extends keyof Outputs & string>(
    proposal: OwnCommand<Name, InputAt<Inputs, Name>> & HowToPropose,
  ): Effect.Effect<Executed<TypeOf<Outputs[Name]>>, ProposeFailed>
  (
    proposal: {
      readonly actor: string
      readonly key: string
      readonly command: string
      /** Null when not given. */
      readonly input?: Json
    } & HowToPropose,
  ): Effect.Effect<Executed<Json>, ProposeFailed>
}

interface Ask<Inputs, Outputs> {
  <Name extends keyof Outputs & string>(
    question: OwnQuery<Name, InputAt<Inputs, Name>> & HowToRead,
  ): Effect.Effect<Answer<TypeOf<Outputs[Name]>>, ReadFailed>
  (
    question: {
      readonly actor: string
      readonly key: string
      readonly query: string
      /** Null when not given. */
      readonly input?: Json
    } & HowToRead,
  ): Effect.Effect<Answer<Json>, ReadFailed>
}

export type OwnCommand<Name, Input> = {
  readonly actor?: undefined
  readonly key: string
  readonly command: Name
} & WithInput<Input>

export type OwnQuery<Name, Input> = {
  readonly actor?: undefined
  readonly key: string
  readonly query: Name
} & WithInput<Input>

/** What takes null may go without. */
type WithInput<Input> = [Input] extends [null] ? { readonly input?: null } : { readonly input: Input }

export interface HowToPropose {
  /** 1 to 128 printable characters: what has the same is executed once per instance. A new one when not given. */
  readonly idempotencyKey?: string
  /** Executed only when the instance is at this revision. */
  readonly ifRevision?: number
  /** How long to wait for the answer; 5,000 when not given, 60,000 at the most. */
  readonly timeoutMillis?: number
}

export interface HowToRead {
  /** `linearizable` when not given: everything that was acknowledged before is seen. */
  readonly consistency?: "linearizable" | "lease" | "local"
  /** How long to wait for the answer; 5,000 when not given, 60,000 at the most. */
  readonly timeoutMillis?: number
}

export interface ListQuestion extends HowToRead {
  /** This actor when not given. */
  readonly actor?: string
  /** Of the keys. */
  readonly prefix?: string
  /** Keys behind this one: `next` of the answer before. */
  readonly after?: string
  /** 100 when not given, 1,000 at the most. */
  readonly limit?: number
}

/** A command that was executed. */
export interface Executed<Result> {
  readonly result: Result
  /** Accepted commands of the instance so far, this one included. */
  readonly revision: number
  readonly index: number
  readonly term: number
  /** True: an earlier proposal with the same idempotency key was executed; this is its answer. */
  readonly replayed: boolean
}

export interface Answer<Result> {
  readonly result: Result
  readonly revision: number
  readonly index: number
}

export interface InstanceList {
  readonly instances: ReadonlyArray<{ readonly key: string; readonly revision: number }>
  /** Null: these were the last. */
  readonly next: string | null
}

export type InputAt<Inputs, Name> = Name extends keyof Inputs ? InputOf<Inputs[Name]> : null
export type TypeOf<S> = S extends AnySchema ? S["Type"] : never
