// Is all of a state read now and then, and never so often that it is a burden?

import { expect, setDefaultTimeout, test } from "bun:test"
import type { RaftOptions } from "../../src/raft/options.ts"
import { Cluster, type TestNode } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const clusterOf = (options: Partial<RaftOptions>) => {
  const cluster = new Cluster(1, ["n1", "n2", "n3"], options)
  return { cluster, leader: cluster.waitForLeader() }
}

const scrubsOf = (node: TestNode) => node.raft!.status().scrubs.count

const countIn = (cluster: Cluster, node: TestNode, millis: number): number => {
  const before = scrubsOf(node)
  cluster.world.runFor(millis)
  return scrubsOf(node) - before
}

test("it is read after so long, also when nothing happens", () => {
  const { cluster, leader } = clusterOf({ scrubMillis: 1000, checkpointMillis: 60_000 })
  expect(countIn(cluster, leader, 10_000)).toBeGreaterThanOrEqual(9)
  expect(countIn(cluster, leader, 10_000)).toBeLessThanOrEqual(11)
})

test("what was never flushed is not read, and is not missing", () => {
  const { cluster, leader } = clusterOf({ scrubMillis: 200, flushMillis: 5000, checkpointMillis: 60_000 })
  cluster.world.runFor(3000)
  expect(scrubsOf(leader)).toBe(0)
  expect(countIn(cluster, leader, 5000)).toBeGreaterThan(10)
})

test("it is read behind each checkpoint", () => {
  const { cluster, leader } = clusterOf({ scrubMillis: 60_000, checkpointMillis: 500 })
  cluster.world.runFor(2000)
  const before = scrubsOf(leader)
  for (let times = 0; times < 4; times++) {
    cluster.await(cluster.propose(leader, `c${times}`))
    cluster.world.runFor(1000)
  }
  expect(scrubsOf(leader) - before).toBe(4)
  expect(countIn(cluster, leader, 5000)).toBe(0)
})

test("what takes long is read less often: no more than a twentieth of the time is spent on it", () => {
  const { cluster, leader } = clusterOf({ scrubMillis: 1000, checkpointMillis: 500 })
  leader.weather.scrubMillis = 400
  cluster.world.runFor(10_000)
  const before = scrubsOf(leader)
  for (let times = 0; times < 30; times++) {
    cluster.await(cluster.propose(leader, `c${times}`))
    cluster.world.runFor(1000)
  }
  const count = scrubsOf(leader) - before
  expect(count).toBeGreaterThanOrEqual(2)
  expect(count * 400 * 20).toBeLessThanOrEqual(30_000 + 2 * 400 * 20)
})

test("a bad row that nobody reads is found, at a follower and at the leader, and nothing is read while there is no state", () => {
  const { cluster, leader } = clusterOf({
    scrubMillis: 500,
    flushMillis: 50,
    logMarginEntries: 0,
    compactEntriesMin: 1,
  })
  for (const command of ["a", "b"]) cluster.await(cluster.propose(leader, command))
  cluster.world.runFor(500)
  const follower = cluster.nodes.find((node) => node !== leader)!
  for (const node of [follower, leader]) {
    for (const other of cluster.nodes) other.weather.isCopyBarred = true
    node.weather.isStateDamaged = true
    cluster.world.runUntil(() => node.raft!.status().partings.scrub === 1, 1000)
    cluster.world.runUntil(() => node.deeds.length > 0, 3000)
    cluster.world.runFor(3000)
    expect(scrubsOf(node)).toBe(0)
    for (const other of cluster.nodes) other.weather.isCopyBarred = false
    cluster.world.runUntil(() => node.raft!.status().parted === null, 3000)
    expect(countIn(cluster, node, 3000)).toBeGreaterThan(3)
  }
  expect(cluster.nodes.map((node) => node.raft!.status().partings.scrub).sort()).toEqual([0, 1, 1])
  cluster.world.runFor(500)
  for (const node of cluster.nodes) expect(node.applied).toEqual(["a", "b"])
})

test("where groups rest it is not read for its first checkpoint, and once in every hour at rest", () => {
  const { cluster } = clusterOf({ rests: true, scrubMillis: 36_000_000 })
  for (const node of cluster.nodes) node.weather.diskLookMillis = 36_000_000
  const counts = () => cluster.nodes.map(scrubsOf)
  const areResting = () => cluster.nodes.every(({ raft }) => raft!.status().resting)
  expect(cluster.world.runUntil(areResting, 20_000)).toBe(true)
  expect(cluster.nodes.map(({ raft }) => raft!.status().checkpoint?.index)).not.toContain(undefined)
  expect(counts()).toEqual([0, 0, 0])
  for (const hours of [1, 2]) {
    cluster.world.runFor(3_600_000)
    expect(counts()).toEqual([hours, hours, hours])
  }
  expect(areResting()).toBe(true)
})
