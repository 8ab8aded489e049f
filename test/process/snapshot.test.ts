// A follower is away until the log it needs has been cut: does it come back, through a snapshot?

import { expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { ask, type Cluster, withCluster } from "./support/Cluster.ts"
import { Load } from "./support/load.ts"
import type { NodeProcess } from "./support/NodeProcess.ts"
import { expectKept } from "./support/verify.ts"
import { sleep, until } from "./support/wait.ts"

/** More than the log keeps behind the flushed state (50,000), and than is worth a cut (10,000). */
const commands = 66_000
const batchCommands = 1000
const batchesInFlight = 4

test(
  "a follower that was away until the log was cut comes back through a snapshot, while the load goes on (N8, N10, N11, N12)",
  () =>
    withCluster(async (cluster) => {
      const [away] = await cluster.followers()
      await away!.kill("SIGKILL")
      await write(cluster)
      for (const node of cluster.running) {
        await ask(`${node.url}/admin/snapshot`, { method: "POST" })
        await until(
          `the log of ${node.id} to be cut`,
          async () => (await node.group()).firstIndex > 1 || null,
        )
      }
      const load = new Load(cluster.urls, { clients: 8 })
      await load.goOn(100)
      const cutThrough = (await (await cluster.leader()).group()).firstIndex
      away!.start()
      const asked = askAllTheTime(away!)
      const readyTooEarly: Array<number> = []
      await until("the snapshot to be installed", async () => {
        const { firstIndex, appliedIndex, ready } = await away!.group()
        // Nobody may be sent to a node that has nothing of the last minutes.
        if (ready && appliedIndex < cutThrough) readyTooEarly.push(appliedIndex)
        return firstIndex > 1 ? true : null
      })
      await away!.ready()
      // Whoever asked meanwhile got a word of the contract: a state, old or new, or why there is none yet.
      expect((await asked.stop()).filter((status) => ![200, 503, 504].includes(status))).toEqual([])
      expect(readyTooEarly).toEqual([])
      expect(away!.log()).toContain("a snapshot is installed")
      await load.goOn(300)
      await expectSameBulk(cluster)
      await expectKept(cluster, load, "back through a snapshot")
      // What came in pieces is gone once it is installed.
      expect(readdirSync(join(away!.data, "snapshots")).filter((name) => /part|received/.test(name))).toEqual(
        [],
      )

      // What it has now is its own: it leads with it.
      const leader = await cluster.leader()
      await leader.kill("SIGKILL")
      await cluster.leader()
      await expectTotal(away!)
    }),
  120_000,
)

/** Local reads, health and figures, while the state is exchanged under them. Gives the answers' statuses. */
const askAllTheTime = (node: NodeProcess) => {
  const paths = [
    "/read/counter/bulk1?consistency=local",
    "/read/counter?consistency=local",
    "/healthz",
    "/metrics",
  ]
  const statuses: Array<number> = []
  let isOver = false
  const asking = paths.map(async (path) => {
    while (!isOver) {
      const response = await fetch(`${node.url}${path}`, { signal: AbortSignal.timeout(5000) }).catch(
        () => null,
      )
      // Nobody listens yet, in the beginning.
      if (response === null) {
        await sleep(5)
        continue
      }
      statuses.push(response.status)
      await response.arrayBuffer()
    }
  })
  const stop = async (): Promise<ReadonlyArray<number>> => {
    isOver = true
    await Promise.all(asking)
    return statuses
  }
  return { stop }
}

/** Adds 1 so many times to a hundred counters. */
const write = async (cluster: Cluster): Promise<void> => {
  let batch = 0
  const url = (await cluster.leader()).url
  const send = async (): Promise<void> => {
    while (batch < commands / batchCommands) {
      const own = batch++
      const proposals = Array.from({ length: batchCommands }, (_, at) => ({
        actor: "counter",
        key: `bulk${at % 100}`,
        command: "add",
        input: { by: 1 },
        idempotencyKey: `bulk-${own}-${at}`,
      }))
      const { outcomes } = await ask<{ readonly outcomes: ReadonlyArray<{ readonly revision?: number }> }>(
        `${url}/propose`,
        {
          method: "POST",
          headers: { "Content-Type": "application/json", "Raftlet-Timeout-Ms": "10000" },
          body: JSON.stringify({ proposals }),
        },
      )
      expect(outcomes.filter(({ revision }) => revision === undefined)).toEqual([])
    }
  }
  await Promise.all(Array.from({ length: batchesInFlight }, send))
}

const expectSameBulk = async (cluster: Cluster): Promise<void> => {
  for (const node of cluster.running) await expectTotal(node)
}

const expectTotal = async (node: NodeProcess): Promise<void> => {
  for (let key = 0; key < 100; key++) {
    const { state, revision } = await ask<{
      readonly state: { readonly value: number }
      readonly revision: number
    }>(`${node.url}/read/counter/bulk${key}`)
    expect({ value: state.value, revision }).toEqual({ value: commands / 100, revision: commands / 100 })
  }
}
