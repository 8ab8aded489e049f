// A command is refused by what the machine knows: does it know enough? And is nothing done that was called rejected?

import { expect, setDefaultTimeout, test } from "bun:test"
import type { Refused } from "../../src/machine/outcome.ts"
import { defaultOptions } from "../../src/raft/options.ts"
import { Cluster } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const unknown: Refused = {
  _tag: "Refused",
  code: "unknown-command",
  detail: "",
  extra: "{}",
  replayed: false,
}

test("who was told that it did not happen while the machine looked at it is right (C2)", () => {
  const cluster = new Cluster(1, ["n1", "n2", "n3"])
  const leader = cluster.waitForLeader()
  leader.weather.admitMillis = 1000
  const asked = cluster.propose(leader, "a", { millis: 60_000 })
  leader.weather.isDiskBroken = true
  expect(cluster.await(asked)).toMatchObject({ outcome: "rejected" })
  cluster.world.runFor(5000)
  for (const { applied } of cluster.nodes) expect(applied).toEqual([])
})

test("a leader that has not applied what others led refuses nothing for it", () => {
  const cluster = new Cluster(2, ["n1", "n2", "n3"])
  const leader = cluster.waitForLeader()
  const successor = cluster.nodes.find((node) => node !== leader)!
  // To its machine the command is unknown until it has come to the version that knows it.
  successor.weather.applyMillis = 2000
  successor.settled.set("new", unknown)
  cluster.await(cluster.propose(leader, "activate"))
  const done = cluster.transfer(leader, successor.id)
  cluster.world.runUntil(() => done.answer !== null || successor.raft!.status().role === "leader", 5000)
  const asked = cluster.propose(successor, "new", { millis: 20_000 })
  cluster.world.runUntil(() => successor.applied.includes("activate"), 10_000)
  expect(asked.answer).toBe(null)
  successor.settled.clear()
  expect(cluster.await(asked)).toMatchObject({ _tag: "Accepted" })
})

test("a leader refuses nothing for a state that is behind what a follower may have shown", () => {
  const cluster = new Cluster(5, ["n1", "n2", "n3"])
  const leader = cluster.waitForLeader()
  const follower = cluster.nodes.find((node) => node !== leader)!
  leader.weather.applyMillis = 2000
  leader.settled.set("new", unknown)
  cluster.propose(leader, "activate")
  cluster.world.runUntil(() => follower.applied.includes("activate"), 1000)
  expect(leader.applied).not.toContain("activate")
  const asked = cluster.propose(leader, "new", { millis: 20_000 })
  cluster.world.runUntil(() => leader.applied.includes("activate"), 5000)
  expect(asked.answer).toBe(null)
  leader.settled.clear()
  expect(cluster.await(asked)).toMatchObject({ _tag: "Accepted" })
})

test("a leader that nobody follows any more refuses nothing by its own state", () => {
  const cluster = new Cluster(3, ["n1", "n2", "n3"])
  const leader = cluster.waitForLeader()
  leader.settled.set("new", unknown)
  for (const other of cluster.nodes) if (other !== leader) cluster.network.cut(leader.id, other.id)
  // Its lease has run out, and it does not know yet that it leads nobody.
  cluster.world.runFor(defaultOptions.limits.electionTimeoutMinMillis)
  const asked = cluster.propose(leader, "new", { millis: 20_000 })
  cluster.world.runFor(5000)
  expect(asked.answer).toBe(null)
  cluster.network.healAll()
  expect(cluster.await(asked, 20_000)).toMatchObject({ _tag: "Accepted" })
})

test.each(["the leader", "a follower"])(
  "what a trial of seconds refuses is tried once, while the log goes on: asked of %s",
  (which) => {
    const cluster = new Cluster(6, ["n1", "n2", "n3"])
    const leader = cluster.waitForLeader()
    const asked = which === "the leader" ? leader : cluster.nodes.find((node) => node !== leader)!
    leader.settled.set("slow", unknown)
    // Longer than the node at the door waits until it asks again.
    leader.weather.trialMillis = 3 * defaultOptions.forwardRetryMillis
    const slow = cluster.propose(asked, "slow", { millis: 10 * leader.weather.trialMillis })
    for (let other = 0; slow.answer === null; other++) {
      cluster.propose(leader, `other ${other}`)
      cluster.world.runFor(20)
    }
    expect(slow.answer).toEqual(unknown)
    expect(leader.tried).toEqual(["slow"])
  },
)

test("a trial on less than was known when its command came refuses nothing", () => {
  const cluster = new Cluster(7, ["n1", "n2", "n3"])
  const leader = cluster.waitForLeader()
  leader.weather.applyMillis = 3000
  leader.weather.trialMillis = 100
  leader.settled.set("new", unknown)
  const follower = cluster.nodes.find((node) => node !== leader)!
  cluster.propose(leader, "activate")
  cluster.world.runUntil(() => follower.applied.includes("activate"), 1000)
  const asked = cluster.propose(leader, "new", { millis: 20_000 })
  cluster.world.runUntil(() => leader.applied.includes("activate"), 10_000)
  expect(leader.tried).toEqual(["new"])
  expect(asked.answer).toBe(null)
  leader.settled.clear()
  expect(cluster.await(asked)).toMatchObject({ _tag: "Accepted" })
})

test("a leader refuses at once what nobody knows", () => {
  const cluster = new Cluster(4, ["n1", "n2", "n3"])
  const leader = cluster.waitForLeader()
  leader.settled.set("new", unknown)
  for (const node of cluster.nodes) {
    expect(cluster.await(cluster.propose(node, "new"))).toEqual(unknown)
  }
})

test("a refusal of a later attempt is not told while an earlier one may still be executed (C2, seed 576)", () => {
  const cluster = new Cluster(9, ["n1", "n2", "n3"])
  const leader = cluster.waitForLeader()
  const follower = cluster.nodes.find((node) => node !== leader)!
  leader.settled.set("new", unknown)
  leader.settled.set("other", { ...unknown, code: "revision-mismatch" })
  // What becomes of the first attempt nobody at the follower knows.
  cluster.network.cutOneWay(leader.id, follower.id)
  const asked = cluster.propose(follower, "new", { millis: 60_000 })
  const other = cluster.propose(follower, "other", { millis: 60_000 })
  cluster.world.runFor(100)
  cluster.network.healAll()
  // No later state takes that back.
  expect(cluster.await(other)).toMatchObject({ code: "revision-mismatch" })
  cluster.world.runFor(5_000)
  expect(asked.answer).toBe(null)
  leader.settled.clear()
  expect(cluster.await(asked)).toMatchObject({ _tag: "Accepted" })
})

test("that the key is elsewhere is no rejection while an earlier attempt may still be executed here (C2, seed 160)", () => {
  const cluster = new Cluster(10, ["n1", "n2", "n3"])
  const leader = cluster.waitForLeader()
  const follower = cluster.nodes.find((node) => node !== leader)!
  leader.settled.set("new", { ...unknown, code: "elsewhere" })
  expect(cluster.await(cluster.propose(follower, "new"))).toMatchObject({ _tag: "Refused" })
  cluster.network.cutOneWay(leader.id, follower.id)
  const asked = cluster.propose(follower, "new", { millis: 60_000 })
  cluster.world.runFor(100)
  cluster.network.healAll()
  // Nor is it kept waiting: whoever asks again is sent to where the key is.
  cluster.world.runFor(5_000)
  expect(asked.answer).toMatchObject({ _tag: "Failure", outcome: "unknown" })
})
