// Does a group that not all members run have its seats, whoever comes and goes?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import type { NodeId } from "../../src/consensus/types.ts"
import { obstacleTo } from "../../src/groups/following.ts"
import { seatsOf } from "../../src/machine/seats.ts"
import { GroupsCluster } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(120_000)

const five = ["n1", "n2", "n3", "n4", "n5"]
const start = (seed: number, ids = five, zones = {}) => {
  const cluster = new GroupsCluster(seed, ids, { zones })
  cluster.led("main")
  return cluster
}
const ids = (cluster: GroupsCluster, group: string) => cluster.seatingOf(group).seats.map(({ id }) => id)
const runsAt = (cluster: GroupsCluster, group: string) =>
  cluster.nodes.filter(({ id }) => cluster.group(id, group) !== undefined).map(({ id }) => id)
const votersOf = (cluster: GroupsCluster, group: string): ReadonlyArray<NodeId> => {
  const leader = cluster.leaderOf(group)
  return leader === undefined
    ? []
    : cluster.group(leader.id, group)!.raft.status().committed.voters.toSorted()
}
const wanted = (cluster: GroupsCluster, group: string, replicas = 3) =>
  seatsOf(
    group,
    replicas,
    cluster.members.map((id) => ({ id })),
  ).toSorted()
/** It has just the seats that it should, runs there and nowhere else, and `main` knows that. */
const settles = (cluster: GroupsCluster, group: string, live = (_: NodeId) => true) =>
  cluster.until(
    () =>
      cluster.leaderOf("main") !== undefined &&
      cluster.seatingOf(group).isReached &&
      ids(cluster, group).toSorted().join() === wanted(cluster, group).join() &&
      votersOf(cluster, group).join() === wanted(cluster, group).join() &&
      runsAt(cluster, group).filter(live).join() === wanted(cluster, group).filter(live).join(),
    `${group} has its seats`,
    60_000,
  )
const open = (cluster: GroupsCluster, group: string) =>
  cluster.openSeated(
    group,
    seatsOf(
      group,
      3,
      cluster.members.map((id) => ({ id })),
    ),
  )
const lead = (cluster: GroupsCluster, group: string, to: NodeId) => {
  const { raft } = cluster.led(group).groups!.find(group)!
  if (raft.status().id === to) return
  cluster.await((answer) => raft.transfer({ to, deadline: raft.now() + 5000, answer }))
  cluster.until(() => cluster.leaderOf(group)?.id === to, `${to} leads ${group}`)
}
const others = (cluster: GroupsCluster, group: string) =>
  cluster.members.filter((id) => !ids(cluster, group).includes(id))

/** By hand: the life that chooses takes it back in the end. */
const move = (cluster: GroupsCluster, from: NodeId, to: NodeId) => {
  const { seats, step } = cluster.seatingOf("orders")
  const main = cluster.led("main").groups!.main.raft.status().committed
  const addresses = Object.fromEntries(
    cluster.members.map((id) => [id, { ...main.addresses[id]!, incarnation: cluster.node(id).incarnation }]),
  )
  const configuration = { voters: cluster.members, learners: [], addresses }
  const moved = seats.map(({ id }) => (id === from ? to : id))
  return cluster.system("$group/seat", "orders", { configuration, seats: moved, after: step })
}

describe("a group with seats", () => {
  test("runs where it has a seat and nowhere else, and serves what it is asked there", () => {
    const cluster = start(1)
    expect(open(cluster, "orders")).toMatchObject({ _tag: "Accepted" })
    settles(cluster, "orders")
    expect(cluster.add("orders", 5)).toMatchObject({ result: "5" })
    expect(cluster.read("orders")).toMatchObject({ body: expect.stringContaining("5") })
    const [without] = others(cluster, "orders")
    expect(cluster.node(without!).disk.directories.has("orders")).toBe(false)
  })

  test("gives the seat of a member that is removed to another, which has all that the group had", () => {
    const cluster = start(2)
    open(cluster, "orders")
    settles(cluster, "orders")
    cluster.add("orders", 7)
    const gone = ids(cluster, "orders").find((id) => id !== cluster.led("main").id)!
    const before = ids(cluster, "orders")
    expect(cluster.change({ kind: "remove", id: gone })).toMatchObject({ isDone: true })
    settles(cluster, "orders", (id) => id !== gone)
    expect(ids(cluster, "orders").filter((id) => before.includes(id))).toHaveLength(2)
    const newcomer = ids(cluster, "orders").find((id) => !before.includes(id))!
    expect(cluster.read("orders", cluster.node(newcomer))).toMatchObject({
      body: expect.stringContaining("7"),
    })
    // By the two that it had of the old ones, or by one of them and the new one.
    cluster.stop(cluster.node(before.find((id) => id !== gone && id !== cluster.led("main").id)!))
    expect(cluster.add("orders", 1)).toMatchObject({ result: "8" })
  })

  test("gives the seat of one that is dead and removed to another", () => {
    const cluster = start(3)
    open(cluster, "orders")
    settles(cluster, "orders")
    cluster.add("orders", 7)
    const gone = ids(cluster, "orders").find((id) => id !== cluster.led("main").id)!
    cluster.stop(cluster.node(gone))
    cluster.led("orders")
    expect(cluster.change({ kind: "remove", id: gone })).toMatchObject({ isDone: true })
    settles(cluster, "orders")
    expect(cluster.add("orders", 1)).toMatchObject({ result: "8" })
  })

  test("gives a newcomer the seats that are its own, and whoever lets one go runs the group no more", () => {
    const cluster = start(4, ["n1", "n2", "n3", "n4"])
    const names = Array.from({ length: 8 }, (_, at) => `g${at}`)
    for (const name of names) open(cluster, name)
    for (const name of names) cluster.add(name, 3)
    for (const name of names) settles(cluster, name)
    const before = new Map(names.map((name) => [name, ids(cluster, name)]))
    cluster.newcomer("n5")
    expect(
      cluster.change({ kind: "add", id: "n5", address: { peer: "n5:1", client: "http://n5" }, as: "voter" }),
    ).toMatchObject({ isDone: true })
    for (const name of names) settles(cluster, name)
    expect(names.filter((name) => ids(cluster, name).includes("n5")).length).toBeGreaterThan(1)
    for (const name of names) expect(cluster.add(name, 1)).toMatchObject({ result: "4" })
    // What it had promised is not forgotten.
    const left = names.flatMap((name) =>
      before.get(name)!.flatMap((id) => (ids(cluster, name).includes(id) ? [] : [{ name, id }])),
    )
    expect(left.length).toBeGreaterThan(1)
    for (const { name, id } of left) expect(cluster.node(id).disk.directories.has(name)).toBe(true)
  })

  test("has whoever comes back to a seat go on as the one that it was", () => {
    const cluster = start(5)
    open(cluster, "orders")
    settles(cluster, "orders")
    cluster.add("orders", 7)
    const before = ids(cluster, "orders")
    const gone = before.find((id) => id !== cluster.led("main").id)!
    cluster.change({ kind: "remove", id: gone })
    settles(cluster, "orders", (id) => id !== gone)
    cluster.add("orders", 1)
    const { incarnation } = cluster.node(gone)
    const address = { peer: `${gone}:1`, client: `http://${gone}`, incarnation }
    expect(cluster.change({ kind: "add", id: gone, address, as: "voter" })).toMatchObject({ isDone: true })
    settles(cluster, "orders")
    expect(ids(cluster, "orders").toSorted()).toEqual(before.toSorted())
    expect(cluster.read("orders", cluster.node(gone))).toMatchObject({ body: expect.stringContaining("8") })
  })

  test("takes in anew who comes back without its data, and waits for that before members change again", () => {
    const cluster = start(6)
    open(cluster, "orders")
    settles(cluster, "orders")
    cluster.add("orders", 7)
    const lost = cluster.node(ids(cluster, "orders").find((id) => id !== cluster.led("main").id)!)
    const { incarnation } = lost
    cluster.stop(lost)
    cluster.wipe(lost)
    cluster.start(lost)
    const address = { peer: `${lost.id}:1`, client: `http://${lost.id}`, incarnation: lost.incarnation }
    expect(cluster.change({ kind: "add", id: lost.id, address, as: "voter" })).toMatchObject({ isDone: true })
    settles(cluster, "orders")
    const named = () => cluster.seatingOf("orders").seats.find(({ id }) => id === lost.id)!.incarnation
    cluster.until(
      () => named() === lost.incarnation && cluster.seatingOf("orders").isReached,
      "it has its seat",
      60_000,
    )
    expect(named()).not.toBe(incarnation)
    expect(cluster.read("orders", lost)).toMatchObject({ body: expect.stringContaining("7") })
  })

  test("is taken up again by a process that had let it go", () => {
    const cluster = start(11)
    open(cluster, "orders")
    settles(cluster, "orders")
    // From here on main names the data directory of each: whoever chooses needs them.
    const address = { peer: "n1:1", client: "http://n1", priority: 1 }
    cluster.change({ kind: "set", voters: five, learners: [], addresses: { n1: address } })
    settles(cluster, "orders")
    cluster.add("orders", 7)
    const gone = ids(cluster, "orders").find((id) => id !== cluster.led("main").id)!
    const [next] = others(cluster, "orders")
    expect(move(cluster, gone, next!)).toMatchObject({ _tag: "Accepted" })
    cluster.until(() => cluster.group(gone, "orders") === undefined, `${gone} has let it go`)
    cluster.add("orders", 1)
    settles(cluster, "orders")
    expect(cluster.read("orders", cluster.node(gone))).toMatchObject({ body: expect.stringContaining("8") })
    expect(cluster.node(next!).disk.directories.has("orders")).toBe(true)
  })

  test("is closed everywhere, also where it only lay", () => {
    const cluster = start(7)
    open(cluster, "orders")
    settles(cluster, "orders")
    cluster.add("orders", 7)
    const gone = ids(cluster, "orders").find((id) => id !== cluster.led("main").id)!
    const [next] = others(cluster, "orders")
    expect(move(cluster, gone, next!)).toMatchObject({ _tag: "Accepted" })
    cluster.until(() => votersOf(cluster, "orders").includes(next!), `${next} votes`)
    cluster.system("$group/close", "orders", {})
    cluster.until(() => runsAt(cluster, "orders").length === 0, "nobody runs it")
    cluster.until(
      () => cluster.nodes.every(({ disk }) => !disk.directories.has("orders")),
      "its files are gone",
    )
  })

  test("is led where all nodes know that it should be, so that leaders are even", () => {
    const cluster = start(8)
    const names = Array.from({ length: 10 }, (_, at) => `g${at}`)
    for (const name of names) open(cluster, name)
    const isEven = () => {
      const counts = cluster.nodes.map(
        ({ id }) => names.filter((name) => cluster.leaderOf(name)?.id === id).length,
      )
      return (
        counts.reduce((sum, count) => sum + count, 0) === 10 && Math.max(...counts) - Math.min(...counts) < 2
      )
    }
    for (let waited = 0; waited < 60 && !isEven(); waited++) cluster.pass(1000)
    expect(isEven()).toBe(true)
  })

  test("is spread over zones as nodes tell them", () => {
    const zones = { n1: "a", n2: "a", n3: "a", n4: "b", n5: "c" }
    const cluster = start(9, five, zones)
    const told = () => Object.keys(cluster.led("main").groups!.directory().zones).length
    cluster.until(() => told() === 5, "main knows all zones")
    // From here on main names the data directory of each.
    const address = { peer: "n1:1", client: "http://n1", priority: 1 }
    cluster.change({ kind: "set", voters: five, learners: [], addresses: { n1: address } })
    // Chosen without them: it moves.
    cluster.openSeated("orders", ["n1", "n2", "n3"])
    const inZones = () => new Set(ids(cluster, "orders").map((id) => zones[id as keyof typeof zones]))
    cluster.until(
      () => inZones().size === 3 && cluster.seatingOf("orders").isReached,
      "a seat in each",
      60_000,
    )
    expect(cluster.add("orders", 1)).toMatchObject({ result: "1" })
  })
})

describe("a change of members", () => {
  test("waits until every group has the seats that it is to have", () => {
    const cluster = start(10)
    open(cluster, "orders")
    settles(cluster, "orders")
    const [leaderOfMain] = [cluster.led("main").id]
    const kept = ids(cluster, "orders")
    const gone = kept.find((id) => id !== leaderOfMain)!
    lead(cluster, "orders", kept.find((id) => id !== gone)!)
    cluster.change({ kind: "remove", id: gone })
    const obstacle = () => {
      const { groups } = cluster.led("main")
      const { seated } = groups!.directory()
      const main = groups!.main.raft.glance().committed
      const id = others(cluster, "orders")[0]!
      return obstacleTo({ kind: "remove", id }, { main, running: [], seated, awaited: [] })
    }
    expect(obstacle()).toMatchObject({ code: "change-in-progress" })
    settles(cluster, "orders", (id) => id !== gone)
    expect(obstacle()).toBe(null)
  })
})
