// A watcher, of docs/CLIENT.md; test/client/examples.test.ts runs it.

import { client } from "raftlet/client"
import type counter from "../../actors/counter.ts"

const raftlet = client<{ counter: typeof counter }>("http://127.0.0.1:4001")

export const follow = async (page: string, signal: AbortSignal): Promise<void> => {
  const { state, index } = await raftlet.state({ actor: "counter", key: page })
  console.log(`${state.value} so far`)
  for await (const event of raftlet.watch({ actor: "counter", key: page, after: index, signal })) {
    if (event.type === "reset") console.log(`${event.state.value} by now`)
    else console.log(event.event, event.data)
  }
}
