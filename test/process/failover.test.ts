// A node fails under load, or is stopped: what do the clients of real processes see?

import { expect, test } from "bun:test"
import { withCluster } from "./support/Cluster.ts"
import { Load } from "./support/load.ts"
import { expectKept } from "./support/verify.ts"
import { sleep, until } from "./support/wait.ts"

const testMillisMax = 90_000
const loadMillis = 5000

test(
  "kill -9 of the leader under load and its restart: nothing acknowledged is lost, nothing happens twice (R16, C1, C2, C9, D1)",
  () =>
    withCluster(async (cluster) => {
      const beganAt = performance.now()
      const load = new Load(cluster.urls)
      await load.goOn(1000)
      const leader = await cluster.leader()
      expect(await leader.kill("SIGKILL")).toBe("SIGKILL")
      await cluster.leader()
      await load.goOn(1000)
      leader.start()
      await leader.ready()
      await load.goOn(500)
      await sleep(beganAt + loadMillis - performance.now())
      await expectKept(cluster, load, "kill -9 of the leader")
    }),
  testMillisMax,
)

test(
  "a leader that is stopped for two seconds finds another in its place, and serves nothing old (E13, L3, L5, L6)",
  () =>
    withCluster(async (cluster) => {
      const load = new Load(cluster.urls)
      await load.goOn(1000)
      const leader = await cluster.leader()
      leader.signal("SIGSTOP")
      const stoppedAt = performance.now()
      const next = await cluster.leader({ not: leader })
      await load.goOn(500)
      await sleep(stoppedAt + 1900 - performance.now())
      // They wait in its sockets, beside the news: it may not answer from what it knew when it was stopped.
      const looked = load.look(leader.url)
      await sleep(100)
      leader.signal("SIGCONT")
      await looked
      await until("the old leader to follow", async () => (await leader.group()).role === "follower" || null)
      await load.goOn(1000)
      await expectKept(cluster, load, "SIGSTOP of the leader")
      expect(next).not.toBe(leader)
    }),
  testMillisMax,
)

test(
  "every node in turn is told to stop and started again: exit code 0, and nothing is lost (C10, O1)",
  () =>
    withCluster(async (cluster) => {
      const load = new Load(cluster.urls)
      await load.goOn(500)
      const leader = await cluster.leader()
      for (const node of [...cluster.nodes.filter((node) => node !== leader), leader]) {
        expect(await node.kill("SIGTERM")).toBe(0)
        await load.goOn(300)
        node.start()
        await node.ready()
        await load.goOn(300)
      }
      await expectKept(cluster, load, "rolling restart")
    }),
  testMillisMax,
)
