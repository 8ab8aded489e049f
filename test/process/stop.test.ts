// A node is told to stop while requests are open, or is stopped for a while: what do those learn who ask it?

import { expect, test } from "bun:test"
import { ask, Cluster, loopbackPlaces, withCluster } from "./support/Cluster.ts"
import { Load } from "./support/load.ts"
import type { NodeProcess } from "./support/NodeProcess.ts"
import { expectKept } from "./support/verify.ts"
import { sleep, until } from "./support/wait.ts"

const openRequests = 50

test(
  "a node that is told to stop answers every open request before it goes (C10)",
  () =>
    withCluster(async (cluster) => {
      const leader = await cluster.leader()
      const followers = await cluster.followers()
      // By then the group has taken in the actor, and its code is at work.
      expect((await add(leader, "first")).status).toBe(200)
      for (const follower of followers) follower.signal("SIGSTOP")
      const { lastIndex } = await leader.group()
      const answers = Array.from({ length: openRequests }, (_, at) => answerTo(add(leader, `open-${at}`)))
      await until("some to be in the log", async () => (await leader.group()).lastIndex > lastIndex || null)
      expect(await leader.kill("SIGTERM")).toBe(0)
      const problems = await Promise.all(answers)
      // The second is for those that came when it had stepped down already: they have gone nowhere.
      const truths = ["leadership-lost unknown", "shutting-down rejected"]
      expect(problems.filter((problem) => !truths.includes(problem))).toEqual([])
      expect(problems).toContain("leadership-lost unknown")

      // What was unknown becomes known to who asks again, and has happened once.
      for (const follower of followers) follower.signal("SIGCONT")
      leader.start()
      await leader.ready()
      const again = await Promise.all(problems.map((_, at) => add(leader, `open-${at}`)))
      const revisions = await Promise.all(
        again.map(async (answer) => ((await answer.json()) as { readonly revision: number }).revision),
      )
      expect(revisions.sort((left, right) => left - right)).toEqual(problems.map((_, at) => at + 2))
    }),
  60_000,
)

test("a node that is told to stop answers also who waits for an actor that its group has not taken in", async () => {
  const cluster = new Cluster(loopbackPlaces(3))
  const node = cluster.nodes[0]!
  try {
    node.start()
    await until("it to listen", async () => (await fetch(`${node.url}/metrics`)).ok || null)
    const answer = answerTo(add(node, "early"))
    await sleep(200)
    expect(await node.kill("SIGTERM")).toBe(0)
    expect(await answer).toBe("shutting-down rejected")
  } finally {
    await cluster.remove()
  }
}, 60_000)

/** How the problem is called, or how the connection ended: also while nobody waits for it yet. */
const answerTo = async (answer: Promise<Response>): Promise<string> => {
  try {
    const body = (await (await answer).json()) as { readonly code: string; readonly outcome: string }
    return `${body.code} ${body.outcome}`
  } catch (error) {
    return String(error)
  }
}

const add = (node: NodeProcess, key: string): Promise<Response> =>
  fetch(`${node.url}/propose/counter/stop/add`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": key, "Raftlet-Timeout-Ms": "20000" },
    body: JSON.stringify({ by: 1 }),
    signal: AbortSignal.timeout(30_000),
  })

const stalenessMillis = 400
/** Between two processes on a busy machine. */
const slackMillis = 200

test(
  "a follower that was stopped disturbs nobody when it goes on, and calls nothing old fresh (E7, L6, L7)",
  () =>
    withCluster(async (cluster) => {
      const load = new Load(cluster.urls)
      await load.goOn(300)
      const leader = await cluster.leader()
      const { term } = await leader.group()
      const [follower] = (await cluster.followers()) as [NodeProcess]
      await until("fresh reads", () => freshRevisions(follower, load))
      follower.signal("SIGSTOP")
      await sleep(2500)
      // They wait in its sockets, beside the leader's old messages.
      const asked = performance.now()
      const reads = Array.from({ length: 20 }, () => freshRevisions(follower, load))
      await sleep(100)
      follower.signal("SIGCONT")
      const seen = (await Promise.all(reads)).filter((revisions) => revisions !== null)
      for (const revisions of seen) {
        for (const operation of load.operations) {
          if (operation.kind !== "add" || operation.endedAt > asked - stalenessMillis - slackMillis) continue
          expect(revisions.get(operation.instance) ?? 0).toBeGreaterThanOrEqual(operation.revision)
        }
      }
      await until("it to be fresh again", () => freshRevisions(follower, load))
      expect(await leader.group()).toMatchObject({ role: "leader", term })
      await expectKept(cluster, load, "SIGSTOP of a follower")
    }),
  60_000,
)

/** Every counter's revision as the node has it, if it says that it is fresh enough. */
const freshRevisions = async (node: NodeProcess, load: Load): Promise<ReadonlyMap<string, number> | null> => {
  const answers = await Promise.all(
    load.instances.map(async (instance) => {
      const url = `${node.url}/read/counter/${instance}?consistency=local&maxStalenessMs=${stalenessMillis}`
      const { revision } = await ask<{ readonly revision: number }>(url).catch(() => ({ revision: null }))
      return [instance, revision] as const
    }),
  )
  const revisions = answers.flatMap(
    ([instance, revision]): ReadonlyArray<[string, number]> =>
      revision === null ? [] : [[instance, revision]],
  )
  return revisions.length < answers.length ? null : new Map(revisions)
}
