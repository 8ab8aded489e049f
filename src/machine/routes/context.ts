// What may routes know and ask? Their actor, their node, and the cluster, as its clients see it.

import type {
  Answer,
  Executed,
  HowToPropose,
  HowToRead,
  InputAt,
  InstanceList,
  ListQuestion,
  OwnCommand,
  OwnQuery,
  TypeOf,
} from "../leading/context.ts"
import type { AnySchema, Json } from "../values.ts"

/** The window of an actor's routes on the cluster. What is asked for goes to this very node, and on to the leader. */
export interface RoutesContext<
  Inputs = Readonly<Record<string, unknown>>,
  Outputs = Readonly<Record<string, AnySchema>>,
  QueryInputs = Readonly<Record<string, unknown>>,
  QueryOutputs = Readonly<Record<string, AnySchema>>,
> {
  /** The actor's own name. */
  readonly actor: string
  /** The node that answers. */
  readonly node: string
  /**
   * Has a command executed, and gives its answer once it is committed and applied: one of this actor, or, with
   * `actor`, of any other one, whose input and result are what stands in JSON.
   */
  readonly propose: Propose<Inputs, Outputs>
  /** Asks a query of this actor, or, with `actor`, of any other one. */
  readonly read: Ask<QueryInputs, QueryOutputs>
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

export interface HowToAsk extends HowToRead {
  /** Not before this node has applied so much: what was proposed before is seen. */
  readonly minIndex?: number
}
export type { InstanceList, ListQuestion }
