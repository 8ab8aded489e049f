// All that users import.

export type {
  Actor,
  ActorTypes,
  AnySchema,
  CommandContext,
  InputOf,
  Json,
  QueryContext,
  Reduction,
  TypedActor,
} from "./machine/actor.ts"
export { actor } from "./machine/actor.ts"
