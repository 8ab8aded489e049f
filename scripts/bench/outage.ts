// How long are groups away when the node dies that leads a third of them, and when are leaders even again? Nobody had asked
// anything of them for a while: they are at rest, as most of many groups are.

import { keysByGroup, writeCounters } from "./counters.ts"
import { quantile } from "./load.ts"
import { BenchCluster, type BenchNode, standingsOf } from "./nodes.ts"
import { others, spending } from "./processor.ts"
import { countsOf, isEven, leadersOf, settled } from "./standings.ts"

const WAIT_MILLIS = 120_000
const LOOK_MILLIS = 100
const PROBE_MILLIS = 60_000

export interface OutageOptions {
  readonly port: number
  readonly groups: number
  readonly rounds: number
  /** What the nodes are started with besides. */
  readonly flags: ReadonlyArray<string>
}

export const outage = async ({ port, groups, rounds, flags }: OutageOptions): Promise<void> => {
  const cluster = new BenchCluster(3, port, flags)
  const home = { shards: groups }
  writeCounters(cluster.actors, { spread: home })
  const keys = keysByGroup("spread", home, 1)
  try {
    const began = performance.now()
    for (const node of cluster.nodes) cluster.start(node)
    await settled(cluster, [...keys.keys()])
    console.log(
      `  ${groups} groups made, and their leaders even, after ${seconds(performance.now() - began)}`,
    )
    for (let round = 0; round < rounds; round++) {
      await one(cluster, keys, cluster.nodes[round % cluster.nodes.length]!)
      await settled(cluster, [...keys.keys()])
    }
  } finally {
    await cluster.remove()
  }
}

const one = async (
  cluster: BenchCluster,
  keys: ReadonlyMap<string, ReadonlyArray<string>>,
  dead: BenchNode,
): Promise<void> => {
  const leaders = await leadersOf(cluster)
  const isOrphan = (group: string) => leaders.get(group) === dead
  const living = cluster.nodes.filter((node) => node !== dead)
  const spent = spending(living)
  const killedAt = performance.now()
  await cluster.kill(dead)
  const probes = Array.from(keys, async ([group, [key]], at) => {
    await accepted(living[at % living.length]!, key!)
    return { group, millis: performance.now() - killedAt }
  })
  const all = await Promise.all(probes)
  const millisOf = (want: boolean) =>
    all.flatMap(({ group, millis }) => (isOrphan(group) === want ? [millis] : [])).sort((a, b) => a - b)
  console.log(
    `  kill -9 of ${dead.id}; a command for each group, until it is accepted, by the two that live (${others([spent()])}):`,
  )
  show("groups that it led", millisOf(true))
  show("the others", millisOf(false))
  const begunAt = performance.now()
  cluster.start(dead)
  await until("all groups of a node that came back to be ready", async () => {
    const standings = await standingsOf(dead)
    return standings.length === keys.size + 1 && standings.every(({ ready }) => ready)
  })
  const ready = performance.now() - begunAt
  await until("leaders to be even", async () => {
    const all = await Promise.all(cluster.nodes.map(standingsOf))
    return all.every(
      (standings) =>
        standings.length === keys.size + 1 &&
        standings.every(({ leader }) => leader !== null) &&
        isEven(cluster, standings),
    )
  })
  const even = performance.now() - begunAt
  const counts = countsOf(cluster, await standingsOf(dead))
  console.log(
    `    started again: all groups ready there after ${seconds(ready)}, leaders even after ${seconds(even)} (${counts.join(", ")})`,
  )
}

/** One that was refused is asked for again. */
const accepted = async ({ port }: BenchNode, key: string): Promise<void> => {
  const end = performance.now() + WAIT_MILLIS
  while (performance.now() < end) {
    const response = await fetch(`http://127.0.0.1:${port}/propose/spread/${key}/add`, {
      method: "POST",
      headers: { "content-type": "application/json", "raftlet-timeout-ms": `${PROBE_MILLIS}` },
      body: '{"by":1}',
    }).catch(() => null)
    await response?.arrayBuffer()
    if (response?.ok) return
    await Bun.sleep(LOOK_MILLIS)
  }
  throw new Error(`${key} was never accepted`)
}

const until = async (what: string, isTrue: () => Promise<boolean>): Promise<void> => {
  const end = performance.now() + WAIT_MILLIS
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`)
    await Bun.sleep(LOOK_MILLIS)
  }
}

const show = (what: string, millis: ReadonlyArray<number>): void => {
  const at = (part: number): string => `${Math.round(quantile(millis, part))} ms`
  console.log(
    `    ${`${millis.length} ${what}`.padEnd(28)}first ${at(0)}  median ${at(0.5)}  p90 ${at(0.9)}  all ${at(1)}`,
  )
}

const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`
