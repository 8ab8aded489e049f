// Do groups come and go on running nodes, each with a log, a leader and a state of its own?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { GroupsCluster } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(60_000)

const three = ["n1", "n2", "n3"]
const start = (seed: number, ids = three) => {
  const cluster = new GroupsCluster(seed, ids)
  cluster.led("main")
  return cluster
}
const runsEverywhere = (cluster: GroupsCluster, group: string) =>
  cluster.until(() => cluster.nodes.every(({ id }) => cluster.group(id, group) !== undefined), "it runs")
const votersAt = (cluster: GroupsCluster, group: string) => {
  const leader = cluster.leaderOf(group)
  return leader === undefined ? [] : [...cluster.group(leader.id, group)!.raft.status().configuration.voters]
}

describe("a group that is opened", () => {
  test("runs on all members, elects a leader, and has a state of its own", () => {
    const cluster = start(1)
    expect(cluster.open("orders")).toMatchObject({ _tag: "Accepted" })
    runsEverywhere(cluster, "orders")
    expect(cluster.add("orders", 5)).toMatchObject({ result: "5" })
    expect(cluster.add("main", 2)).toMatchObject({ result: "2" })
    expect(cluster.read("orders")).toMatchObject({ _tag: "Answered", body: expect.stringContaining("5") })
    expect(cluster.read("main")).toMatchObject({ body: expect.stringContaining("2") })
    const leaders = cluster.nodes.filter(({ id }) => cluster.group(id, "orders")!.raft.status().serving)
    expect(leaders).toHaveLength(1)
  })

  test("is not, with others than the members that main has where it would stand, whoever is asked", () => {
    const cluster = start(2)
    const leader = cluster.led("main")
    const other = cluster.nodes.find((node) => node !== leader)!
    for (const at of [leader, other]) {
      const opened = cluster.openWith(`by-${at.id}`, ["n1", "n2"], at)
      expect(opened).toMatchObject({ code: "change-in-progress", outcome: "rejected" })
      expect(cluster.openWith(`by-${at.id}`, three, at)).toMatchObject({ _tag: "Accepted" })
    }
  })

  test("waits while as many as may be awake at once have not come to rest", () => {
    const cluster = start(12)
    const names = Array.from({ length: 80 }, (_, at) => `group-${at}`)
    for (const name of names) cluster.begin(name)
    const othersAt = ({ groups }: (typeof cluster.nodes)[number]) =>
      groups!.all().filter(({ raft }) => raft.group !== "main")
    let mostAwake = 0
    while (cluster.nodes.some((node) => othersAt(node).length < names.length)) {
      cluster.pass(20)
      const awake = cluster.nodes.map(
        (node) => othersAt(node).filter(({ raft }) => !raft.glance().resting).length,
      )
      mostAwake = Math.max(mostAwake, ...awake)
    }
    expect(mostAwake).toBeGreaterThan(32)
    expect(mostAwake).toBeLessThanOrEqual(96)
  })

  test("waits no longer than a moment for those before where a member is away", () => {
    const cluster = start(13)
    const names = Array.from({ length: 70 }, (_, at) => `group-${at}`)
    cluster.stop(cluster.nodes.find((node) => node !== cluster.led("main"))!)
    for (const name of names) cluster.begin(name)
    cluster.until(() => names.every((name) => cluster.leaderOf(name) !== undefined), "all are led", 5_000)
  })

  test("takes what is sent to a node that does not lead it", () => {
    const cluster = start(2)
    cluster.open("orders")
    runsEverywhere(cluster, "orders")
    const leader = cluster.led("orders")
    const other = cluster.nodes.find((node) => node !== leader)!
    expect(cluster.add("orders", 3, other)).toMatchObject({ result: "3" })
    expect(cluster.read("orders", other)).toMatchObject({ body: expect.stringContaining("3") })
  })

  test("is opened at once, whatever others are at that were opened before", () => {
    const cluster = start(11)
    cluster.open("busy")
    runsEverywhere(cluster, "busy")
    // It does not come to rest for a while.
    cluster.add("busy", 1)
    expect(cluster.group("n1", "busy")!.raft.glance().resting).toBe(false)
    const before = cluster.world.nowMillis
    cluster.open("next")
    runsEverywhere(cluster, "next")
    expect(cluster.world.nowMillis - before).toBeLessThan(1_500)
  })

  test("is there again on a node that was away, with all that it held", () => {
    const cluster = start(3)
    cluster.open("orders")
    runsEverywhere(cluster, "orders")
    cluster.add("orders", 4)
    for (const node of cluster.nodes) cluster.stop(node)
    for (const node of cluster.nodes) cluster.start(node)
    runsEverywhere(cluster, "orders")
    expect(cluster.read("orders")).toMatchObject({ body: expect.stringContaining("4") })
  })

  test("comes to a node that was down when it was opened, and goes on when others go down", () => {
    const cluster = start(4)
    const [away] = cluster.nodes.filter((node) => node !== cluster.led("main"))
    cluster.stop(away!)
    expect(cluster.open("orders")).toMatchObject({ _tag: "Accepted" })
    cluster.add("orders", 1)
    cluster.start(away!)
    runsEverywhere(cluster, "orders")
    const raft = cluster.group(away!.id, "orders")!.raft
    cluster.until(() => raft.status().appliedIndex > 1, "it has caught up")
    const [other] = cluster.nodes.filter((node) => node !== away)
    cluster.stop(other!)
    expect(cluster.add("orders", 2)).toMatchObject({ result: "3" })
  })
})

describe("a group that is closed", () => {
  test("is gone on all members, with all that it held, and never comes again", () => {
    const cluster = start(5)
    cluster.open("orders")
    runsEverywhere(cluster, "orders")
    cluster.add("orders", 1)
    expect(cluster.system("$group/close", "orders", {})).toMatchObject({ _tag: "Accepted" })
    cluster.until(
      () => cluster.nodes.every(({ id }) => cluster.group(id, "orders") === undefined),
      "it is gone",
    )
    cluster.until(() => cluster.nodes.every(({ disk }) => !disk.directories.has("orders")), "its files are")
    expect(cluster.open("orders")).toMatchObject({ _tag: "Refused", code: "invalid-input" })
    cluster.pass(2000)
    expect(cluster.add("main", 1)).toMatchObject({ result: "1" })
  })

  test("is gone from a node that was down meanwhile", () => {
    const cluster = start(6)
    cluster.open("orders")
    runsEverywhere(cluster, "orders")
    cluster.add("orders", 1)
    const [away] = cluster.nodes.filter((node) => node !== cluster.led("main"))
    cluster.stop(away!)
    cluster.system("$group/close", "orders", {})
    cluster.start(away!)
    cluster.until(
      () => cluster.group(away!.id, "orders") === undefined && !away!.disk.directories.has("orders"),
      "it is gone there, too",
    )
  })
})

describe("the members of all groups follow those of main:", () => {
  test("a newcomer comes into all of them", () => {
    const cluster = start(7)
    cluster.open("orders")
    cluster.open("bills")
    runsEverywhere(cluster, "bills")
    cluster.add("orders", 1)
    const newcomer = cluster.newcomer("n4")
    // Nobody says which data directory is meant: whoever leads finds it out.
    const address = { peer: "n4:1", client: "http://n4" }
    expect(cluster.change({ kind: "add", id: "n4", address, as: "voter" })).toMatchObject({ isDone: true })
    // It has met nobody before: from here on main says in which data directory each member's data is (S6).
    const { addresses } = cluster.led("main").groups!.main.raft.status().configuration
    expect(cluster.nodes.map(({ id }) => addresses[id]?.incarnation)).toEqual(
      cluster.nodes.map(({ incarnation }) => incarnation),
    )
    for (const group of ["orders", "bills"]) {
      cluster.until(() => votersAt(cluster, group).includes("n4"), `n4 votes in ${group}`)
    }
    expect(cluster.read("orders", newcomer)).toMatchObject({ body: expect.stringContaining("1") })
  })

  test("who is removed leaves all of them, also where it leads", () => {
    const cluster = start(8, ["n1", "n2", "n3", "n4"])
    for (const group of ["a", "b", "c"]) {
      cluster.open(group)
      runsEverywhere(cluster, group)
      cluster.add(group, 1)
    }
    const gone = cluster.led("a").id
    if (cluster.led("main").id === gone) {
      const { raft } = cluster.node(gone).groups!.main
      cluster.await((answer) => raft.transfer({ to: null, deadline: raft.now() + 5000, answer }))
    }
    expect(cluster.change({ kind: "remove", id: gone })).toMatchObject({ isDone: true })
    for (const group of ["a", "b", "c"]) {
      cluster.until(() => votersAt(cluster, group).length === 3, `${gone} has left ${group}`)
      expect(votersAt(cluster, group)).not.toContain(gone)
      expect(cluster.add(group, 1)).toMatchObject({ result: "2" })
    }
  })

  test("who comes back without its data is taken in anew everywhere, and votes nowhere before", () => {
    const cluster = start(9)
    cluster.open("orders")
    runsEverywhere(cluster, "orders")
    cluster.add("orders", 7)
    const lost = cluster.nodes.find((node) => node !== cluster.led("main") && node !== cluster.led("orders"))!
    cluster.stop(lost)
    cluster.wipe(lost)
    cluster.start(lost)
    const address = { peer: `${lost.id}:1`, client: `http://${lost.id}`, incarnation: lost.incarnation }
    expect(cluster.change({ kind: "add", id: lost.id, address, as: "voter" })).toMatchObject({ isDone: true })
    const named = () => {
      const leader = cluster.leaderOf("orders")
      const status = leader && cluster.group(leader.id, "orders")!.raft.status()
      return status?.configuration.voters.includes(lost.id) === true
        ? status.configuration.addresses[lost.id]?.incarnation
        : undefined
    }
    cluster.until(() => named() === lost.incarnation, "orders has taken it in")
    expect(cluster.read("orders", lost)).toMatchObject({ body: expect.stringContaining("7") })
  })
})

describe("leadership of many groups", () => {
  const names = Array.from({ length: 9 }, (_, at) => `g${at}`)
  const ledBy = (cluster: GroupsCluster) =>
    cluster.nodes.map((node) =>
      node.groups === null
        ? 0
        : node.groups.all().filter(({ raft }) => raft.status().role === "leader").length,
    )
  const isEven = (cluster: GroupsCluster) => {
    const counts = ledBy(cluster)
    const total = counts.reduce((sum, count) => sum + count, 0)
    return total === names.length + 1 && Math.max(...counts) - Math.min(...counts) < 2
  }

  test("is even after a while, and even again after a node was away", () => {
    const cluster = start(10)
    for (const name of names) cluster.open(name)
    cluster.until(() => isEven(cluster), "each leads three or four", 60_000)
    const away = cluster.nodes.find((node) => node !== cluster.led("main"))!
    cluster.stop(away)
    cluster.until(() => ledBy(cluster).reduce((sum, count) => sum + count, 0) === 10, "others lead", 20_000)
    expect(isEven(cluster)).toBe(false)
    cluster.start(away)
    cluster.until(() => isEven(cluster), "it leads its share again", 60_000)
    for (const name of names) expect(cluster.add(name, 1)).toMatchObject({ result: "1" })
  })
})
