// How does an actor answer requests of clients itself? What comes to `/x/NAME` is handed to its routes, on whichever node.

import { Cause, Effect, Exit, Option } from "effect"
import { headersOf } from "../machine/routes/bytes.ts"
import type { Answer } from "../machine/routes/Caller.ts"
import type { RoutesService, Unserved } from "../machine/routes/Routes.ts"
import type { Asked } from "../machine/routes/words.ts"
import type { Counter } from "../metrics/Metrics.ts"
import type { Bodies } from "./Bodies.ts"
import type { Far } from "./Door.ts"
import { awaitActor, type Doors, type Headers as FewHeaders, isAwaited, notTakenIn } from "./Doors.ts"
import { timeoutMillis } from "./parameters.ts"
import { passOn } from "./passing.ts"
import { Problem, type ProblemCode, problemTable } from "./problem.ts"
import { actorOfSegment, rawPath } from "./target.ts"

export interface MountOptions {
  readonly doors: Doors
  readonly bodies: Bodies
  /** Null: nothing of users answers requests here. */
  readonly service: RoutesService | null
  /** By actor, and what its answers begin with (`2xx`); `gone`: the client did not wait. */
  readonly requests: Counter
}

/** Whatever stands at `/x/{actor}` and below it, with every method. */
export const serveMounted = async (options: MountOptions, request: Request): Promise<Response> => {
  const { doors, service } = options
  const deadline = doors.now() + timeoutMillis(request)
  const actor = actorOfSegment(rawPath(request).split("/")[2]!)
  if (service === null) throw noRoutes(actor)
  checkTarget(request)
  await awaitActor(doors, actor, deadline - doors.now())
  const far = farOf(doors, actor)
  if (far !== undefined) return passOn(options, far, request, endToEnd(request.headers.get("connection")))
  const asked = await askedOf(options, request, actor)
  const millis = Math.max(1, deadline - doors.now())
  let isHandedOver = false
  const answering = service.call(actor, asked, () => {
    isHandedOver = true
  })
  const exit = await Effect.runPromiseExit(Effect.timeoutOption(Effect.result(answering), millis), {
    signal: request.signal,
  })
  if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) throw Cause.squash(exit.cause)
  if (Exit.isFailure(exit)) {
    count(options, actor, "gone")
    throw new Problem("timeout", "The client has gone away.")
  }
  const result = Option.getOrNull(exit.value)
  if (result === null) throw counted(options, actor, late(millis, isHandedOver))
  if (result._tag === "Failure") throw counted(options, actor, problemOf(doors, actor, result.failure))
  const response = responseOf(result.success, doors.headers(doors.find(undefined)))
  if (response === null)
    throw counted(options, actor, new Problem("internal", "HTTP cannot carry the answer."))
  options.requests.add(1, actor, classOf(response.status))
  return response
}

const checkTarget = (request: Request): void => {
  const { method } = request
  if (method === "CONNECT" || method === "TRACE" || method === "TRACK") {
    throw new Problem("method-not-allowed", `${method} is not for actors.`, { headers: { Allow: allowed } })
  }
  // A proxy in front may have let it through for where it seems to lead, and the actor would see where it does.
  if (
    rawPath(request)
      .split(/[/\\]/)
      .some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))
  )
    throw new Problem("bad-request", "A path of an actor has no steps up or on the spot.")
}

/** Who runs a group that knows of the actor; undefined: this node does, or nobody is known. */
const farOf = (doors: Doors, actor: string): Far | undefined => {
  const groups = doors.groupsOf(actor)
  return groups.some((group) => doors.open(group) !== undefined) ? undefined : doors.far(groups[0]!)?.far
}

/** As the actor sees it: without the place where it is mounted, and with a whole body. */
const askedOf = async ({ bodies, doors }: MountOptions, request: Request, actor: string): Promise<Asked> => {
  const { method } = request
  const path = rawPath(request)
  const at = request.url.indexOf(path)
  const origin = request.url.slice(0, at) || doors.node.listen
  const [, , , ...below] = path.split("/")
  const url = `${origin}/${below.join("/")}${request.url.slice(at + path.length)}`
  if (!URL.canParse(url)) throw new Problem("bad-request", `There is no such address for ${actor}.`)
  const body = await bodies.whole(request)
  const headers = [...request.headers].filter(endToEnd(request.headers.get("connection")))
  if (body !== null) headers.push(["content-length", String(body.length)])
  return { method, url, headers, body }
}

/** Null: it is none that HTTP could carry. */
const responseOf = ({ status, headers, body }: Answer, ours: FewHeaders): Response | null => {
  try {
    const connection = headers.find(([name]) => name.toLowerCase() === "connection")?.[1] ?? null
    const all = headersOf(headers.filter(endToEnd(connection)))
    for (const [name, value] of Object.entries(ours)) all.set(name, value)
    return new Response(body as Uint8Array<ArrayBuffer> | ReadableStream | null, { status, headers: all })
  } catch {
    return null
  }
}

/** Not what is between two ends of one connection (RFC 9110 §7.6.1), nor a length that is told anew. */
const endToEnd = (connection: string | null) => {
  const named = new Set((connection ?? "").split(",").map((name) => name.trim().toLowerCase()))
  return ([name]: readonly [string, string]): boolean =>
    !hopByHop.has(name.toLowerCase()) && !named.has(name.toLowerCase())
}

const hopByHop: ReadonlySet<string> = new Set(
  "connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade content-length".split(
    " ",
  ),
)

const problemOf = (doors: Doors, actor: string, { reason, detail, isHandedOver }: Unserved): Problem => {
  const outcome = isHandedOver ? "unknown" : "rejected"
  if (reason === "unknown-actor") {
    if (isAwaited(doors, actor)) return notTakenIn(actor)
    return new Problem("unknown-actor", `There is no actor ${JSON.stringify(actor)}.`)
  }
  if (reason === "no-routes") return noRoutes(actor)
  // What was thrown is for operators to read: the node's log has it.
  if (reason === "failed") return new Problem("internal", "The actor's routes have failed.")
  return new Problem(codes[reason], detail, { outcome })
}

const codes: Readonly<Record<"overloaded" | "unavailable", ProblemCode>> = {
  overloaded: "overloaded",
  unavailable: "routes-unavailable",
}

const noRoutes = (actor: string): Problem =>
  new Problem(
    "not-found",
    `The actor ${JSON.stringify(actor)} answers no requests: its definition has no routes.`,
  )

const late = (millis: number, isHandedOver: boolean): Problem =>
  new Problem("timeout", `The actor has not answered within ${Math.round(millis)} ms.`, {
    outcome: isHandedOver ? "unknown" : "rejected",
  })

const counted = (options: MountOptions, actor: string, problem: Problem): Problem => {
  count(options, actor, classOf(problemTable[problem.code].status))
  return problem
}

/** Names that clients make up are no labels: those alone are whose routes this node has had to do with. */
const count = ({ requests, service }: MountOptions, actor: string, answer: string): void => {
  if (service?.status().some((known) => known.actor === actor) === true) requests.add(1, actor, answer)
}

const classOf = (status: number): string => `${Math.floor(status / 100)}xx`
/** HEAD and OPTIONS as well. */
export const mountedMethods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
const allowed = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
