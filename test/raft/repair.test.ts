// How does a replica whose state is not what it should be come back? In place: it votes, its door stays, and it shows
// nothing before it is what the others are.

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Cause, Effect, type Exit } from "effect"
import type { RaftOptions } from "../../src/raft/options.ts"
import { StateInRepair } from "../../src/raft/Raft.ts"
import { Cluster, type TestNode } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const three = ["n1", "n2", "n3"]
const often = { checkpointMillis: 400, reportMillis: 100, refillRetryMillis: 200 }
/** Nothing of the log is kept behind what was flushed. */
const short = { flushMillis: 50, logMarginEntries: 0, compactEntriesMin: 1 }

const clusterOf = (seed: number, options: Partial<RaftOptions> = {}, ids: ReadonlyArray<string> = three) => {
  const cluster = new Cluster(seed, ids, { ...often, ...options })
  const leader = cluster.waitForLeader()
  const followers = cluster.nodes.filter((node) => node !== leader)
  for (const command of ["a", "b", "c"]) cluster.await(cluster.propose(leader, command))
  cluster.world.runFor(700)
  return { cluster, leader, followers }
}

const statusOf = (node: TestNode) => node.raft!.status()
const isRepaired = (node: TestNode, times = 1) => {
  const { partings, parted } = statusOf(node)
  return partings.differs + partings.corrupt + partings.scrub === times && parted === null
}
const refused = { _tag: "Failure", code: "not-ready", outcome: "rejected" }

/** Its state is another one from now on, and that will be found. */
const alter = (cluster: Cluster, node: TestNode): void => {
  node.applied[0] = "altered"
  const other = cluster.nodes.find((each) => each !== node && statusOf(each).leader === each.id)
  cluster.await(cluster.propose(other ?? node, `after ${cluster.world.nowMillis}`))
}

describe("a replica that differs", () => {
  test("replays its log where that reaches back, and is as the others again (D1, S5)", () => {
    const { cluster, leader, followers } = clusterOf(1)
    const [other] = followers as [TestNode]
    alter(cluster, other)
    cluster.world.runUntil(() => isRepaired(other), 3000)
    expect(other.applied).toEqual(leader.applied)
    expect(other.deeds).toEqual(["the state is given up"])
    expect(other.events.map(({ message }) => message)).toEqual([
      "this node's state is not what it should be: it is given up",
      "this node's state is repaired",
    ])
    expect(cluster.await(cluster.propose(other, "later"))._tag).toBe("Accepted")
    cluster.world.runFor(1000)
    expect(statusOf(other)).toMatchObject({ parted: null, ready: true, standing: "whole" })
    expect(other.applied).toEqual(leader.applied)
  })

  test("gets a state from a peer where its log begins later, and votes and counts meanwhile (D1, S5)", () => {
    const { cluster, leader, followers } = clusterOf(2, short)
    const [other, third] = followers as [TestNode, TestNode]
    expect(statusOf(other).firstIndex).toBeGreaterThan(1)
    const { firstIndex } = statusOf(other)
    // It is one of the two that are needed.
    cluster.stop(third)
    other.weather.isStateCorrupt = true
    cluster.await(cluster.propose(leader, "d"))
    cluster.world.runUntil(() => statusOf(other).partings.corrupt === 1, 1000)
    for (const command of ["e", "f"])
      expect(cluster.await(cluster.propose(leader, command))._tag).toBe("Accepted")
    cluster.world.runUntil(() => isRepaired(other), 3000)
    expect(other.deeds).toEqual(["the state is given up", "the state is the snapshot's"])
    expect(statusOf(other)).toMatchObject({ standing: "whole", parted: null })
    expect(statusOf(other).firstIndex).toBeGreaterThanOrEqual(firstIndex)
    cluster.world.runFor(500)
    expect(other.applied).toEqual(["a", "b", "c", "d", "e", "f"])
  })

  test("costs no majority its vote, however many it is (S11)", () => {
    const { cluster, leader, followers } = clusterOf(3, short)
    for (const node of followers) node.weather.isStateCorrupt = true
    const waiting = cluster.propose(leader, "d")
    expect(cluster.await(waiting)._tag).toBe("Accepted")
    cluster.world.runUntil(() => followers.every((node) => isRepaired(node)), 5000)
    expect(cluster.await(cluster.propose(leader, "e"))._tag).toBe("Accepted")
    cluster.world.runFor(500)
    for (const node of cluster.nodes) expect(node.applied).toEqual(["a", "b", "c", "d", "e"])
    expect(cluster.nodes.map((node) => statusOf(node).standing)).toEqual(["whole", "whole", "whole"])
  })

  test("hands over before it gives its state up, to one that has what a majority has", () => {
    const options = { checkpointMillis: 1000, repairPauseMillis: 3000 }
    const { cluster, leader, followers } = clusterOf(4, options, ["n1", "n2", "n3", "n4", "n5"])
    // Asked first when nobody else is known to be better, and alive for a while the second time that it differs.
    const [alike, ...fine] = followers as [TestNode, ...Array<TestNode>]
    alter(cluster, alike)
    cluster.world.runUntil(() => isRepaired(alike), 3000)
    for (const node of [leader, alike]) node.applied[0] = "altered"
    cluster.await(cluster.propose(leader, "d"))
    const { term } = statusOf(leader)
    cluster.world.runUntil(() => leader.deeds.length > 0, 3000)
    const next = cluster.waitForLeader()
    expect(fine).toContain(next)
    expect(statusOf(next).term).toBe(term + 1)
    cluster.world.runUntil(() => isRepaired(leader) && isRepaired(alike, 2), 8000)
    for (const node of cluster.nodes) expect(node.applied).toEqual(next.applied)
  })

  test("shows nothing of its state from the moment on in which it knows", () => {
    const { cluster, leader, followers } = clusterOf(5, { repairPauseMillis: 500 })
    const [other] = followers as [TestNode]
    alter(cluster, other)
    cluster.world.runUntil(() => isRepaired(other), 3000)
    // The second time it waits before it repairs, and is in the same life still.
    alter(cluster, other)
    other.weather.queryMillis = 100
    cluster.world.runUntil(() => statusOf(other).partings.differs === 2, 3000)
    expect(statusOf(other)).toMatchObject({ ready: false, parted: { reason: "differs" } })
    for (const consistency of ["local", "linearizable", "lease"] as const) {
      expect(cluster.await(cluster.read(other, { consistency }))).toMatchObject(refused)
    }
    const proposed = cluster.propose(other, "x")
    expect(proposed.answer).toMatchObject(refused)
    const { length } = other.applied
    cluster.await(cluster.propose(leader, "y"))
    cluster.world.runFor(50)
    expect(other.applied).toHaveLength(length)
    expect(cluster.await(cluster.transfer(other, null))).toMatchObject({ _tag: "Failure" })
    const { snapshot, backup } = other.raft!
    for (const copy of [Effect.asVoid(snapshot), Effect.asVoid(Effect.scoped(backup))]) {
      const fiber = cluster.fork(copy)
      cluster.world.runFor(10)
      const exit = fiber.pollUnsafe() as Exit.Failure<void, unknown>
      expect(Cause.squash(exit.cause)).toBeInstanceOf(StateInRepair)
    }
    cluster.world.runUntil(() => isRepaired(other, 2), 3000)
    expect(cluster.await(cluster.read(other))).toMatchObject({ body: JSON.stringify(leader.applied) })
  })

  test("answers no read by what it was asked before it knew", () => {
    const { cluster, followers } = clusterOf(6)
    const [other] = followers as [TestNode]
    alter(cluster, other)
    other.weather.queryMillis = 30
    // One after the other, so that one is with the machine when it becomes known.
    const asked: Array<ReturnType<typeof cluster.read>> = []
    while (statusOf(other).partings.differs === 0) {
      asked.push(cluster.read(other, { consistency: "local" }))
      cluster.world.runFor(5)
    }
    const waiting = asked.filter(({ answer }) => answer === null || "code" in answer)
    cluster.world.runFor(200)
    expect(waiting.length).toBeGreaterThan(0)
    for (const { answer } of waiting) expect(answer).toMatchObject(refused)
  })

  test("answers no command by what its state made of it: that is unknown, and known to the others", () => {
    const { cluster, leader } = clusterOf(15)
    leader.applied[0] = "altered"
    leader.weather.applyMillis = 30
    const asked: Array<{ readonly command: string; readonly result: ReturnType<typeof cluster.propose> }> = []
    while (statusOf(leader).partings.differs === 0) {
      const command = `c${asked.length}`
      asked.push({ command, result: cluster.propose(leader, command) })
      cluster.world.runFor(5)
    }
    const waiting = asked.filter(({ result }) => result.answer?._tag !== "Accepted")
    cluster.world.runFor(200)
    expect(waiting.length).toBeGreaterThan(1)
    for (const { result } of waiting)
      expect(["leadership-lost", "not-ready"]).toContain((result.answer as { code: string }).code)
    expect(waiting[0]!.result.answer).toMatchObject({ code: "leadership-lost", outcome: "unknown" })
    leader.weather.applyMillis = 0
    cluster.world.runUntil(() => isRepaired(leader), 5000)
    const next = cluster.waitForLeader()
    expect(next).not.toBe(leader)
    cluster.world.runFor(500)
    expect(leader.applied).toEqual(next.applied)
  })

  test.each([35, 45, 55, 65])(
    "sends what peers ask of it to another leader, and their clients are told nothing of its state (%p ms)",
    (applyMillis) => {
      const { cluster, leader, followers } = clusterOf(16)
      const [other] = followers as [TestNode]
      // Every command that comes new to it now makes one less than it should.
      leader.applied.splice(0, 1)
      leader.weather.applyMillis = 20
      // So that it does not find a successor at once, and is at work on the next entries when it hears of it.
      for (const node of followers) Object.assign(node.weather, { writeMillis: 60, applyMillis })
      const told = new Map<string, { readonly at: number; readonly revision: number }>()
      let knownAt = Number.POSITIVE_INFINITY
      for (let at = 0; !isRepaired(leader); at++) {
        const command = `c${at}`
        other.raft!.propose([
          {
            command: new TextEncoder().encode(command),
            deadline: other.raft!.now() + 20_000,
            forward: true,
            answer: (answer) => {
              const revision = answer._tag === "Accepted" ? answer.revision : 0
              told.set(command, { at: cluster.world.nowMillis, revision })
            },
          },
        ])
        for (let step = 0; step < 10; step++) {
          cluster.world.runFor(1)
          if (statusOf(leader).partings.differs > 0) knownAt = Math.min(knownAt, cluster.world.nowMillis)
        }
      }
      cluster.world.runFor(2000)
      const { applied } = cluster.waitForLeader()
      const late = [...told].filter(([, { at }]) => at > knownAt)
      expect(late.length).toBeGreaterThan(3)
      expect(late.map(([command, { revision }]) => [command, revision])).toEqual(
        late.map(([command]) => [command, applied.indexOf(command) + 1]),
      )
    },
  )

  test("and not even what it says of what need not be executed, though it was asked before it knew", () => {
    const { cluster, leader, followers } = clusterOf(17)
    const [other] = followers as [TestNode]
    const wrong = {
      _tag: "Accepted",
      result: '"wrong"',
      revision: 9,
      index: 9,
      term: 1,
      replayed: true,
    } as const
    leader.settled.set("x", wrong)
    leader.weather.admitMillis = 50
    for (const node of followers) node.weather.writeMillis = 200
    cluster.propose(leader, "y")
    cluster.world.runFor(60)
    const asked = cluster.propose(other, "x", { millis: 20_000 })
    cluster.world.runFor(10)
    leader.weather.isStateDamaged = true
    cluster.fork(Effect.ignore(leader.raft!.snapshot))
    expect(cluster.await(asked)).toMatchObject({ _tag: "Accepted", result: '"x"' })
  })

  test("shows nothing before it is as far as it was, however long it has to replay", () => {
    const { cluster, leader, followers } = clusterOf(18, { applyEntriesMax: 1 })
    const [other] = followers as [TestNode]
    for (let at = 0; at < 20; at++) cluster.await(cluster.propose(leader, `c${at}`))
    cluster.world.runFor(500)
    const before = other.applied.length
    other.weather.applyMillis = 20
    alter(cluster, other)
    cluster.world.runUntil(() => other.deeds.length === 1, 3000)
    const seen: Array<number> = []
    while (other.applied.length < before) {
      const answer = cluster.await(cluster.read(other, { consistency: "local" }))
      if ("body" in answer) seen.push(JSON.parse(answer.body).length)
      cluster.world.runFor(10)
    }
    expect(seen.filter((length) => length < before)).toEqual([])
  })

  test("lets the leader answer reads while it has no state, and refuses what it would have to answer itself", () => {
    const { cluster, leader, followers } = clusterOf(7, short)
    const [other] = followers as [TestNode]
    other.weather.isStateCorrupt = true
    // Nobody gives it a state for the time being.
    for (const node of cluster.nodes) node.file.snapshots = []
    const created = cluster.nodes.map((node) => node.weather)
    for (const weather of created) weather.isCopyBarred = true
    cluster.await(cluster.propose(leader, "d"))
    cluster.world.runUntil(() => other.deeds.length === 1, 2000)
    cluster.world.runFor(300)
    expect(statusOf(other)).toMatchObject({ ready: false, standing: "whole", appliedIndex: 0 })
    const expected = { _tag: "Answered", body: JSON.stringify(["a", "b", "c", "d"]) }
    expect(cluster.await(cluster.read(other))).toMatchObject(expected)
    expect(cluster.await(cluster.read(other, { consistency: "local" }))).toMatchObject(refused)
    expect(cluster.await(cluster.propose(other, "e"))._tag).toBe("Accepted")
    for (const weather of created) weather.isCopyBarred = false
    cluster.world.runUntil(() => isRepaired(other), 3000)
    cluster.world.runFor(300)
    expect(cluster.await(cluster.read(other, { consistency: "local" }))).toMatchObject({
      body: JSON.stringify(["a", "b", "c", "d", "e"]),
    })
  })
})

test("a row that is found bad when a copy is made for somebody is a reason, too, and no copy is made", () => {
  const { cluster, followers } = clusterOf(8)
  const [other] = followers as [TestNode]
  other.weather.isStateDamaged = true
  const fiber = cluster.fork(Effect.asVoid(other.raft!.snapshot))
  cluster.world.runFor(50)
  expect(Cause.squash((fiber.pollUnsafe() as Exit.Failure<void, unknown>).cause)).toBeInstanceOf(
    StateInRepair,
  )
  cluster.world.runUntil(() => isRepaired(other), 3000)
  expect(statusOf(other).partings).toEqual({ differs: 0, corrupt: 0, scrub: 1, stuck: 0, missing: 0 })
})

test("what was copied of a state that differs is given to nobody any more", () => {
  const { cluster, followers } = clusterOf(9)
  const [other] = followers as [TestNode]
  other.applied[0] = "altered"
  cluster.run(other.raft!.snapshot)
  expect(other.file.snapshots).toHaveLength(1)
  alter(cluster, other)
  cluster.world.runUntil(() => isRepaired(other), 3000)
  expect(other.file.snapshots).toEqual([])
})

test("whoever differs again and again is repaired less and less often", () => {
  const { cluster, followers } = clusterOf(10, { repairPauseMillis: 1000 })
  const [other] = followers as [TestNode]
  const took: Array<number> = []
  for (let times = 1; times <= 4; times++) {
    alter(cluster, other)
    cluster.world.runUntil(() => statusOf(other).parted !== null, 3000)
    const since = cluster.world.nowMillis
    cluster.world.runUntil(() => isRepaired(other, times), 20_000)
    took.push(Math.round((cluster.world.nowMillis - since) / 1000))
  }
  expect(took).toEqual([0, 1, 2, 4])
})

test("a node that lost its state while it was down is whole, and gets another one (S5)", () => {
  const { cluster, leader, followers } = clusterOf(11, short)
  const [other] = followers as [TestNode]
  cluster.stop(other)
  Object.assign(other.file, {
    position: { index: 0, term: 0, time: 0, configuration: other.initial },
    commands: [],
  })
  cluster.await(cluster.propose(leader, "d"))
  cluster.start(other)
  expect(statusOf(other)).toMatchObject({ standing: "whole", ready: false })
  expect(cluster.await(cluster.read(other, { consistency: "local" }))).toMatchObject(refused)
  cluster.world.runUntil(() => statusOf(other).ready, 3000)
  expect(other.applied).toEqual(["a", "b", "c", "d"])
})

test("who has a state is asked in turn, until somebody has one to give", () => {
  const { cluster, followers } = clusterOf(12, short)
  const [other, third] = followers as [TestNode, TestNode]
  // The leader's own is bad, and it does not know; the third one's is good.
  const leader = cluster.nodes.find((node) => !followers.includes(node))!
  leader.weather.isCopyBarred = true
  other.weather.isStateCorrupt = true
  cluster.await(cluster.propose(leader, "d"))
  cluster.world.runUntil(() => isRepaired(other), 5000)
  expect(other.applied).toEqual(third.applied)
  expect(third.events.filter(({ message }) => message === "giving a peer a state")).toHaveLength(1)
})

test("who has no state lets those go first who have one, and gives none (S7)", () => {
  for (let seed = 20; seed < 28; seed++) {
    const { cluster, leader, followers } = clusterOf(seed, short)
    const [other, third] = followers as [TestNode, TestNode]
    for (const node of [leader, third]) cluster.stop(node)
    other.weather.isStateCorrupt = true
    cluster.read(other, { consistency: "local" })
    cluster.world.runUntil(() => other.deeds.length === 1, 2000)
    // Its vote is needed.
    cluster.start(third)
    expect([seed, cluster.waitForLeader().id]).toEqual([seed, third.id])
    cluster.world.runUntil(() => isRepaired(other), 5000)
    expect(other.applied).toEqual(third.applied)
  }
})

test("who leads for want of another, and has no state, hands over as soon as somebody can lead who has one", () => {
  const { cluster, leader, followers } = clusterOf(40, short)
  const [other, third] = followers as [TestNode, TestNode]
  for (const node of [leader, other]) cluster.network.cut(third.id, node.id)
  cluster.await(cluster.propose(leader, "d"))
  cluster.stop(leader)
  other.weather.isStateCorrupt = true
  cluster.read(other, { consistency: "local" })
  cluster.world.runUntil(() => other.deeds.length === 1, 2000)
  // Its log is the longer one, and nobody gives it a state for the time being.
  third.weather.isCopyBarred = true
  cluster.network.healAll()
  cluster.world.runUntil(() => statusOf(third).serving, 5000)
  expect(statusOf(third)).toMatchObject({ serving: true, leader: third.id })
  expect(statusOf(other).term).toBeGreaterThan(1)
  third.weather.isCopyBarred = false
  cluster.world.runUntil(() => isRepaired(other), 5000)
  cluster.world.runFor(500)
  expect(other.applied).toEqual(["a", "b", "c", "d"])
})

test("nobody gets a state from one that is about to give it up", () => {
  const options = { ...short, logMarginEntries: 4, repairPauseMillis: 3000 }
  const { cluster, leader, followers } = clusterOf(30, options)
  const [bad, other] = followers as [TestNode, TestNode]
  alter(cluster, bad)
  cluster.world.runUntil(() => isRepaired(bad), 3000)
  alter(cluster, bad)
  cluster.run(bad.raft!.snapshot)
  expect(bad.file.snapshots).toHaveLength(1)
  cluster.world.runUntil(() => statusOf(bad).partings.differs === 2, 3000)
  leader.weather.isCopyBarred = true
  leader.file.snapshots = []
  other.weather.isStateCorrupt = true
  cluster.read(other, { consistency: "local" })
  cluster.world.runFor(1500)
  expect(other.deeds).toEqual(["the state is given up"])
  leader.weather.isCopyBarred = false
  cluster.world.runUntil(() => isRepaired(other), 10_000)
  cluster.world.runFor(1500)
  expect(statusOf(other).partings).toMatchObject({ corrupt: 1, differs: 0 })
  expect(other.applied).toEqual(leader.applied)
})

test("a group of one that has lost its state and the log behind it takes no command, and says why", () => {
  const { cluster, leader } = clusterOf(14, short, ["n1"])
  leader.weather.isStateCorrupt = true
  cluster.read(leader, { consistency: "local" })
  cluster.world.runUntil(() => leader.deeds.length === 1, 2000)
  cluster.world.runUntil(() => statusOf(leader).role === "leader", 3000)
  const { lastIndex } = statusOf(leader)
  expect(statusOf(leader)).toMatchObject({ serving: false, ready: false, parted: { reason: "corrupt" } })
  const asked = cluster.propose(leader, "d", { millis: 500 })
  expect(cluster.await(asked)).toMatchObject({ _tag: "Failure" })
  expect(cluster.await(cluster.read(leader, { deadline: leader.raft!.now() + 500 }))).toMatchObject({
    _tag: "Failure",
  })
  expect(statusOf(leader).lastIndex).toBe(lastIndex)
})

describe("a node that finds no state of its log's entries when it starts", () => {
  const lose = (cluster: Cluster, node: TestNode): void => {
    cluster.stop(node)
    node.file.position = { index: 0, term: 0, time: 0, configuration: node.initial }
    node.file.commands = []
    node.applied = []
  }

  for (const [what, lost, reason] of [
    ["because it was gone", null, "missing"],
    ["because what it found was bad", "timers are missing", "corrupt"],
  ] as const) {
    test(`shows nothing before it has come to the log's end: ${what} (D1, S5)`, () => {
      const { cluster, leader, followers } = clusterOf(31)
      const [other, third] = followers as [TestNode, TestNode]
      const entries = statusOf(other).persistedIndex
      lose(cluster, other)
      other.weather.lost = lost
      for (const node of [leader, third]) cluster.stop(node)
      cluster.start(other)
      cluster.world.runFor(1000)
      // Nobody can tell it what is committed, and what it has applied is nothing.
      expect(statusOf(other)).toMatchObject({ ready: false, standing: "whole", parted: { reason } })
      expect(statusOf(other).partings[reason]).toBe(1)
      expect(cluster.await(cluster.read(other, { consistency: "local" }))).toMatchObject(refused)
      for (const node of [leader, third]) cluster.start(node)
      cluster.world.runUntil(() => statusOf(other).parted === null, 5000)
      expect(other.applied).toEqual(["a", "b", "c"])
      cluster.world.runFor(100)
      expect(statusOf(other).appliedIndex).toBeGreaterThanOrEqual(entries)
      expect(cluster.await(cluster.read(other, { consistency: "local" }))._tag).toBe("Answered")
    })
  }

  test("shows it where a leader has cut what it waits for from the log", () => {
    const { cluster, leader, followers } = clusterOf(32, { checkpointMillis: 60_000 })
    // Nobody else hears of what it still writes.
    for (const other of followers) cluster.stop(other)
    for (let at = 0; at < 20; at++) cluster.propose(leader, `lost ${at}`)
    cluster.world.runFor(300)
    const entries = statusOf(leader).persistedIndex
    lose(cluster, leader)
    for (const other of followers) cluster.start(other)
    cluster.waitForLeader()
    cluster.start(leader)
    cluster.world.runUntil(() => statusOf(leader).parted === null, 5000)
    cluster.world.runFor(100)
    expect(statusOf(leader)).toMatchObject({ parted: null, ready: true })
    expect(statusOf(leader).lastIndex).toBeLessThan(entries)
    expect(leader.applied).toEqual(["a", "b", "c"])
  })

  test("is a node like any other when its log has no entries either", () => {
    const cluster = new Cluster(33, three, often)
    expect(cluster.nodes.map((node) => statusOf(node).parted)).toEqual([null, null, null])
  })
})
