// Members come and go, and leadership is handed on, under load: what do the clients of real processes see?

import { expect, test } from "bun:test"
import { rmSync } from "node:fs"
import { ask, Cluster, loopbackPlaces, withCluster } from "./support/Cluster.ts"
import { Load } from "./support/load.ts"
import { expectKept } from "./support/verify.ts"
import { sleep, until } from "./support/wait.ts"

const testMillisMax = 120_000

interface ClusterAnswer {
  readonly leader: string | null
  readonly change: unknown
  readonly members: ReadonlyArray<{ readonly id: string; readonly role: string }>
}

const clusterOf = ({ running }: Cluster) => ask<ClusterAnswer>(`${running[0]!.url}/admin/cluster`)

/** Waits until these vote, and nobody else, and no change is under way. */
const voters = (cluster: Cluster, ids: ReadonlyArray<string>): Promise<unknown> =>
  until(`the voters ${ids}`, async () => {
    const { members, change } = await clusterOf(cluster).catch(() => ({ members: [], change: "unknown" }))
    const voting = members.filter(({ role }) => role === "voter").map(({ id }) => id)
    return change === null && voting.sort().join() === [...ids].sort().join() ? true : null
  })

/** Asks any node, again while the answer is one that the contract calls retryable. */
const insist = async (cluster: Cluster, method: string, path: string, body?: unknown): Promise<unknown> =>
  until(`${method} ${path}`, async () => {
    const { running } = cluster
    const node = running[Math.floor(Math.random() * running.length)]!
    const response = await fetch(`${node.url}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    })
    const answer = (await response.json()) as { readonly retryable?: boolean }
    if (response.status !== 200 && answer.retryable !== true) {
      throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`)
    }
    return response.status === 200 ? answer : null
  })

const tellPause = (what: string, load: Load, since: number): void =>
  console.log(`${what}: no command was accepted for ${Math.round(load.longestPause(since))} ms at the most`)

test(
  "three become five and three again under load, the leader among those who go: nothing is lost (M1 to M8, C10)",
  () =>
    withCluster(async (cluster) => {
      const load = new Load(cluster.urls)
      await load.goOn(500)
      const beganAt = performance.now()
      for (const id of ["n4", "n5"]) {
        cluster.newcomer(id).start()
        await voters(cluster, [...cluster.nodes.map((node) => node.id)])
        await load.goOn(300)
      }
      const leader = await cluster.leader()
      const other = cluster.nodes.find(({ id }) => id === "n3" || id === "n2")!
      for (const gone of [leader, other === leader ? cluster.nodes[4]! : other]) {
        await insist(cluster, "DELETE", `/admin/members/${gone.id}`)
        load.avoid(gone.url)
        await cluster.dismiss(gone)
        await voters(cluster, [...cluster.nodes.map((node) => node.id)])
        await load.goOn(300)
      }
      tellPause("3 → 5 → 3 nodes", load, beganAt)
      expect(load.unexpected).toEqual([])
      await expectKept(cluster, load, "3 → 5 → 3 nodes")
    }),
  testMillisMax,
)

test(
  "a dead node is replaced in one change; the dead one comes back and disturbs nobody (M8, M9)",
  () =>
    withCluster(async (cluster) => {
      const load = new Load(cluster.urls)
      await load.goOn(500)
      const beganAt = performance.now()
      const [dead] = await cluster.followers()
      await dead!.kill("SIGKILL")
      const fresh = cluster.newcomer("n9", ["--learner"])
      fresh.start()
      await until("n9 to be a learner", async () => {
        const { members } = await clusterOf(cluster)
        return members.some(({ id }) => id === "n9") || null
      })
      const peer = `127.0.0.1:${fresh.peerPort}`
      await insist(cluster, "POST", `/admin/members/${dead!.id}/replace`, {
        id: "n9",
        peer,
        client: fresh.url,
      })
      const now = cluster.nodes.filter((node) => node !== dead).map(({ id }) => id)
      await voters(cluster, now)
      await load.goOn(300)
      const { term } = await (await cluster.leader()).group()
      dead!.start()
      load.avoid(dead!.url)
      await sleep(2000)
      expect((await (await cluster.leader()).group()).term).toBe(term)
      const returned = await until("it to answer", () => dead!.group().catch(() => null))
      expect(returned.leader).toBeNull()
      // It is told why, and says so.
      await until("it to know", async () => {
        const { detail } = (await (await fetch(`${dead!.url}/readyz`)).json()) as { readonly detail: string }
        return detail.includes("refuses it (unknown-node)") || null
      })
      await cluster.dismiss(dead!)
      tellPause("a dead node replaced", load, beganAt)
      expect(load.unexpected).toEqual([])
      await expectKept(cluster, load, "a dead node replaced")
    }),
  testMillisMax,
)

test(
  "leadership is handed over fifty times under load: no client notices (L5)",
  () =>
    withCluster(async (cluster) => {
      const load = new Load(cluster.urls)
      await load.goOn(500)
      const beganAt = performance.now()
      for (let times = 0; times < 50; times++) await insist(cluster, "POST", "/admin/transfer", {})
      tellPause("50 transfers", load, beganAt)
      await load.goOn(300)
      expect(load.unexpected).toEqual([])
      await expectKept(cluster, load, "50 transfers")
    }),
  testMillisMax,
)

test(
  "a node that lost its data comes back under its name as a learner first, and votes again (S6, M10)",
  () =>
    withCluster(async (cluster) => {
      const load = new Load(cluster.urls)
      await load.goOn(500)
      const [wiped] = await cluster.followers()
      await cluster.dismiss(wiped!)
      rmSync(wiped!.data, { recursive: true })
      await load.goOn(100)
      cluster.newcomer(wiped!.id).start()
      load.avoid(wiped!.url)
      await until("it to be a voter again, whole", async () => {
        const { members, change } = await clusterOf(cluster)
        const self = members.find(({ id }) => id === wiped!.id)
        const group = await cluster.nodes
          .at(-1)!
          .group()
          .catch(() => null)
        return (change === null && self?.role === "voter" && group?.ready === true) || null
      })
      await load.goOn(300)
      expect(load.unexpected).toEqual([])
      await expectKept(cluster, load, "a wiped node rejoined")
    }),
  testMillisMax,
)

test(
  "a removed node that is only started again stays out; told to join again it comes in; when it moves it says where",
  () =>
    withCluster(async (cluster) => {
      const three = cluster.nodes.map(({ id }) => id)
      const gone = cluster.newcomer("n4")
      gone.start()
      await voters(cluster, [...three, "n4"])
      await insist(cluster, "DELETE", "/admin/members/n4")
      await gone.kill("SIGTERM")
      gone.start()
      await until("it to answer", () => gone.group().catch(() => null))
      await sleep(1000)
      await voters(cluster, three)
      expect((await gone.group()).leader).toBeNull()

      await gone.kill("SIGTERM")
      gone.start({ asNew: true })
      await voters(cluster, [...three, "n4"])
      await gone.ready()

      // The same directory, other ports.
      await gone.kill("SIGTERM")
      await cluster.dismiss(gone)
      const moved = cluster.newcomer("n4")
      moved.start()
      await moved.ready()
      await voters(cluster, [...three, "n4"])
      await insist(cluster, "POST", "/admin/transfer", { to: "n4" })
    }),
  testMillisMax,
)

test(
  "a whole cluster that has moved is told once where everybody is, and starts again alone",
  () =>
    withCluster(async (cluster) => {
      for (const node of cluster.nodes) await node.kill("SIGTERM")
      const moved = new Cluster(loopbackPlaces(3), { directory: cluster.directory })
      try {
        for (let times = 0; times < 2; times++) {
          for (const node of moved.nodes) node.start()
          await moved.leader()
          for (const node of moved.nodes) await node.ready()
          for (const node of moved.nodes) await node.kill("SIGTERM")
        }
      } finally {
        await moved.remove()
      }
    }),
  testMillisMax,
)
