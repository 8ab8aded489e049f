// Do real processes keep their promises while everything goes wrong at once? A short run of `bun run chaos`.

import { afterEach, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Network } from "../../scripts/chaos/Network.ts"
import { makeNamespaces } from "../../scripts/chaos/namespaces.ts"
import { makeProxyNetwork } from "../../scripts/chaos/proxyNetwork.ts"
import { describeReport } from "../../scripts/chaos/report.ts"
import { runChaos } from "../../scripts/chaos/run.ts"

let network: Network | null = null
afterEach(() => {
  network?.remove()
  network = null
})

/** How fast it was is a matter of the machine, and never of a test. The directory stays after a failure. */
const expectKept = async (network: Network, seed: number, millis: number): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), "raftlet-chaos-"))
  console.log(`chaos: ${network.places.length} nodes, ${network.kind}, seed ${seed}, ${directory}`)
  const report = await runChaos({
    ...{ network, seed, millis, directory },
    ...{ clients: 32, rate: 1000, say: console.log },
  })
  for (const line of describeReport(report, 0).lines) console.log(line)
  expect(report.violations).toEqual([])
  rmSync(directory, { recursive: true, force: true })
}

test("killed, stopped and cut off from each other, three nodes lose nothing, execute once, and answer as one machine (R16, C1, C2, C9, L1 to L6, D1, D9, M11)", async () => {
  const made = await makeNamespaces(3)
  if (typeof made === "string") {
    console.warn(`chaos: no network namespaces here (${made}): through the proxy instead`)
  }
  network = typeof made === "string" ? makeProxyNetwork(3) : made
  await expectKept(network, 2852, 22_000)
}, 180_000)

test("the same through the proxy, which stands in where there are no network namespaces (C1, C2, C9, D1)", async () => {
  network = makeProxyNetwork(3)
  await expectKept(network, 248, 12_000)
}, 180_000)
