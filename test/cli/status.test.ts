// Does `status` find all members from any of them, and does its exit code say what a monitor must know?
// Real HTTP against fake nodes. (CONTRACT §1, O3)

import { afterEach, expect, setDefaultTimeout, test } from "bun:test"
import { FakeCluster, problem } from "./FakeCluster.ts"
import { runCommand } from "./runCommand.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const clusters: Array<FakeCluster> = []
afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.stop()
})

const start = (count = 3): FakeCluster => {
  const cluster = new FakeCluster(count)
  clusters.push(cluster)
  return cluster
}

const status = (cluster: FakeCluster, ...more: ReadonlyArray<string>) =>
  runCommand(["status", "--url", cluster.url("n2"), ...more])

test("from one node all members are found, and each is asked itself: exit code 0", async () => {
  const cluster = start()
  const { code, out, err } = await status(cluster, "--token", "t", "--group", "orders")
  expect({ code, err }).toEqual({ code: 0, err: "" })
  expect(out).toStartWith("cluster c-1: n1 leads in term 4, 3 of 3 voters answer\n\nid ")
  expect(out).toEndWith("\n\nall is well")
  for (const id of ["n1", "n2", "n3"]) {
    const paths = cluster.seen.filter(({ node }) => node === id).map(({ path }) => path)
    expect(paths.sort()).toEqual(["/admin/cluster?group=orders", "/admin/node?group=orders", "/readyz"])
  }
  for (const { headers } of cluster.seen) expect(headers.get("authorization")).toBe("Bearer t")
})

test("a dead member is a trouble: exit code 5, and one line on stderr", async () => {
  const cluster = start()
  await cluster.kill("n3")
  Object.assign(cluster.member("n3"), { state: "probe", lastContactMs: 60_000 })
  const { code, out, err } = await status(cluster)
  expect({ code, err }).toEqual({ code: 5, err: "raftlet: 1 thing is wrong in the cluster" })
  expect(out).toEndWith(`\n! n3 does not answer at ${cluster.url("n3")}: connection refused`)
})

test("--json is one document, whether well or not", async () => {
  const cluster = start()
  const well = await status(cluster, "--json")
  expect(JSON.parse(well.out)).toMatchObject({
    healthy: true,
    leader: "n1",
    term: 4,
    voters: { all: 3, answering: 3, needed: 2 },
    members: [{ id: "n1", role: "leader", health: "ok" }, { id: "n2", lag: 0 }, { id: "n3" }],
    troubles: [],
  })
  cluster.member("n2").version = "2.0.0"
  const ill = await status(cluster, "--json")
  expect(ill.code).toBe(5)
  expect(JSON.parse(ill.out)).toMatchObject({
    healthy: false,
    troubles: ["versions differ: n1, n3: 1.0.0; n2: 2.0.0"],
  })
})

test("without a leader it is 5, and without anybody 3", async () => {
  const cluster = start()
  cluster.leader = null
  const leaderless = await status(cluster)
  expect(leaderless.code).toBe(5)
  expect(leaderless.out).toContain("\n! no leader: 3 of 3 voters answer and can vote;")
  await cluster.stop()
  const nobody = await status(cluster)
  expect([nobody.code, nobody.out]).toEqual([3, ""])
  expect(nobody.err).toBe(`raftlet: ${cluster.url("n2")}: connection refused`)
})

test("who wants a token and gets none says so", async () => {
  const cluster = start()
  cluster.answer = () => problem("unauthorized", "A token is needed.", { status: 401 })
  const { code, err } = await status(cluster)
  expect({ code, err }).toEqual({ code: 3, err: `raftlet: ${cluster.url("n2")}: A token is needed.` })
})

test("a node that hangs is given up, and the others are shown", async () => {
  const cluster = start()
  cluster.answer = ({ node }) => (node === "n3" ? new Promise(() => {}) : null)
  const { code, out } = await status(cluster, "--timeout", "1")
  expect(code).toBe(5)
  expect(out).toContain(`n3 does not answer at ${cluster.url("n3")}: no answer within 1 s, though the leader`)
})

test("why a node is not healthy or not ready comes from itself", async () => {
  const cluster = start()
  cluster.answer = ({ node, path }) => {
    if (node === "n2" && path === "/healthz")
      return problem("unhealthy", "the disk has not answered for 12 s")
    return node === "n3" && path === "/readyz" ? problem("not-ready", "not yet applied") : null
  }
  const { out } = await status(cluster)
  expect(out).toContain("\n! n2 is not healthy: the disk has not answered for 12 s\n")
  expect(out).toEndWith("\n! n3 is not ready: not yet applied")
})

test("a change of voters is looked at twice: only one that stays half done is a trouble", async () => {
  const cluster = start()
  cluster.outgoing = ["n1", "n2"]
  let looks = 0
  cluster.answer = ({ node, path }) => {
    if (node === "n2" && path === "/admin/cluster" && ++looks === 2) cluster.outgoing = []
    return null
  }
  expect((await status(cluster)).code).toBe(0)
  expect(looks).toBe(2)
  cluster.outgoing = ["n1", "n2"]
  const stuck = await status(cluster)
  expect(stuck.code).toBe(5)
  expect(stuck.out).toContain("change of voters under way: n1,n2 → n1,n2,n3")
  expect(stuck.out).toEndWith("! the change of voters n1,n2 → n1,n2,n3 has been half done for 3 s")
})
