// A replica's state is altered on its disk, beside the running process: is it found, and repaired without a restart?

import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { type InstanceRow, instanceOf, putInstance } from "../../src/storage/stateRows.ts"
import { ask, type Cluster, flush, withCluster } from "./support/Cluster.ts"
import { Load } from "./support/load.ts"
import type { NodeProcess } from "./support/NodeProcess.ts"
import { expectKept } from "./support/verify.ts"
import { sleep, until } from "./support/wait.ts"

/** An instance that nobody writes to any more. */
const key = "quiet"
const value = 7

const write = async (cluster: Cluster): Promise<void> => {
  const headers = { "content-type": "application/json" }
  const body = JSON.stringify({ by: value })
  await ask(`${cluster.urls[0]}/propose/counter/${key}/add`, { method: "POST", headers, body })
  await cluster.quietOnDisk()
}

/** Another connection, as any program could have it. */
const inState = (node: NodeProcess, change: (database: Database) => void): void => {
  const database = new Database(join(node.data, "state.db"))
  try {
    database.run("PRAGMA busy_timeout = 5000")
    change(database)
  } finally {
    database.close()
  }
}

const harms = {
  "a row is altered": (database: Database) => {
    const altered = database.query(`UPDATE instances SET state = '{"value":8}' WHERE key = ?`).run(key)
    expect(altered.changes).toBe(1)
  },
  "a row is altered with a checksum that fits": (database: Database) => {
    const row = database.query("SELECT * FROM instances WHERE key = ?").get(key) as InstanceRow
    const run = (sql: string, ...values: ReadonlyArray<string | number | Uint8Array>) =>
      void database.query(sql).run(...values)
    putInstance(run, { ...instanceOf(row), state: '{"value":8}' })
  },
  "a row is deleted": (database: Database) => {
    expect(database.query("DELETE FROM instances WHERE key = ?").run(key).changes).toBe(1)
  },
} as const

const partingsOf = async (node: NodeProcess): Promise<number> => {
  const text = await (await fetch(`${node.url}/metrics`)).text()
  const counted = [...text.matchAll(/^raftlet_partings_total\{.*\} (\d+)$/gm)]
  return counted.reduce((sum, [, count]) => sum + Number(count), 0)
}

/** Found so often, and back where it was. */
const repaired = (node: NodeProcess, times: number) =>
  until(
    `${node.id} to be repaired`,
    async () => {
      const { parted, ready, standing } = await node.group()
      expect(standing).toBe("whole")
      return (await partingsOf(node)) === times && parted === null && ready ? true : null
    },
    180_000,
  )

/** Reads at the node all the time, and holds every answer to be wrong that comes after it knows and is another one. */
const watchReads = (node: NodeProcess, known: number) => {
  let isOver = false
  let answered = 0
  const wrong: Array<unknown> = []
  const reading = (async () => {
    while (!isOver) {
      for (const consistency of ["local", "linearizable"]) {
        const isKnown = (await partingsOf(node)) > known
        const response = await fetch(`${node.url}/read/counter/${key}?consistency=${consistency}`)
        const body = (await response.json()) as { readonly state?: { readonly value: number } }
        const isRight = response.status === 200 && body.state?.value === value
        if (isKnown && isRight) answered++
        if (isKnown && !isRight && ![503, 504].includes(response.status)) wrong.push([consistency, body])
      }
      await sleep(5)
    }
  })()
  const stop = async () => {
    isOver = true
    await reading
    return { answered, wrong }
  }
  return { stop }
}

test(
  "a state that is altered on disk is found within one checkpoint and repaired without a human, at a follower and at the leader (D1, S5)",
  () =>
    withCluster(async (cluster) => {
      await write(cluster)
      const load = new Load(cluster.urls, { clients: 8 })
      await load.goOn(200)
      const pids = new Map<NodeProcess, number>()
      for (const node of cluster.nodes) pids.set(node, (await node.report()).pid)
      const times = new Map(cluster.nodes.map((node) => [node, 0]))
      for (const [what, harm] of Object.entries(harms)) {
        const leader = await cluster.leader()
        const [follower] = await cluster.followers()
        for (const node of [follower!, leader]) {
          const before = times.get(node)!
          times.set(node, before + 1)
          // What was repaired just now has no file before its next flush.
          await flush(node)
          const watching = watchReads(node, before)
          const began = performance.now()
          inState(node, harm)
          await until(`${node.id} to know`, async () => (await partingsOf(node)) > before || null, 180_000)
          const foundMillis = Math.round(performance.now() - began)
          await repaired(node, before + 1)
          const repairedMillis = Math.round(performance.now() - began)
          console.log(
            `${what}, at ${node === leader ? "the leader" : "a follower"}: found after ${foundMillis} ms, repaired after ${repairedMillis} ms`,
          )
          await load.goOn(100)
          const { answered, wrong } = await watching.stop()
          expect({ what, wrong }).toEqual({ what, wrong: [] })
          expect(answered).toBeGreaterThan(0)
          expect(existsSync(join(node.data, "evidence", "state.db"))).toBe(true)
        }
      }
      for (const node of cluster.nodes) {
        expect(node.fate).toBeNull()
        expect((await node.report()).pid).toBe(pids.get(node)!)
      }
      await expectKept(cluster, load, "after altered rows")
      // Nobody else was ever doubted.
      expect(await Promise.all(cluster.nodes.map(partingsOf))).toEqual([...times.values()])
    }),
  900_000,
)

test(
  "an operator who asks for a copy of a bad state gets none, and the node repairs itself (S5)",
  () =>
    withCluster(async (cluster) => {
      await write(cluster)
      const [node] = await cluster.followers()
      inState(node!, harms["a row is deleted"])
      const copy = await fetch(`${node!.url}/admin/snapshot`, { method: "POST" })
      expect([copy.status, await copy.json()]).toMatchObject([503, { code: "not-ready", retryable: true }])
      await repaired(node!, 1)
      expect(await ask(`${node!.url}/read/counter/${key}?consistency=local`)).toMatchObject({
        state: { value },
      })
      expect((await fetch(`${node!.url}/admin/snapshot`, { method: "POST" })).status).toBe(200)
    }),
  120_000,
)
