// What may be asked of an actor, and what does it give? As it stands in JSON; of an actor whose types nobody knows, anything.

import type { Actor, ActorTypes, Json, TypedActor } from "./definition.ts"

type TypesOf<A extends Actor> = A extends TypedActor<infer Types extends ActorTypes> ? Types : ActorTypes
type Known<Value> = unknown extends Value ? Json : Value

/** A state as it is stored. */
export type StateOf<A extends Actor> = Known<TypesOf<A>["state"]>

export type CommandName<A extends Actor> = keyof TypesOf<A>["commands"] & string
export type CommandInput<A extends Actor, Name extends CommandName<A>> = Known<
  TypesOf<A>["commands"][Name]["input"]
>
export type CommandResult<A extends Actor, Name extends CommandName<A>> = Known<
  TypesOf<A>["commands"][Name]["output"]
>

export type QueryName<A extends Actor> = keyof TypesOf<A>["queries"] & string
export type QueryInput<A extends Actor, Name extends QueryName<A>> = Known<
  TypesOf<A>["queries"][Name]["input"]
>
export type QueryResult<A extends Actor, Name extends QueryName<A>> = Known<
  TypesOf<A>["queries"][Name]["output"]
>

/** An input, which may be left out where null is one, and what comes behind it. */
export type WithInput<Input, Rest extends ReadonlyArray<unknown> = []> = null extends Input
  ? [input?: Input, ...rest: Partial<Rest>]
  : [input: Input, ...rest: Partial<Rest>]
