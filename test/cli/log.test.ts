// Is the log readable in a terminal, whole for a program, and never more than was asked for?
// Real HTTP against a fake node.

import { afterEach, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { FakeCluster } from "./FakeCluster.ts"
import { runCommand } from "./runCommand.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const clusters: Array<FakeCluster> = []
afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.stop()
})

const entryOf = (index: number) => ({
  ...{
    index,
    term: 2,
    time: "2026-11-23T10:11:12.345Z",
    kind: "command",
    actor: "counter",
    key: `k${index}`,
  },
  ...{ command: "add", input: { by: 1 }, truncated: false, idempotencyKey: `i${index}`, version: "v1" },
})

/** A node whose log goes from 10 to `log.last`; a page has 3 entries at the most. */
const start = (last: number, entry: (index: number) => object = entryOf) => {
  const cluster = new FakeCluster(1)
  clusters.push(cluster)
  const log = { last }
  cluster.answer = ({ path }) => {
    const { pathname, searchParams } = new URL(path, "http://h")
    if (pathname !== "/admin/log") return null
    const from = Math.max(10, Number(searchParams.get("from")))
    const count = Math.min(3, Number(searchParams.get("limit")), log.last - from + 1)
    const entries = Array.from({ length: Math.max(0, count) }, (_, at) => entry(from + at))
    const next = from + entries.length
    return Response.json({
      firstIndex: 10,
      lastIndex: log.last,
      entries,
      next: next > log.last ? null : next,
    })
  }
  return { cluster, log }
}

const run = (cluster: FakeCluster, ...words: ReadonlyArray<string>) =>
  runCommand(["log", "--url", cluster.urls, ...words])

const indexesIn = (out: string) =>
  out
    .split("\n")
    .slice(1)
    .map((line) => Number(line.slice(0, 9)))

test("the newest are shown, page by page, oldest first", async () => {
  const { cluster } = start(100)
  const { code, out } = await run(cluster, "--limit", "7")
  expect(code).toBe(0)
  expect(indexesIn(out)).toEqual([94, 95, 96, 97, 98, 99, 100])
  expect(indexesIn((await run(cluster)).out).length).toBe(20)
  // It does not go back further than the log does.
  expect(indexesIn((await run(cluster, "--limit", "1000")).out)[0]).toBe(10)
})

test("--from begins there, and ends after so many", async () => {
  const { cluster } = start(100)
  expect(indexesIn((await run(cluster, "--from", "50", "--limit", "5")).out)).toEqual([50, 51, 52, 53, 54])
  expect(indexesIn((await run(cluster, "--from", "99", "--limit", "5")).out)).toEqual([99, 100])
  expect((await run(cluster, "--from", "101")).out.split("\n").length).toBe(1)
})

test("a line says when, who, what and with which input, and moves no cursor", async () => {
  const entries = [
    { index: 10, term: 1, time: "1970-01-01T00:00:00.000Z", kind: "noop" },
    { ...entryOf(11), key: "a\u001b[2J" },
    { ...entryOf(12), input: `"${"x".repeat(90)}`, truncated: true, timer: "t-1" },
    {
      ...{ index: 13, term: 2, time: "2026-11-23T10:11:12.345Z", kind: "configuration" },
      configuration: { voters: ["n1", "n4"], outgoing: ["n1", "n2"], learners: ["n3"] },
    },
    { index: 14, term: 2, time: "2026-11-23T10:11:12.345Z", kind: "command", unreadable: true },
    {
      ...{ index: 15, term: 1003, time: "2026-11-23T10:11:12.345Z", kind: "configuration" },
      configuration: { voters: ["n1"], outgoing: [], learners: [], resetFrom: ["n1", "n2", "n3"] },
    },
  ]
  const { cluster } = start(15, (index) => entries[index - 10]!)
  const at = "2026-11-23T10:11:12.345Z"
  expect((await run(cluster)).out.split("\n")).toEqual([
    "    index   term  time                      what                          input",
    "       10      1  -                         a leader's term begins",
    `       11      2  ${at}  counter/a\\u001b[2J add        {"by":1}`,
    `       12      2  ${at}  counter/k12 add (timer)       "${"x".repeat(59)}…`,
    `       13      2  ${at}  members: n1,n4 with n1,n2 learners n3`,
    `       14      2  ${at}  of a later version`,
    `       15   1003  ${at}  members: n1 by recover, before: n1,n2,n3`,
  ])
})

test("of a log that cannot be had only the failure is said", async () => {
  const { cluster } = start(14)
  cluster.answer = () => null
  expect(await run(cluster)).toEqual({
    code: 1,
    out: "",
    err: "raftlet: not-found: There is nothing at this path.",
  })
})

test("--json is one document, as the route has it, with what this version does not know", async () => {
  const { cluster } = start(14, (index) => ({ ...entryOf(index), later: true }))
  const { out } = await run(cluster, "--from", "0", "--limit", "4", "--json")
  expect(JSON.parse(out)).toEqual({
    firstIndex: 10,
    lastIndex: 14,
    entries: [10, 11, 12, 13].map((index) => ({ ...entryOf(index), later: true })),
    next: 14,
  })
})

for (const format of ["text", "json"]) {
  test(`--follow goes on with what comes, as ${format}, until it is stopped: exit code 0`, async () => {
    const { cluster, log } = start(12)
    const child = Bun.spawn(
      [
        ...[
          process.execPath,
          join(import.meta.dir, "fakeProgram.ts"),
          "log",
          "--url",
          cluster.urls,
          "--follow",
        ],
        ...(format === "json" ? ["--json"] : []),
      ],
      { stdout: "pipe", stderr: "pipe" },
    )
    try {
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader()
      let heard = ""
      const until = async (words: string) => {
        while (!heard.includes(words)) {
          const { done, value } = await reader.read()
          if (done) throw new Error(`ended after ${heard}`)
          heard += value
        }
      }
      await until("k12")
      log.last = 17
      await until("k17")
      child.kill("SIGINT")
      expect(await child.exited).toBe(0)
      const indexes =
        format === "json"
          ? heard
              .trim()
              .split("\n")
              .map((line) => (JSON.parse(line) as { index: number }).index)
          : indexesIn(heard.trimEnd())
      expect(indexes).toEqual([10, 11, 12, 13, 14, 15, 16, 17])
    } finally {
      child.kill("SIGKILL")
    }
  })
}
