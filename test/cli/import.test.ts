// Is every call of a log counted once, whatever the cluster does meanwhile? The real client against a cluster
// of three doors to one meter, which answers as badly as a real one can. (C1, C2)

import { afterAll, afterEach, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { madeLog, madeLogFacts } from "./madeLog.ts"
import { runCommand } from "./runCommand.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const directory = mkdtempSync(join(tmpdir(), "raftlet-import-"))
const file = join(directory, "api.log")
await Bun.write(file, madeLog.join("\n"))
afterAll(() => rmSync(directory, { recursive: true }))

interface Proposal {
  readonly key: string
  readonly idempotencyKey: string
  readonly input: {
    readonly method: string
    readonly route: string
    readonly status: number
    readonly bytes: number
  }
}
interface Totals {
  calls: number
  bytes: number
  latencyMillis: number
}

/** What happens to the n-th batch, from 1. */
type Weather = (
  batch: number,
) => "answer" | "no-leader" | "unknown" | "execute-and-cut" | "cut" | "half" | "refuse"

const meters: Array<{ stop: () => Promise<void> }> = []
afterEach(async () => {
  for (const meter of meters.splice(0)) await meter.stop()
})

const startMeter = (weather: Weather = () => "answer") => {
  const seen = new Map<string, number>()
  const tenants = new Map<
    string,
    { total: Totals; byRoute: Record<string, Totals>; byStatus: Record<string, Totals> }
  >()
  let batches = 0
  let executed = 0
  const count = (totals: Totals | undefined, bytes: number): Totals => ({
    calls: (totals?.calls ?? 0) + 1,
    bytes: (totals?.bytes ?? 0) + bytes,
    latencyMillis: 1,
  })
  const execute = ({ key, idempotencyKey, input }: Proposal) => {
    const name = `${key}\n${idempotencyKey}`
    const index = seen.get(name)
    if (index !== undefined) return { result: 1, revision: 1, index, term: 1, replayed: true }
    executed++
    seen.set(name, executed)
    const state = tenants.get(key)
    const route = `${input.method} ${input.route}`
    tenants.set(key, {
      total: count(state?.total, input.bytes),
      byRoute: { ...state?.byRoute, [route]: count(state?.byRoute[route], input.bytes) },
      byStatus: {
        ...state?.byStatus,
        [input.status]: count(state?.byStatus[String(input.status)], input.bytes),
      },
    })
    return { result: 1, revision: 1, index: executed, term: 1, replayed: false }
  }
  const problem = (code: string, retryable: boolean) => ({
    code,
    status: retryable ? 503 : 400,
    detail: `${code}!`,
    outcome: code === "leadership-lost" ? "unknown" : "rejected",
    retryable,
  })
  const propose = async (request: Request): Promise<Response> => {
    const { proposals } = (await request.json()) as { proposals: ReadonlyArray<Proposal> }
    switch (weather(++batches)) {
      case "answer":
        return Response.json({ outcomes: proposals.map(execute) })
      case "no-leader":
        return Response.json(problem("no-leader", true), { status: 503 })
      case "unknown":
        proposals.forEach(execute)
        return Response.json({ outcomes: proposals.map(() => problem("leadership-lost", true)) })
      case "half":
        return Response.json({
          outcomes: proposals.map((one, at) => (at % 2 === 0 ? execute(one) : problem("overloaded", true))),
        })
      case "refuse":
        return Response.json({ outcomes: proposals.map(() => problem("invalid-input", false)) })
      case "execute-and-cut":
        proposals.forEach(execute)
        return new Response("{", { status: 200 })
      case "cut":
        return new Response("Bad Gateway", { status: 502 })
    }
  }
  const read = (path: string): Response => {
    const key = decodeURIComponent(path.split("/")[3] ?? "")
    if (key === "") {
      const instances = [...tenants.keys()].sort().map((key) => ({ key, revision: 1 }))
      return Response.json({ instances, next: null })
    }
    return Response.json({ state: tenants.get(key), revision: 1, index: executed })
  }
  const servers = Array.from({ length: 3 }, () =>
    Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) =>
        request.method === "POST" ? propose(request) : read(new URL(request.url).pathname),
    }),
  )
  const meter = {
    tenants,
    executed: () => executed,
    urls: servers.map(({ port }) => `http://127.0.0.1:${port}`).join(","),
    stopFirst: () => servers[0]?.stop(true),
    stop: async () => {
      for (const server of servers) await server.stop(true)
    },
  }
  meters.push(meter)
  return meter
}

const run = (urls: string, ...more: ReadonlyArray<string>) =>
  runCommand(["import-access-log", file, "--url", urls, ...more])

const figuresOf = ({ tenants }: ReturnType<typeof startMeter>) => {
  const sum = (field: "byRoute" | "byStatus") => {
    const sums: Record<string, number> = {}
    for (const state of tenants.values()) {
      for (const [name, { calls }] of Object.entries(state[field])) sums[name] = (sums[name] ?? 0) + calls
    }
    return sums
  }
  return {
    byTenant: Object.fromEntries([...tenants].map(([tenant, { total }]) => [tenant, total.calls])),
    byStatus: sum("byStatus"),
    byRoute: sum("byRoute"),
  }
}

const { byTenant, byStatus, byRoute, calls } = madeLogFacts
const facts = { byTenant, byStatus, byRoute }

test("an import counts every call by tenant, status and route, and prints what it reads back", async () => {
  const meter = startMeter()
  const { code, out, err } = await run(meter.urls)
  expect({ code, err }).toEqual({ code: 0, err: "" })
  expect(figuresOf(meter)).toEqual(facts)
  expect(out).toContain(`${madeLog.length} lines, ${calls} calls: ${calls} recorded, 0 recorded before`)
  expect(out).toContain("1 malformed, skipped, such as")
  expect(out).toContain(`Read back from the cluster: ${calls} calls`)
  for (const [name, count] of Object.entries({ ...byStatus, ...byRoute })) {
    expect(out.split("\n").some((line) => line.startsWith(name) && line.includes(` ${count} `))).toBe(true)
  }
})

test("a second import changes nothing, and says so (C1)", async () => {
  const meter = startMeter()
  await run(meter.urls)
  const { code, out } = await run(meter.urls)
  expect(code).toBe(0)
  expect(out).toContain(`0 recorded, ${calls} recorded before`)
  expect(figuresOf(meter)).toEqual(facts)
})

for (const trouble of ["no-leader", "unknown", "execute-and-cut", "cut", "half"] as const) {
  test(`when the first batch meets "${trouble}", it is sent again with the same keys, and counted once (C1, C2)`, async () => {
    const meter = startMeter((batch) => (batch === 1 ? trouble : "answer"))
    const { code } = await run(meter.urls)
    expect(code).toBe(0)
    expect(figuresOf(meter)).toEqual(facts)
    expect(meter.executed()).toBe(calls)
  })
}

test("when the first node is dead, the others are asked", async () => {
  const meter = startMeter()
  await meter.stopFirst()
  expect((await run(meter.urls)).code).toBe(0)
  expect(figuresOf(meter)).toEqual(facts)
})

test("what is refused for good is named, and the exit code says that not all is recorded", async () => {
  const { code, out, err } = await run(startMeter(() => "refuse").urls)
  expect(code).toBe(1)
  expect(out).toContain(`${calls} refused, such as`)
  expect(out).toContain("invalid-input!")
  expect(err).toBe(`raftlet: ${calls} of ${calls} calls were not recorded`)
})

test("what gets no certain answer until patience ends is named as well", async () => {
  const { code, out, err } = await run(startMeter(() => "no-leader").urls, "--patience", "1")
  expect(code).toBe(1)
  expect(out).toContain(`${calls} without an answer, such as`)
  expect(err).toContain("were not recorded")
})
