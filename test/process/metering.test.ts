// Real nodes write metering files while their leaders are killed: do the files add up to what was called, in one directory
// for all nodes as in one for each?

import { describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { type Expected, makeAccessLog } from "./support/accessLog.ts"
import { ask, type Cluster, meteringAlone, withCluster } from "./support/Cluster.ts"
import { type NodeProcess, runProgram } from "./support/NodeProcess.ts"
import { realExpected, realLog } from "./support/realLog.ts"
import { until } from "./support/wait.ts"

const testMillisMax = 180_000

describe("the import of a made log", () => {
  test(
    "ends in files that add up, in a directory that all nodes share, with two leaders killed meanwhile (C1, R16)",
    async () => {
      const { text, expected } = makeAccessLog(4_000)
      const directory = mkdtempSync(join(tmpdir(), "raftlet-files-"))
      try {
        await withCluster(
          async (cluster) => {
            const file = join(cluster.directory, "made.log")
            writeFileSync(file, text)
            await expectFiled(cluster, file, expected, () => [directory])
          },
          { actors: meteringAlone, environment: { RAFTLET_METERING_DIR: directory } },
        )
      } finally {
        rmSync(directory, { recursive: true, force: true })
      }
    },
    testMillisMax,
  )
})

const hasRealLog = existsSync(realLog)
if (!hasRealLog) console.warn(`SKIPPED: metering files of the real access log: there is no ${realLog}`)

// skip: the real log is not beside the checkout
describe.skipIf(!hasRealLog)("the import of the real log", () => {
  test(
    "ends in files with the figures that are known of it, each node's in its data, with two leaders killed (C1, R16)",
    () =>
      withCluster(
        (cluster) =>
          expectFiled(cluster, realLog, realExpected, () =>
            cluster.nodes.map(({ data }) => join(data, "metering")),
          ),
        { actors: meteringAlone },
      ),
    testMillisMax,
  )
})

const expectFiled = async (
  cluster: Cluster,
  log: string,
  expected: Expected,
  directories: () => ReadonlyArray<string>,
): Promise<void> => {
  const tenants = Object.keys(expected.tenants)
  for (const tenant of tenants) {
    await until(`${tenant} to be configured`, () =>
      propose(cluster, tenant, "configure", { graceMillis: 3000 }),
    )
  }
  const importing = runProgram(["import-access-log", log, "--url", cluster.urls.join(",")])
  await until("the import to begin", async () => ((await callsAt(cluster, tenants)) > 0 ? true : null))
  const first = await leaderOf(cluster, "metering-1")
  await first.kill("SIGKILL")
  expect(await importing).toMatchObject({ end: 0 })
  first.start()
  await first.ready()
  // Files are being written, or about to be.
  await until("a file", () => filesIn(directories()).size > 0 || null)
  const second = await leaderOf(cluster, "metering-2")
  await second.kill("SIGKILL")
  second.start()
  await second.ready()
  await until(
    "all files to be written",
    async () => {
      for (const tenant of tenants) {
        const left = [await read(cluster, tenant, "windows"), await read(cluster, tenant, "waiting")]
        if (left.some((all) => (all as ReadonlyArray<unknown>).length > 0)) return null
      }
      return true
    },
    90_000,
  )

  const files = filesIn(directories())
  const lines = [...files].flatMap(([path, text]) =>
    path.endsWith(".jsonl")
      ? text
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line) as Line)
      : [],
  )
  for (const kind of ["minute", "hour", "day"]) {
    const own = lines.filter((line) => line.kind === kind)
    expect(sumBy(own, ({ tenant }) => tenant)).toEqual(expected.tenants)
    expect(sumBy(own, ({ api }) => api)).toMatchObject(expected.routes)
    const errors = Object.entries(expected.statuses).flatMap(([status, calls]) =>
      Number(status) >= 400 ? [calls] : [],
    )
    expect(own.reduce((sum, line) => sum + line.errors, 0)).toBe(
      errors.reduce((sum, calls) => sum + calls, 0),
    )
  }
  const confirmed: Array<string> = []
  for (const tenant of tenants) {
    const { written } = (await read(cluster, tenant, "files")) as {
      readonly written: ReadonlyArray<{ readonly name: string; readonly sha256: string }>
    }
    for (const { name, sha256 } of written) {
      const path = `${name}/${tenant}.jsonl`
      expect(new Bun.CryptoHasher("sha256").update(files.get(path) ?? "").digest("hex")).toBe(sha256)
      confirmed.push(path, `${name}/${tenant}.csv`)
    }
  }
  expect(confirmed.toSorted()).toEqual([...files.keys()].sort())
}

interface Line {
  readonly tenant: string
  readonly kind: string
  readonly api: string
  readonly calls: number
  readonly errors: number
}

/** By the path below its directory. The same file in two directories has the same bytes. */
const filesIn = (directories: ReadonlyArray<string>): ReadonlyMap<string, string> => {
  const files = new Map<string, string>()
  for (const directory of directories.filter(existsSync)) {
    for (const one of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      const path = relative(directory, join(one.parentPath, one.name))
      if (!one.isFile() || path.startsWith(".unfinished")) continue
      const text = readFileSync(join(directory, path), "utf8")
      expect(files.get(path) ?? text).toBe(text)
      files.set(path, text)
    }
  }
  return files
}

const leaderOf = (cluster: Cluster, group: string): Promise<NodeProcess> =>
  until(`a leader of ${group}`, async () => {
    for (const node of cluster.running) {
      const { groups } = await node.report()
      if (groups.some((one) => one.group === group && one.role === "leader" && one.ready)) return node
    }
    return null
  })

const propose = (cluster: Cluster, tenant: string, command: string, input: object): Promise<object> =>
  ask(`${cluster.running[0]!.url}/propose/metering/${tenant}/${command}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(input),
  })

const read = async (cluster: Cluster, tenant: string, query: string): Promise<unknown> =>
  (
    await ask<{ readonly result: unknown }>(
      `${cluster.running[0]!.url}/read/metering/${encodeURIComponent(tenant)}/${query}`,
    )
  ).result

const callsAt = async (cluster: Cluster, tenants: ReadonlyArray<string>): Promise<number> => {
  let calls = 0
  for (const tenant of tenants) calls += ((await read(cluster, tenant, "total")) as { calls: number }).calls
  return calls
}

const sumBy = (
  lines: ReadonlyArray<Line>,
  nameOf: (line: Line) => string,
): Readonly<Record<string, number>> => {
  const sums: Record<string, number> = {}
  for (const line of lines) sums[nameOf(line)] = (sums[nameOf(line)] ?? 0) + line.calls
  return sums
}
