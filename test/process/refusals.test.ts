// What must not run does not run: one clear line, and exit code 2. And who lost its data is not who it was.

import { describe, expect, test } from "bun:test"
import { rmSync } from "node:fs"
import { type Cluster, withCluster } from "./support/Cluster.ts"
import { Load } from "./support/load.ts"
import { type NodeProcess, runProgram } from "./support/NodeProcess.ts"
import { expectKept } from "./support/verify.ts"
import { sleep, until } from "./support/wait.ts"

const expectRefused = async (args: ReadonlyArray<string>, reason: RegExp): Promise<void> => {
  const { end, stdout, stderr } = await runProgram(args)
  const lines = `${stdout}${stderr}`
    .trimEnd()
    .split("\n")
    .filter((line) => !line.includes("level="))
  expect(lines).toEqual([expect.stringMatching(reason)])
  expect(end).toBe(2)
}

describe("a node", () => {
  test(
    "is refused for each wrong start, and those that run do not notice (S10, M14, O5)",
    () =>
      withCluster(async (cluster) => {
        const load = new Load(cluster.urls, { clients: 4 })
        const [first, second, third] = cluster.nodes as [NodeProcess, NodeProcess, NodeProcess]
        const elsewhere = `${cluster.directory}/elsewhere`
        await expectRefused(["node", "--data", first.data], /^raftlet: .*another process is using it$/)

        await third.kill("SIGTERM")
        await expectRefused(
          ["node", "--data", third.data, "--cluster-id", "other"],
          /^raftlet: --cluster-id: .* belongs to cluster c-[0-9a-f]+, not to other$/,
        )
        await expectRefused(
          ["node", "--data", third.data, "--id", "n1"],
          /^raftlet: --id: .* belongs to n3, not to n1$/,
        )
        await expectRefused(
          ["node", "--data", third.data, "--listen", first.url.slice("http://".length)],
          /^raftlet: .*cannot listen on 127\.0\.0\.1:\d+: the port is in use$/,
        )
        await expectRefused(
          [
            ...["node", "--id", "x1", "--cluster", `x1=127.0.0.1:${second.peerPort}`],
            ...["--listen", third.url.slice("http://".length), "--data", elsewhere],
          ],
          /^raftlet: .*cannot listen on 127\.0\.0\.1:\d+.*in use/,
        )
        // A refused start leaves no trace that would keep the right one from starting.
        third.start()
        await third.ready()
        await load.goOn(50)
        await expectKept(cluster, load, "wrong starts")
      }),
    90_000,
  )

  test(
    "whose data directory was wiped is refused by the others, who go on; it makes no majority with one of them (S6, M10)",
    () =>
      withCluster(async (cluster) => {
        const load = new Load(cluster.urls)
        await load.goOn(500)
        const [wiped, other] = (await cluster.followers()) as [NodeProcess, NodeProcess]
        const before = await other.group()
        await wiped.kill("SIGKILL")
        rmSync(wiped.data, { recursive: true })
        wiped.start({ asNew: true })
        await until("the others to refuse it", () => saysIncarnation(cluster) || null)
        await load.goOn(500)
        expect(await other.group()).toMatchObject({ term: before.term, leader: before.leader })

        // Of the two that know what was acknowledged only one is left: nobody may lead.
        await other.kill("SIGKILL")
        const alone = cluster.nodes.find((node) => node !== wiped && node !== other)!
        await until("the leader to step down", async () => (await alone.group()).leader === null || null)
        await sleep(2000)
        expect(await alone.group()).toMatchObject({ leader: null })
        expect(await wiped.group()).toMatchObject({ leader: null, lastIndex: 0, commitIndex: 0 })

        other.start()
        await cluster.leader()
        await load.goOn(500)
        await wiped.remove()
        await expectKept(cluster, load, "a wiped node")
      }),
    90_000,
  )
})

const saysIncarnation = (cluster: Cluster): boolean =>
  cluster.nodes.some((node) => node.log().includes("other-incarnation"))
