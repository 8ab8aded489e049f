// Does the example of a cluster hold? (docs/TESTING.md)

import { expect, test } from "bun:test"
import { testCluster } from "raftlet/testing"
import counter from "../../actors/counter.ts"

test("a command is executed once, although the leader dies and it is sent again", () => {
  const cluster = testCluster({ nodes: 3, actors: { counter }, seed: 7 })
  const add = { actor: "counter", key: "a", command: "add", input: { by: 2 }, idempotencyKey: "once" }
  cluster.execute(add)
  const leader = cluster.waitForLeader()
  cluster.crash(leader)
  expect(cluster.execute(add)).toMatchObject({ outcome: "executed", result: 2, replayed: true })
  cluster.start(leader)
  cluster.settle()
  for (const node of cluster.nodes) expect(cluster.query("counter", "a", "value", { node })).toBe(2)
})
