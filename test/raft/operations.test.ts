// What becomes of what an operator asks of a cluster of real lives: changes of members, and handing over?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { addressOf, Cluster, type TestNode } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const ids = ["n1", "n2", "n3"]
const longest = 500

const led = (seed = 1) => {
  const cluster = new Cluster(seed, ids)
  const leader = cluster.waitForLeader()
  const [one, other] = cluster.nodes.filter((node) => node !== leader)
  return { cluster, leader, one: one!, other: other! }
}

const votersAt = (node: TestNode) => [...node.raft!.status().configuration.voters].sort()

const add = (id: string, as: "voter" | "learner" = "voter") =>
  ({ kind: "add", id, address: addressOf(id), as }) as const

describe("leadership that is handed over (thesis §3.10)", () => {
  test("whoever asks when the door is closed is told so at once, and does not wait for nobody", () => {
    const cluster = new Cluster(99, ["n1", "n2", "n3"])
    const leader = cluster.waitForLeader()
    cluster.run(leader.raft!.answerAll)
    const closed = { _tag: "Failure", code: "shutting-down", outcome: "rejected" }
    expect(cluster.transfer(leader, null).answer).toMatchObject(closed)
    expect(cluster.change(leader, { kind: "remove", id: "n1" }).answer).toMatchObject(closed)
    expect(cluster.read(leader).answer).toMatchObject(closed)
  })

  test("goes to the one that is named, without an election timeout; what is proposed meanwhile is executed there", () => {
    const { cluster, leader, one } = led()
    const { term } = leader.raft!.status()
    const before = cluster.propose(leader, "before")
    const handed = cluster.transfer(leader, one.id)
    const during = ["d1", "d2", "d3"].map((command) => cluster.propose(leader, command))
    expect(cluster.await(handed, 200)).toEqual({ leader: one.id, term: term + 1 })
    for (const answer of [before, ...during]) {
      expect(cluster.await(answer)).toMatchObject({ _tag: "Accepted", replayed: false })
      expect(answer.count).toBe(1)
    }
    expect(one.applied).toEqual(["before", "d1", "d2", "d3"])
    expect(handed.count).toBe(1)
  })

  test("goes to whoever is furthest when nobody is named", () => {
    const { cluster, leader, one, other } = led()
    cluster.network.cut(leader.id, other.id)
    cluster.await(cluster.propose(leader, "c"))
    expect(cluster.await(cluster.transfer(leader, null), 200)).toMatchObject({ leader: one.id })
  })

  test("stays when the successor does not get what it lacks in time; what waited is executed here", () => {
    const { cluster, leader, one } = led()
    const { term } = leader.raft!.status()
    cluster.network.cutOneWay(leader.id, one.id)
    const handed = cluster.transfer(leader, one.id)
    expect(leader.raft!.status().role).toBe("leader")
    cluster.world.runFor(1)
    // It lacks nothing yet, so it was told; that word is lost.
    const during = cluster.propose(leader, "during")
    cluster.world.runFor(longest / 2)
    expect([during.answer, leader.applied]).toEqual([null, []])
    // It may still come, or be as good as lost: nobody can know.
    expect(cluster.await(handed)).toMatchObject({ code: "transfer-failed", outcome: "unknown" })
    expect(cluster.await(during)).toMatchObject({ _tag: "Accepted", term })
    expect(during.count).toBe(1)
  })

  test("is as it was when the successor was never told", () => {
    const { cluster, leader, one } = led()
    cluster.network.cutOneWay(leader.id, one.id)
    cluster.await(cluster.propose(leader, "c"))
    expect(cluster.await(cluster.transfer(leader, one.id))).toMatchObject({
      code: "transfer-failed",
      outcome: "rejected",
    })
    expect(leader.raft!.status().serving).toBe(true)
  })

  test("is refused by who cannot, with the reason", () => {
    const { cluster, leader, one } = led()
    for (const [node, to, code] of [
      [one, null, "not-leader"],
      [leader, "n9", "unknown-member"],
    ] as const) {
      expect(cluster.await(cluster.transfer(node, to))).toMatchObject({ code, outcome: "rejected" })
    }
    expect(cluster.await(cluster.transfer(leader, leader.id))).toMatchObject({ leader: leader.id })
  })

  test("is not known to be done when the deadline is earlier", () => {
    const { cluster, leader, one } = led()
    cluster.network.cutOneWay(leader.id, one.id)
    expect(cluster.await(cluster.transfer(leader, one.id, 50), 200)).toMatchObject({
      code: "timeout",
      outcome: "unknown",
    })
  })

  describe("by a node that is about to stop", () => {
    test("is somebody else's when it has ended", () => {
      const { cluster, leader } = led()
      const before = cluster.world.nowMillis
      cluster.run(leader.raft!.handOver)
      expect(leader.raft!.status()).toMatchObject({
        role: "follower",
        leader: expect.not.stringMatching(leader.id),
      })
      expect(cluster.world.nowMillis - before).toBeLessThan(longest / 2)
      cluster.stop(leader)
      expect(cluster.await(cluster.propose(cluster.waitForLeader(200), "after"))).toMatchObject({
        _tag: "Accepted",
      })
    })

    test("ends at once where nothing is to be handed over, or nobody can take it", () => {
      const { cluster, leader, one, other } = led()
      const before = cluster.world.nowMillis
      cluster.run(one.raft!.handOver)
      cluster.stop(one)
      cluster.stop(other)
      cluster.world.runFor(longest - 100)
      cluster.run(leader.raft!.handOver)
      const alone = new Cluster(1, ["n1"])
      alone.run(alone.waitForLeader().raft!.handOver)
      expect(cluster.world.nowMillis - before).toBeLessThan(4 * longest)
    })

    test("goes on, however many operators wait there for what does not end", () => {
      const { cluster, leader } = led()
      const waiting = Array.from({ length: 64 }, () => {
        const changed = cluster.change(leader, add("n9"))
        cluster.world.runFor(50)
        return changed
      })
      expect(waiting.filter(({ answer }) => answer !== null)).toEqual([])
      cluster.run(leader.raft!.handOver)
      expect(leader.raft!.status().role).toBe("follower")
    })

    test("ends in time when its successor does not take over", () => {
      const { cluster, leader, one, other } = led()
      for (const node of [one, other]) cluster.network.cutOneWay(leader.id, node.id)
      const before = cluster.world.nowMillis
      cluster.run(leader.raft!.handOver)
      expect(cluster.world.nowMillis - before).toBeLessThanOrEqual(2 * longest + 50)
    })
  })
})

describe("members that are changed (§6)", () => {
  test("a newcomer gets everything, then votes; the answer comes when it does (thesis §4.2.1)", () => {
    const { cluster, leader } = led()
    for (const command of ["a", "b", "c"]) cluster.await(cluster.propose(leader, command))
    const n4 = cluster.newcomer("n4")
    const changed = cluster.change(leader, add("n4"))
    expect(cluster.await(changed)).toMatchObject({
      isDone: true,
      configuration: { voters: [...ids, "n4"], outgoing: [], learners: [] },
    })
    expect(changed.count).toBe(1)
    cluster.world.runFor(200)
    expect(n4.applied).toEqual(["a", "b", "c"])
    expect([n4.raft!.status().role, votersAt(n4)]).toEqual(["follower", [...ids, "n4"]])
    // It counts: with two of the four away nothing is committed, with one of them back it is.
    const [one, other] = cluster.nodes.filter((node) => node !== leader && node !== n4)
    cluster.stop(one!)
    expect(cluster.await(cluster.propose(leader, "d"))).toMatchObject({ _tag: "Accepted" })
    cluster.stop(other!)
    expect(cluster.await(cluster.propose(leader, "e", { millis: 2000 }))).toMatchObject({
      outcome: "unknown",
    })
  })

  test("a learner reads what there is and votes for nothing", () => {
    const { cluster, leader } = led()
    const n4 = cluster.newcomer("n4")
    expect(cluster.await(cluster.change(leader, add("n4", "learner")))).toMatchObject({ isDone: true })
    cluster.await(cluster.propose(leader, "a"))
    expect(cluster.await(cluster.read(n4))).toMatchObject({ body: '["a"]' })
    expect(n4.raft!.status().role).toBe("learner")
    expect(votersAt(n4)).toEqual(ids)
  })

  test("one that is removed gets nothing more, and is told nothing more", () => {
    const { cluster, leader, one } = led()
    cluster.await(cluster.propose(leader, "a"))
    cluster.world.runFor(200)
    expect(cluster.await(cluster.change(leader, { kind: "remove", id: one.id }))).toMatchObject({
      isDone: true,
    })
    cluster.await(cluster.propose(leader, "b"))
    cluster.world.runFor(2000)
    expect(one.applied).toEqual(["a"])
    expect(cluster.network.reach(leader.id, one.id)).toBeNull()
    expect(
      leader
        .raft!.status()
        .members.map(({ id }) => id)
        .sort(),
    ).toEqual(cluster.nodes.filter((node) => node !== one).map(({ id }) => id))
    // Nor does it disturb the others, whose term it cannot reach (M9).
    expect(cluster.waitForLeader(100)).toBe(leader)
    // Taken in again it goes on from where it was.
    expect(cluster.await(cluster.change(leader, add(one.id)))).toMatchObject({ isDone: true })
    cluster.world.runFor(200)
    expect(one.applied).toEqual(["a", "b"])
  })

  test("a leader that removes itself says so, and another one leads without a timeout (M7)", () => {
    const { cluster, leader, one, other } = led()
    const removed = cluster.change(leader, { kind: "remove", id: leader.id })
    expect(cluster.await(removed, 200)).toMatchObject({
      isDone: true,
      configuration: { voters: [one.id, other.id] },
    })
    const isLed = () => [one, other].some((node) => node.raft!.status().serving)
    expect(cluster.world.runUntil(isLed, 200)).toBe(true)
    expect(cluster.await(cluster.propose(one, "after"))).toMatchObject({ _tag: "Accepted" })
    expect(leader.applied).toEqual([])
  })

  test("whoever does not want to wait is answered as soon as the change is in the log for good", () => {
    const { cluster, leader } = led()
    const asked = cluster.change(leader, add("n4"), { millis: 60_000, waits: false })
    expect(cluster.world.runUntil(() => asked.answer !== null, 1000)).toBe(true)
    expect(asked.answer).toMatchObject({
      isDone: false,
      configuration: { voters: ids, learners: ["n4"], goal: { voters: [...ids, "n4"] } },
    })
  })

  test("a newcomer that never comes is waited for, and the answer says that it is not done", () => {
    const { cluster, leader } = led()
    const waiting = cluster.change(leader, add("n4"), { millis: 1000 })
    expect(cluster.await(waiting)).toMatchObject({
      isDone: false,
      configuration: { voters: ids, learners: ["n4"], goal: { voters: [...ids, "n4"] } },
    })
    // Whoever leads goes on with it when it comes.
    cluster.await(cluster.transfer(leader, null))
    cluster.newcomer("n4")
    const isVoting = () => cluster.leaders.some(({ configuration }) => configuration.voters.includes("n4"))
    expect(cluster.world.runUntil(isVoting, 3000)).toBe(true)
  })

  test("of two, the one that is undone by the other learns it; nobody claims that it never was", () => {
    const { cluster, leader } = led()
    const added = cluster.change(leader, add("n4"))
    cluster.world.runFor(200)
    expect(added.answer).toBeNull()
    expect(cluster.await(cluster.change(leader, { kind: "remove", id: "n4" }))).toMatchObject({
      isDone: true,
    })
    expect(cluster.await(added, 100)).toMatchObject({ code: "change-in-progress", outcome: "unknown" })
    expect(added.count).toBe(1)
  })

  test("a leader that loses its place while it is under way does not know its end", () => {
    const { cluster, leader, one, other } = led()
    for (const node of [one, other]) cluster.network.cut(leader.id, node.id)
    const changed = cluster.change(leader, { kind: "remove", id: one.id })
    expect(cluster.await(changed)).toMatchObject({ code: "leadership-lost", outcome: "unknown" })
    cluster.network.healAll()
    cluster.waitForLeader()
    cluster.world.runFor(1000)
    // It was not, as it turned out.
    expect(cluster.nodes.map(votersAt)).toEqual([ids, ids, ids])
    expect(changed.count).toBe(1)
  })

  test("one that is refused leaves nothing behind, and says why", () => {
    const { cluster, leader, one, other } = led()
    const last = leader.raft!.status().lastIndex
    for (const [node, change, code] of [
      [one, { kind: "remove", id: other.id }, "not-leader"],
      [leader, { kind: "promote", id: "n9" }, "unknown-member"],
      [leader, { kind: "set", voters: [], learners: [], addresses: {} }, "bad-request"],
    ] as const) {
      expect(cluster.await(cluster.change(node, change))).toMatchObject({ code, outcome: "rejected" })
    }
    cluster.stop(one)
    cluster.world.runFor(2 * longest)
    const removing = { kind: "remove", id: other.id } as const
    expect(cluster.await(cluster.change(leader, removing))).toMatchObject({ code: "would-lose-quorum" })
    expect(leader.raft!.status().lastIndex).toBe(last)
    // With force it goes into the log, where nobody can commit it without the one that is away.
    expect(cluster.await(cluster.change(leader, removing, { force: true, millis: 1000 }))).toMatchObject({
      outcome: "unknown",
    })
    cluster.start(one)
    expect(cluster.world.runUntil(() => votersAt(one).length === 2, 5000)).toBe(true)
  })

  test("a node that stops answers everybody who waits for it", () => {
    const { cluster, leader } = led()
    const [changed, also] = [cluster.change(leader, add("n4")), cluster.change(leader, add("n4", "learner"))]
    cluster.world.runFor(100)
    cluster.stop(leader)
    // It stays, whoever leads, and is not done.
    expect(changed.answer).toMatchObject({ isDone: false, configuration: { learners: ["n4"] } })
    expect(also.answer).toMatchObject({ code: "change-in-progress", outcome: "rejected" })
    expect([changed.count, also.count]).toEqual([1, 1])
  })

  test("more than so many at once are not let in", () => {
    const { cluster, leader } = led()
    cluster.network.cutOneWay(leader.id, "n1")
    cluster.network.cutOneWay(leader.id, "n2")
    cluster.network.cutOneWay(leader.id, "n3")
    cluster.change(leader, add("n4"))
    const others = Array.from({ length: 64 }, () => cluster.change(leader, add("n4")))
    expect(others.filter(({ answer }) => answer !== null).map(({ answer }) => answer)).toMatchObject([
      { code: "overloaded", outcome: "rejected" },
    ])
  })
})
