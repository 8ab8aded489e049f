// What does a user write? One actor type: the shape of its state, its commands, its queries.

import type { Effect, Scope } from "effect"
import type { LeadingContext } from "./leading/context.ts"
import type { AnySchema, InputOf, Json } from "./values.ts"

export type { AnySchema, InputOf, Json } from "./values.ts"

/** All that a reducer may know of the world besides its state and its input. Valid until it returns. */
export interface CommandContext<Inputs = Readonly<Record<string, unknown>>> {
  /** The instance's key. */
  readonly key: string
  /** The leader's clock when it took the command, ms since 1970; never goes back within a group. */
  readonly now: number
  /** Position of this command in the log. */
  readonly index: number
  /** Term of the leader that took it. */
  readonly term: number
  /** The idempotency key; `timer:…` when a timer fired. */
  readonly commandId: string
  /** Name of the token that proposed it; empty without tokens. */
  readonly caller: string
  /** At least 0, below 1; the same on every replica. */
  readonly random: () => number
  /** A random (version 4) UUID; the same on every replica. */
  readonly uuid: () => string
  /** Refuses the command: the state stays as it was, and the caller gets code, message and data. */
  readonly reject: (code: string, message: string, data?: Json) => never
  /**
   * Runs a command of this instance later, once, as an entry of the log; it survives restarts and leaders.
   * At the earliest when `afterMillis` have passed on the log's clock.
   */
  readonly schedule: <Name extends keyof Inputs & string>(
    afterMillis: number,
    command: Name,
    input: InputOf<Inputs[Name]>,
  ) => void
  /**
   * Tells whoever watches this instance (`GET /watch/…`), in the order of the calls; a command that is refused tells
   * nothing. Changes neither state nor result, and nobody is told for certain: a watcher that comes too late gets the
   * state instead. At most 100 events and 256 KiB of them a command; a name is made like a command's, and `reset` is taken.
   */
  readonly emit: (event: string, data?: Json) => void
}

/** What a query may know besides the state and its input. */
export interface QueryContext {
  readonly key: string
  /** Accepted commands so far; 0 for an instance that was never written. */
  readonly revision: number
  /** Log time of the newest entry that this node has applied, ms since 1970. */
  readonly now: number
}

/** What a reducer gives back. */
export interface Reduction<State, Result> {
  readonly state: State
  readonly result: Result
}

/** Any actor type. */
export interface Actor {
  readonly [actorBrand]: true
  readonly version: number
  readonly state: AnySchema
  readonly initial: unknown
  readonly commands: Readonly<Record<string, ActorCommand>>
  readonly queries: Readonly<Record<string, ActorQuery>>
  readonly migrate?: Migrations
  readonly leading?: LeadingDefinition
  readonly group?: string
  readonly shards?: number
  readonly replicas?: number
}

/** As `actor` takes it, with the details of its types forgotten. */
export type LeadingDefinition = LeadingEffect | ((ctx: LeadingContext) => LeadingEffect)

type LeadingEffect = Effect.Effect<unknown, unknown, Scope.Scope>

/**
 * An actor type as `actor` returns it. What runs it knows no more than {@link Actor}; who tests it asks the compiler for
 * the names of its commands and queries, and for what stands in JSON on either side of them.
 */
export interface TypedActor<out Types extends ActorTypes> extends Actor {
  /** Says something to the compiler alone: there is no such value. */
  readonly [actorTypes]?: Types
}

/** Encoded, as it stands in JSON. */
export interface ActorTypes {
  readonly state: unknown
  readonly commands: Calls
  readonly queries: Calls
}

type Calls = { readonly [Name in string]: { readonly input: unknown; readonly output: unknown } }

declare const actorTypes: unique symbol

/**
 * How stored states come from one version to the next, by the version that a step leads to. A step is given the
 * state as it is stored, JSON, and gives the same of its version; it must be as pure as a reducer. `down` leads
 * back: without it no instance that has been migrated can be rolled back.
 */
export type Migrations = Readonly<Record<number, Step | { readonly up: Step; readonly down?: Step }>>

// biome-ignore lint/suspicious/noExplicitAny: the state of a version whose schema is gone has no type.
type Step = (state: any) => unknown

export interface ActorCommand {
  readonly input?: AnySchema
  readonly output: AnySchema
  readonly reduce: (state: never, input: never, ctx: CommandContext) => unknown
}

export interface ActorQuery {
  readonly input?: AnySchema
  readonly output: AnySchema
  readonly read: (state: never, input: never, ctx: QueryContext) => unknown
}

/** Says that a value came from `actor`, also when two copies of this package meet. */
export const actorBrand: unique symbol = Symbol.for("raftlet/Actor") as never

/**
 * Defines an actor type. Its file's name is its name.
 *
 * ```ts
 * export default actor({
 *   version: 1,
 *   state: Schema.Struct({ value: Schema.Int }),
 *   initial: { value: 0 },
 *   commands: {
 *     add: {
 *       input: Schema.Struct({ by: Schema.Int }),
 *       output: Schema.Int,
 *       reduce: (state, { by }) => ({ state: { value: state.value + by }, result: state.value + by }),
 *     },
 *   },
 *   queries: { value: { output: Schema.Int, read: (state) => state.value } },
 * })
 * ```
 *
 * Reducers and queries are synchronous and pure: a replica that runs them again must get the same answer. The
 * state and the input are frozen. What a reducer throws refuses the command and leaves the state untouched.
 */
export const actor = <
  State extends AnySchema,
  Inputs extends Readonly<Record<string, unknown>>,
  Outputs extends Readonly<Record<string, AnySchema>>,
  QueryInputs extends Readonly<Record<string, unknown>> = Readonly<Record<never, unknown>>,
  QueryOutputs extends Readonly<Record<string, AnySchema>> = Readonly<Record<never, AnySchema>>,
>(definition: {
  /** Counts the shapes of the state, from 1. */
  readonly version: number
  readonly state: State
  /** The state of an instance that was never written. */
  readonly initial: NoInfer<State["Type"]>
  readonly commands: WithInput<Inputs> &
    WithOutput<Outputs> & {
      readonly [Name in keyof NoInfer<Outputs>]: {
        readonly input?: AnySchema
        readonly reduce: (
          state: State["Type"],
          input: InputAt<Inputs, Name>,
          ctx: CommandContext<Inputs>,
        ) => Reduction<State["Type"], Outputs[Name]["Type"]>
      }
    }
  readonly queries?: WithInput<QueryInputs> &
    WithOutput<QueryOutputs> & {
      readonly [Name in keyof NoInfer<QueryOutputs>]: {
        readonly input?: AnySchema
        readonly read: (
          state: State["Type"],
          input: InputAt<QueryInputs, Name>,
          ctx: QueryContext,
        ) => QueryOutputs[Name]["Type"]
      }
    }
  readonly migrate?: Migrations
  /**
   * The Raft group in which all instances live; without it that is `main`. A group has a log and a leader of its own, so
   * that actors of different groups do not wait for each other. A name of 1 to 63 letters, digits, `-` and `_`, a letter first.
   *
   * It counts once, when the actor comes into the cluster for the first time: later versions stay where the actor lives,
   * whatever they say.
   */
  readonly group?: string
  /**
   * Spreads the instances by their keys over so many Raft groups, 1 to 1,024: `orders-1`, `orders-2`, … of an actor
   * `orders`, or what `group` says in place of that name. One instance is always whole in one of them. A list of instances is
   * of one group; `leading` runs in the group of the first shard alone. Counts once, as `group` does.
   */
  readonly shards?: number
  /**
   * How many members run each of its groups, 3 to 100, in as many zones (`--zone` of a node) as there are; without it all
   * do, and where there are fewer members all do. Belongs beside `group` or `shards`: every member runs `main`. Any node
   * takes any request all the same. Counts once, as `group` does.
   */
  readonly replicas?: number
  /**
   * Runs only on the node where this actor's group leads, for as long as it leads: for what touches the world. It
   * begins when that node has applied all that earlier leaders had committed, and is interrupted, with its finalizers,
   * before leadership is handed on. It runs in a thread of its own, where `fetch`, timers, `Bun` and `process` are
   * open; it may fail, loop or end as it likes, and the group never notices. What fails is begun again after a pause
   * of 1 s to 1 min; what succeeds stays ended until the next leadership.
   *
   * ```ts
   * leading: (ctx) =>
   *   Effect.gen(function* () {
   *     while (true) {
   *       const { result } = yield* ctx.read({ key: "mail", query: "next" })
   *       if (result === null) yield* Effect.sleep("1 second")
   *       else {
   *         yield* Effect.promise(() => fetch(result.url, { method: "POST", body: result.body }))
   *         yield* ctx.propose({ key: "mail", command: "sent", input: { id: result.id } })
   *       }
   *     }
   *   })
   * ```
   *
   * Two may run at once for a moment, when one node is cut off and does not know yet that another one leads: then
   * nothing that the first one proposes is executed any more, and `ctx.term` tells whoever is outside which of the two
   * is newer. A file that has it works from the actors directory alone; uploaded it is refused.
   */
  readonly leading?:
    | LeadingEffect
    | ((
        ctx: LeadingContext<NoInfer<Inputs>, NoInfer<Outputs>, NoInfer<QueryInputs>, NoInfer<QueryOutputs>>,
      ) => LeadingEffect)
}): TypedActor<{
  readonly state: State["Encoded"]
  readonly commands: EncodedCalls<Inputs, Outputs>
  readonly queries: EncodedCalls<QueryInputs, QueryOutputs>
}> => ({ ...definition, queries: definition.queries ?? {}, [actorBrand]: true }) as unknown as Actor

type WithInput<Inputs> = { readonly [Name in keyof Inputs]: { readonly input?: Inputs[Name] } }
type WithOutput<Outputs> = { readonly [Name in keyof Outputs]: { readonly output: Outputs[Name] } }
type InputAt<Inputs, Name> = Name extends keyof Inputs ? InputOf<Inputs[Name]> : null

type EncodedCalls<Inputs, Outputs extends Readonly<Record<string, AnySchema>>> = {
  readonly [Name in keyof Outputs & string]: {
    readonly input: EncodedAt<Inputs, Name>
    readonly output: Outputs[Name]["Encoded"]
  }
}
type EncodedAt<Inputs, Name> = Name extends keyof Inputs
  ? Inputs[Name] extends AnySchema
    ? Inputs[Name]["Encoded"]
    : null
  : null
