// What does every node say, asked one by one? From the nodes that we know on to those that they know.

import { Effect, Option, Result, Schema } from "effect"
import { ClusterAnswer, NodeAnswer } from "./answers.ts"
import type { ClusterClient } from "./ClusterClient.ts"
import type { Answer, Unanswered } from "./nodeRequest.ts"

/** What came of asking one address. */
export interface Visit {
  readonly url: string
  /** What the node says about itself; null when it says nothing. */
  readonly node: NodeAnswer | null
  /** What it says about the cluster. */
  readonly cluster: ClusterAnswer | null
  /** Why there is no word of the node; empty when there is. */
  readonly silence: string
  /** Why it is not ready, in its own words; null when it is. */
  readonly unready: string | null
  /** Why it is not healthy; null when it is. */
  readonly unhealthy: string | null
}

/** Asks all that are known and all that those know, at the same time, each for a short while only. */
export const survey = Effect.fnUntraced(function* (client: ClusterClient) {
  const millis = Math.min(askMillisMax, client.options.timeoutMillis)
  const visits = new Map<string, Visit>()
  let next = client.options.urls
  while (next.length > 0 && visits.size < nodesMax) {
    const seen = yield* Effect.forEach(next, (url) => visit(client, url, millis), {
      concurrency: "unbounded",
    })
    for (const each of seen) visits.set(each.url, each)
    const named = seen.flatMap(({ cluster }) => cluster?.members.map((member) => member.client) ?? [])
    next = [...new Set(named)].filter((url) => isUrl(url) && !visits.has(url))
  }
  return [...visits.values()]
})

const visit = Effect.fnUntraced(function* (client: ClusterClient, url: string, millis: number) {
  const ask = (path: string) => Effect.result(client.askAt(url, { method: "GET", path }, millis))
  const [node, cluster, ready, health] = yield* Effect.all(
    [ask(client.path("/admin/node")), ask(client.path("/admin/cluster")), ask("/readyz"), ask("/healthz")],
    { concurrency: "unbounded" },
  )
  const words = answered(NodeAnswer, node)
  const seen: Visit = {
    url,
    node: words,
    cluster: answered(ClusterAnswer, cluster),
    silence: words === null ? (objection(node) ?? "an answer that is none of Raftlet's") : "",
    unready: objection(ready),
    unhealthy: objection(health),
  }
  return seen
})

type Reply = Result.Result<Answer, Unanswered>

const answered = <A>(schema: Schema.Decoder<A>, reply: Reply): A | null =>
  Result.isSuccess(reply) ? Option.getOrNull(Schema.decodeUnknownOption(schema)(reply.success.body)) : null

const objection = (reply: Reply): string | null => {
  if (Result.isSuccess(reply)) return null
  const { failure } = reply
  return failure._tag === "Told" ? failure.problem.detail : failure.reason
}

const isUrl = (text: string): boolean => URL.parse(text)?.origin === text && /^https?:/.test(text)

/** Longer than a node takes to give up on the leader it passes a question on to. */
const askMillisMax = 2000
const nodesMax = 64
