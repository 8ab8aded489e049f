// How do clients of the queue ask? Over HTTP, at /x/topic of every node, with an access key of the actor `auth` as user name
// and password (Basic). Whatever they ask is authorised by `auth` first, and counted by `metering` before it is answered.
//
//   PUT /topics/TOPIC/groups/GROUP            {"from":"oldest"|"next"}   a group of consumers takes part
//   POST /topics/TOPIC/messages               the message, UTF-8 text    publishes it
//   GET /topics/TOPIC/messages?group=&max=                               what comes next for the group
//   POST /topics/TOPIC/groups/GROUP/commit    {"next":N}                 it has done with all before N
//   DELETE /topics/TOPIC/groups/GROUP                                    the group leaves: nothing waits for it any more
//
// `Idempotency-Key` names a request: sent again under the same one it is published once, and counted once.

import { type Context, Hono } from "hono"
import type { RoutesContext } from "raftlet"
import { nothingHere, objectIn, Refusal } from "../_refusal.ts"
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
    (action: Action, route: string, work: (at: Place, c: Context) => Promise<unknown>) =>
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
      const requestId = c.req.header("Idempotency-Key") ?? crypto.randomUUID()
      const done = verdict.isGranted
        ? work({ key: `${tenant}/${topic}`, idempotencyKey: requestId }, c)
        : Promise.reject(new Refusal(403, `This key may not ${action} here: ${verdict.reason}.`))
      const response = await said(done)
      const answered = await response.clone().arrayBuffer()
      await count(tenant, {
        time,
        method: c.req.method,
        route,
        status: response.status,
        // What came in, and what goes out: who only reads moves as much as who publishes.
        bytes: Number(c.req.header("Content-Length") ?? 0) + answered.byteLength,
        latencyMillis: Date.now() - time,
        requestId,
      })
      return response
    }

  const count = async (tenant: string, call: Call): Promise<void> => {
    const asked = { actor: "metering", key: tenant, command: "record", input: call } as const
    await cluster
      .propose({ ...asked, idempotencyKey: call.requestId })
      .catch((failure: { code?: string }) => {
        // It was counted when it came for the first time, and took another time then.
        if (failure.code !== "idempotency-mismatch") throw failure
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
        return {
          next: (await unchecked.propose({ actor: "topic", ...at, command: "subscribe", input })).result,
        }
      }),
    )
    .post(
      "/topics/:topic/messages",
      serve("publish", "/topics/{topic}/messages", async (at, c) => {
        const input = { body: textIn(await c.req.arrayBuffer()) }
        return {
          offset: (await cluster.propose({ actor: "topic", ...at, command: "publish", input })).result,
        }
      }),
    )
    .get(
      "/topics/:topic/messages",
      serve("subscribe", "/topics/{topic}/messages", async ({ key }, c) => {
        const input = { group: c.req.query("group") ?? "", max: Number(c.req.query("max") ?? 100) }
        const { result } = await cluster.read({ actor: "topic", key, query: "poll", input })
        if (result === null)
          throw new Refusal(404, "There is no such group of consumers: it has to take part first.")
        return result
      }),
    )
    .post(
      "/topics/:topic/groups/:group/commit",
      serve("subscribe", "/topics/{topic}/groups/{group}/commit", async (at, c) => {
        const input = { group: c.req.param("group") ?? "", ...(await objectIn(c)) }
        return { next: (await unchecked.propose({ actor: "topic", ...at, command: "commit", input })).result }
      }),
    )
    .delete(
      "/topics/:topic/groups/:group",
      serve("subscribe", "/topics/{topic}/groups/{group}", async (at, c) => {
        const input = { group: c.req.param("group") ?? "" }
        await cluster.propose({ actor: "topic", ...at, command: "unsubscribe", input })
        return {}
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

/** A state holds text. Bytes that are none are refused: what a decoder puts in their place is another message. */
const textIn = (bytes: ArrayBuffer): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Refusal(400, "The message is no text in UTF-8: send Base64 of it, for instance.")
  }
}

/** What was refused for good is an answer like any other, and counted. What may still happen is not: who asks tries again. */
const said = async (work: Promise<unknown>): Promise<Response> => {
  try {
    return Response.json(await work)
  } catch (failure) {
    const { outcome, retryable, getResponse } = failure as Partial<Failure>
    if (outcome !== "rejected" || retryable !== false || getResponse === undefined) throw failure
    return getResponse.call(failure)
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
