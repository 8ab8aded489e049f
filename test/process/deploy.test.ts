// Does code come into a running cluster as docs/DEPLOYING.md says, and does code that never ends stop nobody else?

import { expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ask, type Cluster, withCluster } from "./support/Cluster.ts"
import { program, runProgram } from "./support/NodeProcess.ts"
import { freePorts } from "./support/ports.ts"
import { until } from "./support/wait.ts"

const testMillisMax = 300_000

interface Block {
  readonly language: string
  readonly text: string
}

/** The fenced blocks of the page's walk, in order. */
const walk = (): ReadonlyArray<Block> => {
  const page = readFileSync(join(import.meta.dir, "../../docs/DEPLOYING.md"), "utf8")
  const section = page.slice(page.indexOf("\n## A walk\n"), page.indexOf("\n## Versions, plans and tokens\n"))
  return [...section.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = "", text = ""]) => ({
    language,
    text,
  }))
}

/** What differs from run to run gets a name for where it comes first; how wide a column is nobody minds. */
const comparable = (text: string): string => {
  const names = new Map<string, string>()
  const named = (id: string): string => {
    const start = id.slice(0, 12)
    if (!names.has(start)) names.set(start, `id${names.size + 1}`)
    return names.get(start)!
  }
  return (
    Bun.stripANSI(text)
      .replaceAll("\r", "")
      .replace(/\b[0-9a-f]{24}\b|\b[0-9a-f]{12}\b/g, named)
      .replace(/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
      .replace(/(entry |"index":|"term":)\d+(?:,\d{3})*/g, "$1N")
      .replace(/^ +[\d,]+(?= {2}\S+ {2})/gm, "N")
      // A node that has had no answer for long asks again by itself.
      .replace(/"replayed":true/g, '"replayed":false')
      .replace(/ +/g, " ")
      .trim()
  )
}

const neighbours = [0, 1, 2, 1000, 1001, 1002]

/** A port that is free together with those of the other nodes, and of all peers. */
const clusterPort = (): number => {
  for (;;) {
    const [port] = freePorts(1)
    try {
      for (const offset of neighbours) {
        Bun.listen({ hostname: "127.0.0.1", port: port! + offset, socket: { data: () => {} } }).stop(true)
      }
      return port!
    } catch {
      // Another one.
    }
  }
}

/** As somebody does it at a terminal, who says yes to every question. */
const atTerminal = async (words: ReadonlyArray<string>, directory: string, url: string): Promise<string> => {
  let shown = ""
  const child = Bun.spawn([process.execPath, program, ...words], {
    cwd: directory,
    env: { ...process.env, RAFTLET_URL: url },
    terminal: {
      cols: 200,
      rows: 50,
      data: (terminal, bytes) => {
        const text = new TextDecoder().decode(bytes)
        shown += text
        if (text.includes("[y/N]")) terminal.write("y\n")
      },
    },
  })
  expect(await child.exited).toBe(0)
  return shown
}

const curl = async (command: string, port: number): Promise<string> => {
  const [, body, address = ""] = /^curl (?:--json '(.*)' )?(\S+)$/.exec(command) ?? []
  const url = address.replace(/:400(\d)/, (_, node) => `:${port + Number(node) - 1}`)
  // Longer than by default: all of it runs on one machine.
  const headers = { "Content-Type": "application/json", "Raftlet-Timeout-Ms": "50000" }
  const response = await fetch(url, body === undefined ? { headers } : { method: "POST", headers, body })
  return response.text()
}

test(
  "the walk of docs/DEPLOYING.md runs as it stands there",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "raftlet-walk-"))
    mkdirSync(join(directory, "actors"))
    const port = clusterPort()
    const flags = [
      "--port",
      `${port}`,
      "--data",
      join(directory, "data"),
      "--actors",
      join(directory, "actors"),
    ]
    const cluster = Bun.spawn([process.execPath, program, "cluster", ...flags], {
      stdout: "pipe",
      stderr: "inherit",
    })
    try {
      const said = cluster.stdout.pipeThrough(new TextDecoderStream()).getReader()
      for (let heard = ""; !heard.includes("Ctrl-C stops all"); ) {
        const { done, value } = await said.read()
        if (done) throw new Error(`the cluster did not start: ${heard}`)
        heard += value
      }
      const blocks = walk()
      let steps = 0
      for (const [at, { language, text }] of blocks.entries()) {
        if (language === "ts") writeFileSync(join(directory, /^\/\/ (\S+)\n/.exec(text)![1]!), text)
        if (language !== "sh") continue
        const command = text.trim()
        const raftlet = /^\.\/bunw run raftlet (.*)$/.exec(command)
        const shown =
          raftlet === null
            ? await curl(command, port)
            : await atTerminal(raftlet[1]!.split(" "), directory, `http://127.0.0.1:${port}`)
        expect(`${command}\n${comparable(shown)}`).toBe(`${command}\n${comparable(blocks[at + 1]!.text)}`)
        steps++
      }
      expect(steps).toBeGreaterThanOrEqual(9)
    } finally {
      cluster.kill("SIGTERM")
      await cluster.exited
      rmSync(directory, { recursive: true, force: true })
    }
  },
  testMillisMax,
)

const job = (version: number, body: string) => `
  import { Schema } from "effect"
  import { actor } from "raftlet"
  export default actor({
    version: ${version},
    state: Schema.Struct({ done: Schema.Int }),
    initial: { done: 0 },
    commands: {
      work: { output: Schema.Int, reduce: ({ done }) => ({ state: { done: done + 1 }, result: done + 1 }) },
      tough: { output: Schema.Int, reduce: ({ done }) => { ${body} } },
    },
  })
`

test(
  "a command that never ends puts its instance into quarantine, and mended code brings it out; nobody else notices, and who joins later has the code",
  () =>
    withCluster(async (cluster) => {
      const directory = mkdtempSync(join(tmpdir(), "raftlet-job-"))
      try {
        await hangAndMend(cluster, directory)
      } finally {
        rmSync(directory, { recursive: true, force: true })
      }
    }),
  testMillisMax,
)

const hangAndMend = async (cluster: Cluster, directory: string): Promise<void> => {
  const file = join(directory, "job.ts")
  const url = ["--url", cluster.urls.join(",")]
  const raftlet = (...words: ReadonlyArray<string>) => runProgram([...words, ...url])
  const call = (command: string, key: string, actor = "job") =>
    propose(`${cluster.urls[1]}/propose/${actor}/${key}/${command}`, actor === "job" ? null : { by: 1 })

  writeFileSync(file, job(1, "for (;;) {}"))
  expect(await raftlet("deploy", file)).toMatchObject({ end: 0 })
  expect(await call("work", "a")).toMatchObject({ status: 200, result: 1 })
  const before = await Promise.all(cluster.nodes.map((node) => node.group()))

  const hanging = call("tough", "a")
  // Other actors do not even wait.
  for (let at = 0; at < 20; at++) expect(await call("add", "b", "counter")).toMatchObject({ status: 200 })
  expect(await hanging).toMatchObject({ status: 423, code: "quarantined", quarantine: { fault: "deadline" } })
  expect(await call("work", "a")).toMatchObject({ status: 423, code: "quarantined" })
  expect(await call("work", "b")).toMatchObject({ status: 200, result: 1 })
  const after = await Promise.all(cluster.nodes.map((node) => node.group()))
  expect(after.map(({ term, leader }) => [term, leader])).toEqual(
    before.map(({ term, leader }) => [term, leader]),
  )

  const listed = await raftlet("actors", "job")
  expect(listed.stdout).toContain("1 in quarantine")
  const again = await raftlet("repair", "job", "a", "--with", "rerun")
  expect(again).toMatchObject({ end: 1, stdout: "" })
  expect(again.stderr).toContain("quarantined: The instance stays in quarantine")

  writeFileSync(file, job(1, "return { state: { done: done + 10 }, result: done + 10 }"))
  const planned = await raftlet("deploy", file)
  expect(planned).toMatchObject({ end: 6 })
  const [, words = ""] = /^ {2}raftlet (activate .*)$/m.exec(planned.stdout) ?? []
  expect(await runProgram(words.split(" "))).toMatchObject({ end: 0 })
  expect(await raftlet("repair", "job", "a", "--with", "rerun")).toMatchObject({ end: 0 })
  expect(await call("work", "a")).toMatchObject({ status: 200, result: 12 })
  expect((await raftlet("actors", "job")).stdout).not.toContain("in quarantine")
  await eachLogTellsOf(cluster)

  const fourth = cluster.newcomer("n4")
  fourth.start()
  await fourth.ready()
  await until("the newcomer to be a member", async () => {
    const read = await ask<{ readonly state: unknown }>(`${fourth.url}/read/job/a`)
    return Bun.deepEquals(read.state, { done: 12 }) || null
  })
  expect(await propose(`${fourth.url}/propose/job/a/work`, null)).toMatchObject({ status: 200, result: 13 })
}

/** Whoever led, and whoever was asked. */
const eachLogTellsOf = async ({ nodes }: Cluster): Promise<void> => {
  for (const node of nodes) {
    const lines = await until(`${node.id} to say that it is repaired`, () => {
      const about = node.log().split("\n")
      const lines = about.filter((line) => line.includes("actor=job"))
      return lines.some((line) => line.includes("an instance is repaired")) ? lines : null
    })
    const told = lines.map((line) => /level=(\w+) .*message="(.*?)"/.exec(line)?.slice(1).join(" "))
    expect(told).toEqual([
      "INFO a version has come in",
      "INFO a version is active from here on",
      "WARN an instance is in quarantine",
      "INFO a version has come in",
      "INFO a version is active from here on",
      "INFO an instance is repaired",
    ])
    expect(lines[2]).toMatch(/index=\d+ actor=job key=a version=[0-9a-f]{24} fault=deadline detail=.* by=n\d/)
  }
}

const propose = async (url: string, input: unknown): Promise<Record<string, unknown>> => {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Raftlet-Timeout-Ms": "50000" },
    body: JSON.stringify(input),
  })
  return { ...((await response.json()) as object), status: response.status }
}
