// A replica's state is altered on its disk, beside the running process: is it found, and repaired without a restart?

import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { ask, type Cluster, withCluster } from "./support/Cluster.ts"
import { Load } from "./support/load.ts"
import type { NodeProcess } from "./support/NodeProcess.ts"
import { expectKept } from "./support/verify.ts"
import { until } from "./support/wait.ts"

/** An instance that nobody writes to any more. */
const write = async (cluster: Cluster, key: string): Promise<void> => {
  const headers = { "content-type": "application/json" }
  await ask(`${cluster.urls[0]}/propose/counter/${key}/add`, { method: "POST", headers, body: '{"by":7}' })
  const index = await cluster.quietOnDisk()
  expect(index).toBeGreaterThan(0)
}

const change = (node: NodeProcess, sql: string, ...values: ReadonlyArray<string>): void => {
  const database = new Database(join(node.data, "state.db"))
  try {
    database.run("PRAGMA busy_timeout = 5000")
    expect(database.query(sql).run(...values).changes).toBe(1)
  } finally {
    database.close()
  }
}

const partingsOf = async (node: NodeProcess): Promise<number> => {
  const text = await (await fetch(`${node.url}/metrics`)).text()
  return [...text.matchAll(/^raftlet_partings_total\{.*\} (\d+)$/gm)].reduce(
    (sum, [, n]) => sum + Number(n),
    0,
  )
}

/** Has been found so often, and is as it was. */
const repaired = (node: NodeProcess, times: number) =>
  until(
    `${node.id} to be repaired`,
    async () => {
      const { parted, ready, standing } = await node.group()
      expect(standing).toBe("whole")
      return (await partingsOf(node)) === times && parted === null && ready ? true : null
    },
    40_000,
  )

test(
  "a row with a bad checksum costs a node its state and not its process, at the leader too (S5)",
  () =>
    withCluster(async (cluster) => {
      await write(cluster, "quiet")
      const load = new Load(cluster.urls, { clients: 8 })
      await load.goOn(200)
      const leader = await cluster.leader()
      const [follower] = await cluster.followers()
      for (const node of [follower!, leader]) {
        const { pid } = await node.report()
        change(node, `UPDATE instances SET state = '{"value":8}' WHERE key = 'quiet'`)
        const copy = await fetch(`${node.url}/admin/snapshot`, { method: "POST" })
        expect([copy.status, await copy.json()]).toMatchObject([503, { code: "not-ready", retryable: true }])
        await repaired(node, 1)
        expect((await node.report()).pid).toBe(pid)
        expect(existsSync(join(node.data, "evidence", "state.db"))).toBe(true)
        await load.goOn(200)
      }
      await expectKept(cluster, load, "after bad rows")
      for (const node of cluster.nodes) expect(node.fate).toBeNull()
    }),
  120_000,
)
