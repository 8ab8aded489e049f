// What does one process of a hunt do? It reads seeds, runs them, and says what came of each.

import { plan } from "../../src/simulation/plan.ts"
import { type Report, run } from "../../src/simulation/run.ts"
import { planFor } from "./planFor.ts"

/** One seed's report, and what it cost. */
export interface Result extends Report {
  readonly cpuMillis: number
}

/** Until its input ends: a line with a seed in, a line with its result out. */
export const serve = async (nodes: number | null): Promise<number> => {
  for await (const line of console) {
    const began = process.cpuUsage()
    const report = run(plan(Number(line), planFor(nodes)))
    const { user, system } = process.cpuUsage(began)
    const result: Result = { ...report, cpuMillis: (user + system) / 1000 }
    console.log(JSON.stringify(result))
  }
  return 0
}
