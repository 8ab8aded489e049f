// How does a life of a group begin?

import type { Effect, Scope } from "effect"

/** Runs a life in a scope; what kills it ends the group. */
export type Run = <E>(life: Effect.Effect<void, E>, scope: Scope.Scope) => Effect.Effect<void>
