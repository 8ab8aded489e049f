// The write-ahead log of a node's log was altered or cut while it was down: who notices, and who repairs it?

import { describe, expect, test } from "bun:test"
import { readFileSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { withCluster } from "./support/Cluster.ts"
import { Load } from "./support/load.ts"
import { expectKept } from "./support/verify.ts"
import { sleep, until } from "./support/wait.ts"

/** Several elections would have been won meanwhile. */
const electionsMillis = 2500

const flipBit = (path: string): void => {
  const bytes = readFileSync(path)
  const middle = bytes.length >> 1
  bytes[middle] = bytes[middle]! ^ 1
  writeFileSync(path, bytes)
}

describe.each<[string, (path: string) => void]>([
  ["with a flipped bit in its write-ahead log", flipBit],
  ["with its write-ahead log cut in half", (path) => truncateSync(path, readFileSync(path).length >> 1)],
])("a node %s", (what, damage) => {
  test(
    "neither votes nor counts until the others have repaired it, and then does again (S4, S5, S11)",
    () =>
      withCluster(async (cluster) => {
        const load = new Load(cluster.urls)
        await load.goOn(1000)
        const [damaged, healthy, third] = cluster.nodes as [
          (typeof cluster.nodes)[0],
          (typeof cluster.nodes)[0],
          (typeof cluster.nodes)[0],
        ]
        await Promise.all(cluster.nodes.map((node) => node.kill("SIGKILL")))
        damage(join(damaged.data, "log.db-wal"))

        damaged.start()
        await until(
          "the damaged node to know",
          async () => (await damaged.group()).standing === "suspect" || null,
        )
        healthy.start()
        const { term } = await until("the healthy node to be up", () => healthy.group())
        await sleep(electionsMillis)
        expect(await damaged.group()).toMatchObject({ standing: "suspect", role: "follower", leader: null })
        expect(await healthy.group()).toMatchObject({ leader: null, term })

        third.start()
        expect(await cluster.leader()).not.toBe(damaged)
        await until(
          "the damaged node to be whole",
          async () => (await damaged.group()).standing === "whole" || null,
        )
        await load.goOn(300)
        // It is one of the two that are needed now.
        await third.kill("SIGKILL")
        await load.goOn(300)
        third.start()
        await third.ready()
        await expectKept(cluster, load, what)
      }),
    90_000,
  )
})
