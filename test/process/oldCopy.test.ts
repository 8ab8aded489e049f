// A node's whole directory is put back to an older copy while it is down: who notices, and who repairs it?

import { expect, test } from "bun:test"
import { cpSync, renameSync } from "node:fs"
import { withCluster } from "./support/Cluster.ts"
import { Load } from "./support/load.ts"
import { expectKept } from "./support/verify.ts"
import { until } from "./support/wait.ts"

test(
  "a node that comes back with an older copy is told so: it neither votes nor counts until the others have repaired it (S6)",
  () =>
    withCluster(async (cluster) => {
      const load = new Load(cluster.urls)
      await load.goOn(500)
      const [old] = await cluster.followers()
      expect(await old!.kill("SIGTERM")).toBe(0)
      cpSync(old!.data, `${old!.data}.copy`, { recursive: true })
      old!.start()
      await old!.ready()
      // Its peers hear once a second how far its log has come.
      await load.goOn(2500)
      await old!.kill("SIGKILL")
      renameSync(old!.data, `${old!.data}.newer`)
      renameSync(`${old!.data}.copy`, old!.data)

      old!.start()
      await old!.ready()
      await until("it to be whole again", async () => (await old!.group()).standing === "whole" || null)
      expect(old!.said()).toContain("the log lacks what this node has acknowledged: waiting for repair")
      await load.goOn(300)
      await expectKept(cluster, load, "an older copy of a directory")
    }),
  90_000,
)
