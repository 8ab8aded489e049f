// What is an actor type to whoever runs, tests or asks one? What `actor` gives back, and what its functions are given.

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
  readonly routes?: RoutesDefinition
  readonly group?: string
  readonly shards?: number
  readonly replicas?: number
}

/** As `actor` takes it, with the details of its types forgotten. */
export type LeadingDefinition = LeadingEffect | ((ctx: LeadingContext) => LeadingEffect)

export type LeadingEffect = Effect.Effect<unknown, unknown, Scope.Scope>

/** As `actor` takes it. Nobody but `routes/` makes the context, which knows what clients are. */
export type RoutesDefinition = RoutesApp | ((ctx: never) => RoutesApp)

/** What answers requests: a hono app is one. */
export interface RoutesApp {
  readonly fetch: (request: Request) => Response | PromiseLike<Response>
}

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
