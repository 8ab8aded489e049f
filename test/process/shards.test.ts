// An actor is spread over many groups of real processes: what do its clients see while nodes are killed?

import { expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { homeOf, shardAt, slotOf } from "../../src/machine/slots.ts"
import { ask, type Cluster, withCluster } from "./support/Cluster.ts"
import { type Final, longestPauseMillis, violations } from "./support/history.ts"
import { Load } from "./support/load.ts"
import { until } from "./support/wait.ts"

const testMillisMax = 120_000
const actors = join(import.meta.dir, "sharded")
const placement = homeOf("counter", { shards: 6 })
const groupOf = (key: string): string => shardAt(placement, slotOf(key))!.group

interface Shown {
  readonly group: string
  readonly leader: string | null
  readonly members: { readonly voters: ReadonlyArray<string> } | null
}

const groupsAt = async (url: string): Promise<ReadonlyArray<Shown>> =>
  (await ask<{ readonly groups: ReadonlyArray<Shown> }>(`${url}/admin/groups`)).groups

/** As this very node has them, once it has applied what was acknowledged. */
const finalsAt = async (url: string, keys: ReadonlyArray<string>): Promise<ReadonlyMap<string, Final>> => {
  const finals = new Map<string, Final>()
  for (const key of keys) {
    const path = `/read/counter/${encodeURIComponent(key)}`
    await ask(`${url}${path}`)
    const { state, revision } = await ask<{ state: { value: number }; revision: number }>(
      `${url}${path}?consistency=local`,
    )
    if (revision > 0) finals.set(key, { revision, value: state.value })
  }
  return finals
}

const expectKept = async (cluster: Cluster, load: Load, what: string): Promise<void> => {
  const operations = await load.stop()
  const all = await Promise.all(cluster.running.map(({ url }) => finalsAt(url, load.instances)))
  for (const finals of all) expect(violations(operations, finals, groupOf)).toEqual([])
  expect(load.unexpected).toEqual([])
  const acknowledged = operations.filter(({ outcome }) => outcome === "acknowledged").length
  const pause = Math.round(longestPauseMillis(operations))
  console.log(`${what}: ${acknowledged} of ${operations.length} acknowledged, longest pause ${pause} ms`)
}

test(
  "its keys are where their slots say; each node in turn is killed under load, and nothing is lost or done twice",
  () =>
    withCluster(
      async (cluster) => {
        const load = new Load(cluster.urls, { instances: 24 })
        expect(new Set(load.instances.map(groupOf)).size).toBeGreaterThan(3)
        await load.goOn(500)
        for (const node of cluster.nodes) {
          expect(await node.kill("SIGKILL")).toBe("SIGKILL")
          await load.goOn(300)
          node.start()
          await node.ready()
          await load.goOn(300)
        }
        await expectKept(cluster, load, "kill -9 of each node in turn, six shards")
        const [first] = cluster.urls
        const instances = await ask<{ instances: ReadonlyArray<{ key: string }> }>(
          `${first}/read/counter?limit=1000`,
        )
        expect(instances.instances.map(({ key }) => key)).toEqual(load.instances.toSorted())
        // In the group that it says, and in no other one.
        const [key] = load.instances
        const inGroup = (group: string) => fetch(`${first}/read/counter/${key}?group=${group}`)
        for (const { group } of placement) {
          expect((await inGroup(group)).status).toBe(group === groupOf(key!) ? 200 : 404)
        }
        expect((await inGroup("main")).status).toBe(404)
      },
      { actors },
    ),
  testMillisMax,
)

test(
  "a node is added and another removed under load: all groups follow, and the one that has left can be stopped",
  () =>
    withCluster(
      async (cluster) => {
        const load = new Load(cluster.urls, { instances: 24 })
        await load.goOn(300)
        const newcomer = cluster.newcomer("n4")
        newcomer.start()
        const votersOf = async () =>
          (await groupsAt(cluster.urls[1]!)).map(({ members }) => members?.voters.join())
        await until(
          "n4 to vote everywhere",
          async () => (await votersOf()).every((voters) => voters === "n1,n2,n3,n4") || null,
        )
        await load.goOn(300)
        const [gone] = cluster.nodes
        load.avoid(gone!.url)
        const answer = await until("n1 to leave", async () => {
          const response = await fetch(`${cluster.urls[1]}/admin/members/n1`, {
            method: "DELETE",
            headers: { "Raftlet-Timeout-Ms": "20000" },
          })
          return response.ok ? ((await response.json()) as { readonly done: boolean }) : null
        })
        expect(answer).toMatchObject({ done: true })
        // The leader's word; this node hears of it in a moment.
        await until(
          "all groups to be those of three",
          async () => (await votersOf()).every((voters) => voters === "n2,n3,n4") || null,
        )
        await cluster.dismiss(gone!)
        await load.goOn(300)
        await expectKept(cluster, load, "n4 for n1, six shards")
      },
      { actors },
    ),
  testMillisMax,
)

test(
  "groups are opened and closed; a node that was down when one was closed lets go of it when it comes back",
  () =>
    withCluster(async (cluster) => {
      const [first, , third] = cluster.nodes
      const json = { "Content-Type": "application/json" }
      const opened = await ask<{ done: boolean; groups: ReadonlyArray<Shown> }>(
        `${first!.url}/admin/groups`,
        {
          method: "POST",
          headers: json,
          body: JSON.stringify({ groups: ["Orders", "orders"] }),
        },
      )
      expect(opened).toMatchObject({ done: true, groups: [{ group: "Orders" }, { group: "orders" }] })
      for (const group of ["orders", "Orders"]) {
        // Its first entry may not have come there yet.
        const path = `${third!.url}/admin/snapshot?group=${group}`
        await until(`a snapshot of ${group}`, () => ask(path, { method: "POST" }).catch(() => null))
      }
      const directories = ["+orders", "orders"].map((name) => join(third!.data, "groups", name))
      expect(directories.map(existsSync)).toEqual([true, true])
      await third!.kill("SIGKILL")
      await ask(`${first!.url}/admin/groups/Orders`, { method: "DELETE" })
      third!.start()
      await third!.ready()
      await until("n3 to let go", async () => {
        const names = (await groupsAt(third!.url)).map(({ group }) => group)
        return (!names.includes("Orders") && names.includes("orders") && !existsSync(directories[0]!)) || null
      })
      const again = await fetch(`${first!.url}/admin/groups`, {
        method: "POST",
        headers: json,
        body: JSON.stringify({ group: "Orders" }),
      })
      expect(again.status).toBe(400)
      expect((await fetch(`${first!.url}/admin/groups/never`, { method: "DELETE" })).status).toBe(404)
    }),
  testMillisMax,
)
