// The disk says no to a sync, or nothing at all: does the node stop instead of going on with what may not be there,
// and does a leader give way? (HAZARDS S2, E12)

import { afterEach, expect, test } from "bun:test"
import { join } from "node:path"
import { canTrace } from "../support/strace.ts"
import { type Cluster, withCluster } from "./support/Cluster.ts"
import { Load } from "./support/load.ts"
import type { NodeProcess } from "./support/NodeProcess.ts"
import { expectKept } from "./support/verify.ts"
import { until } from "./support/wait.ts"

const traced = canTrace()
if (!traced) {
  console.warn("SKIPPED: what a node does when a sync fails (HAZARDS S2) needs strace and the right to trace")
}

// skip: no strace here that may trace
test.skipIf(!traced)(
  "a node whose sync fails once acknowledges nothing, and ends with a clear line (S2)",
  () =>
    withCluster(
      async (cluster) => {
        const [node] = cluster.nodes as [NodeProcess]
        expect((await add(node, "before")).status).toBe(200)
        await failNextSync(node)
        const answer = await add(node, "during").catch((error: Error) => error)
        if (answer instanceof Response) {
          expect(await answer.json()).toMatchObject({ code: "leadership-lost", outcome: "unknown" })
        }
        await expectStopped(node)

        // The disk is asked again what it has; the same key tells what became of the command.
        node.start()
        await cluster.leader()
        const later = await add(node, "during")
        expect(await later.json()).toMatchObject({ revision: 2, result: 2 })
      },
      { nodes: 1 },
    ),
  60_000,
)

// skip: no strace here that may trace
test.skipIf(!traced)(
  "a leader whose sync fails once under load stops, and the others go on without loss (S2, S1)",
  () =>
    withCluster(async (cluster: Cluster) => {
      const load = new Load(cluster.urls)
      await load.goOn(500)
      const leader = await cluster.leader()
      await failNextSync(leader)
      await expectStopped(leader)
      await load.goOn(500)
      leader.start()
      await leader.ready()
      await expectKept(cluster, load, "a failed sync")
    }),
  60_000,
)

// skip: no strace here that may trace
test.skipIf(!traced)(
  "a leader whose disk hangs under load gives way, says that it is unwell, and follows when its disk is back (E12, S13, O3)",
  () =>
    withCluster(async (cluster: Cluster) => {
      const load = new Load(cluster.urls)
      await load.goOn(500)
      const leader = await cluster.leader()
      const letGo = await hangSyncs(leader)
      await cluster.leader({ not: leader })
      await load.goOn(500)
      await until("the node to say so", async () => {
        const answer = await fetch(`${leader.url}/healthz`, { signal: AbortSignal.timeout(5000) })
        return answer.status === 503 || null
      })
      expect(leader.fate).toBe(null)
      await letGo()
      await leader.ready()
      await expectKept(cluster, load, "a disk that hangs")
    }),
  90_000,
)

const add = (node: NodeProcess, key: string): Promise<Response> =>
  fetch(`${node.url}/propose/counter/disk/add`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify({ by: 1 }),
    signal: AbortSignal.timeout(10_000),
  })

const expectStopped = async (node: NodeProcess): Promise<void> => {
  expect(await node.ended()).toBe(1)
  const last = node.log().trimEnd().split("\n").at(-1)
  expect(last).toMatch(/^raftlet: .*(fsync|disk I\/O)/i)
}

/** Tracers of this test; each ends with the node that it watches. */
const tracers = new Set<Bun.Subprocess>()
afterEach(async () => {
  for (const tracer of tracers) {
    tracer.kill("SIGKILL")
    await tracer.exited
  }
  tracers.clear()
})

/** The next sync of the node's log fails with EIO, once. */
const failNextSync = (node: NodeProcess): Promise<unknown> => tamper(node, "error=EIO:when=1")

/** No sync of the node's log returns, until it is let go. */
const hangSyncs = async (node: NodeProcess): Promise<() => Promise<void>> => {
  const tracer = await tamper(node, `delay_enter=${600_000_000}`)
  return async () => {
    tracer.kill("SIGKILL")
    await tracer.exited
  }
}

const tamper = async (node: NodeProcess, how: string): Promise<Bun.Subprocess> => {
  const report = join(node.data, "..", `${node.id}.strace`)
  const tracer = Bun.spawn(
    [
      ...["strace", "-f", "-o", report, "-p", String(node.pid), "-P", join(node.data, "log.db-wal")],
      ...["-e", "trace=fsync,fdatasync", "-e", `inject=fsync,fdatasync:${how}`],
    ],
    { stdout: "ignore", stderr: "pipe" },
  )
  tracers.add(tracer)
  let said = ""
  for await (const piece of tracer.stderr) {
    said += new TextDecoder().decode(piece)
    if (said.includes("attached")) return tracer
  }
  throw new Error(`strace: ${said}`)
}
