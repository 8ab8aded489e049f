// The first steps of docs/CLIENT.md, which test/client/examples.test.ts takes.

import { client, Failure } from "raftlet/client"
import type counter from "../../actors/counter.ts"

const raftlet = client<{ counter: typeof counter }>([
  "http://127.0.0.1:4001",
  "http://127.0.0.1:4002",
  "http://127.0.0.1:4003",
])

export const visit = async (page: string): Promise<number> => {
  const { result } = await raftlet.propose({ actor: "counter", key: page, command: "add", input: { by: 1 } })
  return result
}

export const visits = async (page: string): Promise<number> => {
  const { result } = await raftlet.read({ actor: "counter", key: page, query: "value" })
  return result
}

export const visitOnce = async (
  page: string,
  request: string,
): Promise<"counted" | "refused" | "not yet known"> => {
  try {
    await raftlet.propose({
      actor: "counter",
      key: page,
      command: "add",
      input: { by: 1 },
      idempotencyKey: request,
    })
    return "counted"
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure
    return failure.outcome === "rejected" ? "refused" : "not yet known"
  }
}
