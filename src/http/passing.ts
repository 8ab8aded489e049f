// Who answers a request of one group that this node does not run? A member that runs it: the client's words go there, and its
// answer comes back as it is.

import type { Bodies } from "./Bodies.ts"
import type { Far, Member } from "./Door.ts"
import type { Doors } from "./Doors.ts"
import { timeoutMillis } from "./parameters.ts"
import { Problem } from "./problem.ts"
import { rawPath } from "./target.ts"

/** Marks what a node asks of another on behalf of its client: it is never passed on again. */
export const askedByHeader = "Raftlet-Asked-By"

/** What of a request to the node itself is the client's, and not the connection's. */
const headersPassed: ReadonlyArray<string> = [
  "accept",
  "authorization",
  "content-encoding",
  "content-type",
  "idempotency-key",
  "if-revision",
  "last-event-id",
  "range",
]
/** What of an answer is the connection's. */
const headersKept = ["connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"]

/** A member that does not even begin to answer is not waited for much longer than the client would. */
const graceMillis = 500

/** Which group a request names in its query, and this node does not run; undefined: none. */
export const farIn = (doors: Doors, request: Request): Far | undefined => {
  const query = request.url.indexOf("?")
  if (query === -1 || !request.url.includes("group=", query)) return undefined
  const group = new URLSearchParams(request.url.slice(query)).get("group")
  return group === null ? undefined : doors.far(group)?.far
}

type IsPassed = (header: readonly [string, string]) => boolean
const isPassed: IsPassed = ([name]) => headersPassed.includes(name)

/** Throws a problem when nobody could be asked, or nobody knows what has come of it. `isOurs`: which headers go along. */
export const passOn = async (
  { doors, bodies }: { readonly doors: Doors; readonly bodies: Bodies },
  far: Far,
  request: Request,
  isOurs = isPassed,
): Promise<Response> => {
  if (request.headers.has(askedByHeader)) {
    throw new Problem(
      "not-ready",
      "This node does not run the group, and was asked by one that does not either.",
    )
  }
  const deadline = doors.now() + timeoutMillis(request)
  const hasBody = request.method !== "GET" && request.method !== "HEAD"
  const body = hasBody ? await bodies.raw(request) : null
  const headers = new Headers([...request.headers].filter(isOurs))
  const { members } = far
  for (const member of members) {
    const asked = { request, headers, body }
    const answer = await attempt(doors, member, asked, Math.max(1, deadline - doors.now()))
    if (answer !== null) return answer
  }
  throw new Problem("no-leader", "No member that runs the group has answered.")
}

interface Asked {
  readonly request: Request
  readonly headers: Headers
  readonly body: Uint8Array | null
}

/** Null: nothing of it has happened there, and another member may be asked. */
const attempt = async (
  doors: Doors,
  { id, client }: Member,
  { request, headers, body }: Asked,
  millis: number,
): Promise<Response | null> => {
  const query = request.url.indexOf("?")
  // Whoever watches is not cut off once the answer has begun.
  headers.set(askedByHeader, doors.node.id)
  headers.set("Raftlet-Timeout-Ms", String(Math.max(1, Math.floor(millis))))
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), millis + graceMillis)
  try {
    const answer = await fetch(
      `${client}${rawPath(request)}${query === -1 ? "" : request.url.slice(query)}`,
      {
        method: request.method,
        headers,
        ...(body === null || body.length === 0 ? {} : { body: body as Uint8Array<ArrayBuffer> }),
        redirect: "manual",
        signal: AbortSignal.any([request.signal, late.signal]),
        // Bun sends some methods a second time, silently, when a connection that is used again breaks.
        keepalive: false,
      },
    )
    if (answer.status === 503 && (await isAbsent(answer.clone() as Response))) return null
    const kept = [...answer.headers].filter(([name]) => !headersKept.includes(name))
    return new Response(answer.body, { status: answer.status, headers: kept })
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED") return null
    if (request.method === "GET" || request.method === "HEAD") return null
    const why = late.signal.aborted ? "did not answer in time" : "broke off"
    throw new Problem("timeout", `${id}, which was asked instead, ${why}; it may still be done.`)
  } finally {
    clearTimeout(timer)
  }
}

/** It does not run the group any more, or ends. */
const isAbsent = async (answer: Response): Promise<boolean> => {
  // What an actor answers may have no end.
  if (answer.headers.get("content-type") !== "application/problem+json") return false
  const { code } = (await answer.json().catch(() => ({}))) as { readonly code?: string }
  return code === "not-ready" || code === "shutting-down"
}
