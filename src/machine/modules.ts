// How does bundled code come to life in this thread?

import { join } from "node:path"
import { Effect, Result } from "effect"
import { type ActorModule, bundleActors, hostScheme } from "./bundle.ts"
import { messageOf } from "./Coder.ts"
import { ActorsRefused, type LoadedActor, loadActor, Registry } from "./Registry.ts"

/** Runs the modules and checks what they export. `earlier`: code that only entries in the log may name. */
export const loadModules = Effect.fnUntraced(function* (
  modules: ReadonlyArray<ActorModule>,
  earlier: ReadonlyArray<ActorModule> = [],
): Effect.fn.Return<Registry, ActorsRefused> {
  const current = yield* Effect.forEach(modules, loadOne)
  const problems = current.flatMap((result) => (Result.isFailure(result) ? [result.failure] : []))
  if (problems.length > 0) return yield* ActorsRefused.of(problems)
  const old = yield* Effect.forEach(earlier, loadOne)
  // An old version that no longer loads is as good as missing, and missed only if the log names it.
  return new Registry(successes(current), successes(old))
})

/** The registry of a directory, in this thread. */
export const loadActors = (directory: string): Effect.Effect<Registry, ActorsRefused> =>
  Effect.flatMap(bundleActors(directory), (modules) => loadModules(modules))

const loadOne = ({ name, version, code }: ActorModule) =>
  Effect.try(() => importable(code)).pipe(
    Effect.flatMap((url) => Effect.tryPromise(() => import(url) as Promise<{ readonly default?: unknown }>)),
    Effect.map((module) => loadActor(name, version, module.default)),
    Effect.catch((error) => Effect.succeed(Result.fail(`it fails when loaded: ${messageOf(error.cause)}`))),
    Effect.map(Result.mapError((reason) => ({ file: name, reason }))),
  )

/**
 * A user's file may lie where no node_modules are: what it imports from this package and from effect is the
 * copy that runs it.
 */
const importable = (code: string): string => {
  const resolved = code.replace(hostImport, (_, name: string) => JSON.stringify(hostFile(name)))
  return `data:text/javascript;base64,${Buffer.from(resolved).toString("base64")}`
}

const hostFile = (name: string): string => {
  if (name === "raftlet") return join(import.meta.dir, "..", "index.ts")
  try {
    return Bun.resolveSync(name, import.meta.dir)
  } catch {
    throw new Error(`there is no ${name}`)
  }
}

const successes = <Failure>(
  results: ReadonlyArray<Result.Result<LoadedActor, Failure>>,
): ReadonlyArray<LoadedActor> =>
  results.flatMap((result) => (Result.isSuccess(result) ? [result.success] : []))

const hostImport = new RegExp(`"${hostScheme}([^"]+)"`, "g")
