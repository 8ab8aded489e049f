// Does a change of members end when it is done, and not before? Real HTTP against fake nodes. (M8)

import { afterEach, expect, setDefaultTimeout, test } from "bun:test"
import { type Answer, FakeCluster, problem } from "./FakeCluster.ts"
import { runCommand } from "./runCommand.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const clusters: Array<FakeCluster> = []
afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.stop()
})

const start = (): FakeCluster => {
  const cluster = new FakeCluster(3)
  clusters.push(cluster)
  return cluster
}

/** Answers the change with `respond`, and takes one step before each look that follows. */
const inSteps = (respond: () => Response, ...steps: ReadonlyArray<() => unknown>): Answer => {
  let asked = false
  let step = 0
  return ({ method, path }) => {
    if (method !== "GET") {
      asked = true
      return respond()
    }
    if (asked && path === "/admin/cluster") steps[step++]?.()
    return null
  }
}

const looks = (cluster: FakeCluster) => cluster.seen.filter(({ path }) => path === "/admin/cluster").length
const taken = () => Response.json({ index: 101 })
const unknown = () =>
  problem("timeout", "no answer in time", { status: 504, outcome: "unknown", retryable: true })
const run = (cluster: FakeCluster, ...words: ReadonlyArray<string>) =>
  runCommand([...words, "--url", cluster.urls])

test("add waits until the node votes and the old voters have no say any more", async () => {
  const cluster = start()
  cluster.answer = inSteps(
    taken,
    () => cluster.join("n4", "learner"),
    () => Object.assign(cluster.member("n4"), { state: "snapshot", lag: 12_000 }),
    () => {
      cluster.member("n4").role = "voter"
      cluster.outgoing = ["n1", "n2", "n3"]
    },
    () => {
      cluster.outgoing = []
    },
  )
  const { code, out } = await run(cluster, "add", "n4", "h:5004")
  expect({ code, out }).toEqual({ code: 0, out: "index  101\nn4 is a voter now" })
  expect(looks(cluster)).toBe(4)
})

test("add --learner is content with a learner", async () => {
  const cluster = start()
  cluster.answer = inSteps(taken, () => cluster.join("n4", "learner"))
  const { code, out } = await run(cluster, "add", "n4", "h:5004", "--learner")
  expect([code, out.split("\n").at(-1)]).toEqual([0, "n4 is a learner now"])
})

test("replace waits until the new one is in and the old one is out", async () => {
  const cluster = start()
  cluster.answer = inSteps(
    taken,
    () => cluster.join("n4", "learner"),
    () => {
      cluster.member("n4").role = "voter"
      cluster.outgoing = ["n1", "n2", "n3"]
    },
    () => cluster.members.delete("n3"),
    () => {
      cluster.outgoing = []
    },
  )
  const { code, out } = await run(cluster, "replace", "n3", "n4", "h:5004")
  expect([code, out.split("\n").at(-1)]).toEqual([0, "n4 has taken the place of n3"])
  expect(looks(cluster)).toBe(4)
})

test("remove waits until it is gone, also while nobody leads for longer than a question may take", async () => {
  const cluster = start()
  const answer = inSteps(
    taken,
    () => {},
    () => cluster.members.delete("n3"),
  )
  let refusals = 0
  // In a second three nodes are asked some four times.
  cluster.answer = (seen) =>
    seen.path === "/admin/cluster" && looks(cluster) > 1 && refusals++ < 20
      ? problem("no-leader", "No leader is known.", { retryable: true })
      : answer(seen)
  expect((await run(cluster, "remove", "n3", "--timeout", "1")).code).toBe(0)
  expect(refusals).toBeGreaterThan(20)
})

test("--no-wait ends with the answer", async () => {
  const cluster = start()
  cluster.answer = inSteps(taken)
  const { code, out } = await run(cluster, "add", "n4", "h:5004", "--no-wait")
  expect({ code, out }).toEqual({ code: 0, out: "index  101" })
  expect(looks(cluster)).toBe(0)
})

test("whoever waits in vain learns after --patience how far it is: exit code 4", async () => {
  const cluster = start()
  cluster.answer = inSteps(taken, () => cluster.join("n4", "learner"))
  const { code, err } = await run(cluster, "add", "n4", "h:5004", "--patience", "1")
  expect(code).toBe(4)
  expect(err).toContain("not done after 1 s, and it goes on: n4 is a learner, 0 entries behind")
})

test("a replacement in vain says how far the newcomer is", async () => {
  const cluster = start()
  cluster.answer = inSteps(taken, () => {
    cluster.join("n4", "learner")
    Object.assign(cluster.member("n4"), { state: "snapshot", lag: 12_000 })
  })
  const { code, err } = await run(cluster, "replace", "n3", "n4", "h:5004", "--patience", "1")
  expect(code).toBe(4)
  expect(err).toContain("n4 is a learner, 12,000 entries behind, receives a snapshot; n3 is still a member")
})

test("a change that nobody answered for is waited for when it is seen to have begun (C2)", async () => {
  const cluster = start()
  cluster.answer = inSteps(
    unknown,
    () => cluster.join("n4", "learner"),
    ...Array.from({ length: 5 }, () => () => {}),
    () => {
      cluster.member("n4").role = "voter"
    },
  )
  const { code, out } = await run(cluster, "add", "n4", "h:5004", "--timeout", "1")
  expect({ code, out }).toEqual({ code: 0, out: "n4 is a voter now" })
  expect(cluster.changes.length).toBe(1)
  // A program reads a document in any case.
  cluster.member("n4").role = "learner"
  cluster.answer = inSteps(unknown, () => {
    cluster.member("n4").role = "voter"
  })
  const { out: json } = await run(cluster, "promote", "n4", "--json")
  expect(JSON.parse(json)).toEqual({ done: "n4 is a voter now" })
})

test("a change that nobody answered for and nobody sees stays unknown: exit code 4, sent once (C2)", async () => {
  const cluster = start()
  cluster.answer = inSteps(unknown)
  const { code, err } = await run(cluster, "replace", "n3", "n4", "h:5004", "--timeout", "1")
  expect(code).toBe(4)
  expect(err).toContain("no answer in time; it may have happened")
  expect(cluster.changes.length).toBe(1)
})
