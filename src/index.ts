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
  RoutesApp,
  TypedActor,
} from "./machine/actor.ts"
export { actor } from "./machine/actor.ts"
export type {
  Answer,
  Executed,
  InstanceList,
  LeadingContext,
} from "./machine/leading/context.ts"
export { ProposeFailed, ReadFailed } from "./machine/leading/failures.ts"
export type { RoutesContext } from "./machine/routes/context.ts"
