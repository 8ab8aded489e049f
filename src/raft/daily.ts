// What of a group ticks only while it is awake, and what only while it rests?

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
  return until(scope, group.rest.onWake(errand))
}

/** The same for when it goes to rest, and not now; `night` ends when it finds that the group is awake. */
export const nightly = (
  group: Group,
  run: Run,
  night: (errand: Errand) => Effect.Effect<void, unknown>,
  scope: Scope.Scope,
): Effect.Effect<void> => until(scope, group.rest.onRest(new Errand((life) => run(life, scope), night)))

const until = (scope: Scope.Scope, stop: () => void): Effect.Effect<void> =>
  Scope.addFinalizer(scope, Effect.sync(stop))
