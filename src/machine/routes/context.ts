// What may routes know and ask? Their actor, their node, and the cluster, as its clients see it.

import type {
  Actors,
  Answer,
  CallOptions,
  Client,
  Executed,
  Freshness,
  InstanceList,
  ListQuestion,
  Once,
  StateAnswer,
  StateQuestion,
} from "../../client/shapes.ts"
import type { InputAt, OwnCommand, OwnQuery, TypeOf } from "../leading/context.ts"
import type { AnySchema, Json } from "../values.ts"

/**
 * The window of an actor's routes on the cluster: a client of it that asks this very node, which asks the leader where it
 * must. What is refused or not answered rejects with a `Failure`, which says by `getResponse()` how it is answered when no
 * handler catches it.
 */
export interface RoutesContext<
  Inputs = Readonly<Record<string, unknown>>,
  Outputs = Readonly<Record<string, AnySchema>>,
  QueryInputs = Readonly<Record<string, unknown>>,
  QueryOutputs = Readonly<Record<string, AnySchema>>,
  State = AnySchema,
> {
  /** The actor's own name. */
  readonly actor: string
  /** The node that answers. */
  readonly node: string
  /**
   * Has a command executed, once, and gives its answer when it is committed and applied: one of this actor, or, with
   * `actor`, of any other one, whose input and result are what stands in JSON.
   */
  readonly propose: Propose<Inputs, Outputs>
  /** Asks a query of this actor, or, with `actor`, of any other one. */
  readonly read: Ask<QueryInputs, QueryOutputs>
  /** A whole state of this actor, or, with `actor`, of any other one. */
  readonly state: AskState<State>
  /** Instances that were ever written, by key: of this actor, or of another one. At most 1,000 at once. */
  readonly list: (question?: Partial<ListQuestion<string>>) => Promise<InstanceList>
  /**
   * The same for any actor, in the types of those that are named: `ctx.cluster<{ auth: typeof auth }>()`. In JSON, as for
   * every other client.
   */
  readonly cluster: <All extends Actors = Actors>() => Client<All>
}

interface Propose<Inputs, Outputs> {
  <Name extends keyof Outputs & string>(
    proposal: OwnCommand<Name, InputAt<Inputs, Name>> & HowToPropose,
  ): Promise<Executed<TypeOf<Outputs[Name]>>>
  (
    proposal: {
      readonly actor: string
      readonly key: string
      readonly command: string
      /** Null when not given. */
      readonly input?: Json
    } & HowToPropose,
  ): Promise<Executed<Json>>
}

interface Ask<Inputs, Outputs> {
  <Name extends keyof Outputs & string>(
    question: OwnQuery<Name, InputAt<Inputs, Name>> & HowToAsk,
  ): Promise<Answer<TypeOf<Outputs[Name]>>>
  (
    question: {
      readonly actor: string
      readonly key: string
      readonly query: string
      /** Null when not given. */
      readonly input?: Json
    } & HowToAsk,
  ): Promise<Answer<Json>>
}

interface AskState<State> {
  (
    question: { readonly actor?: undefined; readonly key: string } & HowToAsk,
  ): Promise<StateAnswer<TypeOf<State>>>
  (question: StateQuestion<string>): Promise<StateAnswer<Json>>
}

type HowToPropose = Once & CallOptions
type HowToAsk = Freshness & CallOptions
