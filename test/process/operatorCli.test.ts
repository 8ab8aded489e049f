// Does an operator's command line tell the truth about a real cluster, also when a node of it dies?

import { expect, test } from "bun:test"

import { ask, type Cluster, withCluster } from "./support/Cluster.ts"
import { runProgram } from "./support/NodeProcess.ts"
import { until } from "./support/wait.ts"

test(
  "status, members, log and snapshot, of a healthy cluster and of one that has lost a node (CONTRACT §1, O3)",
  () =>
    withCluster(async (cluster) => {
      const leader = await cluster.leader()
      for (const by of [1, 2, 3]) await add(cluster, by)
      await cluster.quiet()
      const url = ["--url", cluster.urls.join(",")]

      const well = await runProgram(["status", ...url])
      expect(well).toMatchObject({ end: 0, stderr: "" })
      expect(well.stdout).toContain(`: ${leader.id} leads in term `)
      expect(well.stdout).toContain("3 of 3 voters answer")
      expect(well.stdout).toEndWith("all is well\n")
      // One node is enough to find the others.
      const found = await runProgram(["status", "--json", "--url", cluster.urls[0]!])
      expect(JSON.parse(found.stdout)).toMatchObject({
        healthy: true,
        leader: leader.id,
        members: cluster.nodes.map(({ id, url }) => ({ id, url, health: "ok", version: expect.any(String) })),
      })

      const members = await runProgram(["members", "--json", ...url])
      expect(JSON.parse(members.stdout)).toMatchObject({ leader: leader.id })
      const snapshots = await runProgram(["snapshot", "--all", "--json", ...url])
      expect(snapshots.end).toBe(0)
      expect(Object.keys(JSON.parse(snapshots.stdout) as object)).toEqual(["n1", "n2", "n3"])

      // The machine's own commands stand between them: offers of actors, checkpoints.
      const newest = await runProgram(["log", "--limit", "50", ...url])
      const lines = newest.stdout.trimEnd().split("\n").slice(1)
      const added = lines.map((line) => line.replace(/^ *\d+ +\d+ +\S+ +/, "").replace(/ +/g, " "))
      expect(added.filter((line) => line.startsWith("counter/"))).toEqual(
        [1, 2, 3].map((by) => `counter/visits add {"by":${by}}`),
      )

      const [dead] = await cluster.followers()
      await dead!.kill("SIGKILL")
      const ill = await until("the leader to miss the dead node", async () => {
        const report = await runProgram(["status", ...url])
        return report.stdout.includes("heard from it") ? null : report
      })
      expect(ill.end).toBe(5)
      expect(ill.stderr).toBe("raftlet: 1 thing is wrong in the cluster\n")
      expect(ill.stdout).toContain("2 of 3 voters answer: none of them may fail now")
      expect(ill.stdout).toContain(`\n! ${dead!.id} does not answer at ${dead!.url}: connection refused\n`)
      const json = JSON.parse((await runProgram(["status", "--json", ...url])).stdout) as object
      expect(json).toMatchObject({ healthy: false, leader: leader.id })

      // Whatever is asked still works, over the nodes that are left.
      await add(cluster, 4)
      const rest = await runProgram(["log", "--json", "--limit", "5", ...url])
      const { entries, next } = JSON.parse(rest.stdout) as {
        readonly entries: ReadonlyArray<{ readonly actor?: string }>
        readonly next: unknown
      }
      expect(entries.findLast(({ actor }) => actor === "counter")).toMatchObject({
        ...{ kind: "command", actor: "counter", key: "visits", command: "add", input: { by: 4 } },
      })
      expect(next).toBeNull()
      await dead!.remove()
      const [survivor] = await cluster.followers()
      await survivor!.kill("SIGKILL")
      await until("the leader to step down", async () => (await leader.group()).leader === null || null)
      const leaderless = await runProgram(["status", ...url])
      expect(leaderless.end).toBe(5)
      expect(leaderless.stdout).toContain("\n! no leader: 1 of 3 voters answer and can vote; 2 are needed\n")
      await leader.kill("SIGKILL")
      expect((await runProgram(["status", ...url])).end).toBe(3)
    }),
  90_000,
)

const add = (cluster: Cluster, by: number) =>
  ask(`${cluster.running[0]!.url}/propose/counter/visits/add`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ by }),
  })
