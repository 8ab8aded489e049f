// Does a cluster of real lives do what its users rely on? On virtual time, with a toy for a machine.

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { groupOf } from "../../src/storage/logTablesMemory.ts"
import { Cluster, type TestNode } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const three = ["n1", "n2", "n3"]

const expectSameState = (cluster: Cluster, nodes: ReadonlyArray<TestNode> = cluster.nodes) => {
  const last = () => Math.max(...nodes.map((node) => node.raft!.status().lastIndex))
  cluster.world.runUntil(() => nodes.every((node) => node.raft!.status().appliedIndex === last()), 10_000)
  for (const node of nodes) {
    expect(node.raft!.status().appliedIndex).toBe(last())
    expect(node.applied).toEqual(nodes[0]!.applied)
  }
}

describe("a cluster of three", () => {
  test("elects one leader that all follow (§5.2)", () => {
    const cluster = new Cluster(1, three)
    const leader = cluster.waitForLeader()
    cluster.world.runFor(1000)
    for (const node of cluster.nodes) {
      expect(node.raft!.status()).toMatchObject({
        leader: leader.id,
        term: leader.raft!.status().term,
        ready: true,
      })
    }
  })

  test("stays with its leader and term while nothing happens (§5.2)", () => {
    const cluster = new Cluster(2, three)
    const leader = cluster.waitForLeader()
    const { term } = leader.raft!.status()
    cluster.world.runFor(60_000)
    expect(cluster.waitForLeader().id).toBe(leader.id)
    expect(cluster.nodes.map((node) => node.raft!.status().term)).toEqual([term, term, term])
  })

  test("executes a proposal once on every node, whichever node takes it", () => {
    const cluster = new Cluster(3, three)
    cluster.waitForLeader()
    for (const [position, node] of cluster.nodes.entries()) {
      const result = cluster.propose(node, `command ${position}`)
      expect(cluster.await(result)).toMatchObject({
        _tag: "Accepted",
        revision: position + 1,
        replayed: false,
      })
    }
    expectSameState(cluster)
    expect(cluster.nodes[0]!.applied).toEqual(["command 0", "command 1", "command 2"])
  })

  test("answers a proposal that must not be forwarded with not-leader (CONTRACT §3, redirect)", () => {
    const cluster = new Cluster(4, three)
    const leader = cluster.waitForLeader()
    const follower = cluster.nodes.find((node) => node !== leader)!
    const answer = cluster.await(cluster.propose(follower, "here only", { forward: false }))
    expect(answer).toMatchObject({ _tag: "Failure", code: "not-leader", outcome: "rejected" })
  })

  test("keeps everything acknowledged when the leader stops, and clients wait through the change (R16, C1)", () => {
    const cluster = new Cluster(5, three)
    const leader = cluster.waitForLeader()
    const before = Array.from({ length: 20 }, (_, i) => cluster.propose(leader, `before ${i}`))
    for (const result of before) cluster.await(result)
    const follower = cluster.nodes.find((node) => node !== leader)!
    const meanwhile = cluster.propose(follower, "meanwhile")
    cluster.stop(leader)
    expect(cluster.await(meanwhile)).toMatchObject({ _tag: "Accepted" })
    cluster.start(leader)
    cluster.waitForLeader()
    expect(cluster.await(cluster.propose(leader, "after"))).toMatchObject({ _tag: "Accepted" })
    expectSameState(cluster)
    expect(new Set(leader.applied).size).toBe(22)
  })

  test("keeps everything acknowledged when all nodes stop at once (S1)", () => {
    const cluster = new Cluster(6, three)
    const leader = cluster.waitForLeader()
    for (let i = 0; i < 50; i++) cluster.await(cluster.propose(leader, `command ${i}`))
    for (const node of cluster.nodes) cluster.stop(node)
    for (const node of cluster.nodes) cluster.start(node)
    const next = cluster.waitForLeader()
    cluster.await(cluster.propose(next, "one more"))
    expectSameState(cluster)
    expect(next.applied).toEqual([...Array.from({ length: 50 }, (_, i) => `command ${i}`), "one more"])
  })

  test("commits nothing without a majority, and says timeout with an unknown outcome (E11, C2)", () => {
    const cluster = new Cluster(7, three)
    const leader = cluster.waitForLeader()
    for (const node of cluster.nodes) if (node !== leader) cluster.network.cut(leader.id, node.id)
    const answer = cluster.await(cluster.propose(leader, "nobody hears", { millis: 2000 }))
    expect(answer).toMatchObject({ _tag: "Failure", code: "timeout", outcome: "unknown" })
    expect(leader.raft!.status().role).not.toBe("leader")
    expect(leader.applied).toEqual([])
  })

  test("says no-leader and rejected when the proposal never left the node (contract)", () => {
    const cluster = new Cluster(8, three)
    cluster.waitForLeader()
    cluster.network.cut("n1", "n2")
    cluster.network.cut("n1", "n3")
    cluster.world.runUntil(() => cluster.node("n1").raft!.status().leader === null, 5000)
    const answer = cluster.await(cluster.propose(cluster.node("n1"), "alone", { millis: 1000 }))
    expect(answer).toMatchObject({ _tag: "Failure", code: "no-leader", outcome: "rejected" })
  })

  test("a node that was cut off does not depose the leader when it returns (E7, thesis §9.6)", () => {
    const cluster = new Cluster(9, three)
    const leader = cluster.waitForLeader()
    const lonely = cluster.nodes.find((node) => node !== leader)!
    for (const node of cluster.nodes) if (node !== lonely) cluster.network.cut(lonely.id, node.id)
    cluster.world.runFor(10_000)
    cluster.await(cluster.propose(leader, "without it"))
    const { term } = leader.raft!.status()
    cluster.network.healAll()
    cluster.world.runFor(2000)
    expect(leader.raft!.status()).toMatchObject({ role: "leader", term })
    expectSameState(cluster)
  })

  test("with the leader able to send but not to hear, another leader is elected (E10)", () => {
    const cluster = new Cluster(10, three)
    const leader = cluster.waitForLeader()
    for (const node of cluster.nodes) if (node !== leader) cluster.network.cutOneWay(node.id, leader.id)
    cluster.world.runUntil(() => leader.raft!.status().role !== "leader", 2000)
    expect(leader.raft!.status().role).not.toBe("leader")
    const other = cluster.nodes.find((node) => node !== leader)!
    expect(cluster.await(cluster.propose(other, "goes on"))).toMatchObject({ _tag: "Accepted" })
  })

  test("a flood of proposals on all nodes is executed exactly once each, in one order (§5.4.3)", () => {
    const cluster = new Cluster(11, three)
    cluster.waitForLeader()
    const results = Array.from({ length: 3000 }, (_, i) => cluster.propose(cluster.nodes[i % 3]!, `c${i}`))
    for (const result of results) expect(cluster.await(result)).toMatchObject({ _tag: "Accepted" })
    expectSameState(cluster)
    expect(cluster.nodes[0]!.applied.length).toBe(3000)
    expect(results.every((result) => result.count === 1)).toBe(true)
  })

  test("more than may wait is refused as overloaded, and the rest is answered (H5)", () => {
    const cluster = new Cluster(12, three, { waitingMax: 100 })
    const leader = cluster.waitForLeader()
    const results = Array.from({ length: 150 }, (_, i) => cluster.propose(leader, `c${i}`))
    for (const result of results) cluster.await(result)
    const refused = results.filter((result) => result.answer!._tag === "Failure")
    expect(refused.length).toBe(50)
    for (const { answer } of refused)
      expect(answer).toMatchObject({ code: "overloaded", outcome: "rejected" })
  })

  test("one stopped node answers those who wait: nothing is left in silence (C10)", () => {
    const cluster = new Cluster(13, three)
    const leader = cluster.waitForLeader()
    for (const node of cluster.nodes) if (node !== leader) cluster.network.cut(leader.id, node.id)
    const results = [cluster.propose(leader, "a"), cluster.propose(leader, "b")]
    const read = cluster.read(leader)
    cluster.world.runFor(10)
    cluster.stop(leader)
    for (const result of results) expect(result.answer).toMatchObject({ _tag: "Failure", outcome: "unknown" })
    expect(read.answer).toMatchObject({ _tag: "Failure", code: "shutting-down" })
  })
})

describe("a cluster of one", () => {
  test("leads, commits and reads alone, behind its own disk (R8)", () => {
    const cluster = new Cluster(20, ["n1"])
    const node = cluster.waitForLeader()
    expect(cluster.await(cluster.propose(node, "alone"))).toMatchObject({ _tag: "Accepted", revision: 1 })
    expect(cluster.await(cluster.read(node))).toMatchObject({ body: '["alone"]' })
    cluster.stop(node)
    cluster.start(node)
    cluster.waitForLeader()
    expect(cluster.await(cluster.read(node))).toMatchObject({ body: '["alone"]' })
  })
})

describe("reads", () => {
  test("on every node see what was acknowledged before they arrived (§8, thesis §6.4, L7)", () => {
    const cluster = new Cluster(30, three)
    cluster.waitForLeader()
    for (let i = 0; i < 20; i++) {
      cluster.await(cluster.propose(cluster.nodes[i % 3]!, `c${i}`))
      const answer = cluster.await(cluster.read(cluster.nodes[(i + 1) % 3]!))
      expect(answer).toMatchObject({ _tag: "Answered" })
      if (answer._tag === "Answered") expect(JSON.parse(answer.body)).toHaveLength(i + 1)
    }
  })

  test("by lease are answered by the leader, and not after it was cut off (L5)", () => {
    const cluster = new Cluster(31, three)
    const leader = cluster.waitForLeader()
    cluster.await(cluster.propose(leader, "a"))
    expect(cluster.await(cluster.read(leader, { consistency: "lease" }))).toMatchObject({ body: '["a"]' })
    for (const node of cluster.nodes) if (node !== leader) cluster.network.cut(leader.id, node.id)
    cluster.world.runFor(260)
    const late = cluster.read(leader, { consistency: "lease", deadline: leader.raft!.now() + 1000 })
    expect(cluster.await(late)).toMatchObject({ _tag: "Failure" })
  })

  test("local are answered at once and say where they stand; a bound on staleness is kept", () => {
    const cluster = new Cluster(32, three)
    const leader = cluster.waitForLeader()
    cluster.await(cluster.propose(leader, "a"))
    const follower = cluster.nodes.find((node) => node !== leader)!
    cluster.world.runFor(200)
    expect(
      cluster.await(cluster.read(follower, { consistency: "local", maxStalenessMillis: 500 })),
    ).toMatchObject({ body: '["a"]' })
    for (const node of cluster.nodes) if (node !== follower) cluster.network.cut(follower.id, node.id)
    cluster.world.runFor(1000)
    expect(cluster.await(cluster.read(follower, { consistency: "local" }))).toMatchObject({ body: '["a"]' })
    expect(
      cluster.await(cluster.read(follower, { consistency: "local", maxStalenessMillis: 500 })),
    ).toMatchObject({ code: "stale" })
  })

  test("with minIndex wait until this node is there (L9)", () => {
    const cluster = new Cluster(33, three)
    const leader = cluster.waitForLeader()
    const follower = cluster.nodes.find((node) => node !== leader)!
    const read = cluster.read(follower, { consistency: "local", minIndex: 5 })
    cluster.world.runFor(500)
    expect(read.answer).toBeNull()
    for (let i = 0; i < 5; i++) cluster.await(cluster.propose(leader, `c${i}`))
    const answer = cluster.await(read)
    expect(answer).toMatchObject({ _tag: "Answered" })
    if (answer._tag === "Answered") expect(answer.index).toBeGreaterThanOrEqual(5)
  })
})

describe("a follower that was away", () => {
  const small = { logMarginEntries: 10, compactEntriesMin: 10, flushMillis: 200, snapshotChunkBytesMax: 200 }

  test("longer than the log reaches back comes back through a snapshot (§7, N8)", () => {
    const cluster = new Cluster(40, three, small)
    const leader = cluster.waitForLeader()
    const away = cluster.nodes.find((node) => node !== leader)!
    cluster.stop(away)
    for (let i = 0; i < 200; i++) cluster.await(cluster.propose(leader, `c${i}`))
    cluster.world.runFor(1000)
    expect(leader.raft!.status().firstIndex).toBeGreaterThan(100)
    cluster.start(away)
    expectSameState(cluster)
    expect(away.applied).toHaveLength(200)
    expect(away.raft!.status().firstIndex).toBeGreaterThan(100)
  })

  test("and crashes after the log took the snapshot over, before the state did, ends the install at its next start (N2)", () => {
    const cluster = new Cluster(41, three, small)
    const leader = cluster.waitForLeader()
    const away = cluster.nodes.find((node) => node !== leader)!
    cluster.stop(away)
    for (let i = 0; i < 200; i++) cluster.await(cluster.propose(leader, `c${i}`))
    cluster.world.runFor(1000)
    cluster.start(away)
    const pending = () => groupOf(away.disk.log.written, "main")?.base?.pendingInstall != null
    expect(cluster.world.runUntil(pending, 5000)).toBe(true)
    cluster.stop(away)
    expect(pending()).toBe(true)
    cluster.start(away)
    expect(pending()).toBe(false)
    expectSameState(cluster)
  })

  test("less long gets the log, and nothing is sent that it has (§5.3)", () => {
    const cluster = new Cluster(42, three)
    const leader = cluster.waitForLeader()
    const away = cluster.nodes.find((node) => node !== leader)!
    cluster.stop(away)
    for (let i = 0; i < 200; i++) cluster.await(cluster.propose(leader, `c${i}`))
    cluster.start(away)
    expectSameState(cluster)
    expect(away.file.parts.size).toBe(0)
  })
})

describe("a damaged log", () => {
  test("keeps a node from voting until the leader has repaired it (S4)", () => {
    const cluster = new Cluster(50, three)
    const leader = cluster.waitForLeader()
    for (let i = 0; i < 30; i++) cluster.await(cluster.propose(leader, `c${i}`))
    cluster.world.runFor(300)
    const [damaged, healthy] = cluster.nodes.filter((node) => node !== leader)
    cluster.stop(damaged!)
    damaged!.disk.log.goBack(10)
    damaged!.file.position = { ...damaged!.file.position, index: 0, term: 0 }
    damaged!.file.commands = []
    for (const node of cluster.nodes) if (node !== damaged) cluster.network.cut(damaged!.id, node.id)
    cluster.start(damaged!)
    expect(damaged!.raft!.status().standing).toBe("suspect")
    cluster.stop(leader)
    cluster.network.healAll()
    // Two of three are up, but one of them may have forgotten what it acknowledged: nobody may be elected.
    cluster.world.runFor(10_000)
    expect(healthy!.raft!.status().role).not.toBe("leader")
    expect(damaged!.raft!.status().role).not.toBe("leader")
    cluster.start(leader)
    cluster.world.runUntil(() => damaged!.raft!.status().standing === "whole", 10_000)
    expect(damaged!.raft!.status().standing).toBe("whole")
    expectSameState(cluster)
    // Repaired, it counts again.
    cluster.stop(healthy!)
    const serving = cluster.waitForLeader()
    expect(cluster.await(cluster.propose(serving, "again"))).toMatchObject({ _tag: "Accepted" })
  })
})
