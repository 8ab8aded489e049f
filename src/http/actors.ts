// How does an operator bring in code, see what it would change, switch it on and back, and repair what it broke?

import { Effect, Result } from "effect"
import { bundleSource } from "../machine/bundle.ts"
import type { Inspection, MachineFailed } from "../machine/MachineHost.ts"
import { isActorName } from "../machine/Registry.ts"
import { readToken, tokenOf } from "../machine/system/plan.ts"
import type { Bodies } from "./Bodies.ts"
import { askNothing, type Door, type Doors, jsonResponse } from "./Doors.ts"
import { bringIn, command, type Sender } from "./deploy.ts"
import { isObject, refuseUnknown } from "./fields.ts"
import { timeoutMillis } from "./parameters.ts"
import { fromFailure, fromRefused, Problem } from "./problem.ts"
import { decodePart, keyOfSegment, parseQuery } from "./target.ts"

export interface ActorsOptions {
  readonly doors: Doors
  readonly bodies: Bodies
}

/** `GET /admin/actors` */
export const listActors = async ({ doors }: ActorsOptions, request: Request): Promise<Response> => {
  const { door, deadline } = at(doors, request, [])
  await caughtUp(door, deadline)
  const actors = await run(door.machine.actors)
  return answer(doors, door, {
    actors: actors.map(({ activatedAt, ...actor }) => ({ ...actor, activatedAt })),
  })
}

/** `POST /admin/actors/{name}/versions`: it is there afterwards, and not switched on. */
export const uploadVersion = async (
  options: ActorsOptions,
  request: Request,
  segments: ReadonlyArray<string>,
): Promise<Response> => {
  const { doors } = options
  const { door, deadline } = at(doors, request, [])
  const name = actorOf(segments[0]!)
  const code = await codeOf(options, request, name)
  if (code === null) throw new Problem("bad-request", noCode)
  const { version, manifest } = loadable(
    await run(door.machine.inspect({ actor: name, code, source: "upload" })),
  )
  const sender: Sender = { door, deadline, node: doors.node.id }
  const { result, index } = await bringIn(sender, { actor: name, version, code, manifest, source: "upload" })
  const { known } = JSON.parse(result) as { readonly known: boolean }
  const { declared, commands, queries } = manifest
  return answer(doors, door, { actor: name, version, declared, known, commands, queries, index }, index)
}

/** `POST /admin/actors/{name}/plan`: of a version that is there, the latest when none is named, or of code at hand. */
export const planVersion = async (
  options: ActorsOptions,
  request: Request,
  segments: ReadonlyArray<string>,
): Promise<Response> => {
  const { doors } = options
  const { door, deadline } = at(doors, request, [])
  const name = actorOf(segments[0]!)
  const body = await bodyOf(options, request, ["version", "source", "bundle"])
  const code = await codeIn(body, name)
  await caughtUp(door, deadline)
  const draft =
    code === null ? null : loadable(await run(door.machine.inspect({ actor: name, code, source: "upload" })))
  const version = draft?.version ?? (await versionIn(door, name, body.version))
  const recorded = await recentCommands(door)
  const plan = await run(
    door.machine.plan({ actor: name, version, manifest: draft?.manifest ?? null, recorded }),
  )
  if ("_tag" in plan) throw fromRefused(plan)
  return answer(doors, door, { ...plan, token: tokenOf(plan) })
}

/** `POST /admin/actors/{name}/activate`: what the token of a plan stands for. */
export const activateVersion = async (
  options: ActorsOptions,
  request: Request,
  segments: ReadonlyArray<string>,
): Promise<Response> => {
  const { doors } = options
  const { door, deadline } = at(doors, request, [])
  const name = actorOf(segments[0]!)
  const { token } = await bodyOf(options, request, ["token"])
  const planned = typeof token === "string" ? readToken(name, token) : null
  if (planned === null) {
    throw new Problem("bad-request", `token must be what a plan of "${name}" has given.`)
  }
  const sender: Sender = { door, deadline, node: doors.node.id }
  await refuseMisfit(door, name, planned.version, deadline)
  const { result, index } = await command(sender, "$actor/activate", name, planned)
  return answer(doors, door, { actor: name, ...(JSON.parse(result) as object), index }, index)
}

/** `POST /admin/actors/{name}/rollback`: to the version before, or to one that is named. */
export const rollBackVersion = async (
  options: ActorsOptions,
  request: Request,
  segments: ReadonlyArray<string>,
): Promise<Response> => {
  const { doors } = options
  const { door, deadline } = at(doors, request, [])
  const name = actorOf(segments[0]!)
  const { to = null, token } = await bodyOf(options, request, ["to", "token"])
  if (to !== null && typeof to !== "string") throw new Problem("bad-request", "to must be a version.")
  const planned = typeof token === "string" ? readToken(name, token) : null
  if (token !== undefined && planned === null) {
    throw new Problem("bad-request", `token must be what a plan of "${name}" has given.`)
  }
  const sender: Sender = { door, deadline, node: doors.node.id }
  const input = { from: planned?.from ?? null, to: planned?.version ?? to }
  const { result, index } = await command(sender, "$actor/rollback", name, input)
  return answer(doors, door, { actor: name, ...(JSON.parse(result) as object), index }, index)
}

/** `POST /admin/actors/{name}/instances/{key}/repair`: out of quarantine. */
export const repairInstance = async (
  options: ActorsOptions,
  request: Request,
  segments: ReadonlyArray<string>,
): Promise<Response> => {
  const { doors } = options
  const { door, deadline } = at(doors, request, [])
  const name = actorOf(segments[0]!)
  const key = keyOfSegment(segments[2]!)
  const body = await bodyOf(options, request, ["with", "state"])
  const how = body.with ?? (body.state === undefined ? undefined : "state")
  if (how !== "before" && how !== "state" && how !== "rerun") {
    throw new Problem("bad-request", 'with must be "before", "state" (and a state) or "rerun".')
  }
  if ((how === "state") !== (body.state !== undefined)) {
    throw new Problem("bad-request", 'A state belongs to "with": "state", and to nothing else.')
  }
  const sender: Sender = { door, deadline, node: doors.node.id }
  const input = { how, state: body.state ?? null } as const
  const { result, index } = await command(sender, "$instance/repair", `${name}/${key}`, input)
  return answer(doors, door, { ...(JSON.parse(result) as object), index }, index)
}

/** A version whose states do not fit is refused, and the old one stays: the log judges only what it can without code. */
const refuseMisfit = async (door: Door, actor: string, version: string, deadline: number): Promise<void> => {
  await caughtUp(door, deadline)
  const plan = await run(door.machine.plan({ actor, version, manifest: null, recorded: [] }))
  if ("_tag" in plan) throw fromRefused(plan)
  const [hindrance] = plan.hindrances
  if (hindrance === undefined) return
  throw new Problem("version-conflict", `${hindrance}.`, {
    extra: JSON.stringify({ hindrances: plan.hindrances, failures: plan.states.failures }),
  })
}

const at = (doors: Doors, request: Request, allowed: ReadonlyArray<string>) => {
  const parameters = parseQuery(request, ["group", ...allowed])
  const door = doors.find(parameters.get("group"))
  return { door, deadline: door.raft.now() + timeoutMillis(request) }
}

const actorOf = (segment: string): string => {
  const name = decodePart(segment, "The actor's name")
  if (isActorName(name)) return name
  throw new Problem("bad-request", `${JSON.stringify(name)} is no name for an actor.`)
}

const bodyOf = async (
  { bodies }: ActorsOptions,
  request: Request,
  fields: ReadonlyArray<string>,
): Promise<Readonly<Record<string, unknown>>> => {
  const body = (await bodies.json(request, true)) ?? {}
  if (!isObject(body)) throw new Problem("bad-request", "The body must be a JSON object.")
  refuseUnknown(body, fields, "The body")
  return body
}

/** As JSON, `{"source"}` or `{"bundle"}`, or as the TypeScript of one file. */
const codeOf = async (options: ActorsOptions, request: Request, name: string): Promise<string | null> => {
  const raw = await options.bodies.text(request, sourceTypes)
  return raw === null
    ? codeIn(await bodyOf(options, request, ["source", "bundle"]), name)
    : bundled(name, raw)
}

const codeIn = async (body: Readonly<Record<string, unknown>>, name: string): Promise<string | null> => {
  const { source, bundle } = body
  if (source === undefined && bundle === undefined) return null
  const text = source ?? bundle
  if ((source !== undefined && bundle !== undefined) || typeof text !== "string") {
    throw new Problem("bad-request", noCode)
  }
  return source === undefined ? text : bundled(name, text)
}

const bundled = async (name: string, text: string): Promise<string> => {
  const made = await Effect.runPromise(Effect.result(bundleSource({ name, source: text })))
  if (Result.isSuccess(made)) return made.success.code
  throw new Problem("invalid-input", `The code cannot be used: ${made.failure.message}`)
}

const loadable = (seen: Inspection) => {
  if ("manifest" in seen) return seen
  throw new Problem("invalid-input", `The code cannot be used: ${seen.problem}.`)
}

const versionIn = async (door: Door, name: string, version: unknown): Promise<string> => {
  if (typeof version === "string") return version
  if (version !== undefined) throw new Problem("bad-request", "version must be a version's id.")
  const known = (await run(door.machine.actors)).find((actor) => actor.name === name)
  const latest = known?.versions.at(-1)?.version
  if (latest === undefined) throw new Problem("unknown-actor", `There is no actor "${name}".`)
  return latest
}

/** The newest of this node's log; what was cut from it is not run again. */
const recentCommands = async (door: Door) => {
  const { commitIndex } = door.raft.status()
  const from = Math.max(1, commitIndex - recordedMax)
  const page = await Effect.runPromise(
    Effect.orElseSucceed(
      door.raft.log({ from, entriesMax: recordedMax + 1, bytesMax: recordedBytesMax }),
      () => null,
    ),
  )
  return (page?.entries ?? []).flatMap(({ index, command }) => (command === null ? [] : [{ index, command }]))
}

/** Whatever was acknowledged before this was asked is seen. */
const caughtUp = async (door: Door, deadline: number): Promise<void> => {
  const said = await askNothing(door, "linearizable", deadline)
  if (said._tag === "Failure") throw fromFailure(said)
}

const run = async <A>(asked: Effect.Effect<A, MachineFailed>): Promise<A> => {
  const result = await Effect.runPromise(Effect.result(asked))
  if (Result.isSuccess(result)) return result.success
  // A node whose machine has failed is on its way out.
  throw new Problem("shutting-down", result.failure.message)
}

const answer = (doors: Doors, door: Door, body: object, index?: number): Response =>
  jsonResponse(JSON.stringify(body), {
    ...doors.headers(door),
    ...(index === undefined ? {} : { "Raftlet-Index": String(index) }),
  })

const noCode = 'The body must be the TypeScript of one file, or {"source"} or {"bundle"} as JSON.'
const sourceTypes =
  /^\s*(?:text\/(?:plain|typescript|javascript)|application\/(?:typescript|javascript|x-typescript))\s*(?:;.*)?$/i
const recordedMax = 1000
const recordedBytesMax = 4 * 1024 * 1024
