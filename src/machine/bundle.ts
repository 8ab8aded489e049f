// How does a file in an actors directory become code that every node runs alike? Bundled into one module,
// named by the hash of its text, without running any of it.

import { existsSync, readdirSync, statSync } from "node:fs"
import { join, parse, resolve } from "node:path"
import { Effect, Result } from "effect"
import { messageOf } from "./Coder.ts"
import { type ActorProblem, ActorsRefused, isActorName } from "./Registry.ts"

/** The code of one actor type: text, so that it can cross into a thread and stay on disk. */
export interface ActorModule {
  readonly name: string
  /** Hash of `code`. */
  readonly version: string
  /** An ES module. What it imports from this package and from effect is written `raftlet-host:…`. */
  readonly code: string
}

/**
 * All actors of a directory: `NAME.ts` or `NAME/index.ts` (or `.js`), in order of name. Files whose names begin
 * with a dot or an underscore, tests, declarations, and folders without an index are none. Everything else must
 * be one, and every one that is broken is named.
 */
export const bundleActors = Effect.fnUntraced(function* (
  directory: string,
): Effect.fn.Return<ReadonlyArray<ActorModule>, ActorsRefused> {
  const found = yield* Effect.try({
    try: () => findActors(resolve(directory)),
    catch: () => ActorsRefused.of([{ file: directory, reason: "the actors directory cannot be read" }]),
  })
  const results = yield* Effect.forEach(found, bundleOne, { concurrency: 4 })
  const problems = results.flatMap((result) => (Result.isFailure(result) ? [result.failure] : []))
  if (problems.length > 0) return yield* ActorsRefused.of(problems)
  return results.flatMap((result) => (Result.isSuccess(result) ? [result.success] : []))
})

/** Two nodes with the same files, and the same Bun, come to the same version. */
export const versionOf = (code: string): string =>
  new Bun.CryptoHasher("sha256").update(code).digest("hex").slice(0, 24)

/** Marks what the host provides. Bare, because a path would make the hash differ from machine to machine. */
export const hostScheme = "raftlet-host:"

interface FoundActor {
  readonly name: string
  readonly file: string
  readonly problem: string | null
}

const findActors = (directory: string): ReadonlyArray<FoundActor> => {
  const found = new Map<string, FoundActor>()
  for (const entry of readdirSync(directory).sort()) {
    const file = entryFile(join(directory, entry))
    if (file === null || /^[._]/.test(entry) || /\.(?:d|test|spec)\.\w+$/.test(entry)) continue
    const name = parse(entry).name
    const twice = found.has(name) ? `the actor "${name}" is defined twice` : null
    const unnamed = isActorName(name) ? null : `"${name}" is no name for an actor: letters, digits, - and _`
    found.set(name, { name, file, problem: twice ?? unnamed })
  }
  return [...found.values()]
}

/** Null for what is no actor: a folder of helpers, a README. */
const entryFile = (path: string): string | null => {
  if (!statSync(path).isDirectory()) return /\.[jt]s$/.test(path) ? path : null
  return [join(path, "index.ts"), join(path, "index.js")].find(existsSync) ?? null
}

const bundleOne = Effect.fnUntraced(function* (
  found: FoundActor,
): Effect.fn.Return<Result.Result<ActorModule, ActorProblem>> {
  const { name, file, problem } = found
  const code = problem === null ? yield* Effect.result(bundle(file)) : Result.fail(problem)
  return Result.isSuccess(code)
    ? Result.succeed({ name, version: versionOf(code.success), code: code.success })
    : Result.fail({ file, reason: code.failure })
})

const bundle = Effect.fnUntraced(function* (file: string): Effect.fn.Return<string, string> {
  const output = yield* attempt(() => Bun.build(buildOptions(file)))
  const artifact = output.outputs[0]
  if (!output.success || artifact === undefined) return yield* Effect.fail(reasonOf(output.logs))
  return yield* attempt(() => artifact.text())
})

const attempt = <Value>(work: () => PromiseLike<Value>): Effect.Effect<Value, string> =>
  Effect.mapError(Effect.tryPromise(work), (error) => messageOf(error.cause))

const buildOptions = (file: string): Bun.BuildConfig => ({
  entrypoints: [file],
  target: "bun",
  format: "esm",
  // Comments name paths, which would make the hash differ from machine to machine.
  minify: { whitespace: true, syntax: true, identifiers: false },
  throw: false,
  plugins: [{ name: "raftlet host", setup: markHostImports }],
})

const markHostImports = (build: Bun.PluginBuilder): void => {
  build.onResolve({ filter: /^(?:raftlet|effect)(?:\/|$)/ }, ({ path }) => ({
    path: `${hostScheme}${path}`,
    external: true,
  }))
}

const reasonOf = (logs: ReadonlyArray<BuildMessage | ResolveMessage>): string =>
  logs
    .map(({ message, position }) => (position === null ? message : `line ${position.line}: ${message}`))
    .join("; ") || "it cannot be bundled"
