// Which code runs a command? Every actor type by name, as of now and as of every version that the log may
// still name.

import { Effect, Result, Schema } from "effect"
import {
  type Actor,
  type ActorCommand,
  type ActorQuery,
  type AnySchema,
  actorBrand,
  type Json,
  type LeadingDefinition,
  type RoutesDefinition,
} from "./actor.ts"
import { Coder, notJsonReason } from "./Coder.ts"
import { unknownField } from "./definitionFields.ts"
import { numberMax } from "./limits.ts"
import { type Home, homeProblem } from "./slots.ts"
import { messageOf } from "./thrown.ts"

/** An actor type, checked and ready to run. */
export interface LoadedActor {
  readonly name: string
  /** Hash of its code: two nodes with the same version id run the same reducers. */
  readonly version: string
  /** The number that the author counts its shapes by. */
  readonly declared: number
  readonly state: Coder
  /** Canonical JSON of the initial state. */
  readonly initialText: string
  readonly commands: ReadonlyMap<string, LoadedCommand>
  readonly queries: ReadonlyMap<string, LoadedQuery>
  /** By the declared version that they lead to. */
  readonly migrations: ReadonlyMap<number, Migration>
  /** What runs where its group leads; null: nothing. */
  readonly leading: LeadingDefinition | null
  /** What answers at `/x/NAME`; null: nothing. */
  readonly routes: RoutesDefinition | null
  /** Where it is to live, as far as it says so. */
  readonly home: Home
}

/** Between the stored states of a version and of the one before. */
export interface Migration {
  readonly up: (state: Json) => unknown
  /** Null: there is no way back. */
  readonly down: ((state: Json) => unknown) | null
}

export interface LoadedCommand {
  /** Null: the command takes null. */
  readonly input: Coder
  readonly output: Coder
  readonly reduce: ActorCommand["reduce"]
}

export interface LoadedQuery {
  readonly input: Coder
  readonly output: Coder
  readonly read: ActorQuery["read"]
}

/** What is wrong with one file of an actors directory. */
export interface ActorProblem {
  readonly file: string
  readonly reason: string
}

/** The actors cannot be used. One message names every broken file. */
export class ActorsRefused extends Schema.TaggedError<ActorsRefused>()("ActorsRefused", {
  message: Schema.String,
  problems: Schema.Array(Schema.Struct({ file: Schema.String, reason: Schema.String })),
}) {
  static of(problems: ReadonlyArray<ActorProblem>): ActorsRefused {
    const lines = problems.map(({ file, reason }) => `${file}: ${reason}`)
    return new ActorsRefused({ message: lines.join("\n"), problems })
  }
}

/** Code that is at hand. */
export interface Actors {
  readonly find: (name: string, version: string) => LoadedActor | undefined
}

export class Registry implements Actors {
  /** What new commands run with. */
  readonly current: ReadonlyMap<string, LoadedActor>
  readonly #earlier = new Map<string, LoadedActor>()

  /** `earlier`: versions that only entries already in the log may name. */
  constructor(current: ReadonlyArray<LoadedActor>, earlier: ReadonlyArray<LoadedActor> = []) {
    this.current = new Map(current.map((actor) => [actor.name, actor]))
    for (const actor of earlier) this.#earlier.set(idOf(actor.name, actor.version), actor)
  }

  find(name: string, version: string): LoadedActor | undefined {
    const current = this.current.get(name)
    if (current?.version === version) return current
    return this.#earlier.get(idOf(name, version))
  }
}

/** A registry of definitions at hand, as a test has them. The version id says no more than `version`. */
export const registryOf = (actors: Readonly<Record<string, Actor>>): Registry => {
  const loaded: Array<LoadedActor> = []
  const problems: Array<ActorProblem> = []
  for (const [name, definition] of Object.entries(actors)) {
    const result = loadActor(name, `v${definition?.version}`, definition)
    if (Result.isSuccess(result)) loaded.push(result.success)
    else problems.push({ file: name, reason: result.failure })
  }
  if (problems.length > 0) throw ActorsRefused.of(problems)
  return new Registry(loaded)
}

/** Names stand in URLs and keys of maps: no slash, no surprise. */
export const isActorName = (name: string): boolean => /^[a-z][a-z0-9_-]{0,62}$/i.test(name)

/** Checks what a module exports as its default. Fails with the reason in one sentence. */
export const loadActor = (
  name: string,
  version: string,
  exported: unknown,
): Result.Result<LoadedActor, string> => {
  if (!isActorName(name)) return Result.fail(`"${name}" is no name for an actor: ${nameRule}`)
  if (exported === undefined) return Result.fail("it has no default export: export default actor({ … })")
  if (!isActor(exported))
    return Result.fail("its default export is not an actor: export default actor({ … })")
  try {
    return Result.succeed(prepare(name, version, exported))
  } catch (error) {
    return Result.fail(messageOf(error))
  }
}

const prepare = (name: string, version: string, actor: Actor): LoadedActor => {
  // First: what is misspelt is missing under its own name as well, and that says less.
  insistKnown("an actor ", actor, actorFields)
  insist(
    Number.isSafeInteger(actor.version) && actor.version >= 1 && actor.version <= numberMax,
    `version: expected an integer from 1 to ${numberMax}`,
  )
  const state = coderOf("state", actor.state)
  const initial = state.encode(actor.initial)
  if (Result.isFailure(initial)) {
    const { path, message } = initial.failure[0]!
    throw new Error(`initial: not a state: ${path === "" ? "" : `at ${path}: `}${message}`)
  }
  return {
    name,
    version,
    declared: actor.version,
    state,
    migrations: prepareMigrations(actor),
    leading: prepareLeading(actor),
    routes: prepareRoutes(actor),
    home: prepareHome(name, actor),
    initialText: JSON.stringify(initial.success.json),
    commands: prepareAll(
      "commands",
      actor.commands,
      ["input", "output", "reduce"],
      "reduce",
      (at, command) => ({
        input: inputCoder(at, command.input),
        output: coderOf(`${at}.output`, command.output),
        reduce: command.reduce,
      }),
    ),
    queries: prepareAll("queries", actor.queries, ["input", "output", "read"], "read", (at, query) => ({
      input: inputCoder(at, query.input),
      output: coderOf(`${at}.output`, query.output),
      read: query.read,
    })),
  }
}

const prepareMigrations = ({ migrate = {}, version }: Actor): ReadonlyMap<number, Migration> => {
  insist(isRecord(migrate), "migrate: expected an object")
  return new Map(
    Object.entries(migrate).map(([key, given]) => {
      const to = Number(key)
      const at = `migrate.${key}`
      insist(
        /^[1-9]\d*$/.test(key) && to >= 2 && to <= version,
        `${at}: expected a version from 2 to ${version}`,
      )
      const { up, down } = typeof given === "function" ? { up: given, down: undefined } : (given ?? {})
      if (isRecord(given)) insistKnown(`${at}: `, given, ["up", "down"])
      insist(isSynchronous(up), `${at}: expected a function that is not async, or { up, down }`)
      insist(down === undefined || isSynchronous(down), `${at}.down: expected a function that is not async`)
      return [to, { up: up as Migration["up"], down: (down as Migration["down"] | undefined) ?? null }]
    }),
  )
}

/** Looked at, and not run: that happens where the world is open. */
const prepareLeading = ({ leading }: Actor): LeadingDefinition | null => {
  const isUsable = leading === undefined || Effect.isEffect(leading) || isSynchronous(leading)
  insist(isUsable, "leading: expected an Effect, or a function that is not async and gives one")
  return leading ?? null
}

/** Looked at, and not run, as well. */
const prepareRoutes = ({ routes }: Actor): RoutesDefinition | null => {
  const isApp = isRecord(routes) && typeof routes.fetch === "function"
  const isUsable = routes === undefined || isApp || isSynchronous(routes)
  insist(isUsable, "routes: expected a hono app, or a function that is not async and gives one")
  return routes ?? null
}

/** Not what says nothing: what is told of a version is the same as before it could say anything. */
const prepareHome = (name: string, { group, shards, replicas }: Actor): Home => {
  const problem = homeProblem(name, { group, shards, replicas })
  insist(problem === null, problem ?? "")
  return {
    ...(group === undefined ? {} : { group }),
    ...(shards === undefined ? {} : { shards }),
    ...(replicas === undefined ? {} : { replicas }),
  }
}

const isSynchronous = (value: unknown): boolean =>
  typeof value === "function" && value.constructor?.name === "Function"

/** JavaScript files are not seen by the compiler: what the types say is checked again here. */
const prepareAll = <Definition extends object, Loaded>(
  kind: string,
  definitions: Readonly<Record<string, Definition>>,
  fields: ReadonlyArray<string>,
  run: string,
  load: (at: string, definition: Definition) => Loaded,
): ReadonlyMap<string, Loaded> => {
  insist(isRecord(definitions), `${kind}: expected an object`)
  return new Map(
    Object.entries(definitions).map(([name, definition]) => {
      const at = `${kind}.${name}`
      insist(isActorName(name), `${at}: no name for one of the ${kind}: ${nameRule}`)
      insist(isRecord(definition), `${at}: expected an object`)
      insistKnown(`${at}: `, definition, fields)
      const body = (definition as Record<string, unknown>)[run]
      insist(typeof body === "function", `${at}.${run}: expected a function`)
      insist(body?.constructor?.name === "Function", `${at}.${run}: must be synchronous, not async`)
      return [name, load(at, definition)]
    }),
  )
}

const inputCoder = (at: string, schema: AnySchema | undefined): Coder =>
  schema === undefined ? nullCoder : coderOf(`${at}.input`, schema)

const coderOf = (at: string, schema: unknown): Coder => {
  if (!Schema.isSchema(schema)) throw new Error(`${at}: expected a schema`)
  const given = schema as unknown as AnySchema
  const reason = notJsonReason(given)
  insist(reason === null, `${at}: ${reason}`)
  return new Coder(given)
}

const insist = (holds: boolean, message: string): void => {
  if (!holds) throw new Error(message)
}

const insistKnown = (at: string, definition: object, fields: ReadonlyArray<string>): void => {
  const reason = unknownField(definition, fields)
  insist(reason === null, `${at}${reason}`)
}

const actorFields = (
  "version state initial commands queries migrate leading group shards replicas routes" as const
).split(" ")

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

const isActor = (value: unknown): value is Actor => isRecord(value) && Reflect.get(value, actorBrand) === true

const idOf = (name: string, version: string): string => `${name}@${version}`

const nullCoder = new Coder(Schema.Null)
const nameRule = "letters, digits, - and _, a letter first, at most 63"
