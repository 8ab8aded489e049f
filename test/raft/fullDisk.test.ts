// What goes on when disks are full? Votes, reads, and everything else as soon as there is room (HAZARDS S7).

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Cluster, type TestNode } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const three = ["n1", "n2", "n3"]
const refusal = { _tag: "Failure", code: "storage-full", outcome: "rejected" }

/** Room for a few hundred entries is kept. */
const fill = (node: TestNode, reserveBytes = 20_000): void => {
  Object.assign(node.weather, { isDiskFull: true, reserveBytes })
}

const makeRoom = (node: TestNode): void => {
  node.weather.isDiskFull = false
}

/** More than is kept, and more than a cut of the log behind it could free. */
const large = "large".repeat(1000)

/** With something written since all disks became full: so they have noticed. */
const fullCluster = (seed: number, reserveBytes = 20_000) => {
  const cluster = new Cluster(seed, three)
  const leader = cluster.waitForLeader()
  cluster.await(cluster.propose(leader, "before"))
  for (const node of cluster.nodes) fill(node, reserveBytes)
  return { cluster, leader }
}

/** Until somebody takes a command again; how long it took. */
const millisUntilAccepted = (cluster: Cluster, node: TestNode, command: string): number => {
  const began = cluster.world.nowMillis
  for (;;) {
    const answer = cluster.await(cluster.propose(node, command, { millis: 200 }))
    if (answer._tag === "Accepted") return cluster.world.nowMillis - began
    expect(cluster.world.nowMillis - began).toBeLessThan(10_000)
    cluster.world.runFor(20)
  }
}

describe("a full disk at the leader", () => {
  test("is a leader no longer when others have room: what it took is executed, what it refused is not (S7)", () => {
    for (const reserveBytes of [0, 20_000]) {
      const cluster = new Cluster(1, three)
      const leader = cluster.waitForLeader()
      cluster.await(cluster.propose(leader, "before"))
      fill(leader, reserveBytes)
      const caught = cluster.propose(leader, "caught", { millis: 20_000 })
      cluster.world.runFor(60)
      expect(cluster.await(cluster.propose(leader, "refused"))).toMatchObject(refusal)
      expect(cluster.await(caught)).toMatchObject({ _tag: "Accepted" })
      millisUntilAccepted(cluster, leader, "after")
      expect(cluster.waitForLeader()).not.toBe(leader)
      makeRoom(leader)
      cluster.world.runFor(2000)
      for (const node of cluster.nodes) expect(node.applied).toEqual(["before", "caught", "after"])
    }
  })

  test("is no reason to give way while the others are as full: it serves reads, and takes no command (S7)", () => {
    const { cluster, leader } = fullCluster(2)
    expect(cluster.await(cluster.propose(leader, "noticed"))).toMatchObject({ _tag: "Accepted" })
    cluster.world.runFor(5000)
    expect(cluster.waitForLeader()).toBe(leader)
    for (const node of cluster.nodes) {
      expect(cluster.await(cluster.propose(node, `at ${node.id}`))).toMatchObject(refusal)
      expect(cluster.await(cluster.read(node))).toMatchObject({ _tag: "Answered" })
    }
    // A quorum with room is enough, and the leader need not be part of it.
    for (const node of cluster.nodes) if (node !== leader) makeRoom(node)
    millisUntilAccepted(cluster, leader, "after")
    expect(cluster.waitForLeader()).not.toBe(leader)
  })

  test("takes no command either when the followers' disks are full and its own is not", () => {
    const { cluster, leader } = fullCluster(3)
    cluster.await(cluster.propose(leader, "noticed"))
    makeRoom(leader)
    cluster.world.runFor(1000)
    const { lastIndex } = leader.raft!.status()
    expect(cluster.await(cluster.propose(leader, "refused"))).toMatchObject(refusal)
    expect(leader.raft!.status().lastIndex).toBe(lastIndex)
  })
})

describe("when all disks are full", () => {
  test("and the leader dies, another one is elected and serves reads, linearizable ones, at every node (S7)", () => {
    for (let seed = 10; seed < 20; seed++) {
      const { cluster, leader } = fullCluster(seed)
      cluster.await(cluster.propose(leader, "noticed"))
      cluster.world.runFor(500)
      cluster.stop(leader)
      const next = cluster.waitForLeader()
      expect(next.raft!.status().term).toBeGreaterThan(1)
      cluster.start(leader)
      cluster.world.runFor(1000)
      for (const node of cluster.nodes) {
        const answer = cluster.await(cluster.read(node))
        expect(answer).toMatchObject({ _tag: "Answered", body: JSON.stringify(["before", "noticed"]) })
        expect(cluster.await(cluster.propose(node, "refused"))).toMatchObject(refusal)
      }
      for (const node of cluster.nodes) makeRoom(node)
      expect(millisUntilAccepted(cluster, leader, "after")).toBeLessThan(1000)
      cluster.world.runFor(1000)
      for (const node of cluster.nodes) expect(node.applied).toEqual(["before", "noticed", "after"])
    }
  })

  test("and nothing is kept for that, clients are told so, and all goes on when there is room (S7)", () => {
    const { cluster, leader } = fullCluster(9, 0)
    cluster.propose(leader, "stuck", { millis: 1000 })
    cluster.world.runFor(3000)
    for (const node of cluster.nodes) {
      const answer = cluster.await(cluster.propose(node, `at ${node.id}`, { millis: 500 }))
      expect(answer).toMatchObject(refusal)
      expect(cluster.await(cluster.read(node, { consistency: "local" }))).toMatchObject({ _tag: "Answered" })
    }
    for (const node of cluster.nodes) makeRoom(node)
    cluster.waitForLeader()
    millisUntilAccepted(cluster, leader, "again")
  })

  test("who asks again for what was executed before gets its answer", () => {
    const { cluster, leader } = fullCluster(4)
    cluster.await(cluster.propose(leader, "noticed"))
    cluster.world.runFor(500)
    leader.settled.set("before", {
      _tag: "Accepted",
      result: "1",
      revision: 1,
      index: 2,
      term: 1,
      replayed: true,
    })
    for (const node of cluster.nodes) {
      expect(cluster.await(cluster.propose(node, "before"))).toMatchObject({
        _tag: "Accepted",
        replayed: true,
      })
    }
  })
})

describe("a full disk at a follower", () => {
  test("keeps nobody from committing, and it catches up (S7)", () => {
    for (const reserveBytes of [0, 600, 20_000]) {
      const cluster = new Cluster(2, three)
      const leader = cluster.waitForLeader()
      const follower = cluster.nodes.find((node) => node !== leader)!
      fill(follower, reserveBytes)
      for (let i = 0; i < 20; i++) cluster.await(cluster.propose(leader, `c${i}`))
      expect(leader.applied).toHaveLength(20)
      expect(follower.applied.length).toBeLessThan(20)
      makeRoom(follower)
      cluster.world.runFor(2000)
      expect(follower.applied).toEqual(leader.applied)
    }
  })

  test("answers reads, strong ones by the leader's word, though its own state stays behind (S7)", () => {
    const cluster = new Cluster(5, three)
    const leader = cluster.waitForLeader()
    const follower = cluster.nodes.find((node) => node !== leader)!
    fill(follower, 600)
    for (const command of ["small", large, "behind it"]) cluster.await(cluster.propose(leader, command))
    cluster.world.runFor(500)
    expect(follower.applied).toEqual(["small"])
    for (const consistency of ["linearizable", "lease"] as const) {
      const answer = cluster.await(cluster.read(follower, { consistency }))
      expect(answer).toMatchObject({ _tag: "Answered", body: JSON.stringify(leader.applied) })
    }
    const local = cluster.await(cluster.read(follower, { consistency: "local" }))
    expect(local).toMatchObject({ _tag: "Answered", body: JSON.stringify(follower.applied) })
  })

  test("gives its vote, though there is no room for what stood before it in its log (S7, E2)", () => {
    const cluster = new Cluster(6, three)
    const leader = cluster.waitForLeader()
    const [full, other] = cluster.nodes.filter((node) => node !== leader) as [TestNode, TestNode]
    fill(full, 600)
    for (const command of ["small", large, "behind it"]) cluster.await(cluster.propose(leader, command))
    cluster.world.runFor(500)
    const before = full.raft!.status()
    expect(before.persistedIndex).toBeLessThan(before.lastIndex)
    cluster.stop(leader)
    const isElected = () => other.raft!.status().role === "leader" && full.raft!.status().leader === other.id
    expect(cluster.world.runUntil(isElected, 5000)).toBe(true)
    const { hardState } = hardStateOf(full)
    expect(hardState).toEqual({ term: other.raft!.status().term, votedFor: other.id })
    expect(full.raft!.status().persistedIndex).toBe(before.persistedIndex)
  })
})

const hardStateOf = ({ disk }: TestNode) => {
  const [group] = [...disk.log.durable.groups.values()]
  const { term, votedFor } = group!.group!
  return { hardState: { term, votedFor } }
}
