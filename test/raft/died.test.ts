// One of a group's lives has died: what do those learn who wait at its door?

import { expect, setDefaultTimeout, test } from "bun:test"
import { Cluster } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

test("who waits at a group that has died learns at once that the outcome is unknown (S2, C2)", () => {
  const cluster = new Cluster(1, ["n1", "n2", "n3"])
  const leader = cluster.waitForLeader()
  const stopped = cluster.fork(leader.raft!.stopped)
  // Its machine breaks at the next command.
  Object.freeze(leader.applied)
  const waiting = cluster.propose(leader, "a", { millis: 60_000 })
  expect(cluster.await(waiting, 1000)).toMatchObject({ code: "leadership-lost", outcome: "unknown" })
  expect(stopped.pollUnsafe()).toBeDefined()
  expect(cluster.await(cluster.propose(leader, "b"))).toMatchObject({
    code: "shutting-down",
    outcome: "rejected",
  })
})

test("a write that fails ends the group, and acknowledges nothing that came with it (S2)", () => {
  const cluster = new Cluster(2, ["n1", "n2", "n3"])
  const leader = cluster.waitForLeader()
  const stopped = cluster.fork(leader.raft!.stopped)
  for (const other of cluster.nodes) if (other !== leader) cluster.network.cut(leader.id, other.id)
  leader.weather.isDiskBroken = true
  const waiting = cluster.propose(leader, "a", { millis: 60_000 })
  expect(cluster.await(waiting, 200)).toMatchObject({ code: "leadership-lost", outcome: "unknown" })
  expect(stopped.pollUnsafe()).toBeDefined()
  expect(leader.applied).toEqual([])
})
