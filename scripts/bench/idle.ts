// What do groups cost of which nobody wants anything? Processor and memory of a cluster at rest, and how long it takes to
// make the groups and to start again with them.

import { readdirSync } from "node:fs"
import { copyCounter } from "./counters.ts"
import { BenchCluster, type BenchNode, type Standing, standingsOf } from "./nodes.ts"
import { processorSeconds, read } from "./processor.ts"

const IDLE_SECONDS = 20
const OPENED_MAX = 1000
const WAIT_MILLIS = 180_000
const LOOK_MILLIS = 250

/** Prints the figures of a cluster without groups first, then those of the same cluster with `count` of them. */
export const idle = async (port: number, count: number): Promise<void> => {
  const cluster = new BenchCluster(3, port)
  copyCounter(cluster.actors)
  try {
    for (const node of cluster.nodes) cluster.start(node)
    await cluster.leader()
    await untilAll(cluster, 1, (standing) => standing.ready)
    await untilSettled(cluster, 1)
    await show(cluster, "without groups")
    await make(cluster, count)
    await untilSettled(cluster, count + 1)
    await show(cluster, `${count} groups`)
    await startAgain(cluster, count)
    await untilSettled(cluster, count + 1)
    await show(cluster, `${count} groups, started again`)
  } finally {
    await cluster.remove()
  }
}

/**
 * What a start leaves to be done is no part of being idle: the last checkpoint of `main`, the compilation of what ran, and leads that
 * are handed over, so that they are even.
 */
const untilSettled = async (cluster: BenchCluster, count: number): Promise<void> => {
  const leads = async () =>
    JSON.stringify((await standingsOf(cluster.nodes[0]!)).map(({ group, leader }) => [group, leader]))
  for (let before = ""; ; ) {
    await untilAll(cluster, count, (standing) => standing.resting)
    const now = await leads()
    if (now === before) return
    before = now
    await Bun.sleep(SETTLING_MILLIS)
  }
}

const SETTLING_MILLIS = 30_000

const make = async (cluster: BenchCluster, count: number): Promise<void> => {
  const { port } = await cluster.leader()
  const names = Array.from({ length: count }, (_, at) => `bench-${at + 1}`)
  const began = performance.now()
  for (let from = 0; from < count; from += OPENED_MAX) {
    const response = await fetch(`http://127.0.0.1:${port}/admin/groups`, {
      method: "POST",
      headers: { "content-type": "application/json", "raftlet-timeout-ms": "60000" },
      body: JSON.stringify({ groups: names.slice(from, from + OPENED_MAX) }),
    })
    if (!response.ok) throw new Error(`groups were not opened: ${await response.text()}`)
  }
  await untilAll(cluster, count + 1, (standing) => standing.leader !== null)
  const made = performance.now() - began
  await untilAll(cluster, count + 1, (standing) => standing.resting || standing.group === "main")
  const rested = performance.now() - began
  console.log(
    `  ${count} groups made: led on all nodes after ${seconds(made)}, at rest after ${seconds(rested)}`,
  )
}

const startAgain = async (cluster: BenchCluster, count: number): Promise<void> => {
  for (const node of cluster.nodes) node.process?.kill("SIGTERM")
  for (const node of cluster.nodes) await node.process?.exited
  const began = performance.now()
  for (const node of cluster.nodes) cluster.start(node)
  await untilAll(cluster, count + 1, (standing) => standing.leader !== null)
  const led = performance.now() - began
  await untilAll(cluster, count + 1, (standing) => standing.resting || standing.group === "main")
  const rested = performance.now() - began
  console.log(
    `  all nodes started again: led on all nodes after ${seconds(led)}, at rest after ${seconds(rested)}`,
  )
}

/** Until every node has so many groups, and all of them are as they should be. */
const untilAll = async (
  { nodes }: BenchCluster,
  count: number,
  isFine: (standing: Standing) => boolean,
): Promise<void> => {
  const end = performance.now() + WAIT_MILLIS
  const open = new Set(nodes)
  while (open.size > 0) {
    for (const node of open) {
      const standings = await standingsOf(node)
      if (standings.length === count && standings.every(isFine)) open.delete(node)
      else if (performance.now() > end) {
        const left = standings.filter((standing) => !isFine(standing)).map(({ group }) => group)
        throw new Error(
          `${node.id} has ${standings.length} groups, not as they should be: ${left.slice(0, 5)}`,
        )
      }
    }
    if (open.size > 0) await Bun.sleep(LOOK_MILLIS)
  }
}

const show = async ({ nodes }: BenchCluster, what: string): Promise<void> => {
  const before = nodes.map(used)
  const began = performance.now()
  await Bun.sleep(IDLE_SECONDS * 1000)
  const passed = (performance.now() - began) / 1000
  const after = nodes.map(used)
  const spent = nodes.map((_, at) => (after[at]!.processorSeconds - before[at]!.processorSeconds) / passed)
  const woken = nodes.map((_, at) =>
    Math.round(
      sum(Array.from(after[at]!.wakeUps, ([task, count]) => count - (before[at]!.wakeUps.get(task) ?? 0))) /
        passed,
    ),
  )
  console.log(`  ${what}, nothing asked for ${IDLE_SECONDS} s:`)
  console.log(`    of a core      ${percent(sum(spent))}  (${spent.map(percent).join(", ")} on n1, n2, n3)`)
  console.log(`    wake-ups/s     ${woken.join(", ")}`)
  console.log(`    resident MiB   ${after.map(({ residentMebibytes }) => residentMebibytes).join(", ")}`)
  console.log(`    awake then     ${(await Promise.all(nodes.map(awake))).join(", ")}`)
}

/** How many groups of the node do not rest, and some of them by name. */
const awake = async (node: BenchNode): Promise<string> => {
  const groups = (await standingsOf(node)).filter(({ resting }) => !resting).map(({ group }) => group)
  return groups.length === 0 ? "0" : `${groups.length} (${groups.slice(0, 5).join(" ")})`
}

/** By all threads of the process since it began; wake-ups by those that still live. */
const used = (node: BenchNode) => {
  const directory = `/proc/${node.process!.pid}`
  const status = read(`${directory}/status`)
  return {
    processorSeconds: processorSeconds(node),
    wakeUps: new Map(
      readdirSync(`${directory}/task`).map((task) => [
        task,
        fieldOf(read(`${directory}/task/${task}/status`), "voluntary_ctxt_switches"),
      ]),
    ),
    residentMebibytes: Math.round(fieldOf(status, "VmRSS") / 1024),
  }
}

const fieldOf = (status: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0)

const sum = (values: ReadonlyArray<number>): number => values.reduce((total, value) => total + value, 0)
const percent = (part: number): string => `${(part * 100).toFixed(1)} %`
const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`
