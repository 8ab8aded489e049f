// A leader learns of its successor: does it fall silent at once?

import { expect, setDefaultTimeout, test } from "bun:test"
import { Cluster } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

test("a deposed leader's replicators say nothing in its successor's term (§5.2, HAZARDS E1, E16)", () => {
  let deposed = 0
  for (let seed = 1; seed <= 20; seed++) {
    const cluster = new Cluster(seed, ["n1", "n2", "n3"])
    const old = cluster.waitForLeader()
    const others = cluster.nodes.filter((node) => node !== old)
    const stopped = cluster.nodes.map((node) => cluster.fork(node.raft!.stopped))
    for (const other of others) cluster.network.cut(old.id, other.id)
    const isSucceeded = () => others.some((node) => node.raft!.status().serving)
    cluster.world.runUntil(isSucceeded, 2000)
    // Woken from a long sleep, it still believes that it leads when it hears of its successor.
    if (old.raft!.status().role !== "leader") continue
    deposed++
    cluster.network.healAll()
    cluster.world.runFor(1000)
    expect(stopped.map((fiber) => fiber.pollUnsafe())).toEqual([undefined, undefined, undefined])
    const leader = cluster.waitForLeader()
    expect(leader).not.toBe(old)
    expect(cluster.await(cluster.propose(old, "after"))).toMatchObject({ _tag: "Accepted" })
  }
  expect(deposed).toBeGreaterThan(3)
})
