// How does an operator bring in code, see what it would change, switch it on and back, and repair what it broke?

import { Effect, Result } from "effect"
import { versionOf } from "../machine/bundle.ts"
import type { BundleSource } from "../machine/bundleApart.ts"
import type { ActorStatus, MachineFailed } from "../machine/MachineHost.ts"
import { isActorName } from "../machine/Registry.ts"
import { unknownActor } from "../machine/refusals.ts"
import { readToken, tokenOf } from "../machine/system/plan.ts"
import type { Quarantine } from "../machine/system/Quarantines.ts"
import { type Body, bodyOf, codeBodyOf, codeIn, oneOfThem, unusable } from "./actorCode.ts"
import type { Bodies } from "./Bodies.ts"
import { askNothing, type Doors, jsonResponse } from "./Doors.ts"
import { bringIn, command, type Sender } from "./deploy.ts"
import { describeInput } from "./log.ts"
import { timeoutMillis } from "./parameters.ts"
import { fromFailure, fromRefused, Problem } from "./problem.ts"
import { within } from "./snapshots.ts"
import { decodePart, keyOfSegment, parseQuery, parseSwitch } from "./target.ts"

export interface ActorsOptions {
  readonly doors: Doors
  readonly bodies: Bodies
  /** Makes a module of a source that nobody vouches for. */
  readonly bundle?: BundleSource | undefined
}

type Segments = ReadonlyArray<string>

/** `GET /admin/actors` */
export const listActors = async ({ doors }: ActorsOptions, request: Request): Promise<Response> => {
  const sender = senderOf(doors, request)
  await caughtUp(sender)
  const actors = await seen(sender, sender.door.machine.actors)
  return answer(doors, sender, { actors: actors.map(shown) })
}

/** `POST /admin/actors/{name}/versions`: it is there afterwards, and not switched on. */
export const uploadVersion = async (
  { doors, bodies, bundle }: ActorsOptions,
  request: Request,
  segments: Segments,
): Promise<Response> => {
  const sender = senderOf(doors, request)
  const actor = actorOf(segments[0]!)
  const code = await codeIn(await codeBodyOf(bodies, request, []), actor, bundle)
  if (code === null) throw new Problem("bad-request", oneOfThem)
  const present = await versionAt(sender, actor, versionOf(code))
  // A second time it would only fill the log.
  if (present !== null) {
    const { version, declared, commands, queries, index } = present
    return answer(doors, sender, { actor, version, declared, known: true, commands, queries, index }, index)
  }
  const { version, manifest } = await draftOf(sender, actor, code)
  const { declared, commands, queries } = manifest
  const { result, index } = await bringIn(sender, { actor, version, code, manifest, source: "upload" })
  const { known } = JSON.parse(result) as { readonly known: boolean }
  return answer(doors, sender, { actor, version, declared, known, commands, queries, index }, index)
}

/** `POST /admin/actors/{name}/plan`: of a version that is there, the latest when none is named, or of code at hand. */
export const planVersion = async (
  { doors, bodies, bundle }: ActorsOptions,
  request: Request,
  segments: Segments,
): Promise<Response> => {
  const sender = senderOf(doors, request)
  const actor = actorOf(segments[0]!)
  const body = await codeBodyOf(bodies, request, ["version"])
  const code = await codeIn(body, actor, bundle)
  if (code !== null && body.version !== undefined) {
    throw new Problem("bad-request", "A plan is of a version that is there, or of code: not of both.")
  }
  const named = textIn(body, "version", "a version's id")
  await caughtUp(sender)
  const draft = code === null ? null : await draftOf(sender, actor, code)
  const version = draft?.version ?? named ?? (await latestOf(sender, actor))
  const recorded = await recentCommands(sender)
  const { machine } = sender.door
  const asked = { actor, version, manifest: draft?.manifest ?? null, recorded }
  const plan = await seen(sender, machine.plan(asked))
  if ("_tag" in plan) throw fromRefused(plan)
  return answer(doors, sender, { ...plan, token: tokenOf(plan) })
}

/** `POST /admin/actors/{name}/activate`: what the token of a plan stands for. */
export const activateVersion = async (
  { doors, bodies }: ActorsOptions,
  request: Request,
  segments: Segments,
): Promise<Response> => {
  const sender = senderOf(doors, request)
  const actor = actorOf(segments[0]!)
  const planned = tokenIn(await bodyOf(bodies, request, ["token"]), actor)
  if (planned === null) throw new Problem("bad-request", 'The body must be {"token"}, of a plan.')
  await caughtUp(sender)
  await refuseMisfit(sender, actor, planned.version)
  const { result, index } = await command(sender, "$actor/activate", actor, planned)
  return answer(doors, sender, { actor, ...(JSON.parse(result) as object), index }, index)
}

/** `POST /admin/actors/{name}/rollback`: to the version before, or to one that is named. */
export const rollBackVersion = async (
  { doors, bodies }: ActorsOptions,
  request: Request,
  segments: Segments,
): Promise<Response> => {
  const sender = senderOf(doors, request, ["force"])
  const actor = actorOf(segments[0]!)
  const body = await bodyOf(bodies, request, ["to", "token"])
  const named = textIn(body, "to", "a version's id")
  const planned = tokenIn(body, actor)
  if (named !== null && planned !== null && named !== planned.version) {
    throw new Problem("bad-request", "to and token name different versions.")
  }
  await caughtUp(sender)
  const { active, previous } = await statusOf(sender, actor)
  const version = planned?.version ?? named ?? previous
  if (version === null) {
    throw new Problem("version-conflict", `No version of "${actor}" was active before this one.`)
  }
  // Whoever is in distress may go back although some states will not be readable then.
  if (!sender.isForced) await refuseMisfit(sender, actor, version)
  // What was looked at is what is left: a second request that was sent for one lost answer goes no further back.
  const input = planned === null ? { from: active, to: version } : { ...planned, to: version }
  const { result, index } = await command(sender, "$actor/rollback", actor, input)
  return answer(doors, sender, { actor, ...(JSON.parse(result) as object), index }, index)
}

/** `POST /admin/actors/{name}/instances/{key}/repair`: out of quarantine. */
export const repairInstance = async (
  { doors, bodies }: ActorsOptions,
  request: Request,
  segments: Segments,
): Promise<Response> => {
  const sender = senderOf(doors, request, ["force"])
  const actor = actorOf(segments[0]!)
  const key = keyOfSegment(segments[2]!)
  const { with: how, state } = await bodyOf(bodies, request, ["with", "state"])
  if (how !== "before" && how !== "state" && how !== "rerun") {
    throw new Problem("bad-request", 'with must be "before", "rerun", or "state" with a state.')
  }
  if ((how === "state") !== (state !== undefined)) {
    throw new Problem("bad-request", 'A state belongs to "with": "state", and to nothing else.')
  }
  await caughtUp(sender)
  const { quarantined } = await statusOf(sender, actor)
  if (!quarantined.some((one) => one.key === key)) {
    throw new Problem("not-found", "The instance is not in quarantine.")
  }
  const input = { how, state: state ?? null, force: sender.isForced } as const
  const { result, index } = await command(sender, "$instance/repair", `${actor}/${key}`, input)
  return answer(doors, sender, { ...(JSON.parse(result) as object), index }, index)
}

const senderOf = (doors: Doors, request: Request, switches: ReadonlyArray<"force"> = []) => {
  const parameters = parseQuery(request, ["group", ...switches])
  const door = doors.find(parameters.get("group"))
  const deadline = door.raft.now() + timeoutMillis(request)
  return { door, deadline, node: doors.node.id, isForced: parseSwitch(parameters.get("force"), "force") }
}

const actorOf = (segment: string): string => {
  const name = decodePart(segment, "The actor's name")
  if (isActorName(name)) return name
  throw new Problem("bad-request", `${JSON.stringify(name.slice(0, 64))} is no name for an actor.`)
}

/** Null: it is not there. */
const textIn = (body: Body, field: string, what: string): string | null => {
  const text = body[field]
  if (text === undefined) return null
  if (typeof text === "string") return text
  throw new Problem("bad-request", `${field} must be ${what}.`)
}

const tokenIn = ({ token }: Body, actor: string) => {
  if (token === undefined) return null
  const planned = typeof token === "string" ? readToken(actor, token) : null
  if (planned !== null) return planned
  throw new Problem("bad-request", `token must be what a plan of "${actor}" has given.`)
}

/** Runs the code once where nobody's commands run. */
const draftOf = async (sender: Sender, actor: string, code: string) => {
  const { machine } = sender.door
  const inspected = await seen(sender, machine.inspect({ actor, code, source: "upload" }))
  if ("manifest" in inspected) return inspected
  if (inspected.isBlameless)
    throw new Problem("overloaded", `The code was not looked at: ${inspected.problem}.`)
  throw unusable(inspected.problem)
}

const statusOf = async (sender: Sender, actor: string): Promise<ActorStatus> => {
  const actors = await seen(sender, sender.door.machine.actors)
  const found = actors.find(({ name }) => name === actor)
  if (found === undefined) throw fromRefused(unknownActor(actor))
  return found
}

/** As far as this node's state has come; null when it is not there. */
const versionAt = async (sender: Sender, actor: string, version: string) => {
  const actors = await seen(sender, sender.door.machine.actors)
  const known = actors.find(({ name }) => name === actor)
  return known?.versions.find((one) => one.version === version) ?? null
}

const latestOf = async (sender: Sender, actor: string): Promise<string> => {
  const { versions } = await statusOf(sender, actor)
  const latest = versions.at(-1)
  if (latest === undefined) throw fromRefused(unknownActor(actor))
  return latest.version
}

/** A version whose states do not fit is refused, and the old one stays: the log judges only what it can without code. */
const refuseMisfit = async (sender: Sender, actor: string, version: string): Promise<void> => {
  const { machine } = sender.door
  const plan = await seen(sender, machine.plan({ actor, version, manifest: null, recorded: [] }))
  if ("_tag" in plan) throw fromRefused(plan)
  const { hindrances, states } = plan
  if (hindrances.length === 0) return
  throw new Problem("version-conflict", `${hindrances.join("; ")}.`, {
    extra: JSON.stringify({ hindrances, failures: states.failures }),
  })
}

/** The newest of this node's log; what was cut from it is not run again. */
const recentCommands = async ({ door }: Sender) => {
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
const caughtUp = async ({ door, deadline }: Sender): Promise<void> => {
  const said = await askNothing(door, "linearizable", deadline)
  if (said._tag === "Failure") throw fromFailure(said)
  // A node whose own state does not serve has had it answered by another one, and what follows is read here.
  const here = await askNothing(door, "local", deadline)
  if (here._tag === "Failure") throw fromFailure(here)
}

/** What the machine says before anything is proposed. It may run code, which may take its time. */
const seen = async <A>({ door, deadline }: Sender, asked: Effect.Effect<A, MachineFailed>): Promise<A> => {
  const millis = Math.max(0, deadline - door.raft.now())
  const result = await within(millis, Effect.runPromise(Effect.result(asked)), null)
  if (result === null) {
    throw new Problem("timeout", "The code that must run for this has not come to an end in time.", {
      outcome: "rejected",
    })
  }
  if (Result.isSuccess(result)) return result.success
  // A node whose machine has failed is on its way out.
  throw new Problem("shutting-down", result.failure.message)
}

const shown = ({ quarantined, ...actor }: ActorStatus) => ({
  ...actor,
  quarantined: quarantined.slice(0, quarantinedShownMax).map(describeQuarantine),
  quarantinedCount: quarantined.length,
})

const describeQuarantine = ({
  key,
  version,
  fault,
  index,
  at,
  revision,
  by,
  command,
  input,
  isVoid,
}: Quarantine) => ({
  key,
  version,
  command,
  ...describeInput(input),
  fault: fault.kind,
  detail: fault.detail,
  index,
  at,
  revision,
  by,
  voided: isVoid,
})

const answer = (doors: Doors, { door }: Sender, body: object, index?: number): Response =>
  jsonResponse(JSON.stringify(body), {
    ...doors.headers(door),
    ...(index === undefined ? {} : { "Raftlet-Index": String(index) }),
  })

const recordedMax = 1000
const recordedBytesMax = 4 * 1024 * 1024
/** Of one actor, in one answer. */
export const quarantinedShownMax = 100
