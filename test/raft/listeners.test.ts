// Does everybody who listens hear that a node has applied more, until they stop?

import { expect, setDefaultTimeout, test } from "bun:test"
import { Cluster } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const three = ["n1", "n2", "n3"]

test("who listens at a node is told of all that it applies, once it has, and of nothing after saying so (L10)", () => {
  const cluster = new Cluster(60, three)
  const leader = cluster.waitForLeader()
  const follower = cluster.nodes.find((node) => node !== leader)!
  const seen: Array<number> = []
  const other: Array<number> = []
  const stop = follower.raft!.onApplied(() => seen.push(follower.applied.length))
  const stopOther = follower.raft!.onApplied(() => other.push(follower.applied.length))
  for (let count = 0; count < 5; count++) cluster.await(cluster.propose(leader, `a${count}`))
  cluster.world.runFor(500)
  expect(seen.at(-1)).toBe(5)
  expect(other).toEqual(seen)
  stop()
  for (let count = 0; count < 5; count++) cluster.await(cluster.propose(leader, `b${count}`))
  cluster.world.runFor(500)
  expect(seen.at(-1)).toBe(5)
  expect(other.at(-1)).toBe(10)
  stopOther()
})

test("and of a snapshot that takes the place of what it has (N8, L10)", () => {
  const small = { logMarginEntries: 10, compactEntriesMin: 10, flushMillis: 200, snapshotChunkBytesMax: 200 }
  const cluster = new Cluster(61, three, small)
  const leader = cluster.waitForLeader()
  const away = cluster.nodes.find((node) => node !== leader)!
  cluster.stop(away)
  for (let count = 0; count < 200; count++) cluster.await(cluster.propose(leader, `c${count}`))
  cluster.world.runFor(1000)
  cluster.start(away)
  const heard: Array<number> = []
  away.raft!.onApplied(() => heard.push(away.applied.length))
  expect(cluster.world.runUntil(() => away.raft!.status().firstIndex > 100, 5000)).toBe(true)
  cluster.world.runFor(500)
  expect(heard.at(-1)).toBe(200)
})
