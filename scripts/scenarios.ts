// `bun run scenarios`: do the two services of a message cloud live through what happens to its machines, while their
// clients notice nothing?

import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Network } from "./chaos/Network.ts"
import { makeNamespaces } from "./chaos/namespaces.ts"
import { makeProxyNetwork } from "./chaos/proxyNetwork.ts"
import { parseOptions, type ScenarioOptions, usage } from "./scenarios/options.ts"
import { scenarios } from "./scenarios/plans.ts"
import { faultsOf, tableOf } from "./scenarios/report.ts"
import { runScenario, type ScenarioReport } from "./scenarios/run.ts"

const main = async (): Promise<number> => {
  let options: ScenarioOptions | null
  try {
    options = parseOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`scenarios: ${error instanceof Error ? error.message.split("\n")[0] : error}`)
    return 2
  }
  if (options === null) {
    console.log(usage)
    return 0
  }
  const { only, seconds, report } = options
  const directory = mkdtempSync(join(tmpdir(), "raftlet-scenarios-"))
  const reports: Array<ScenarioReport> = []
  let network: Network | null = null
  process.on("exit", () => network?.remove())
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)
    process.on(signal, () => process.exit(code))
  for (const scenario of scenarios.filter(({ number }) => only.includes(number))) {
    const { number, title } = scenario
    const began = performance.now()
    const say = (line: string) =>
      console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}`)
    try {
      network = await makeNetwork(options, scenario.nodes + scenario.spare)
    } catch (error) {
      console.error(`scenarios: ${error instanceof Error ? error.message : error}`)
      return 2
    }
    console.log(`${number}. ${title} (${network.kind}, ${seconds} s)`)
    const place = join(directory, `${number}`)
    try {
      const one = await runScenario({ scenario, network, directory: place, seconds, say })
      for (const line of faultsOf(one)) say(line)
      say(one.isGreen ? "green" : `RED; logs and data: ${place}`)
      reports.push(one)
    } finally {
      network.remove()
      network = null
    }
  }
  const table = tableOf(reports)
  console.log(`\n${table}`)
  if (report !== null) {
    writeFileSync(`${report}.md`, `${table}\n`)
    writeFileSync(`${report}.json`, `${JSON.stringify(reports, null, 2)}\n`)
  }
  const good = reports.every(({ isGreen }) => isGreen)
  if (good) rmSync(directory, { recursive: true, force: true })
  return good ? 0 : 1
}

const makeNetwork = async ({ network }: ScenarioOptions, nodes: number): Promise<Network> => {
  if (network === "proxy") return makeProxyNetwork(nodes)
  const made = await makeNamespaces(nodes)
  if (typeof made !== "string") return made
  if (network === "namespaces") throw new Error(`no network namespaces: ${made}`)
  console.log(`no network namespaces here (${made}): the nodes share loopback, with a proxy between them`)
  return makeProxyNetwork(nodes)
}

process.exit(await main())
