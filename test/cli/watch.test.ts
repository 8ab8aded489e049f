// Does `watch` show every event once, whichever of the nodes go away meanwhile? Real HTTP against fake nodes. (L10)

import { afterEach, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { EventParser } from "../../src/client/eventStream.ts"
import { FakeCluster, problem } from "./FakeCluster.ts"
import { runCommand } from "./runCommand.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const startCluster = (count: number): FakeCluster => {
  const cluster = new FakeCluster(count)
  cleanups.push(() => cluster.stop())
  return cluster
}

const frame = (id: string, event: string, data: unknown): string =>
  `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`

/** Says all this, and then nothing more: it ends, or it stays open. */
const streamOf = (text: string, isOpen = false): Response =>
  new Response(
    new ReadableStream({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode(text))
        if (!isOpen) controller.close()
      },
    }),
    { headers: { "Content-Type": "text/event-stream", "Raftlet-Node": "n1" } },
  )

const start = (cluster: FakeCluster, ...words: ReadonlyArray<string>) => {
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "fakeProgram.ts"), "watch", ...words, "--url", cluster.urls],
    { stdout: "pipe", stderr: "pipe" },
  )
  cleanups.push(() => child.kill("SIGKILL"))
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader()
  let heard = ""
  const lines = async (count: number): Promise<ReadonlyArray<string>> => {
    while (heard.split("\n").length <= count) {
      const { done, value } = await reader.read()
      if (done) throw new Error(`ended after ${heard}: ${await new Response(child.stderr).text()}`)
      heard += value
    }
    return heard.trimEnd().split("\n")
  }
  return { child, lines }
}

test("it goes on at another node where it was, and ends with Ctrl-C alone: exit code 0", async () => {
  const cluster = startCluster(3)
  const asked: Array<string> = []
  cluster.answer = ({ node, path }) => {
    if (!path.startsWith("/watch")) return null
    asked.push(path)
    if (node === "n3") return problem("not-ready", "it is parted", { retryable: true })
    const after = new URL(path, "http://h").searchParams.get("after")
    if (after === null) return streamOf(`retry: 1\nid: 7\n\n`)
    if (after === "7")
      return streamOf(`id: 7\n\n${frame("8", "added", { by: 1 })}${frame("8.001", "added", { by: 2 })}`)
    if (after === "8.001") return streamOf(frame("9", "said", "a\u001b[2J"))
    return streamOf(
      `:\n\nid: 12\n\n${frame("13", "reset", { state: { value: 5 }, revision: 5, index: 13 })}`,
      true,
    )
  }
  const { child, lines } = start(cluster, "counter", "a/ü")
  expect(await lines(4)).toEqual([
    '        8  added                 {"by":1}',
    '        9  added                 {"by":2}',
    '        9  said                  "a\\u001b[2J"',
    '       13  reset                 {"state":{"value":5},"revision":5,"index":13}',
  ])
  expect(new Set(asked)).toEqual(
    new Set(["", "?after=7", "?after=8.001", "?after=9"].map((query) => `/watch/counter/a%2F%C3%BC${query}`)),
  )
  child.kill("SIGINT")
  expect(await child.exited).toBe(0)
  expect(await new Response(child.stderr).text()).toContain("n1 has ended the stream; going on behind 8.001")
})

test("it waits for nodes to come back, when it has watched before", async () => {
  const cluster = startCluster(1)
  let times = 0
  cluster.answer = ({ path }) => {
    if (!path.startsWith("/watch")) return null
    times++
    if (times === 1) return streamOf(frame("8", "added", 1))
    if (times < 6) return problem("no-leader", "nobody leads", { retryable: true })
    return streamOf(frame("9", "added", 2), true)
  }
  const { child, lines } = start(cluster, "counter", "a", "--timeout", "1", "--json", "--after", "7")
  expect(await lines(2)).toEqual([
    '{"id":"8","index":8,"event":"added","data":1}',
    '{"id":"9","index":9,"event":"added","data":2}',
  ])
  child.kill("SIGTERM")
  expect(await child.exited).toBe(0)
})

test("what no node would say otherwise is said at once: exit code 1", async () => {
  const cluster = startCluster(2)
  cluster.answer = ({ path }) =>
    path.startsWith("/watch") ? problem("unknown-actor", "There is no actor x.", { status: 404 }) : null
  expect(await runCommand(["watch", "x", "a", "--url", cluster.urls])).toEqual({
    code: 1,
    out: "",
    err: "raftlet: unknown-actor: There is no actor x.",
  })
  expect(cluster.seen.length).toBe(1)
})

test("nobody there in the beginning: exit code 3", async () => {
  const cluster = startCluster(1)
  const { urls } = cluster
  await cluster.stop()
  const { code, err } = await runCommand(["watch", "counter", "a", "--url", urls, "--timeout", "1"])
  expect([code, err]).toEqual([3, expect.stringContaining("connection refused")])
})

test.each([
  [["counter"], "Missing"],
  [["", "a"], "ACTOR"],
  [["counter", ""], "KEY"],
  [["counter", "a", "--after", "x"], "--after"],
  [["counter", "a", "--after", "1.5"], "--after"],
])("a wrong command line is one line, and exit code 2: %j", async (words, said) => {
  const { code, out, err } = await runCommand(["watch", ...words])
  expect([code, out, err.split("\n").length]).toEqual([2, "", 1])
  expect(err).toContain(said)
})

test("a stream is taken apart wherever its bytes are cut", () => {
  const text = `retry: 1\n:\n\nid: 7\n\n${frame("8", "added", "ü💥")}data: 1\ndata: 2\n\nid: 9\n`
  const bytes = new TextEncoder().encode(text)
  for (let cut = 0; cut <= bytes.length; cut++) {
    const parser = new EventParser()
    expect([...parser.feed(bytes.slice(0, cut)), ...parser.feed(bytes.slice(cut))]).toEqual([
      { id: "7", event: null, data: "" },
      { id: "8", event: "added", data: '"ü💥"' },
      { id: null, event: "message", data: "1\n2" },
    ])
  }
})
