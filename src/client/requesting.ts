// How are the routes of an actor asked, when any node may be away? They answer whatever HTTP can carry: so what counts is
// whether there was an answer, and whether it asks for another attempt.

import { checkIdempotencyKey, WrongArgument } from "./arguments.ts"
import { type Asked, exchange } from "./ask.ts"
import type { Call, Cluster } from "./Cluster.ts"
import { Failure, type Problem, problemIn, timeout } from "./Failure.ts"
import { persevere } from "./persevere.ts"
import type { RoutesRequest } from "./shapes.ts"

/** Throws a TypeError. */
export const routesRequest = (path: string, given: RoutesRequest): Asked => {
  if (!staysWithin(path))
    throw new WrongArgument("the path must begin with /x/ and the name of an actor, and lead nowhere else")
  const { method = "GET", headers = {}, body, idempotencyKey = crypto.randomUUID() } = given
  checkIdempotencyKey(idempotencyKey)
  const asked = {
    method: method.toUpperCase(),
    path,
    headers: { ...headers, "Idempotency-Key": idempotencyKey },
    ...(body === undefined ? {} : { body }),
  }
  if (!canBeSent(asked)) throw new WrongArgument("no request has such a method, such headers or such a body")
  return asked
}

/** Whoever puts another one's words into a path may have `..` among them, and every URL parser would go there. */
const staysWithin = (path: string): boolean => {
  const [actor] = /^\/x\/[^/?#\\]+/.exec(path) ?? []
  const url = `http://node${path}`
  if (actor === undefined || !URL.canParse(url)) return false
  const { pathname } = new URL(url)
  return pathname === actor || pathname.startsWith(`${actor}/`)
}

/** What cannot would fail at every node, and look as if none had answered. */
const canBeSent = ({ method, headers, body }: Asked): boolean => {
  if (body !== undefined && (method === "GET" || method === "HEAD")) return false
  try {
    const init = { method, ...(headers && { headers }), ...(body === undefined ? {} : { body }) }
    // Bun takes a method that it does not know for GET.
    return new Request("http://node/", init).method === method
  } catch {
    return false
  }
}

/** Throws a Failure when nobody gave an answer that lasts. */
export const request = async (cluster: Cluster, asked: Asked, call: Call): Promise<Response> => {
  let attempts = 0
  let isDoubtful = false
  let last: Problem = timeout("rejected", "there was no time to ask anybody")
  let found: Response | null = null
  await persevere(cluster, call, async (url, millis) => {
    attempts++
    const { answer, response } = await exchange(cluster.line, url, asked, millis, call.signal)
    const problem = answer.type === "told" ? problemIn(answer.value) : null
    const again =
      response === null ? timeout("unknown", silenceOf(answer)) : problem?.retryable === true ? problem : null
    // Whatever else it is that a route answers, it is an answer.
    const type = response === null ? "silent" : "told"
    cluster.note(url, { type, leader: answer.leader }, call.places)
    if (again === null) found = response
    else {
      isDoubtful ||= again.outcome === "unknown"
      last = again
    }
    return { type, retryAfterMillis: answer.retryAfterMillis, done: again === null }
  })
  if (found !== null) return found
  // A refusal of a later attempt does not speak for an earlier one.
  throw new Failure(isDoubtful ? { ...last, outcome: "unknown" } : last, attempts)
}

const silenceOf = (answer: { readonly type: string; readonly reason?: string }): string => answer.reason ?? ""
