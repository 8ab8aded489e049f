// A real access log goes through the metering actor, whatever fails meanwhile: are its totals exact?

import { describe, expect, test } from "bun:test"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Expected, makeAccessLog } from "./support/accessLog.ts"
import { ask, type Cluster, meteringAlone, withCluster } from "./support/Cluster.ts"
import { runProgram } from "./support/NodeProcess.ts"
import { realExpected, realLog } from "./support/realLog.ts"
import { until } from "./support/wait.ts"

const madeCalls = 12_000

describe("a made log", () => {
  const { text, expected } = makeAccessLog(madeCalls)
  const written = (cluster: Cluster): string => {
    const file = join(cluster.directory, "made.log")
    writeFileSync(file, text)
    return file
  }

  test(
    "gives exact totals, and a second import changes nothing (C1)",
    () =>
      withCluster(async (cluster) => {
        await expectImported(cluster, written(cluster), expected)
      }, metering),
    120_000,
  )

  test(
    "gives exact totals with kill -9 of the leader in the middle (C1, R16)",
    () =>
      withCluster(async (cluster) => {
        await expectImported(cluster, written(cluster), expected, { kill: true })
      }, metering),
    120_000,
  )
})

const metering = { actors: meteringAlone }
const hasRealLog = existsSync(realLog)
if (!hasRealLog) console.warn(`SKIPPED: the import of the real access log: there is no ${realLog}`)

// skip: the real log is not beside the checkout
describe.skipIf(!hasRealLog)("the real log", () => {
  test(
    "gives the figures that are known of it, and a second import changes nothing (C1)",
    () => withCluster((cluster) => expectImported(cluster, realLog, realExpected), metering),
    120_000,
  )

  test(
    "gives the figures that are known of it with kill -9 of the leader in the middle (C1, R16)",
    () => withCluster((cluster) => expectImported(cluster, realLog, realExpected, { kill: true }), metering),
    120_000,
  )
})

const expectImported = async (
  cluster: Cluster,
  file: string,
  expected: Expected,
  { kill = false } = {},
): Promise<void> => {
  const args = ["import-access-log", file, "--url", cluster.urls.join(",")]
  const leader = await cluster.leader()
  const running = runProgram(args)
  if (kill) {
    // Some calls are recorded, and not all.
    const url = cluster.nodes.find((node) => node !== leader)!.url
    const recorded = await until("the import to begin", async () => (await callsAt(url)) || null)
    await leader.kill("SIGKILL")
    expect(recorded).toBeLessThan(expected.calls)
  }
  const first = await running
  expect(first).toMatchObject({ end: 0 })
  expect(first.stdout).toContain(`${thousands(expected.calls)} calls`)
  expect(first.stdout).toContain(`Read back from the cluster: ${thousands(expected.calls)} calls`)
  expect(await totals(cluster.running.at(-1)!.url)).toMatchObject(expected)

  if (kill) {
    leader.start()
    await leader.ready()
  }
  const second = await runProgram(args)
  expect(second).toMatchObject({ end: 0 })
  expect(second.stdout).toContain(`0 recorded, ${thousands(expected.calls)} recorded before`)
  for (const { url } of cluster.running) expect(await totals(url)).toMatchObject(expected)
}

/** Calls recorded so far, as the node has them. */
const callsAt = async (url: string): Promise<number> => {
  const { instances } = await ask<{ readonly instances: ReadonlyArray<{ readonly revision: number }> }>(
    `${url}/read/metering?consistency=local`,
  )
  return instances.reduce((sum, { revision }) => sum + revision, 0)
}

interface MeterState {
  readonly total: Counted
  readonly byRoute: Readonly<Record<string, Counted>>
  readonly byStatus: Readonly<Record<string, Counted>>
}

interface Counted {
  readonly calls: number
}

/** As this node reads them back. */
const totals = async (url: string): Promise<Expected> => {
  const { instances } = await ask<{ readonly instances: ReadonlyArray<{ readonly key: string }> }>(
    `${url}/read/metering`,
  )
  const sums = { tenants: new Map<string, number>(), statuses: new Map<string, number>(), routes: new Map() }
  const add = (sum: Map<string, number>, name: string, { calls }: Counted) =>
    sum.set(name, (sum.get(name) ?? 0) + calls)
  for (const { key } of instances) {
    const { state } = await ask<{ readonly state: MeterState }>(
      `${url}/read/metering/${encodeURIComponent(key)}`,
    )
    add(sums.tenants, key, state.total)
    for (const [status, counted] of Object.entries(state.byStatus)) add(sums.statuses, status, counted)
    for (const [route, counted] of Object.entries(state.byRoute)) add(sums.routes, route, counted)
  }
  return {
    calls: [...sums.tenants.values()].reduce((sum, calls) => sum + calls, 0),
    tenants: Object.fromEntries(sums.tenants),
    statuses: Object.fromEntries(sums.statuses),
    routes: Object.fromEntries(sums.routes),
  }
}

const thousands = (count: number): string => count.toLocaleString("en-US")
