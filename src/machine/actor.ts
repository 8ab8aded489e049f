// What does a user write? One actor type: the shape of its state, its commands, its queries.

import {
  type Actor,
  actorBrand,
  type CommandContext,
  type LeadingEffect,
  type Migrations,
  type QueryContext,
  type Reduction,
  type RoutesApp,
  type TypedActor,
} from "./definition.ts"
import type { LeadingContext } from "./leading/context.ts"
import type { RoutesContext } from "./routes/context.ts"
import type { AnySchema, InputOf } from "./values.ts"

export type {
  Actor,
  ActorCommand,
  ActorQuery,
  ActorTypes,
  CommandContext,
  LeadingDefinition,
  Migrations,
  QueryContext,
  Reduction,
  RoutesApp,
  RoutesDefinition,
  TypedActor,
} from "./definition.ts"
export { actorBrand } from "./definition.ts"
export type { AnySchema, InputOf, Json } from "./values.ts"

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
   * `orders`, or what `group` says in place of that name. One instance is always whole in one of them. What
   * `leading` lists is of one group, for it runs in each of them. Counts once, as `group` does.
   */
  readonly shards?: number
  /**
   * How many members run each of its groups, 3 to 100, in as many zones (`--zone` of a node) as there are; without it all
   * do, and where there are fewer members all do. Belongs beside `group` or `shards`: every member runs `main`. Any node
   * takes any request all the same. Counts once, as `group` does.
   */
  readonly replicas?: number
  /**
   * Runs only on the node where this actor's group leads, for as long as it leads: for what touches the world. Of an actor
   * with `shards` it runs once for each of its groups, wherever that one leads, and sees that group's instances. It
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
  /**
   * A [hono](https://hono.dev) app, or anything else with `fetch(request)`, or a function that gives one: every node answers
   * `/x/NAME` and all below it with it, whoever leads. It sees paths without that prefix. It runs in a thread of its own, one
   * on each node, where `fetch`, timers, `Bun` and `process` are open, from the first request on; it may throw, loop or grow
   * as it likes, and the node never notices. What has ended is begun again after a pause of 1 s to 1 min.
   *
   * ```ts
   * routes: (ctx) =>
   *   new Hono().post("/add/:key", async (c) => {
   *     const { result } = await ctx.propose({ key: c.req.param("key"), command: "add", input: { by: 1 } })
   *     return c.text(`${result}\n`)
   *   })
   * ```
   *
   * A failure that a handler lets pass is answered as its problem document. A file that has it works from the actors
   * directory alone; uploaded it is refused.
   */
  readonly routes?:
    | RoutesApp
    | ((
        ctx: RoutesContext<
          NoInfer<Inputs>,
          NoInfer<Outputs>,
          NoInfer<QueryInputs>,
          NoInfer<QueryOutputs>,
          NoInfer<State>
        >,
      ) => RoutesApp)
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
