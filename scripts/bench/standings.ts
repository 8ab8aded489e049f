// How do the groups of a benchmark's cluster stand, and until when is it to wait?

import { type BenchCluster, type BenchNode, type Standing, standingsOf } from "./nodes.ts"

const WAIT_MILLIS = 180_000
const LOOK_MILLIS = 100

/** Until every node that runs has these groups, each with a leader and all that it must have applied, and leaders are even. */
export const settled = async (cluster: BenchCluster, groups: ReadonlyArray<string>): Promise<void> => {
  const end = performance.now() + WAIT_MILLIS
  for (;;) {
    const all = await Promise.all(running(cluster).map(standingsOf))
    const isSettled = all.every((standings) => {
      const fine = new Set(
        standings.filter(({ leader, ready }) => leader !== null && ready).map(({ group }) => group),
      )
      return groups.every((group) => fine.has(group)) && isEven(cluster, standings)
    })
    if (isSettled) return
    if (performance.now() > end) {
      const seen = all.map(
        (standings) => `${standings.length} groups, ${countsOf(cluster, standings).join(" ")} led`,
      )
      throw new Error(`not all groups are as they should be: ${seen.join("; ")}\n${cluster.lastWords()}`)
    }
    await Bun.sleep(LOOK_MILLIS)
  }
}

/** By the first node that knows a leader of every group. */
export const leadersOf = async (cluster: BenchCluster): Promise<ReadonlyMap<string, BenchNode>> => {
  for (const end = performance.now() + WAIT_MILLIS; performance.now() < end; await Bun.sleep(LOOK_MILLIS)) {
    for (const node of running(cluster)) {
      const standings = await standingsOf(node)
      const led = standings.flatMap(({ group, leader }) => {
        const found = cluster.nodes.find(({ id }) => id === leader)
        return found === undefined ? [] : [[group, found] as const]
      })
      if (led.length > 0 && led.length === standings.length) return new Map(led)
    }
  }
  throw new Error(`no node knows a leader of every group\n${cluster.lastWords()}`)
}

/** How many groups each node leads, in their order. */
export const countsOf = (
  { nodes }: BenchCluster,
  standings: ReadonlyArray<Standing>,
): ReadonlyArray<number> => nodes.map(({ id }) => standings.filter(({ leader }) => leader === id).length)

/** No node leads two groups more than another. */
export const isEven = (cluster: BenchCluster, standings: ReadonlyArray<Standing>): boolean => {
  const counts = countsOf(cluster, standings)
  return standings.length > 0 && Math.max(...counts) - Math.min(...counts) < 2
}

const running = ({ nodes }: BenchCluster): ReadonlyArray<BenchNode> =>
  nodes.filter(({ process }) => process !== null)
