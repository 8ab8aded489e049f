// The typed client against real processes: what do its callers see of a leader that is killed?

import { expect, test } from "bun:test"
import { client } from "raftlet/client"
import type counter from "../../actors/counter.ts"
import { withCluster } from "./support/Cluster.ts"

const proposals = 200
const inFlight = 8

test(
  "kill -9 of the leader under 200 proposals: each is executed once and heard of once, and no caller sees an error (C1, C2)",
  () =>
    withCluster(async (cluster) => {
      const raftlet = client<{ counter: typeof counter }>(cluster.urls, { timeoutMillis: 30_000 })
      const leader = await cluster.leader()
      const watched: Array<number> = []
      const watch = async (): Promise<void> => {
        for await (const event of raftlet.watch({ actor: "counter", key: "a", after: 0 })) {
          if (event.type === "event") watched.push((event.data as { readonly value: number }).value)
          else
            watched.push(
              ...Array.from(
                { length: event.state.value - watched.length },
                (_, at) => watched.length + at + 1,
              ),
            )
          if (watched.length === proposals) return
        }
      }
      const watching = watch()
      const results: Array<number> = []
      let next = 0
      const propose = async (): Promise<void> => {
        while (next < proposals) {
          if (++next === proposals / 4) await leader.kill("SIGKILL")
          const { result } = await raftlet.propose({
            actor: "counter",
            key: "a",
            command: "add",
            input: { by: 1 },
          })
          results.push(result)
        }
      }
      await Promise.all(Array.from({ length: inFlight }, propose))
      const each = Array.from({ length: proposals }, (_, at) => at + 1)
      expect(results.toSorted((left, right) => left - right)).toEqual(each)
      await watching
      expect(watched).toEqual(each)
      expect(await raftlet.read({ actor: "counter", key: "a", query: "value" })).toMatchObject({
        result: proposals,
        revision: proposals,
      })
      expect(await raftlet.state({ actor: "counter", key: "a" })).toMatchObject({
        state: { value: proposals },
      })
      expect((await raftlet.list({ actor: "counter" })).instances).toEqual([
        { key: "a", revision: proposals },
      ])
    }),
  60_000,
)
