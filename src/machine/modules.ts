// Which actors do bundled modules define?

import { Effect, Result } from "effect"
import { type ActorModule, bundleActors } from "./bundle.ts"
import { type ActorProblem, ActorsRefused, type LoadedActor, loadActor, Registry } from "./Registry.ts"
import { evaluateModule } from "./realm/evaluate.ts"
import { inClosedRealm } from "./realm/inClosedRealm.ts"
import { messageOf } from "./thrown.ts"

/** Runs the modules and checks what they export. `earlier`: code that only entries in the log may name. */
export const loadModules = Effect.fnUntraced(function* (
  modules: ReadonlyArray<ActorModule>,
  earlier: ReadonlyArray<ActorModule> = [],
): Effect.fn.Return<Registry, ActorsRefused> {
  const current = yield* Effect.forEach(modules, (one) => Effect.sync(() => loadModule(one)))
  const problems = current.flatMap((result) => (Result.isFailure(result) ? [result.failure] : []))
  if (problems.length > 0) return yield* ActorsRefused.of(problems)
  const old = yield* Effect.forEach(earlier, (one) => Effect.sync(() => loadModule(one)))
  // An old version that no longer loads is as good as missing, and missed only if the log names it.
  return new Registry(successes(current), successes(old))
})

/** The registry of a directory, in this thread. */
export const loadActors = (directory: string): Effect.Effect<Registry, ActorsRefused> =>
  Effect.flatMap(bundleActors(directory), (modules) => loadModules(modules))

/**
 * Evaluates it anew. All that is the user's runs in the closed realm: also the getters and schemas of what a module
 * exports.
 */
export const loadModule = ({
  name,
  version,
  code,
}: ActorModule): Result.Result<LoadedActor, ActorProblem> => {
  try {
    const exported = evaluateModule(code)
    const loaded = inClosedRealm(() => loadActor(name, version, exported))
    return Result.mapError(loaded, (reason) => ({ file: name, reason }))
  } catch (error) {
    return Result.fail({ file: name, reason: `it fails when loaded: ${messageOf(error)}` })
  }
}

const successes = <Failure>(
  results: ReadonlyArray<Result.Result<LoadedActor, Failure>>,
): ReadonlyArray<LoadedActor> =>
  results.flatMap((result) => (Result.isSuccess(result) ? [result.success] : []))
