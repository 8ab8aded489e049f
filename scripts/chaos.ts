// `bun run chaos`: do real processes keep their promises while they are killed, stopped and cut off from each other?

import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join, resolve } from "node:path"
import type { Network } from "./chaos/Network.ts"
import { makeNamespaces } from "./chaos/namespaces.ts"
import { type ChaosOptions, parseOptions, usage } from "./chaos/options.ts"
import { makeProxyNetwork } from "./chaos/proxyNetwork.ts"
import { describeReport } from "./chaos/report.ts"
import { runChaos } from "./chaos/run.ts"

const main = async (): Promise<number> => {
  let options: ChaosOptions | null
  try {
    options = parseOptions(process.argv.slice(2))
  } catch (error) {
    return refuse(error)
  }
  if (options === null) {
    console.log(usage)
    return 0
  }
  const { out } = options
  if (out !== null && existsSync(out) && readdirSync(out).length > 0) {
    return refuse(new Error(`--out: ${out} is not empty`))
  }
  const directory = out === null ? mkdtempSync(join(tmpdir(), "raftlet-chaos-")) : resolve(out)
  const temporary = out === null ? directory : null
  let network: Network | null = null
  // The children are killed by whoever started them, before this.
  process.on("exit", () => network?.remove())
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.on(signal, () => {
      process.on("exit", () => remove(temporary))
      process.exit(code)
    })
  }
  try {
    network = await makeNetwork(options)
  } catch (error) {
    remove(temporary)
    return refuse(error)
  }
  const { seed, nodes, minutes, clients, rate } = options
  console.log(
    `chaos: ${nodes} nodes, ${network.kind}, ${clients} clients, ${minutes} min of faults, --seed ${seed}; ` +
      `Bun ${Bun.version}, ${availableParallelism()} cores`,
  )
  const millis = minutes * 60_000
  try {
    const run = { millis, seed, clients, rate, directory, network, say: console.log }
    const { lines, good } = describeReport(await runChaos(run), options.floor)
    for (const line of lines) console.log(line)
    if (good) remove(temporary)
    if (!good || out !== null) console.log(`history, logs and data: ${directory}`)
    return good ? 0 : 1
  } catch (error) {
    console.error(`chaos: ${error instanceof Error ? error.message : error}; logs and data: ${directory}`)
    return 1
  }
}

const remove = (directory: string | null): void => {
  if (directory !== null) rmSync(directory, { recursive: true, force: true })
}

const refuse = (error: unknown): number => {
  console.error(`chaos: ${error instanceof Error ? error.message.split("\n")[0] : error}`)
  return 2
}

const makeNetwork = async ({ network, nodes }: ChaosOptions): Promise<Network> => {
  if (network === "proxy") return makeProxyNetwork(nodes)
  const made = await makeNamespaces(nodes)
  if (typeof made !== "string") return made
  if (network === "namespaces") throw new Error(`no network namespaces: ${made}`)
  console.log(
    `chaos: no network namespaces here (${made}): the nodes share loopback, with a proxy between them`,
  )
  return makeProxyNetwork(nodes)
}

process.exit(await main())
