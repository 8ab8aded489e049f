// Does a replica whose state has parted from the others' learn of it, and nobody else?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { isCheckpoint } from "../../src/machine/system/checkpoint.ts"
import type { RaftOptions } from "../../src/raft/options.ts"
import { addressOf, Cluster, type TestNode } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const three = ["n1", "n2", "n3"]
/** Small numbers: what takes ten seconds takes half of one. */
const often = { checkpointMillis: 500, checkpointEntries: 20, reportMillis: 200 }

const clusterOf = (seed: number, ids: ReadonlyArray<string> = three, options: Partial<RaftOptions> = {}) => {
  const cluster = new Cluster(seed, ids, { ...often, ...options })
  const leader = cluster.waitForLeader()
  return { cluster, leader, followers: cluster.nodes.filter((node) => node !== leader) }
}

const say = (cluster: Cluster, node: TestNode, commands: ReadonlyArray<string>): void => {
  for (const command of commands) expect(cluster.await(cluster.propose(node, command))._tag).toBe("Accepted")
}

const checkpointsIn = (cluster: Cluster, node: TestNode): ReadonlyArray<number> => {
  const { entries } = cluster.run(
    node.raft!.log({ from: 1, entriesMax: 10_000, bytesMax: Number.POSITIVE_INFINITY }),
  )
  return entries.flatMap(({ index, kind, command }) =>
    command !== null && isCheckpoint({ kind, data: command }) ? [index] : [],
  )
}

const partings = (node: TestNode): number => node.raft!.status().partings.differs

describe("a leader puts a checkpoint in the log", () => {
  test("after so long, when anything was applied since the last one, and not otherwise", () => {
    const { cluster, leader } = clusterOf(1)
    cluster.world.runFor(1200)
    // Behind the no-op of its term.
    expect(checkpointsIn(cluster, leader)).toEqual([2])
    say(cluster, leader, ["a"])
    expect(checkpointsIn(cluster, leader)).toEqual([2])
    cluster.world.runFor(1200)
    expect(checkpointsIn(cluster, leader)).toEqual([2, 4])
    expect(leader.raft!.status().checkpoint?.index).toBe(4)
  })

  test("after so many entries, however soon, and one at a time on a slow disk", () => {
    const { cluster, leader } = clusterOf(2, three, { checkpointMillis: 60_000 })
    say(cluster, leader, ["a"])
    cluster.world.runFor(1000)
    expect(checkpointsIn(cluster, leader)).toEqual([])
    cluster.proposeAll(
      leader,
      Array.from({ length: 18 }, (_, at) => `c${at}`),
    )
    cluster.world.runUntil(() => leader.raft!.status().appliedIndex === 20, 1000)
    for (const node of cluster.nodes) node.weather.writeMillis = 350
    cluster.world.runFor(2000)
    expect(checkpointsIn(cluster, leader)).toEqual([21])
  })

  test("and says nothing while it takes no commands, for want of room", () => {
    const { cluster, leader } = clusterOf(3)
    for (const node of cluster.nodes) Object.assign(node.weather, { isDiskFull: true, reserveBytes: 20_000 })
    // By this write they notice it.
    cluster.propose(leader, "a")
    cluster.world.runFor(1500)
    expect(leader.raft!.status()).toMatchObject({ role: "leader", diskShort: true, lastIndex: 2 })
  })
})

describe("who differs from a majority", () => {
  test("is told, and says so; nobody else is", () => {
    const { cluster, leader, followers } = clusterOf(4)
    say(cluster, leader, ["a", "b"])
    const [other, fine] = followers as [TestNode, TestNode]
    other.applied[0] = "altered"
    cluster.world.runFor(700)
    expect([partings(other), partings(fine), partings(leader)]).toEqual([1, 0, 0])
    expect(other.events).toContainEqual(
      expect.objectContaining({
        message: "this node's state is not what it should be: it is given up",
        reason: "differs",
        index: 4,
        agreed: leader.raft!.status().checkpoint!.hash,
      }),
    )
    expect(fine.events.filter(({ reason }) => reason !== undefined)).toEqual([])
  })

  test("is told also when its first word is lost", () => {
    const { cluster, leader, followers } = clusterOf(5)
    const [other, fine] = followers as [TestNode, TestNode]
    say(cluster, leader, ["a"])
    other.applied[0] = "altered"
    cluster.network.cutOneWay(other.id, leader.id)
    cluster.world.runUntil(() => other.raft!.status().checkpoint !== null, 2000)
    cluster.world.runFor(100)
    cluster.network.healAll()
    expect(partings(other)).toBe(0)
    cluster.world.runFor(300)
    expect([other, fine, leader].map(partings)).toEqual([1, 0, 0])
  })

  test("is told also when the first answer is lost", () => {
    const { cluster, leader, followers } = clusterOf(6)
    const [other, fine] = followers as [TestNode, TestNode]
    say(cluster, leader, ["a"])
    other.applied[0] = "altered"
    cluster.network.cutOneWay(fine.id, leader.id)
    cluster.world.runUntil(() => fine.raft!.status().checkpoint !== null, 2000)
    // With the third word a majority agrees, and the one that differs does not hear of it.
    cluster.network.cutOneWay(leader.id, other.id)
    cluster.network.healOneWay(fine.id, leader.id)
    cluster.world.runFor(210)
    cluster.network.healAll()
    expect(partings(other)).toBe(0)
    cluster.world.runFor(300)
    expect([other, fine, leader].map(partings)).toEqual([1, 0, 0])
  })

  test("is told by the next leader of what an earlier one asked for", () => {
    const { cluster, leader, followers } = clusterOf(7, three, { reportMillis: 60_000 })
    const [other, fine] = followers as [TestNode, TestNode]
    say(cluster, leader, ["a"])
    other.applied[0] = "altered"
    // It hears entries, and nobody hears it.
    for (const node of [leader, fine]) cluster.network.cutOneWay(other.id, node.id)
    cluster.world.runUntil(() => fine.raft!.status().checkpoint !== null, 3000)
    const { index } = fine.raft!.status().checkpoint!
    cluster.await(cluster.transfer(leader, fine.id))
    cluster.network.healAll()
    cluster.world.runUntil(() => partings(other) > 0, 400)
    expect([partings(other), partings(fine), partings(leader)]).toEqual([1, 0, 0])
    expect(other.events.find(({ reason }) => reason === "differs")).toMatchObject({ index })
  })

  test("learns it when it leads itself", () => {
    const { cluster, leader, followers } = clusterOf(8)
    say(cluster, leader, ["a"])
    leader.applied[0] = "altered"
    cluster.world.runFor(700)
    expect(partings(leader)).toBe(1)
    expect(followers.map(partings)).toEqual([0, 0])
  })

  const withLearner = (seed: number) => {
    const { cluster, leader, followers } = clusterOf(seed, ["n1", "n2"])
    const learner = cluster.newcomer("n3")
    const change = { kind: "add", id: "n3", address: addressOf("n3"), as: "learner" } as const
    expect(cluster.await(cluster.change(leader, change))).toMatchObject({ isDone: true })
    say(cluster, leader, ["a"])
    return { cluster, leader, follower: followers[0]!, learner }
  }

  test("is told as a learner, too", () => {
    const { cluster, leader, follower, learner } = withLearner(9)
    learner.applied[0] = "altered"
    cluster.world.runFor(1500)
    expect([leader, follower, learner].map(partings)).toEqual([0, 0, 1])
  })

  test("is not told so by the word of a learner: it makes no majority", () => {
    const { cluster, leader, follower, learner } = withLearner(12)
    for (const node of [follower, learner]) node.applied[0] = "altered"
    cluster.world.runFor(1500)
    expect([leader, follower, learner].map(partings)).toEqual([0, 0, 0])
    expect(leader.raft!.status().splits).toBeGreaterThan(0)
  })
})

test("when no majority agrees nobody is given up, and it is said loudly and counted, once for each (D1)", () => {
  const { cluster, leader } = clusterOf(10)
  cluster.world.runFor(700)
  say(cluster, leader, ["a"])
  for (const node of cluster.nodes) node.applied[0] = `altered at ${node.id}`
  cluster.world.runFor(1200)
  expect(cluster.nodes.map(partings)).toEqual([0, 0, 0])
  expect(leader.raft!.status().splits).toBe(1)
  const loud = leader.events.filter(({ message }) => String(message).startsWith("NO MAJORITY AGREES"))
  expect(loud).toHaveLength(1)
  expect(Object.keys(loud[0]!).sort()).toEqual(["index", "level", "message", "n1", "n2", "n3"])
  say(cluster, leader, ["b"])
  cluster.world.runFor(700)
  expect(leader.raft!.status().splits).toBe(2)
})

test("two replicas of three are no reason to doubt either while the third is silent", () => {
  const { cluster, leader, followers } = clusterOf(11)
  const [other, away] = followers as [TestNode, TestNode]
  say(cluster, leader, ["a"])
  cluster.stop(away)
  other.applied[0] = "altered"
  cluster.world.runFor(1500)
  expect([partings(other), partings(leader), leader.raft!.status().splits]).toEqual([0, 0, 0])
  cluster.start(away)
  cluster.world.runFor(1500)
  say(cluster, leader, ["b"])
  cluster.world.runFor(1500)
  expect([partings(other), partings(leader)]).toEqual([1, 0])
})
