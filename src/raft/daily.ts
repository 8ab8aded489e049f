// What of a group ticks only while it is awake?

import { Effect, Scope } from "effect"
import { Errand } from "./Errand.ts"
import type { Group } from "./Group.ts"
import type { Run } from "./run.ts"

/**
 * Begins now and whenever the group wakes, until the scope ends; `day` ends by itself when it finds that the group rests.
 * One that goes to rest and wakes meanwhile has it go on.
 */
export const daily = (
  group: Group,
  run: Run,
  day: (errand: Errand) => Effect.Effect<void, unknown>,
  scope: Scope.Scope,
): Effect.Effect<void> => {
  const errand = new Errand((life) => run(life, scope), day)
  errand.raise()
  return Scope.addFinalizer(scope, Effect.sync(group.rest.onWake(errand)))
}
