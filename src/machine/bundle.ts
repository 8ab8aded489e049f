// How does a user's file become code that every node runs alike? Bundled into one text, named by the hash of it,
// without running any of it.

import { existsSync, readdirSync, statSync } from "node:fs"
import { dirname, join, parse, relative, resolve } from "node:path"
import { Effect, Result } from "effect"
import { definitions, Imports } from "./imports.ts"
import { type ActorProblem, ActorsRefused, isActorName } from "./Registry.ts"
import { messageOf } from "./thrown.ts"

/** The code of one actor type: text, so that it can cross into a thread and stay on disk. */
export interface ActorModule {
  readonly name: string
  /** Hash of `code`. */
  readonly version: string
  /** The body of a CommonJS module. What it imports from this package and from effect is written `raftlet-host:…`. */
  readonly code: string
}

/** Of one bundle, and of a source that is uploaded. All code of all versions is part of the state. */
export const codeBytesMax = 1024 * 1024

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

/** The actor of one file, or of a folder with an index, wherever it lies. The file's name is the actor's by default. */
export const bundleActor = Effect.fnUntraced(function* (
  path: string,
  name?: string,
): Effect.fn.Return<ActorModule, ActorsRefused> {
  const refuse = (reason: string) => ActorsRefused.of([{ file: path, reason }])
  if (!existsSync(path)) return yield* refuse("there is no such file")
  const found = findActor(resolve(path), name)
  if (found === null) return yield* refuse("it is neither a .ts or .js file nor a folder with an index")
  const module = yield* bundleOne(found)
  return Result.isSuccess(module) ? module.success : yield* refuse(module.failure.reason)
})

/**
 * One actor whose TypeScript or JavaScript came as text, as a client uploads it. It may import `raftlet` and effect
 * alone, and no file is read.
 */
export const bundleSource = Effect.fnUntraced(function* (given: {
  readonly name: string
  readonly source: string
}): Effect.fn.Return<ActorModule, ActorsRefused> {
  const { name, source } = given
  const problem = isActorName(name) ? sizeProblem("source", source) : nameProblem(name)
  const code = problem === null ? yield* Effect.result(bundle(sourceEntry, source)) : Result.fail(problem)
  if (Result.isFailure(code)) return yield* ActorsRefused.of([{ file: name, reason: code.failure }])
  return moduleOf(name, code.success)
})

/** Two nodes with the same files, and the same Bun, come to the same version. */
export const versionOf = (code: string): string =>
  new Bun.CryptoHasher("sha256").update(code).digest("hex").slice(0, 24)

interface FoundActor {
  readonly name: string
  readonly file: string
  readonly problem: string | null
}

const findActors = (directory: string): ReadonlyArray<FoundActor> => {
  const found = new Map<string, FoundActor>()
  for (const entry of readdirSync(directory).sort()) {
    if (/^[._]/.test(entry) || /\.(?:d|test|spec)\.\w+$/.test(entry)) continue
    const one = findActor(join(directory, entry), parse(entry).name)
    if (one === null) continue
    const twice = found.has(one.name) ? `the actor "${one.name}" is defined twice` : null
    found.set(one.name, { ...one, problem: twice ?? one.problem })
  }
  return [...found.values()]
}

const findActor = (path: string, name = actorNameOf(path)): FoundActor | null => {
  const file = entryFile(path)
  return file === null ? null : { name, file, problem: isActorName(name) ? null : nameProblem(name) }
}

const actorNameOf = (path: string): string => {
  const { dir, name } = parse(path)
  return name === "index" ? parse(dir).name : name
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
    ? Result.succeed(moduleOf(name, code.success))
    : Result.fail({ file, reason: code.failure })
})

const moduleOf = (name: string, code: string): ActorModule => ({ name, version: versionOf(code), code })

/** Fails with the reason. `source`: the text of an entry that is no file. */
const bundle = Effect.fnUntraced(function* (
  entry: string,
  source?: string,
): Effect.fn.Return<string, string> {
  const imports = new Imports(entry, source)
  const output = yield* attempt(() => Bun.build(buildOptions(entry, imports, source)))
  const artifact = output.outputs[0]
  const code = artifact === undefined ? "" : yield* attempt(() => artifact.text())
  imports.finish(code)
  if (imports.refusals.length > 0) return yield* Effect.fail(imports.refusals.join("; "))
  if (!output.success) return yield* Effect.fail(reasonOf(output.logs, entry))
  const tooLarge = sizeProblem("bundle", code)
  return tooLarge === null ? code : yield* Effect.fail(tooLarge)
})

const attempt = <Value>(work: () => PromiseLike<Value>): Effect.Effect<Value, string> =>
  Effect.mapError(Effect.tryPromise(work), (error) => messageOf(error.cause))

const buildOptions = (entry: string, imports: Imports, source?: string): Bun.BuildConfig => ({
  entrypoints: [entry],
  // Only for browsers does the bundler show every import to the plug-in, `node:fs` too. And what packages bring for
  // browsers is what needs no host.
  target: "browser",
  format: "cjs",
  // Comments name paths, which would make the hash differ from machine to machine.
  minify: { whitespace: true, syntax: true, identifiers: false },
  define: { "process.env.NODE_ENV": '"production"', ...definitions() },
  env: "disable",
  allowUnresolved: [],
  // A macro is code that runs while it is bundled, with everything that this process may do.
  ...{ macros: false },
  throw: false,
  plugins: [{ name: "raftlet", setup: (build) => watch(build, imports, source) }],
})

const watch = (build: Bun.PluginBuilder, imports: Imports, source?: string): void => {
  build.onResolve({ filter: /^/ }, (args) =>
    source !== undefined && args.kind === "entry-point-build"
      ? { path: sourceEntry, namespace: sourceNamespace }
      : imports.resolve(args),
  )
  build.onLoad({ filter: /^/ }, (args) => imports.load(args))
  build.onLoad({ filter: /^/, namespace: sourceNamespace }, () => ({ contents: source ?? "", loader: "ts" }))
}

const reasonOf = (logs: ReadonlyArray<BuildMessage | ResolveMessage>, entry: string): string =>
  logs
    .map(({ message, position }) => {
      if (position === null) return message
      const { file, line } = position
      const place = file === "" || file === entry ? "" : `${relative(dirname(entry), file)} `
      return `${place}line ${line}: ${message}`
    })
    .join("; ") || "it cannot be bundled"

const nameProblem = (name: string): string =>
  `"${name}" is no name for an actor: letters, digits, - and _, a letter first`

const sizeProblem = (what: string, text: string): string | null => {
  const bytes = Buffer.byteLength(text)
  return bytes > codeBytesMax ? `the ${what} has ${bytes} bytes; ${codeBytesMax} are allowed` : null
}

/** Names of the bundle's variables come from it: the same text gives the same version, whatever the actor is called. */
const sourceEntry = "actor"
const sourceNamespace = "raftlet-source"
