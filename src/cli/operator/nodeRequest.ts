// What does one node say to one request? An answer, a problem, or nothing that is of use.

import { Effect, Schema } from "effect"
import { printable } from "../tables.ts"

export interface NodeRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE"
  /** With its query string. */
  readonly path: string
  readonly body?: object
  readonly token: string | null
}

/** A problem document (RFC 9457), as far as this side goes by it. */
export interface Problem {
  readonly code: string
  readonly detail: string
  readonly outcome: "rejected" | "unknown"
  readonly retryable: boolean
  /** The whole document, as it came. */
  readonly document: string
}

export interface Answer {
  readonly body: unknown
  /** The body as it came. */
  readonly text: string
}

/** The node said no, or may have. */
export interface Told {
  readonly _tag: "Told"
  readonly problem: Problem
}

/** `sent`: somebody may have got the request, and may have done what it asks for. */
export interface Silent {
  readonly _tag: "Silent"
  readonly reason: string
  readonly sent: boolean
}

export type Unanswered = Told | Silent

/** Takes no longer than `millis`. */
export const askNode = (
  url: string,
  request: NodeRequest,
  millis: number,
): Effect.Effect<Answer, Unanswered> =>
  exchange(url, request, millis, async (response) => {
    const text = await response.text()
    const body = parsed(text)
    if (body === undefined) throw notOurs(response)
    return { body, text }
  })

/** The head of the answer is there within `millis`; its body is read by whoever asked, and may take its time. */
export const openNode = (
  url: string,
  request: NodeRequest,
  millis: number,
): Effect.Effect<Response, Unanswered> => exchange(url, request, millis, async (response) => response)

const exchange = <A>(
  url: string,
  request: NodeRequest,
  millis: number,
  read: (response: Response) => Promise<A>,
): Effect.Effect<A, Unanswered> =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await send(url, request, millis, signal)
      if (!response.ok) throw await problemOf(response)
      return await read(response)
    },
    catch: (cause) => (isUnanswered(cause) ? cause : silenceOf(cause)),
  }).pipe(
    Effect.timeoutOrElse({
      duration: millis,
      orElse: () => Effect.fail(silent(`no answer within ${millis / 1000} s`, true)),
    }),
  )

/** Follows redirects itself: `fetch` would drop the token on the way to the leader's address. */
const send = async (
  url: string,
  { method, path, body, token }: NodeRequest,
  millis: number,
  signal: AbortSignal,
): Promise<Response> => {
  let target = new URL(path, url)
  for (let hop = 0; hop <= hopsMax; hop++) {
    const response = await fetch(target, {
      method,
      redirect: "manual",
      signal,
      // On a connection of its own. On one that was used before, `fetch` sends a PUT or DELETE again in silence when
      // that is lost, and a change may then happen twice.
      keepalive: method === "GET",
      headers: {
        // What the node gives up it says before this side does: "no leader" is more than "no answer".
        "Raftlet-Timeout-Ms": String(Math.max(1, Math.min(Math.floor(millis - wayMillis), timeoutMillisMax))),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (response.status !== 307 && response.status !== 308) return response
    const next = URL.parse(response.headers.get("location") ?? "", target.href)
    if (next === null || !/^https?:$/.test(next.protocol)) throw notOurs(response)
    // What was meant for an encrypted connection does not go out in the clear.
    if (target.protocol === "https:" && next.protocol === "http:") {
      throw silent(`${target.origin} sends us on to ${next.origin}, which is not encrypted`, false)
    }
    target = next
  }
  throw silent(`${new URL(url).origin} sends us in circles`, false)
}

const ProblemDocument = Schema.Struct({
  code: Schema.String,
  detail: Schema.String,
  outcome: Schema.Literals(["rejected", "unknown"]),
  retryable: Schema.Boolean,
})
const decodeProblem = Schema.decodeUnknownOption(ProblemDocument)

const problemOf = async (response: Response): Promise<Unanswered> => {
  const document = await response.text()
  const problem = decodeProblem(parsed(document))
  if (problem._tag === "None") return notOurs(response)
  const { code, detail, outcome, retryable } = problem.value
  return {
    _tag: "Told",
    problem: { code: printable(code), detail: printable(detail), outcome, retryable, document },
  }
}

/** A proxy's word, or another program's: nobody knows what it did with the request. */
const notOurs = (response: Response): Silent =>
  silent(`an answer that is none of Raftlet's (HTTP ${response.status})`, true)

const isUnanswered = (cause: unknown): cause is Unanswered =>
  typeof cause === "object" && cause !== null && "_tag" in cause

const silent = (reason: string, sent: boolean): Silent => ({ _tag: "Silent", reason, sent })

const silenceOf = (cause: unknown): Silent => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  const known = reasons[code]
  if (known !== undefined) return silent(known.reason, known.sent)
  // Bun adds advice for whoever called its `fetch`: nothing that an operator could follow.
  const said = (cause instanceof Error ? cause.message : String(cause)).replace(
    / For more information, pass .*$/,
    "",
  )
  const message = printable(said)
  // A certificate that does not hold ends the talk before the request is said.
  return silent(message, !/CERT|TLS|SSL/.test(`${code} ${message.toUpperCase()}`))
}

const reasons: Readonly<Record<string, { readonly reason: string; readonly sent: boolean }>> = {
  ECONNREFUSED: { reason: "connection refused", sent: false },
  ENOTFOUND: { reason: "no such host", sent: false },
  EHOSTUNREACH: { reason: "host unreachable", sent: false },
  ENETUNREACH: { reason: "network unreachable", sent: false },
  Malformed_HTTP_Response: { reason: "what listens there does not speak HTTP: a peer port?", sent: true },
  ECONNRESET: { reason: "connection lost", sent: true },
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const hopsMax = 4
/** For the way there and back. */
const wayMillis = 200
/** As the node bounds it. */
const timeoutMillisMax = 60_000
