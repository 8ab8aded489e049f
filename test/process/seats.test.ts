// Groups of real processes are run by three members each: what do clients see at all doors while nodes die, go and come?

import { expect, test } from "bun:test"
import { join } from "node:path"
import { homeOf, shardAt, slotOf } from "../../src/machine/slots.ts"
import { ask, type Cluster, withCluster } from "./support/Cluster.ts"
import { type Final, longestPauseMillis, violations } from "./support/history.ts"
import { Load } from "./support/load.ts"
import { until } from "./support/wait.ts"

const testMillisMax = 240_000
const actors = join(import.meta.dir, "seated")
const placement = homeOf("counter", { shards: 6 })
const names = placement.map(({ group }) => group)
const groupOf = (key: string): string => shardAt(placement, slotOf(key))!.group

interface Shown {
  readonly group: string
  readonly leader: string | null
  readonly replicas: number | null
  readonly seats: ReadonlyArray<string> | null
  readonly settled: boolean
  readonly members: { readonly voters: ReadonlyArray<string> } | null
}

const seatsAt = async (url: string): Promise<ReadonlyArray<Shown>> =>
  (await ask<{ readonly groups: ReadonlyArray<Shown> }>(`${url}/admin/groups`)).groups.filter(
    ({ group }) => group !== "main",
  )

const zonesAt = async (url: string): Promise<ReadonlyMap<string, string | null>> => {
  const { members } = await ask<{ members: ReadonlyArray<{ id: string; zone: string | null }> }>(
    `${url}/admin/cluster`,
  )
  return new Map(members.map(({ id, zone }) => [id, zone]))
}

/** Each group has three live seats in three zones, and its voters are just those. */
const settled = (
  cluster: Cluster,
  what: string,
  also: (groups: ReadonlyArray<Shown>) => boolean = () => true,
): Promise<ReadonlyArray<Shown>> =>
  until(
    what,
    async () => {
      const [{ url }] = [cluster.running[0]!]
      const groups = await seatsAt(url).catch(() => [])
      const zones = await zonesAt(url).catch(() => new Map<string, string | null>())
      const live = cluster.running.map(({ id }) => id)
      const isWell = ({ seats, settled, members, leader }: Shown) =>
        settled &&
        leader !== null &&
        seats?.length === 3 &&
        seats.every((id) => live.includes(id)) &&
        new Set(seats.map((id) => zones.get(id))).size === 3 &&
        seats.toSorted().join() === members?.voters.toSorted().join()
      return groups.length === names.length && groups.every(isWell) && also(groups) ? groups : null
    },
    60_000,
  )

const runsAtSeats = async (cluster: Cluster): Promise<true | null> => {
  const seated = await seatsAt(cluster.running[0]!.url)
  for (const { id, url } of cluster.running) {
    const { groups } = await ask<{ groups: ReadonlyArray<{ group: string }> }>(`${url}/admin/node`)
    const own = seated.filter(({ seats }) => seats!.includes(id)).map(({ group }) => group)
    if (
      groups
        .map(({ group }) => group)
        .toSorted()
        .join() !== ["main", ...own].toSorted().join()
    )
      return null
  }
  return true
}

const finalsAt = async (url: string, keys: ReadonlyArray<string>): Promise<ReadonlyMap<string, Final>> => {
  const finals = new Map<string, Final>()
  for (const key of keys) {
    const { state, revision } = await ask<{ state: { value: number }; revision: number }>(
      `${url}/read/counter/${encodeURIComponent(key)}`,
    )
    if (revision > 0) finals.set(key, { revision, value: state.value })
  }
  return finals
}

test(
  "any door takes what is asked of any of them, while a node dies, is removed, and another comes in its place",
  () =>
    withCluster(
      async (cluster) => {
        const before = await settled(cluster, "three seats each, in three zones")
        expect(new Set(before.flatMap(({ seats }) => seats)).size).toBeGreaterThan(3)
        await until("each runs where it has a seat, and nowhere else", () => runsAtSeats(cluster), 30_000)
        const load = new Load(cluster.urls, { instances: 24 })
        await load.goOn(300, 60_000)
        const leader = await cluster.leader()
        const gone = cluster.nodes.find((node) => node !== leader)!
        await gone.kill("SIGKILL")
        await load.goOn(300, 60_000)
        await until(
          "it is removed",
          async () => {
            const response = await fetch(`${leader.url}/admin/members/${gone.id}`, { method: "DELETE" })
            return response.ok ? true : null
          },
          30_000,
        )
        const zone = { n1: "a", n2: "a", n3: "b", n4: "b", n5: "c" }[gone.id]!
        const newcomer = cluster.newcomer("n6", ["--zone", zone])
        newcomer.start()
        await newcomer.ready()
        await cluster.dismiss(gone)
        const hasComeIn = ({ seats }: Shown) => seats!.includes("n6")
        await settled(cluster, "three live seats each again", (groups) => groups.some(hasComeIn))
        await load.goOn(300, 60_000)
        const operations = await load.stop()
        const all = await Promise.all(cluster.running.map(({ url }) => finalsAt(url, load.instances)))
        for (const finals of all) expect(violations(operations, finals, groupOf)).toEqual([])
        expect(load.unexpected).toEqual([])
        const acknowledged = operations.filter(({ outcome }) => outcome === "acknowledged").length
        const pause = Math.round(longestPauseMillis(operations))
        console.log(`seats: ${acknowledged} of ${operations.length} acknowledged, longest pause ${pause} ms`)

        // Every door, also of a node that runs none of the key's group.
        for (const { url } of cluster.running) await asksAll(url)
      },
      { actors, nodes: 5, zones: ["a", "a", "b", "b", "c"] },
    ),
  testMillisMax,
)

const json = { "Content-Type": "application/json" }

/** All kinds of requests, for keys of all groups. */
const asksAll = async (url: string): Promise<void> => {
  const keys = Array.from({ length: 24 }, (_, at) => `door ${at}`)
  const proposals = keys.map((key) => ({ actor: "counter", key, command: "add", input: { by: 1 } }))
  const { outcomes } = await ask<{ outcomes: ReadonlyArray<{ result?: number }> }>(`${url}/propose`, {
    method: "POST",
    headers: json,
    body: JSON.stringify({ proposals }),
  })
  expect(outcomes.filter(({ result }) => result === undefined)).toEqual([])
  const { instances } = await ask<{ instances: ReadonlyArray<{ key: string }> }>(
    `${url}/read/counter?prefix=door&limit=1000`,
  )
  expect(instances.map(({ key }) => key)).toEqual(keys.toSorted())
  for (const group of names) {
    const key = keys.find((each) => groupOf(each) === group)!
    const path = `counter/${encodeURIComponent(key)}`
    for (const consistency of ["linearizable", "lease", "local"]) {
      const { revision } = await ask<{ revision: number }>(`${url}/read/${path}?consistency=${consistency}`)
      expect(revision).toBeGreaterThan(0)
    }
    expect(await ask<object>(`${url}/admin/log?group=${group}&limit=1`)).toMatchObject({ entries: [{}] })
    const stop = new AbortController()
    const watched = await fetch(`${url}/watch/${path}?after=0`, { signal: stop.signal })
    expect(watched.status).toBe(200)
    const { value } = await watched.body!.getReader().read()
    expect(value!.length).toBeGreaterThan(0)
    stop.abort()
  }
}
