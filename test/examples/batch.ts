// Many at once, of docs/CLIENT.md; test/client/examples.test.ts runs it.

import { client, Failure } from "raftlet/client"
import type counter from "../../actors/counter.ts"

const raftlet = client<{ counter: typeof counter }>("http://127.0.0.1:4001")

export const visitAll = async (pages: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
  const outcomes = await raftlet.proposeMany(
    pages.map((page) => ({ actor: "counter", key: page, command: "add", input: { by: 1 } }) as const),
  )
  return outcomes.flatMap((outcome, at) =>
    outcome instanceof Failure ? [`${pages[at]}: ${outcome.code}`] : [],
  )
}
