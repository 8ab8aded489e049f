// How does a life of a group begin?

import { Cause, type Context, Effect, Exit, Fiber, type Scope } from "effect"

/**
 * Runs a life in a scope, from anywhere and at once; in one that is closed nothing begins (false). What kills it ends the group.
 * `ended`: called when it has ended, however.
 */
export type Run = (life: Effect.Effect<void, unknown>, scope: Scope.Scope, ended?: () => void) => boolean

/** `died`: told of each that ended otherwise than well, or with its scope. */
export const makeRun = (
  context: Context.Context<never>,
  died: (cause: Cause.Cause<unknown>) => void,
): Run => {
  const fork = Effect.runForkWith(context)
  return (life, scope, ended) => {
    if (scope.state._tag === "Closed") return false
    const fiber = fork(life)
    fiber.addObserver((exit) => {
      if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) died(exit.cause)
      ended?.()
    })
    Fiber.runIn(fiber, scope)
    return true
  }
}
