// Do the commands of one request keep their order, whatever happens to the leaders they are given to?

import { expect, setDefaultTimeout, test } from "bun:test"
import { Cluster } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const three = ["n1", "n2", "n3"]
const batchOf = (name: string, size: number) => Array.from({ length: size }, (_, at) => `${name}.${at}`)

test("the commands of each request are executed in its order, across leaders (CONTRACT §3, batch propose)", () => {
  for (let seed = 1; seed <= 15; seed++) {
    const cluster = new Cluster(seed, three)
    cluster.waitForLeader()
    const asked = new Map<string, ReadonlyArray<{ answer: unknown }>>()
    for (let round = 0; round < 12; round++) {
      for (const [at, node] of cluster.nodes.entries()) {
        const name = `${round}/${at}`
        asked.set(name, cluster.proposeAll(node, batchOf(name, 40), { millis: 60_000 }))
      }
      cluster.world.runFor(cluster.world.drawBelow(20))
      const lonely = cluster.nodes[cluster.world.drawBelow(3)]!
      for (const node of cluster.nodes) if (node !== lonely) cluster.network.cut(lonely.id, node.id)
      cluster.world.runFor(cluster.world.drawBelow(1500))
      cluster.network.healAll()
    }
    const isAnswered = () => [...asked.values()].flat().every(({ answer }) => answer !== null)
    expect(cluster.world.runUntil(isAnswered, 60_000)).toBe(true)
    const leader = cluster.waitForLeader()
    for (const name of asked.keys()) {
      expect(leader.applied.filter((command) => command.startsWith(`${name}.`))).toEqual(batchOf(name, 40))
    }
  }
})

test("a request that loses its leader is placed again once, not once for each of its commands", () => {
  const cluster = new Cluster(16, three)
  const old = cluster.waitForLeader()
  for (const node of cluster.nodes) if (node !== old) cluster.network.cut(old.id, node.id)
  const results = cluster.proposeAll(old, batchOf("b", 200), { millis: 20_000 })
  cluster.world.runUntil(() => old.raft!.status().role !== "leader", 5000)
  cluster.network.healAll()
  for (const result of results) expect(cluster.await(result)).toMatchObject({ _tag: "Accepted" })
  cluster.world.runFor(2000)
  const leader = cluster.waitForLeader()
  expect(leader.applied).toEqual(batchOf("b", 200))
  // A no-op for each of a few terms, and every command once.
  expect(leader.raft!.status().lastIndex).toBeLessThan(220)
})
