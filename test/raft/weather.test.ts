// What do the lives do when the disk, the machine or the other nodes behave badly?

import { expect, setDefaultTimeout, test } from "bun:test"
import { drawElectionTimeout } from "../../src/raft/Group.ts"
import { defaultOptions } from "../../src/raft/options.ts"
import { World } from "../../src/simulation/World.ts"
import { Cluster } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const three = ["n1", "n2", "n3"]

test("a command that may be executed is never called rejected by the next leader (C2)", () => {
  let executed = 0
  for (let seed = 70; seed < 80; seed++) {
    const cluster = new Cluster(seed, three, { waitingMax: 20 })
    const old = cluster.waitForLeader()
    const others = cluster.nodes.filter((node) => node !== old)
    // It can be heard but does not hear: the command reaches the others, and nobody acknowledges it.
    for (const other of others) cluster.network.cutOneWay(other.id, old.id)
    const asked = cluster.propose(old, "X", { millis: 4000 })
    cluster.world.runUntil(() => others.some((node) => node.raft!.status().serving), 5000)
    const next = others.find((node) => node.raft!.status().serving)!
    cluster.network.healAll()
    cluster.world.runUntil(() => old.raft!.status().leader === next.id || asked.answer !== null, 5000)
    let flood = 0
    for (let steps = 0; steps < 2000 && asked.answer === null; steps++) {
      for (let i = 0; i < 25; i++) cluster.propose(next, `flood ${flood++}`, { millis: 20_000 })
      cluster.world.step()
    }
    const answer = cluster.await(asked)
    if (!next.applied.includes("X")) continue
    executed++
    if (answer._tag === "Failure") expect(answer.outcome).toBe("unknown")
    else expect(answer._tag).toBe("Accepted")
  }
  expect(executed).toBeGreaterThan(0)
})

test("a leader whose disk hangs gives way to one whose disk does not (E12)", () => {
  const cluster = new Cluster(3, three)
  const leader = cluster.waitForLeader()
  leader.weather.writeMillis = 60_000
  const asked = cluster.propose(leader, "moved", { millis: 20_000 })
  expect(cluster.await(asked, 20_000)).toMatchObject({ _tag: "Accepted" })
  expect(leader.raft!.status().role).not.toBe("leader")
})

test("more reads than may wait are refused as overloaded (H5)", () => {
  const cluster = new Cluster(4, three, { waitingMax: 100 })
  const leader = cluster.waitForLeader()
  const reads = Array.from({ length: 150 }, () => cluster.read(leader))
  const answers = reads.map((read) => cluster.await(read))
  expect(answers.filter((answer) => answer._tag === "Failure").length).toBe(50)
})

test("a lease that ended while the state was read answers nothing from it (L6)", () => {
  const cluster = new Cluster(5, three)
  const leader = cluster.waitForLeader()
  cluster.await(cluster.propose(leader, "old"))
  cluster.world.runFor(100)
  leader.weather.queryMillis = 3000
  const read = cluster.read(leader, { consistency: "lease", deadline: leader.raft!.now() + 10_000 })
  cluster.world.runFor(10)
  const others = cluster.nodes.filter((node) => node !== leader)
  for (const other of others) cluster.network.cut(leader.id, other.id)
  cluster.world.runUntil(() => others.some((node) => node.raft!.status().serving), 5000)
  expect(cluster.await(cluster.propose(others[0]!, "new"))).toMatchObject({ _tag: "Accepted" })
  expect(read.answer).toBeNull()
  cluster.network.healAll()
  leader.weather.queryMillis = 0
  expect(cluster.await(read)).toMatchObject({ body: '["old","new"]' })
})

test("the state becomes the snapshot's only when the log on disk rests on it (N2)", () => {
  const small = { logMarginEntries: 10, compactEntriesMin: 10, flushMillis: 200 }
  const cluster = new Cluster(6, three, small)
  const leader = cluster.waitForLeader()
  const away = cluster.nodes.find((node) => node !== leader)!
  cluster.stop(away)
  for (let i = 0; i < 100; i++) cluster.await(cluster.propose(leader, `c${i}`))
  cluster.world.runFor(1000)
  away.weather.writeMillis = 300
  cluster.start(away)
  cluster.world.runUntil(() => away.applied.length === 100, 20_000)
  expect(away.deeds).toEqual(["the log rests on the snapshot", "the state is the snapshot's"])
})

test("election timeouts are spread over the whole range (§5.2, E14)", () => {
  const world = new World(7)
  const group = {
    random: world.random,
    options: { ...defaultOptions, group: "g", id: "n", client: "", initial: new Cluster(1, ["n"]).initial },
  }
  const drawn = Array.from({ length: 1000 }, () => drawElectionTimeout(group))
  const { electionTimeoutMinMillis: min, electionTimeoutMaxMillis: max } = defaultOptions.limits
  expect(Math.min(...drawn)).toBeGreaterThanOrEqual(min)
  expect(Math.max(...drawn)).toBeLessThanOrEqual(max)
  expect(new Set(drawn).size).toBeGreaterThan((max - min) / 2)
})

test("what lived while a node led is dead when it leads again (E16)", () => {
  const cluster = new Cluster(8, three)
  const looksInTenSeconds = (name: string) => {
    const leader = cluster.waitForLeader()
    const before = leader.timerLooks
    // The machine is asked for its next timer when something was applied.
    for (let round = 0; round < 100; round++) {
      cluster.propose(leader, `${name}-${round}`)
      cluster.world.runFor(100)
    }
    return leader.timerLooks - before
  }
  const once = looksInTenSeconds("before")
  expect(once).toBeGreaterThan(50)
  for (let change = 0; change < 12; change++) {
    const leader = cluster.waitForLeader()
    for (const node of cluster.nodes) if (node !== leader) cluster.network.cut(leader.id, node.id)
    cluster.world.runFor(3000)
    cluster.network.healAll()
    cluster.world.runFor(1000)
  }
  expect(looksInTenSeconds("after")).toBeLessThan(once * 1.2)
})

test("a machine of which nothing was applied is not asked for its next timer again", () => {
  const cluster = new Cluster(9, three)
  const leader = cluster.waitForLeader()
  cluster.await(cluster.propose(leader, "first"))
  cluster.world.runFor(15_000)
  const before = leader.timerLooks
  cluster.world.runFor(60_000)
  expect(leader.timerLooks).toBe(before)
  for (const node of cluster.nodes) node.timers = [{ at: 1_700_000_000_000, command: "ring" }]
  cluster.await(cluster.propose(leader, "second"))
  cluster.world.runFor(300)
  expect(leader.applied).toEqual(["first", "second", "ring"])
})
