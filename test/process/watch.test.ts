// Nodes are killed, stopped, started and filled by snapshots: does whoever watches see every event once? (L10)

import { expect, test } from "bun:test"
import { join } from "node:path"
import { EventStream } from "../support/EventStream.ts"
import { ask, withCluster } from "./support/Cluster.ts"
import { Follower, gapsOf, Ticking, tick } from "./support/Follower.ts"
import { program } from "./support/NodeProcess.ts"
import { sleep, until } from "./support/wait.ts"

const actors = join(import.meta.dir, "actors")
const testMillisMax = 180_000

/** Every second client begins at another node than the others. */
const startingAt = (urls: ReadonlyArray<string>, at: number) => [...urls.slice(at), ...urls.slice(0, at)]

test(
  "watchers across kill -9, leader changes, restarts and SIGTERM see every event of all entries once, in order (L10, C10)",
  () =>
    withCluster(
      async (cluster) => {
        const { urls } = cluster
        const keys = ["a", "b"]
        const ticking = new Ticking(urls, keys)
        const followers = keys.flatMap((key) =>
          urls.map((_, at) => ({ key, of: new Follower(startingAt(urls, at), key) })),
        )
        await ticking.goOn(50)
        const leader = await cluster.leader()
        await leader.kill("SIGKILL")
        await cluster.leader()
        await ticking.goOn(50)
        leader.start()
        await leader.ready()
        await ticking.goOn(50)
        // In turn, all of them: whoever watches at one finds another.
        for (const node of cluster.nodes) {
          const beganAt = performance.now()
          expect(await node.kill("SIGTERM")).toBe(0)
          expect(performance.now() - beganAt).toBeLessThan(5000)
          await ticking.goOn(30)
          node.start()
          await node.ready()
          await ticking.goOn(30)
        }
        await Promise.all(cluster.nodes.map((node) => node.kill("SIGKILL")))
        for (const node of cluster.nodes) node.start()
        await cluster.leader()
        await ticking.goOn(50)
        await ticking.stop()
        for (const { key, of } of followers) await of.reach(ticking.ticks[key]!)
        for (const { key, of } of followers) {
          await of.stop()
          expect(gapsOf(of)).toEqual([])
          expect(of.last).toBe(ticking.ticks[key]!)
          expect(of.streams).toBeGreaterThan(2)
          // None was away for longer than what every node remembers.
          expect(of.resets).toBe(0)
          // And all were told the same, down to chance and time.
          expect(of.seen.map(({ text }) => text)).toEqual(
            followers.find((other) => other.key === key)!.of.seen.map(({ text }) => text),
          )
        }
      },
      { actors },
    ),
  testMillisMax,
)

/** More than the log keeps behind the flushed state (50,000), and than is worth a cut (10,000). */
const commands = 66_000
const batchCommands = 1000

test(
  "who watches at a node that comes back through a snapshot is told the state it stands for, once, and nobody else is (L10, N8)",
  () =>
    withCluster(
      async (cluster) => {
        const { urls } = cluster
        for (const key of ["busy", "quiet"]) await tick(urls, key, 3)
        const [away] = await cluster.followers()
        const steady = new Follower(urls, "busy")
        // They know this node alone.
        const late = new Follower([away!.url], "busy")
        const resting = new Follower([away!.url], "quiet")
        for (const follower of [steady, late, resting]) await follower.reach(3)
        await away!.kill("SIGKILL")
        const running = cluster.running.map(({ url }) => url)
        await tick(running, "busy", 2)
        await fill((await cluster.leader()).url)
        await tick(running, "busy", 2)
        for (const node of cluster.running) {
          await ask(`${node.url}/admin/snapshot`, { method: "POST" })
          await until(
            `the log of ${node.id} to be cut`,
            async () => (await node.group()).firstIndex > 1 || null,
          )
        }
        away!.start()
        await until(
          "the snapshot to be installed",
          () => away!.log().includes("a snapshot is installed") || null,
          60_000,
        )
        await late.reach(7)
        expect(await tick(urls, "busy", 2)).toBe(9)
        expect(await tick(urls, "quiet", 1)).toBe(4)
        await Promise.all([late.reach(9), steady.reach(9), resting.reach(4)])
        await Promise.all([late, steady, resting].map((follower) => follower.stop()))
        expect([late, steady, resting].flatMap(gapsOf)).toEqual([])
        // As of the snapshot, or of a little later: what it was away for was not told.
        const state = late.seen.findIndex(({ isReset }) => isReset)
        expect([late.resets, late.seen[state - 1]!.at, late.seen.at(-1)!.at]).toEqual([1, 3, 9])
        expect(late.seen[state]!.at).toBeGreaterThanOrEqual(5)
        // The one has seen everything; of the other nothing was written that it could have missed.
        expect([steady.resets, resting.resets]).toEqual([0, 0])
        expect([steady.seen.length, resting.seen.length]).toEqual([9, 4])
      },
      { actors },
    ),
  testMillisMax,
)

/** Adds 1 so many times to a hundred counters, which tell it: more events than a node keeps. */
const fill = async (url: string): Promise<void> => {
  let batch = 0
  const send = async (): Promise<void> => {
    while (batch < commands / batchCommands) {
      const own = batch++
      const proposals = Array.from({ length: batchCommands }, (_, at) => ({
        actor: "counter",
        key: `bulk${at % 100}`,
        command: "add",
        input: { by: 1 },
        idempotencyKey: `bulk-${own}-${at}`,
      }))
      await ask(`${url}/propose`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "Raftlet-Timeout-Ms": "10000" },
        body: JSON.stringify({ proposals }),
      })
    }
  }
  await Promise.all(Array.from({ length: 4 }, send))
}

test(
  "a node that is parted from the others begins no stream, and ends those that it has: there may be news elsewhere (L7)",
  () =>
    withCluster(
      async (cluster) => {
        expect(await tick(cluster.urls, "a", 1)).toBe(1)
        const leader = await cluster.leader()
        const url = `${leader.url}/watch/ticker/a`
        const stream = new EventStream(await fetch(url))
        expect(await tick(cluster.urls, "a", 1)).toBe(2)
        expect(await stream.next()).toMatchObject({ event: "tick" })
        for (const follower of await cluster.followers()) follower.signal("SIGSTOP")
        const refused = await fetch(url, { headers: { "Raftlet-Timeout-Ms": "2000" } })
        expect(refused.status).toBe(503)
        expect(await refused.json()).toMatchObject({ code: "no-leader", retryable: true })
        expect(await stream.next()).toBeNull()
      },
      { actors },
    ),
  testMillisMax,
)

test(
  "`raftlet watch` goes on at other nodes until Ctrl-C, and prints every event once (L10)",
  () =>
    withCluster(
      async (cluster) => {
        const { urls } = cluster
        const child = Bun.spawn(
          [
            process.execPath,
            program,
            "watch",
            "ticker",
            "a",
            "--after",
            "0",
            "--json",
            "--url",
            urls.join(","),
          ],
          { stdout: "pipe", stderr: "pipe" },
        )
        try {
          const lines = linesOf(child.stdout)
          const ticking = new Ticking(urls, ["a"])
          await ticking.goOn(20)
          for (const node of cluster.nodes.slice(0, 2)) {
            await node.kill("SIGKILL")
            await cluster.leader()
            await ticking.goOn(20)
            node.start()
            await node.ready()
          }
          await ticking.stop()
          const last = ticking.ticks.a!
          await until("the last one", () => numberIn(lines.at(-1)) === last || null)
          await sleep(50)
          child.kill("SIGINT")
          expect(await child.exited).toBe(0)
          expect(lines.map(numberIn)).toEqual(Array.from({ length: last }, (_, at) => at + 1))
        } finally {
          child.kill("SIGKILL")
        }
      },
      { actors },
    ),
  testMillisMax,
)

const numberIn = (line: string | undefined): number | null =>
  line === undefined ? null : (JSON.parse(line) as { readonly data: { readonly at: number } }).data.at

/** Grows as the process speaks. */
const linesOf = (stream: ReadableStream<Uint8Array>): Array<string> => {
  const lines: Array<string> = []
  const read = async (): Promise<void> => {
    let rest = ""
    for await (const bytes of stream.pipeThrough(
      new TextDecoderStream() as never,
    ) as ReadableStream<string>) {
      const parts = (rest + bytes).split("\n")
      rest = parts.pop()!
      lines.push(...parts)
    }
  }
  void read().catch(() => {})
  return lines
}
