// All that users import.

export type {
  Actor,
  AnySchema,
  CommandContext,
  InputOf,
  Json,
  QueryContext,
  Reduction,
} from "./machine/actor.ts"
export { actor } from "./machine/actor.ts"
