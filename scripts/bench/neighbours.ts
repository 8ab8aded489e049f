// Does a group that is flooded starve another one? How long a command of a quiet group takes alone, and while the actor of
// another group has many connections that never wait.

import { writeCounters } from "./counters.ts"
import type { Flood } from "./flood.ts"
import { load, type Measured, post, together } from "./load.ts"
import { BenchCluster, type BenchNode } from "./nodes.ts"
import { others, type Spent, spending } from "./processor.ts"
import { leadersOf, settled } from "./standings.ts"

/** `idle`: with it and `main` two groups may stay at one node, and leaders are even all the same. */
const homes = { quiet: { group: "quiet" }, flooded: { group: "flooded" }, idle: { group: "idle" } }
/** Who is quiet asks for one thing at a time, and waits in between. */
const QUIET_CONNECTIONS = 2
const PAUSE_MILLIS = 10
/** The flood's sockets and first batches are not what is measured. */
const RISE_MILLIS = 500

export interface NeighboursOptions {
  readonly port: number
  readonly seconds: number
  readonly rounds: number
  readonly connections: ReadonlyArray<number>
  /** What the nodes are started with besides. */
  readonly flags: ReadonlyArray<string>
}

export const neighbours = async (options: NeighboursOptions): Promise<void> => {
  const { seconds, rounds } = options
  const cluster = new BenchCluster(3, options.port, options.flags)
  writeCounters(cluster.actors, homes)
  try {
    for (const node of cluster.nodes) cluster.start(node)
    await settled(cluster, Object.keys(homes))
    const quiet = ({ port }: BenchNode) =>
      load({
        port,
        connections: QUIET_CONNECTIONS,
        seconds,
        pauseMillis: PAUSE_MILLIS,
        requestOf: (number) => post(`/propose/quiet/k${number % 100}/add`, '{"by":1}'),
      })
    console.log(
      `  a quiet group: ${QUIET_CONNECTIONS} connections to its leader that wait ${PAUSE_MILLIS} ms between two commands; ` +
        `${rounds} rounds of ${seconds} s, alone and flooded in turn`,
    )
    for (const [where, isBeside] of [
      ["on the node that leads the quiet one as well", true],
      ["on another node", false],
    ] as const) {
      const leader = await placed(cluster, isBeside)
      await quiet(leader.quiet)
      for (const connections of options.connections) {
        const alone: Array<Measured> = []
        const flooded: Array<Measured> = []
        const floods: Array<Measured> = []
        const spents: Array<Spent> = []
        for (let round = 0; round < rounds; round++) {
          const spent = spending(cluster.nodes)
          alone.push(await quiet(leader.quiet))
          const flooding = flood({
            port: leader.flooded.port,
            connections,
            seconds: seconds + (2 * RISE_MILLIS) / 1000,
            actor: "flooded",
          })
          await Bun.sleep(RISE_MILLIS)
          flooded.push(await quiet(leader.quiet))
          floods.push(await flooding)
          spents.push(spent())
        }
        console.log(
          `  another group flooded from ${connections} connections, led ${where} (${others(spents)})`,
        )
        const one = show("alone", together(alone))
        const other = show("beside the flood", together(flooded))
        show("the flood itself", together(floods))
        console.log(`    p99 beside the flood to alone: ${(other / one).toFixed(1)}`)
      }
    }
  } finally {
    await cluster.remove()
  }
}

/** Who leads them, when they are led by one node, or by two. */
const placed = async (cluster: BenchCluster, isBeside: boolean) => {
  const leaders = await leadersOf(cluster)
  const quiet = leaders.get("quiet")!
  const flooded = isBeside ? quiet : cluster.nodes.find((node) => node !== quiet)!
  const free = cluster.nodes.filter((node) => node !== quiet && node !== flooded)
  // No node leads two groups more than another: otherwise leaders are made even again, and what is quiet is led elsewhere.
  const wanted = new Map([
    ["flooded", flooded],
    ["main", free[0]!],
    ["idle", free.at(-1)!],
  ])
  for (const [group, to] of wanted) {
    const from = leaders.get(group)!
    if (from === to) continue
    const response = await fetch(`http://127.0.0.1:${from.port}/admin/transfer?group=${group}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ to: to.id }),
    })
    if (!response.ok) throw new Error(`leadership of ${group} was not handed over: ${await response.text()}`)
  }
  const end = performance.now() + 10_000
  for (;;) {
    const now = await leadersOf(cluster)
    if ([...wanted].every(([group, to]) => now.get(group) === to)) return { quiet, flooded }
    if (performance.now() > end) throw new Error("leaders are not where they were put")
    await Bun.sleep(50)
  }
}

/** In a thread of its own: what it does must not be part of how long the quiet group's answers take. */
const flood = async (options: Flood): Promise<Measured> => {
  const thread = new Worker(new URL("./flood.ts", import.meta.url))
  const done = Promise.withResolvers<Measured>()
  thread.onmessage = ({ data }: MessageEvent<Measured>) => done.resolve(data)
  thread.onerror = ({ message }) => done.reject(new Error(message))
  thread.postMessage(options)
  try {
    return await done.promise
  } finally {
    thread.terminate()
  }
}

/** p99, ms. */
const show = (what: string, { perSecond, p50Millis, p99Millis, maxMillis, failed }: Measured): number => {
  console.log(
    `    ${what.padEnd(18)}${`${Math.round(perSecond)}/s`.padStart(10)}  p50 ${p50Millis.toFixed(2)} ms  ` +
      `p99 ${p99Millis.toFixed(2)} ms  max ${maxMillis.toFixed(0)} ms${failed > 0 ? `  FAILED ${failed}` : ""}`,
  )
  return p99Millis
}
