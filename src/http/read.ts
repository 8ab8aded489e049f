// How is a question about an instance asked, and how fresh must the answer be?

import { freshEnough } from "../groups/fresh.ts"
import type { Query } from "../machine/MachineHost.ts"
import type { Bodies } from "./Bodies.ts"
import {
  answeredResponse,
  askRead,
  awaitActor,
  type Door,
  type Doors,
  defaultGroup,
  isAwaited,
  leaderLocation,
  notTakenIn,
  redirect,
  saying,
} from "./Doors.ts"
import { parseJson } from "./json.ts"
import { listAll } from "./listing.ts"
import { timeoutMillis } from "./parameters.ts"
import { fromFailure, fromRefused, Problem } from "./problem.ts"
import { askAtHome, doorTo } from "./routing.ts"
import {
  actorOfSegment,
  decodePart,
  keyBytesMax,
  keyOfSegment,
  parseCount,
  parseQuery,
  parseSwitch,
} from "./target.ts"

const limitDefault = 100
const limitMax = 1000

/** `GET` or `POST /read/{actor}/{key}/{query}`: the input stands in the query string or in the body. */
export const readQuery = async (
  doors: Doors,
  bodies: Bodies,
  request: Request,
  segments: ReadonlyArray<string>,
): Promise<Response> => {
  const posted = request.method === "POST"
  const parameters = parseQuery(request, posted ? common : [...common, "input"])
  const asked = {
    type: "query",
    actor: actorOfSegment(segments[0]!),
    key: keyOfSegment(segments[1]!),
    query: decodePart(segments[2]!, "The query's name"),
  } as const
  const given = parameters.get("input")
  const input = posted
    ? ((await bodies.json(request)) ?? null)
    : given === undefined
      ? null
      : parseJson(given, "The query parameter input")
  return read(doors, request, parameters, { ...asked, input: JSON.stringify(input) })
}

/** `GET /read/{actor}/{key}`: the whole state. */
export const readState = (
  doors: Doors,
  request: Request,
  segments: ReadonlyArray<string>,
): Promise<Response> =>
  read(doors, request, parseQuery(request, common), {
    type: "state",
    actor: actorOfSegment(segments[0]!),
    key: keyOfSegment(segments[1]!),
  })

/** `GET /read/{actor}`: the instances that were ever written, by key. */
export const readList = (
  doors: Doors,
  request: Request,
  segments: ReadonlyArray<string>,
): Promise<Response> => {
  const parameters = parseQuery(request, [...common, "prefix", "after", "limit"])
  return read(doors, request, parameters, {
    type: "list",
    actor: actorOfSegment(segments[0]!),
    prefix: keyPart(parameters, "prefix"),
    after: keyPart(parameters, "after"),
    limit: parseCount(parameters.get("limit"), "limit", 1, limitMax) ?? limitDefault,
  })
}

const read = async (
  doors: Doors,
  request: Request,
  parameters: ReadonlyMap<string, string>,
  query: Query,
): Promise<Response> => {
  const consistency = parameters.get("consistency") ?? "linearizable"
  if (consistency !== "linearizable" && consistency !== "lease" && consistency !== "local") {
    throw new Problem("bad-request", "consistency must be linearizable, lease or local.")
  }
  const maxStaleness = parseCount(parameters.get("maxStalenessMs"), "maxStalenessMs", 0, stalenessMillisMax)
  if (maxStaleness !== null && consistency !== "local") {
    throw new Problem("bad-request", "maxStalenessMs has a meaning with consistency=local only.")
  }
  const minIndex = parseCount(parameters.get("minIndex"), "minIndex", 0, Number.MAX_SAFE_INTEGER) ?? 0
  const millis = timeoutMillis(request)
  const deadline = doors.now() + millis
  const asked = {
    consistency,
    minIndex,
    maxStalenessMillis: maxStaleness ?? Number.POSITIVE_INFINITY,
    deadline,
  } as const
  const target = { group: parameters.get("group"), actor: query.actor, key: "key" in query ? query.key : "" }
  await awaitActor(doors, query.actor, millis)
  const groups = doors.groupsOf(query.actor)
  const isSpread = groups.length > 1 || groups[0] !== defaultGroup
  if (query.type === "list" && target.group === undefined && isSpread) return listAll(doors, query, asked)
  // Whoever asks for a redirect wants the leader to do the work; a local read has no leader.
  if (parseSwitch(parameters.get("redirect"), "redirect") && consistency !== "local") {
    const door = doorTo(doors, target)
    const location = leaderLocation(door.raft.status(), request)
    if (location !== null) return redirect(location, doors.headers(door))
  }
  const ask = (door: Door) => {
    const hasMoved = doors.movedBy(target.actor, target.key) !== 0
    return askRead(door, { query, ...(hasMoved ? freshEnough(door, asked) : asked) })
  }
  const { door, answer } = await askAtHome(doors, target, deadline, ask)
  if (answer._tag === "Answered") return answeredResponse(answer, saying(doors.headers(door), answer))
  if (answer._tag === "Failure") throw fromFailure(answer)
  if (answer.code === "unknown-actor" && isAwaited(doors, query.actor)) throw notTakenIn(query.actor)
  throw fromRefused(answer)
}

/** A prefix or a cursor: a key that may be empty or cut short. */
const keyPart = (parameters: ReadonlyMap<string, string>, name: string): string => {
  const text = parameters.get(name) ?? ""
  if (text.includes("\0") || Buffer.byteLength(text) > keyBytesMax) {
    throw new Problem("bad-request", `${name} must be at most ${keyBytesMax} bytes without NUL.`)
  }
  return text
}

const common = ["group", "redirect", "consistency", "maxStalenessMs", "minIndex"]
const stalenessMillisMax = 24 * 3600 * 1000
