// PLACEHOLDER until the compartments arrive.
import { type Effect, Schema } from "effect"

export class CompartmentFault extends Schema.TaggedError<CompartmentFault>()("CompartmentFault", {
  kind: Schema.Literals(["deadline", "memory", "crash", "ended"]),
  detail: Schema.String,
}) {}

/** A place of its own in which reducers run. What they do there, it can be ended. */
export interface Compartment {
  readonly call: (request: Uint8Array, deadlineMillis: number) => Effect.Effect<Uint8Array, CompartmentFault>
}
