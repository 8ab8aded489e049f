// How do clients of the queue ask? Over HTTP, at /x/topic of every node, with an access key of the actor `auth` as user name
// and password (Basic). Whatever they ask is authorised by `auth` first, and counted by `metering` before it is answered.
//
//   PUT /topics/TOPIC/groups/GROUP            {"from":"oldest"|"next"}   a group of consumers takes part
//   POST /topics/TOPIC/messages               the message, UTF-8 text    publishes it
//   GET /topics/TOPIC/messages?group=&max=                               what comes next for the group
//   POST /topics/TOPIC/groups/GROUP/commit    {"next":N}                 it has done with all before N
//   DELETE /topics/TOPIC/groups/GROUP                                    the group leaves: nothing waits for it any more
//
// `Idempotency-Key` names a request: sent again under the same one it is published once, and counted once. The same key at
// another path names another request, and so it does behind a cursor that has moved: whoever has one key for everything pays all
// the same.

import { type Context, Hono } from "hono"
import type { RoutesContext } from "raftlet"

import { HalfDone, nothingHere, objectIn, Refusal, textIn } from "../_refusal.ts"

import type auth from "../auth/index.ts"
import type metering from "../metering/index.ts"
import type { topic } from "./topic.ts"

type Action = "publish" | "subscribe"

export const routes = (ctx: Pick<RoutesContext, "cluster">): Hono => {
  const cluster = ctx.cluster<{
    auth: typeof auth
    metering: typeof metering
    topic: ReturnType<typeof topic>
  }>()
  /** The same for what a client wrote: the schemas of the commands say what is wrong with it. */
  const unchecked = ctx.cluster()

  /** Who asks, and may they? Then it is done, and counted; only then there is an answer. */
  const serve =
    (action: Action, route: string, work: (at: Place, c: Context) => Promise<Done>) =>
    async (c: Context): Promise<Response> => {
      const time = Date.now()
      const credentials = credentialsIn(c.req.header("Authorization"))
      if (credentials === null)
        throw new Refusal(401, "Send an access key as user name, and its secret as password.")
      const { tenant, key, secret } = credentials
      const topic = c.req.param("topic") ?? ""
      const { result: verdict } = await cluster.read({
        actor: "auth",
        key: tenant,
        query: "check",
        input: { key, secret, action, topic },
      })
      if (verdict.reason === "not-authentic")
        throw new Refusal(401, "There is no such access key, or its secret is another.")
      const idempotencyKey = c.req.header("Idempotency-Key") ?? crypto.randomUUID()
      const done = verdict.isGranted
        ? work({ key: `${tenant}/${topic}`, idempotencyKey }, c)
        : Promise.reject(new Refusal(403, `This key may not ${action} here: ${verdict.reason}.`))
      const { response, cursor } = await said(done)
      const answered = await response.clone().arrayBuffer()
      await count(tenant, {
        time,
        method: c.req.method,
        route,
        status: response.status,
        // What came in, and what goes out: who only reads moves as much as who publishes.
        bytes: Number(c.req.header("Content-Length") ?? 0) + answered.byteLength,
        latencyMillis: Date.now() - time,
        requestId: await nameOf(c, idempotencyKey, cursor),
      })
      return response
    }

  const count = async (tenant: string, call: Call): Promise<void> => {
    const asked = { actor: "metering", key: tenant, command: "record", input: call } as const
    await cluster
      .propose({ ...asked, idempotencyKey: call.requestId })
      .catch((failure: { code?: string }) => {
        // It was counted when it came for the first time, and took another time then.
        if (failure.code === "idempotency-mismatch") return
        throw new HalfDone(`It has an answer, and could not be counted (${failure.code}): send it again.`)
      })
  }

  return new Hono()
    .put(
      "/topics/:topic/groups/:group",
      serve("subscribe", "/topics/{topic}/groups/{group}", async (at, c) => {
        const input = {
          group: c.req.param("group") ?? "",
          ...(await objectIn(c)),
        }
        const { result } = await unchecked.propose({ actor: "topic", ...at, command: "subscribe", input })
        return { answer: { next: result } }
      }),
    )
    .post(
      "/topics/:topic/messages",
      serve("publish", "/topics/{topic}/messages", async (at, c) => {
        const input = { body: await textIn(c) }
        const { result } = await cluster.propose({ actor: "topic", ...at, command: "publish", input })
        return { answer: { offset: result } }
      }),
    )
    .get(
      "/topics/:topic/messages",
      serve("subscribe", "/topics/{topic}/messages", async ({ key }, c) => {
        const input = { group: c.req.query("group") ?? "", max: Number(c.req.query("max") ?? 100) }
        const { result } = await cluster.read({ actor: "topic", key, query: "poll", input })
        if (result === null)
          throw new Refusal(404, "There is no such group of consumers: it has to take part first.")
        return { answer: result, cursor: result.next - result.messages.length - result.missed }
      }),
    )
    .post(
      "/topics/:topic/groups/:group/commit",
      serve("subscribe", "/topics/{topic}/groups/{group}/commit", async (at, c) => {
        const input = { group: c.req.param("group") ?? "", ...(await objectIn(c)) }
        const { result } = await unchecked.propose({ actor: "topic", ...at, command: "commit", input })
        return { answer: { next: result } }
      }),
    )
    .delete(
      "/topics/:topic/groups/:group",
      serve("subscribe", "/topics/{topic}/groups/{group}", async (at, c) => {
        const input = { group: c.req.param("group") ?? "" }
        await cluster.propose({ actor: "topic", ...at, command: "unsubscribe", input })
        return { answer: {} }
      }),
    )
    .notFound(nothingHere)
}

interface Place {
  readonly key: string
  readonly idempotencyKey: string
}

interface Call {
  readonly time: number
  readonly method: string
  readonly route: string
  readonly status: number
  readonly bytes: number
  readonly latencyMillis: number
  readonly requestId: string
}

interface Done {
  readonly answer: unknown
  /** Of the group that has polled. */
  readonly cursor?: number
}

/** By which metering knows a request from others: what is sent again has the same, and nothing else has. */
const nameOf = async (c: Context, idempotencyKey: string, cursor: number | null): Promise<string> => {
  const { pathname, search } = new URL(c.req.url)
  const words = JSON.stringify([c.req.method, pathname, search, idempotencyKey, cursor])
  return Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(words))).toString("hex")
}

/** What was refused for good is an answer like any other, and counted. What may still happen is not: who asks tries again. */
const said = async (
  work: Promise<Done>,
): Promise<{ readonly response: Response; readonly cursor: number | null }> => {
  try {
    const { answer, cursor = null } = await work
    return { response: Response.json(answer), cursor }
  } catch (failure) {
    const { outcome, retryable, getResponse } = failure as Partial<Failure>
    if (outcome !== "rejected" || retryable !== false || getResponse === undefined) throw failure
    return { response: getResponse.call(failure), cursor: null }
  }
}

/** What a `Refusal` has as well as what the cluster's client throws. */
interface Failure {
  readonly outcome: "rejected" | "unknown"
  readonly retryable: boolean
  readonly getResponse: () => Response
}

/** `Basic` with `acme.k1:rk_…`, in Base64. */
const credentialsIn = (
  header = "",
): { readonly tenant: string; readonly key: string; readonly secret: string } | null => {
  const [, encoded = ""] = /^Basic ([A-Za-z0-9+/]+=*)$/i.exec(header) ?? []
  const [, tenant, key, secret] =
    /^([^.:]+)\.([^:]+):(.+)$/s.exec(Buffer.from(encoded, "base64").toString()) ?? []
  return tenant === undefined || key === undefined || secret === undefined ? null : { tenant, key, secret }
}
