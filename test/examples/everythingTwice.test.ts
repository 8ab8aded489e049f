// Does the example of alwaysReplay hold? (docs/TESTING.md)

import { expect, test } from "bun:test"
import { actorFile, testActor, testCluster } from "raftlet/testing"
import type counter from "../../actors/counter.ts"

test("a counter keeps nothing outside of its state", async () => {
  const file = await actorFile<typeof counter>("actors/counter.ts")
  const subject = testActor(file, { alwaysReplay: true })
  for (let by = 1; by <= 20; by++) subject.execute("a", "add", { by })
  expect(subject.query("a", "value")).toBe(210)

  const cluster = testCluster({ actors: { counter: file }, alwaysReplay: true })
  cluster.execute({ actor: "counter", key: "a", command: "add", input: { by: 1 } })
  cluster.settle()
})
