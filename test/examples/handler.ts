// A server in front of the cluster, of docs/CLIENT.md; test/client/examples.test.ts runs it.

import { Hono } from "hono"
import { client } from "raftlet/client"
import type counter from "../../actors/counter.ts"

const raftlet = client<{ counter: typeof counter }>("http://127.0.0.1:4001", {
  token: () => process.env.TOKEN ?? "",
})

export const app = new Hono().post("/visits/:page", async (context) => {
  const proposal = { actor: "counter", command: "add", input: { by: 1 } } as const
  const { result } = await raftlet.propose({ ...proposal, key: context.req.param("page") })
  return context.json({ visits: result })
})
