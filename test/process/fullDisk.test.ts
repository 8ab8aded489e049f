// The disk has no room: do clients hear it, do votes and reads go on, and does all else when there is room again?
// (HAZARDS S7)

import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fillDisk, freeDisk, mountSmall, unmountSmall } from "../support/smallDisk.ts"
import { ask, type Cluster, withCluster } from "./support/Cluster.ts"
import { Load } from "./support/load.ts"
import type { NodeProcess } from "./support/NodeProcess.ts"
import { expectKept } from "./support/verify.ts"
import { until } from "./support/wait.ts"

const root = mkdtempSync(join(tmpdir(), "raftlet-full-"))
const disks: Array<string> = []

/** A directory for each of three nodes, each a disk of a megabyte. */
const mountThree = (): string => {
  const directory = mkdtempSync(join(root, "cluster-"))
  for (const id of ["n1", "n2", "n3"]) {
    const disk = join(directory, id)
    if (!mountSmall(disk, "1m")) throw new Error(`cannot mount ${disk}`)
    disks.push(disk)
  }
  return directory
}

const removeDisks = (): void => {
  for (const disk of disks.splice(0)) unmountSmall(disk)
}
process.on("exit", removeDisks)
afterAll(() => {
  removeDisks()
  rmSync(root, { recursive: true, force: true })
})

const mayMount = mountSmall(join(root, "trial"), "1m")
if (mayMount) unmountSmall(join(root, "trial"))
else
  console.warn(
    "SKIPPED: what nodes do on a full disk (HAZARDS S7) needs small file systems, and the right to mount them",
  )

// skip: this user may mount nothing here
describe.skipIf(!mayMount)("on disks of a megabyte", () => {
  test(
    "that are all full clients get 507, reads and elections go on; and once there is room, all does, without a restart (S7)",
    () =>
      withCluster(
        async (cluster) => {
          const load = new Load(cluster.urls, { clients: 16 })
          await load.goOn(100)
          await reserved(cluster)
          for (const { data } of cluster.nodes) fillDisk(data)
          await refusing(cluster)
          await expectReads(cluster, load)

          const leader = await cluster.leader()
          await leader.kill("SIGKILL")
          const next = await cluster.leader({ not: leader })
          await expectReads(cluster, load)
          leader.start()
          await until(
            "the restarted node to know the leader",
            async () => (await leader.group()).leader === next.id || null,
          )
          await refusing(cluster)
          await expectReads(cluster, load)
          const pids = cluster.nodes.map(({ pid }) => pid)

          for (const { data } of cluster.nodes) freeDisk(data)
          const freed = performance.now()
          await load.goOn(1)
          console.log(`commands are taken ${Math.round(performance.now() - freed)} ms after there was room`)
          await load.goOn(100)
          await load.stop()
          await reserved(cluster)
          await expectKept(cluster, load, "full disks")
          expect(load.tally["507 storage-full rejected"]).toBeGreaterThan(0)
          expect(cluster.nodes.map(({ pid }) => pid)).toEqual(pids)
        },
        { directory: mountThree() },
      ),
    120_000,
  )

  test(
    "a leader whose disk alone is full gives way to one that has room, and clients go on; it catches up when it has room (S7, E12)",
    () =>
      withCluster(
        async (cluster) => {
          const load = new Load(cluster.urls, { clients: 8 })
          await load.goOn(50)
          await reserved(cluster)
          const leader = await cluster.leader()
          fillDisk(leader.data)
          await cluster.leader({ not: leader })
          await load.goOn(50)
          for (const consistency of ["linearizable", "local"]) {
            await read(leader, load.instances[0]!, consistency)
          }
          freeDisk(leader.data)
          await load.stop()
          await reserved(cluster)
          await expectKept(cluster, load, "one full disk")
        },
        { directory: mountThree() },
      ),
    120_000,
  )
})

/** All nodes have made sure of the room that they keep. */
const reserved = (cluster: Cluster): Promise<true> =>
  until("all nodes to keep room", async () => {
    const sizes = cluster.nodes.map(({ data }) => Bun.file(join(data, "reserve")).size)
    return sizes.every((size) => size > 100_000) || null
  })

/** Every node that runs says so to a client of its own. */
const refusing = (cluster: Cluster): Promise<true> =>
  until("every node to refuse commands", async () => {
    const answers = await Promise.all(
      cluster.running.map(async ({ url }) => {
        const response = await fetch(`${url}/propose/counter/refused/add`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ by: 1 }),
          signal: AbortSignal.timeout(10_000),
        })
        return { status: response.status, body: (await response.json()) as Record<string, unknown> }
      }),
    )
    if (answers.some(({ status }) => status !== 507)) return null
    for (const { body } of answers) {
      expect(body).toMatchObject({ code: "storage-full", outcome: "rejected", retryable: true })
    }
    return true
  })

/** At every node that runs: what the leader has acknowledged, and what the node has itself. */
const expectReads = async (cluster: Cluster, load: Load): Promise<void> => {
  for (const node of cluster.running) {
    for (const consistency of ["linearizable", "lease", "local"]) {
      await read(node, load.instances[0]!, consistency)
    }
  }
}

const read = ({ url }: NodeProcess, key: string, consistency: string) =>
  ask<{ readonly state: unknown }>(`${url}/read/counter/${key}?consistency=${consistency}`)
