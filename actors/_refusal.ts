// How does a route say no? As the rest of Raftlet does: with a problem document (RFC 9457) that names a code, and says whether
// something may have happened.
//
// No actor: its name begins with `_`.

import type { Context } from "hono"
import type { Json } from "raftlet"

const codes = { 400: "bad-request", 401: "unauthorized", 403: "forbidden", 404: "not-found" } as const
const titles = { 400: "Bad request", 401: "Unauthorized", 403: "Forbidden", 404: "Not found" } as const

/** Thrown by a handler; hono answers with what `getResponse` gives, as it does for every error that has one. */
export class Refusal extends Error {
  readonly outcome = "rejected"
  readonly retryable = false
  readonly status: keyof typeof codes

  constructor(status: keyof typeof codes, detail: string) {
    super(detail)
    this.status = status
  }

  getResponse(): Response {
    const { status, message: detail, outcome, retryable } = this
    const problem = {
      type: "about:blank",
      title: titles[status],
      status,
      code: codes[status],
      detail,
      outcome,
      retryable,
    }
    const asks = status === 401 ? { "WWW-Authenticate": 'Basic realm="raftlet"' } : {}
    return Response.json(problem, {
      status,
      headers: { "Content-Type": "application/problem+json", ...asks },
    })
  }
}

/** For `notFound` of an app: what it has no route for. */
export const nothingHere = (): Response => new Refusal(404, "There is nothing at this path.").getResponse()

/**
 * Thrown when a part of it was done and the rest was not: whoever asks has to ask again, under the same `Idempotency-Key`.
 * `rejected`, which is what the part that was not done says of itself, would be wrong of the whole.
 */
export class HalfDone extends Error {
  readonly outcome = "unknown"
  readonly retryable = true

  getResponse(): Response {
    const { message: detail, outcome, retryable } = this
    const problem = {
      type: "about:blank",
      title: "Half done",
      status: 503,
      code: "half-done",
      detail,
      outcome,
      retryable,
    }
    return Response.json(problem, { status: 503, headers: { "Content-Type": "application/problem+json" } })
  }
}

/** The body as text. Other bytes would be stored as question marks, and nobody would know. */
export const textIn = async (c: Context): Promise<string> => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await c.req.arrayBuffer())
  } catch {
    throw new Refusal(400, "The body is no text in UTF-8: send Base64 of it, for instance.")
  }
}

/** A JSON object. What stands in it is for the schema of a command to check. */
export const objectIn = async (c: Context): Promise<Readonly<Record<string, Json>>> => {
  const body = await c.req.json().catch(() => null)
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new Refusal(400, "The body is no JSON object.")
  return body
}
