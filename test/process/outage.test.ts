// All nodes die at once under load: is everything that was acknowledged on their disks?

import { test } from "bun:test"
import { withCluster } from "./support/Cluster.ts"
import { Load } from "./support/load.ts"
import { expectKept } from "./support/verify.ts"

test(
  "kill -9 of all three nodes under load, twice, and their restart: nothing acknowledged is lost, nothing happens twice (S1, S3, E2, C1)",
  () =>
    withCluster(async (cluster) => {
      const load = new Load(cluster.urls, { clients: 64 })
      for (let round = 0; round < 2; round++) {
        await load.goOn(1000)
        await Promise.all(cluster.nodes.map((node) => node.kill("SIGKILL")))
        for (const node of cluster.nodes) node.start()
        await cluster.leader()
      }
      await load.goOn(1000)
      await expectKept(cluster, load, "kill -9 of all three nodes")
    }),
  90_000,
)
