// What does it cost, or bring, to spread an actor over groups? The same commands for one that lives in one group and one that
// is spread over eight, in turn in one run.

import { keysByGroup, writeCounters } from "./counters.ts"
import { load, type Measured, post, together } from "./load.ts"
import { BenchCluster } from "./nodes.ts"
import { others, type Spent, spending } from "./processor.ts"
import { leadersOf, settled } from "./standings.ts"

const homes = { whole: { group: "whole" }, spread: { shards: 8 } }
const KEYS = 1000

export interface ShardsOptions {
  readonly port: number
  readonly seconds: number
  readonly rounds: number
  readonly connections: ReadonlyArray<number>
  /** What the nodes are started with besides. */
  readonly flags: ReadonlyArray<string>
}

type Actor = keyof typeof homes

interface Result {
  readonly measured: Measured
  readonly spent: Spent
}

export const shards = async ({ port, seconds, rounds, connections, flags }: ShardsOptions): Promise<void> => {
  const cluster = new BenchCluster(3, port, flags)
  writeCounters(cluster.actors, homes)
  try {
    for (const node of cluster.nodes) cluster.start(node)
    const actors: ReadonlyArray<Actor> = ["whole", "spread"]
    const keys = {
      whole: keysByGroup("whole", homes.whole, KEYS),
      spread: keysByGroup("spread", homes.spread, KEYS / 8),
    }
    await settled(cluster, [...keys.whole.keys(), ...keys.spread.keys()])
    const one = async (actor: Actor, count: number, atLeader: boolean, millis: number): Promise<Result> => {
      const leaders = await leadersOf(cluster)
      const groups = [...keys[actor]]
      // Each connection asks for keys of one group, and of all groups there are as many as of any other.
      const groupOf = (connection: number) => groups[connection % groups.length]!
      const portOf = (connection: number): number =>
        atLeader
          ? leaders.get(groupOf(connection)[0])!.port
          : cluster.nodes[connection % cluster.nodes.length]!.port
      const requestOf = (number: number, connection: number): string => {
        const [, own] = groupOf(connection)
        return post(`/propose/${actor}/${own[number % own.length]}/add`, '{"by":1}')
      }
      const spent = spending(cluster.nodes)
      const measured = await load({ port: portOf, connections: count, seconds: millis / 1000, requestOf })
      return { measured, spent: spent() }
    }
    for (const actor of actors) await one(actor, 64, true, 2000)
    console.log(
      `  ${rounds} rounds of ${seconds} s each in turn; processor time is that of the three nodes, a command`,
    )
    for (const count of connections) {
      for (const atLeader of [true, false]) {
        const results: Record<Actor, Array<Result>> = { whole: [], spread: [] }
        for (let round = 0; round < rounds; round++) {
          // Who is first in one round is second in the next.
          for (const actor of round % 2 === 0 ? actors : actors.toReversed()) {
            results[actor].push(await one(actor, count, atLeader, seconds * 1000))
          }
        }
        const all = [...results.whole, ...results.spread].map(({ spent }) => spent)
        const where = atLeader ? "each to the node that leads its keys" : "to all nodes alike"
        console.log(`  ${count} connections, ${where} (${others(all)})`)
        const whole = show("one group", results.whole)
        const spread = show("8 shards", results.spread)
        const ratios = results.spread.map(
          ({ measured }, at) => measured.perSecond / results.whole[at]!.measured.perSecond,
        )
        console.log(
          `    8 shards to one group: ${(spread / whole).toFixed(2)} of its commands (${ratios.map((ratio) => ratio.toFixed(2)).join(", ")})`,
        )
      }
    }
  } finally {
    await cluster.remove()
  }
}

/** Commands in a second. */
const show = (what: string, results: ReadonlyArray<Result>): number => {
  const { perSecond, p50Millis, p99Millis, requests, failed } = together(
    results.map(({ measured }) => measured),
  )
  const spent = results.reduce((sum, result) => sum + result.spent.nodesSeconds, 0)
  const micros = Math.round((spent * 1e6) / requests)
  console.log(
    `    ${what.padEnd(12)}${`${Math.round(perSecond)}/s`.padStart(10)}  p50 ${p50Millis.toFixed(2)} ms  p99 ${p99Millis.toFixed(2)} ms` +
      `  ${micros} µs of a core${failed > 0 ? `  FAILED ${failed}` : ""}`,
  )
  return perSecond
}
