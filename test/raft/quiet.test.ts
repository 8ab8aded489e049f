// Does a group that nobody wants anything of come to rest, and wake for everything that it must? Real lives, virtual time.

import { describe, expect, setDefaultTimeout, spyOn, test } from "bun:test"
import { Scope } from "effect"
import { Day } from "../../src/raft/Day.ts"
import { Unrest } from "../../src/raft/Unrest.ts"
import { addressOf, Cluster, type TestNode } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(60_000)

const three = ["n1", "n2", "n3"]
/** A checkpoint comes into the log ten seconds after the last entry; then a second of quiet. */
const untilRestMillis = 20_000
/** How long an election takes at the most, mostly: a timeout that is drawn, and a split vote or two. */
const electionMillis = 2_000

const areResting = (nodes: ReadonlyArray<TestNode>): boolean =>
  nodes.every((node) => node.raft === null || node.raft.status().resting)

/** A cluster whose group rests, and who leads it. */
const resting = (
  seed: number,
  ids: ReadonlyArray<string> = three,
  options: ConstructorParameters<typeof Cluster>[2] = {},
) => {
  const cluster = new Cluster(seed, ids, { rests: true, ...options })
  for (const node of cluster.nodes) node.weather.diskLookMillis = 3_600_000
  const leader = cluster.waitForLeader()
  cluster.await(cluster.propose(leader, "first"))
  rests(cluster)
  const followers = cluster.nodes.filter((node) => node !== leader)
  return { cluster, leader, followers, term: leader.raft!.status().term }
}

const rests = (cluster: Cluster, atMostMillis = untilRestMillis): void => {
  if (!cluster.world.runUntil(() => areResting(cluster.nodes), atMostMillis)) throw new Error("nobody rests")
}

/** Nobody else was ever elected. */
const expectSameLeader = (cluster: Cluster, leader: TestNode, term: number): void => {
  for (const { raft } of cluster.nodes) {
    if (raft !== null) expect(raft.status()).toMatchObject({ leader: leader.id, term })
  }
}

const seeds = [1, 2, 3, 4, 5]

describe("a group of which nobody wants anything", () => {
  test("rests, and nothing ticks for it", () => {
    const { cluster, leader, term } = resting(1)
    cluster.world.runFor(1_000)
    const before = cluster.world.steps
    cluster.world.runFor(600_000)
    const whileResting = cluster.world.steps - before
    expectSameLeader(cluster, leader, term)
    expect(areResting(cluster.nodes)).toBe(true)
    // A node's disk is looked at once a second, for all groups: three tasks. Beside that: two followers that ask now
    // and then. A group that is awake makes hundreds of tasks in a second.
    expect(whileResting - 3 * 3 * 600).toBeLessThan(300)
  })

  test("has no day while it rests, and another one when somebody wants something of it", () => {
    const days = new Set<Day>()
    const begin = Day.prototype.begin
    const spy = spyOn(Day.prototype, "begin").mockImplementation(function (this: Day) {
      days.add(this)
      return begin.call(this)
    })
    try {
      const { cluster, leader } = resting(6)
      cluster.world.runFor(1_000)
      const ended = () => [...days].filter(({ scope }) => scope.state._tag === "Closed").length
      expect(ended()).toBe(days.size)
      const before = days.size
      expect(before).toBeGreaterThanOrEqual(3)
      cluster.await(cluster.propose(leader, "second"))
      expect(days.size).toBe(before + 3)
      expect(ended()).toBe(before)
      rests(cluster)
      cluster.world.runFor(1_000)
      expect(ended()).toBe(days.size)
    } finally {
      spy.mockRestore()
    }
  })

  test("has no day for whom it refused at the door", () => {
    const { cluster, leader } = resting(4, ["n1"], { waitingBytesMax: 100 })
    cluster.world.runFor(1_000)
    const scopes = spyOn(Scope, "forkUnsafe")
    try {
      expect(cluster.await(cluster.propose(leader, "x".repeat(200)))).toMatchObject({ code: "overloaded" })
      cluster.world.runFor(1_000)
      expect(leader.raft!.status().resting).toBe(true)
      const begun = scopes.mock.results.map(({ value }) => value as Scope.Closeable)
      expect(begun.map(({ state }) => state._tag)).toEqual(["Closed"])
    } finally {
      scopes.mockRestore()
    }
  })

  test("is no news to who looks at all groups while it rests, also when it is asked for its leader, and is when it wakes", () => {
    const unrest = new Unrest()
    const { cluster, leader } = resting(7, three, { unrest })
    const before = unrest.count
    expect(before).toBeGreaterThan(0)
    cluster.world.runFor(300_000)
    expect(unrest.count).toBe(before)
    cluster.await(cluster.propose(leader, "second"))
    expect(unrest.count).toBeGreaterThan(before)
  })

  test("rests without a flush behind what changes nothing, until there is too much of it", () => {
    const cluster = new Cluster(3, three, { rests: true, vainEntriesMax: 4 })
    const standings = () => cluster.nodes.map((node) => node.raft!.status())
    const vainAfterStart = () => {
      for (const node of cluster.nodes) cluster.stop(node)
      for (const node of cluster.nodes) cluster.start(node)
      cluster.waitForLeader()
      rests(cluster)
      expect(cluster.nodes.map(({ applied }) => applied)).toEqual([["first"], ["first"], ["first"]])
      return standings().map(({ appliedIndex, snapshotIndex }) => appliedIndex - snapshotIndex)
    }
    cluster.await(cluster.propose(cluster.waitForLeader(), "first"))
    rests(cluster)
    for (const { appliedIndex, snapshotIndex } of standings()) {
      expect(appliedIndex - snapshotIndex).toBeLessThanOrEqual(4)
      expect(snapshotIndex).toBeGreaterThan(0)
    }
    const behind = standings().map(({ appliedIndex, snapshotIndex }) => appliedIndex - snapshotIndex)
    const left = [vainAfterStart(), vainAfterStart(), vainAfterStart()]
    // A leader's first entry and a checkpoint come with each start.
    expect(left[0]!.some((count, at) => count > behind[at]!)).toBe(true)
    for (const count of left.flat()) expect(count).toBeLessThanOrEqual(4)
    expect(left.flat()).toContain(0)
    expect(Math.max(...left.flat())).toBeGreaterThan(0)
  })

  test("flushes before it rests what was proposed, however little", () => {
    const { cluster } = resting(4, three, { vainEntriesMax: 1_000 })
    const leader = cluster.waitForLeader()
    cluster.await(cluster.propose(leader, "second"))
    const { appliedIndex } = leader.raft!.status()
    rests(cluster)
    for (const { raft, file } of cluster.nodes) {
      expect(raft!.status().snapshotIndex).toBeGreaterThanOrEqual(appliedIndex)
      expect(file.commands).toEqual(["first", "second"])
    }
  })

  test("rests also when its followers have taken over the state of its newest checkpoint", () => {
    const { cluster, leader, followers } = resting(7, three, {
      checkpointMillis: 200,
      scrubMillis: 500,
      flushMillis: 100,
      logMarginEntries: 0,
      compactEntriesMin: 1,
    })
    const areParted = (isParted: boolean) => () =>
      followers.every((node) => (node.raft!.status().parted !== null) === isParted)
    for (const time of ["at once", "after a pause, in which a checkpoint comes into the log"]) {
      for (const node of followers) node.weather.isStateDamaged = true
      cluster.await(cluster.propose(leader, time))
      expect(cluster.world.runUntil(areParted(true), 5_000)).toBe(true)
      cluster.await(cluster.propose(leader, `${time}, meanwhile`))
      expect(cluster.world.runUntil(areParted(false), 20_000)).toBe(true)
      rests(cluster, 60_000)
    }
  })

  test("does not rest unless it is allowed to", () => {
    const cluster = new Cluster(2, three)
    const leader = cluster.waitForLeader()
    cluster.await(cluster.propose(leader, "first"))
    cluster.world.runFor(60_000)
    expect(cluster.nodes.map((node) => node.raft!.status().resting)).toEqual([false, false, false])
  })

  test("does not rest while a member is away, and does when it is back", () => {
    const { cluster, leader, followers } = resting(3)
    const away = followers[0]!
    cluster.stop(away)
    cluster.await(cluster.propose(leader, "second"))
    cluster.world.runFor(60_000)
    expect(leader.raft!.status().resting).toBe(false)
    cluster.start(away)
    rests(cluster)
    expect(away.applied).toEqual(["first", "second"])
  })

  test.each(seeds)(
    "rests soon after each election: what its new leader has to say comes at once (seed %d)",
    (seed) => {
      const { cluster, leader, followers } = resting(60 + seed)
      cluster.stop(leader)
      const hasNew = () =>
        followers.some((node) => node.raft!.status().serving && node.raft!.status().role === "leader")
      expect(cluster.world.runUntil(hasNew, electionMillis)).toBe(true)
      cluster.start(leader)
      rests(cluster, 4_000)
    },
  )

  test("of one node rests alone, and executes what comes", () => {
    const { cluster, leader } = resting(4, ["n1"])
    cluster.world.runFor(60_000)
    expect(cluster.await(cluster.propose(leader, "second"))).toMatchObject({ _tag: "Accepted", revision: 2 })
  })

  test("is ready and as fresh as the pulses while it rests", () => {
    const { cluster, leader, followers } = resting(5)
    cluster.world.runFor(600_000)
    for (const node of cluster.nodes) expect(node.raft!.status().ready).toBe(true)
    const local = { consistency: "local", maxStalenessMillis: 300 } as const
    for (const node of [leader, ...followers]) {
      expect(cluster.await(cluster.read(node, local))).toMatchObject({ _tag: "Answered" })
    }
    expect(areResting(cluster.nodes)).toBe(true)
    for (const { progress } of leader.raft!.status().members) expect(progress!.lastContactMillis).toBe(0)
    cluster.cut(leader.id, followers[0]!.id)
    cluster.world.runFor(200)
    expect(cluster.await(cluster.read(followers[0]!, local))).toMatchObject({ code: "stale" })
  })
})

describe("a resting group wakes", () => {
  test.each(seeds)("for a proposal, at its leader and at a follower (seed %d)", (seed) => {
    const { cluster, leader, followers, term } = resting(10 + seed)
    for (const [position, node] of [leader, ...followers].entries()) {
      cluster.world.runFor(30_000)
      rests(cluster)
      const { nowMillis } = cluster.world
      const result = cluster.propose(node, `more ${position}`)
      expect(cluster.await(result)).toMatchObject({ _tag: "Accepted", revision: position + 2 })
      expect(cluster.world.nowMillis - nowMillis).toBeLessThan(50)
    }
    expectSameLeader(cluster, leader, term)
    rests(cluster)
    for (const node of cluster.nodes) expect(node.applied).toHaveLength(4)
  })

  test("and keeps the deadlines of those who wait at it", () => {
    const { cluster, leader, followers } = resting(16)
    // What is forwarded is lost, and nobody answers; what waits at the machine is late.
    cluster.network.cutOneWay(followers[0]!.id, leader.id)
    const forwarded = cluster.propose(followers[0]!, "lost", { millis: 100 })
    followers[1]!.weather.queryMillis = 10_000
    const { raft } = followers[1]!
    const local = cluster.read(followers[1]!, { consistency: "local", deadline: raft!.now() + 100 })
    cluster.world.runFor(200)
    expect(forwarded.answer).toMatchObject({ code: expect.any(String) })
    expect(local.answer).toMatchObject({ code: "timeout" })
    expect(raft!.status().resting).toBe(true)
  })

  test.each(seeds)("for a read that must miss nothing, by its lease too (seed %d)", (seed) => {
    const { cluster, leader, followers, term } = resting(20 + seed)
    for (const consistency of ["linearizable", "lease"] as const) {
      for (const node of [leader, followers[0]!]) {
        cluster.world.runFor(1_000)
        rests(cluster)
        const read = cluster.read(node, { consistency })
        expect(read.answer).toBe(null)
        expect(cluster.await(read, 100)).toMatchObject({ _tag: "Answered", body: '["first"]' })
      }
    }
    expectSameLeader(cluster, leader, term)
  })

  test("and gives no read by the lease of before, when its leader was cut off meanwhile", () => {
    const { cluster, leader, followers } = resting(26)
    cluster.world.runFor(1_000)
    for (const { id } of followers) cluster.cut(leader.id, id)
    const read = cluster.read(leader, { consistency: "lease", deadline: leader.raft!.now() + 3_000 })
    cluster.world.runFor(electionMillis)
    const next = cluster.waitForLeader()
    expect(next).not.toBe(leader)
    cluster.await(cluster.propose(next, "second"))
    expect(cluster.await(read)).toMatchObject({ _tag: "Failure" })
  })

  test("for a timer of the machine, in time, and does not rest before one that is due soon", () => {
    const { cluster, leader } = resting(27)
    const wallMillis = 1_700_000_000_000 + cluster.world.nowMillis
    for (const node of cluster.nodes) {
      node.timers = [{ at: wallMillis + 200_000, command: "ring" }]
    }
    cluster.await(cluster.propose(leader, "second"))
    rests(cluster)
    cluster.world.runUntil(() => cluster.world.nowMillis >= wallMillis - 1_700_000_000_000 + 200_000, 300_000)
    expect(areResting(cluster.nodes)).toBe(true)
    cluster.world.runFor(300)
    for (const node of cluster.nodes) expect(node.applied).toEqual(["first", "second", "ring"])
    const soon = 1_700_000_000_000 + cluster.world.nowMillis + 6_500
    for (const node of cluster.nodes) node.timers = [{ at: soon, command: "ring again" }]
    cluster.await(cluster.propose(leader, "third"))
    cluster.world.runFor(6_400)
    expect(leader.raft!.status().resting).toBe(false)
  })

  test.each(seeds)("for its leader's end: another one leads within the usual time (seed %d)", (seed) => {
    const { cluster, leader, followers, term } = resting(30 + seed)
    cluster.world.runFor(60_000)
    cluster.stop(leader)
    const next = cluster.waitForLeader(electionMillis)
    expect(followers).toContain(next)
    expect(next.raft!.status().term).toBeGreaterThan(term)
    expect(cluster.await(cluster.propose(next, "second"))).toMatchObject({ _tag: "Accepted", revision: 2 })
  })

  test.each(seeds)("for another process of its leader, however quick it was (seed %d)", (seed) => {
    const { cluster, leader } = resting(40 + seed)
    cluster.stop(leader)
    cluster.start(leader)
    const next = cluster.waitForLeader(electionMillis)
    expect(cluster.await(cluster.propose(next, "second"))).toMatchObject({ _tag: "Accepted", revision: 2 })
    rests(cluster)
    for (const node of cluster.nodes) expect(node.applied).toEqual(["first", "second"])
  })

  test.each(seeds)("for another process of a follower, and keeps its leader (seed %d)", (seed) => {
    const { cluster, leader, followers, term } = resting(50 + seed)
    cluster.stop(followers[0]!)
    cluster.world.runFor(seed * 100)
    cluster.start(followers[0]!)
    cluster.world.runFor(1_000)
    expectSameLeader(cluster, leader, term)
    rests(cluster)
    expectSameLeader(cluster, leader, term)
  })

  test.each(seeds)(
    "on both sides of a cut: one leads the majority, the old one steps down (seed %d)",
    (seed) => {
      const { cluster, leader, followers, term } = resting(60 + seed)
      for (const { id } of followers) cluster.cut(leader.id, id)
      const { nowMillis } = cluster.world
      cluster.world.runUntil(() => leader.raft!.status().role !== "leader", 5_000)
      // A leader that is awake steps down when it has heard no quorum for 500 ms, at its next heartbeat.
      expect(cluster.world.nowMillis - nowMillis).toBeLessThan(600)
      const next = cluster.waitForLeader(electionMillis)
      expect(followers).toContain(next)
      cluster.await(cluster.propose(next, "second"))
      cluster.healAll()
      rests(cluster)
      for (const node of cluster.nodes) expect(node.applied).toEqual(["first", "second"])
      expect(leader.raft!.status().term).toBeGreaterThan(term)
    },
  )

  test.each(seeds)("where its leader is heard, but hears nobody (seed %d)", (seed) => {
    const { cluster, leader, followers } = resting(70 + seed)
    for (const { id } of followers) cluster.cutOneWay(id, leader.id)
    cluster.world.runUntil(() => leader.raft!.status().role !== "leader", 5_000)
    expect(followers).toContain(cluster.waitForLeader(electionMillis))
  })

  test.each(seeds)("for one follower that hears its leader no more: the leader stays (seed %d)", (seed) => {
    const { cluster, leader, followers, term } = resting(80 + seed)
    cluster.cut(leader.id, followers[0]!.id)
    cluster.world.runFor(10_000)
    cluster.healAll()
    cluster.world.runFor(1_000)
    expectSameLeader(cluster, leader, term)
    rests(cluster)
    expectSameLeader(cluster, leader, term)
  })

  test("for a new member, which rests with the others then", () => {
    const { cluster, leader } = resting(90)
    const newcomer = cluster.newcomer("n4")
    const change = { kind: "add", id: "n4", address: addressOf("n4"), as: "voter" } as const
    expect(cluster.await(cluster.change(leader, change))).toMatchObject({ isDone: true })
    rests(cluster)
    expect(newcomer.applied).toEqual(["first"])
    expect(newcomer.raft!.status()).toMatchObject({ leader: leader.id, resting: true })
  })

  test("for a hand-over, which its followers do not sleep through", () => {
    const { cluster, leader, followers } = resting(91)
    const to = followers[1]!.id
    expect(cluster.await(cluster.transfer(leader, to))).toMatchObject({ leader: to })
    rests(cluster)
    for (const node of cluster.nodes) expect(node.raft!.status().leader).toBe(to)
  })
})

describe("a follower whose leader's process lives on", () => {
  test.each(seeds)("does not sleep for ever when the group in it has ended (seed %d)", (seed) => {
    const { cluster, leader, followers } = resting(100 + seed)
    // Nothing of it is heard any more but its pulse.
    for (const { id } of followers) cluster.network.cutOneWay(leader.id, id)
    const isElsewhere = () =>
      followers.every((node) => ![leader.id, null].includes(node.raft!.status().leader))
    expect(cluster.world.runUntil(isElsewhere, 125_000)).toBe(true)
  })

  test("asks now and then, and rests on when the leader answers", () => {
    const { cluster, leader, term } = resting(110)
    let woke = 0
    for (let second = 0; second < 600; second++) {
      cluster.world.runFor(1_000)
      if (!areResting(cluster.nodes)) woke++
    }
    expect(woke).toBe(0)
    expectSameLeader(cluster, leader, term)
  })
})
