// What do loads lose, and does a leader change, while something goes on? Told from what the machine does anyway.

import { isDeepStrictEqual } from "node:util"
import type { Cluster } from "./Cluster.ts"
import type { SteadyLoad } from "./SteadyLoad.ts"
import { sleep } from "./wait.ts"

/** Something that goes on for a while. */
export interface Window {
  readonly what: string
  readonly run: () => Promise<void>
}

/** Of each load, what was served in a second while `body` went on. */
const ratesDuring = async (loads: ReadonlyArray<SteadyLoad>, body: () => Promise<unknown>) => {
  const [began, before] = [performance.now(), loads.map(({ count }) => count)]
  await body()
  const millis = performance.now() - began
  return { millis, rates: loads.map(({ count }, at) => ((count - before[at]!) * 1_000) / millis) }
}

export interface Seen {
  /** For each load, what it was served as part of what it was served before and after that. */
  readonly ratios: ReadonlyArray<number>
  readonly hadElection: boolean
}

/**
 * What was seen in each window, between two quiet ones: a machine that gets busier meanwhile makes both slower. Where not
 * even in quiet is served what is asked for, others have the machine, and nothing is to be seen.
 */
export const lookInto = async (
  windows: ReadonlyArray<Window>,
  cluster: Cluster,
  loads: ReadonlyArray<SteadyLoad>,
  askedPerSecond: number,
): Promise<ReadonlyArray<Seen>> => {
  const seen: Array<Seen> = []
  const rest = (millis: number) =>
    ratesDuring(loads, () => sleep(Math.min(quietMillis.max, Math.max(quietMillis.min, millis))))
  let before = await rest(quietMillis.max)
  for (const { what, run } of windows) {
    const termsBefore = await termsOf(cluster)
    const meanwhile = await ratesDuring(loads, run)
    const hadElection = !isDeepStrictEqual(await termsOf(cluster), termsBefore)
    const after = await rest(meanwhile.millis)
    const quiet = loads.map((_, at) => (before.rates[at]! + after.rates[at]!) / 2)
    const ratios = meanwhile.rates.map((served, at) => served / quiet[at]!)
    const isSeen = Math.min(...before.rates, ...after.rates) >= 0.9 * askedPerSecond
    if (isSeen) seen.push({ ratios, hadElection })
    const shown = ratios.map(
      (ratio, at) => `${ratio.toFixed(2)} (${meanwhile.rates[at]!.toFixed(0)} of ${quiet[at]!.toFixed(0)}/s)`,
    )
    console.log(
      `${shown.join(", ")} for ${(meanwhile.millis / 1000).toFixed(1)} s` +
        `${hadElection ? ", with an election" : ""}${isSeen ? "" : " (the machine was too busy)"}: ${what}`,
    )
    before = after
  }
  return seen
}

const termsOf = (cluster: Cluster) =>
  Promise.all(cluster.nodes.map(async (node) => (await node.group()).term))

const quietMillis = { min: 2_000, max: 6_000 }
