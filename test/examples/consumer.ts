// A publisher and a consumer of the queue, of docs/CLOUD.md; test/actors/topicRoutes.test.ts runs them.

import { setTimeout as sleep } from "node:timers/promises"
import { client, type RoutesRequest } from "raftlet/client"

const raftlet = client(["http://127.0.0.1:4001", "http://127.0.0.1:4002", "http://127.0.0.1:4003"])
/** `acme.k1:rk_…` */
const headers = { Authorization: `Basic ${btoa(process.env.ACCESS_KEY ?? "")}` }
const orders = "/x/topic/topics/orders.eu"

interface Page {
  readonly messages: ReadonlyArray<{ readonly body: string }>
  readonly next: number
}

const ask = async (path: string, how: RoutesRequest = {}): Promise<unknown> => {
  const response = await raftlet.request(path, { headers, ...how })
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`)
  return response.json()
}

/** However often it is called with this id: the message is there once. */
export const publish = (body: string, id: string) =>
  ask(`${orders}/messages`, { method: "POST", body, idempotencyKey: id })

/** Who dies before the commit gets the same messages again: `handle` may see one twice. */
export const consume = async (handle: (body: string) => Promise<void>, signal: AbortSignal) => {
  await ask(`${orders}/groups/mail`, { method: "PUT", body: '{"from":"oldest"}' })
  while (!signal.aborted) {
    const { messages, next } = (await ask(`${orders}/messages?group=mail&max=10`)) as Page
    for (const { body } of messages) await handle(body)
    if (messages.length === 0) await sleep(200)
    else await ask(`${orders}/groups/mail/commit`, { method: "POST", body: JSON.stringify({ next }) })
  }
}
