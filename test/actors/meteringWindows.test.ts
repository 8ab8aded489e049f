// When is a window of the metering actor over, what stands in its file, and is every call in exactly one?

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { testActor } from "raftlet/testing"
import metering from "../../actors/metering/index.ts"

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour
const graceMillis = 30 * second
/** Where the log's time begins: on the hour, and on the day. */
const now = Date.UTC(2026, 0, 1)
const tenant = "Acme & Co"

interface Given {
  readonly id: string
  readonly time?: number
  readonly route?: string
  readonly status?: number
  readonly latencyMillis?: number
}

const subjectAt = (at = now) => {
  const subject = testActor(metering, { now: at })
  const record = ({ id, time = subject.now, route = "/a", status = 200, latencyMillis = 3 }: Given) =>
    subject.execute(
      tenant,
      "record",
      { time, method: "GET", route, status, bytes: 7, latencyMillis, requestId: id },
      { idempotencyKey: id },
    )
  const file = (name: string) => subject.query(tenant, "file", { name })
  const confirm = (name: string) =>
    subject.execute(tenant, "confirmFile", { name, bytes: 1, sha256: "0".repeat(64) })
  const waiting = () => subject.query(tenant, "waiting")
  const open = () => subject.query(tenant, "windows").map(({ kind, window }) => `${kind}/${window}`)
  return { subject, record, file, confirm, waiting, open }
}

describe("a window", () => {
  test("is open until its end and the grace have passed, and closes then by itself", () => {
    const { subject, record, waiting, open } = subjectAt()
    record({ id: "one", time: now + 10 * second })
    expect(open()).toEqual(["minute/2026-01-01T00-00Z", "hour/2026-01-01T00Z", "day/2026-01-01"])
    subject.advance(minute + graceMillis - 1)
    expect(waiting()).toEqual([])
    subject.advance(1)
    expect(waiting()).toEqual(["minute/2026-01-01T00-00Z"])
    subject.advance(hour - minute)
    expect(waiting()).toEqual(["minute/2026-01-01T00-00Z", "hour/2026-01-01T00Z"])
    subject.advance(day - hour)
    expect(waiting()).toEqual(["minute/2026-01-01T00-00Z", "hour/2026-01-01T00Z", "day/2026-01-01"])
    expect(open()).toEqual([])
  })

  test("takes late calls within its grace, and has a correction for each time that later ones came", () => {
    const { subject, record, file, waiting } = subjectAt()
    record({ id: "in time" })
    subject.advance(minute + graceMillis - 1)
    record({ id: "late", time: now })
    subject.advance(1)
    record({ id: "too late", time: now })
    subject.advance(graceMillis)
    record({ id: "much too late", time: now })
    subject.advance(graceMillis)
    const name = "minute/2026-01-01T00-00Z"
    expect(waiting()).toEqual([name, `${name}-correction-1`, `${name}-correction-2`])
    const calls = waiting().map((one) => JSON.parse(file(one)!.jsonl).calls)
    expect(calls).toEqual([2, 1, 1])
  })

  test("of an old log closes when the grace has passed since its first call, however many follow", () => {
    const { subject, record, waiting, open } = subjectAt()
    const time = Date.UTC(2017, 4, 16, 0, 14, 59)
    for (let at = 0; at < 4; at++) {
      record({ id: `${at}`, time: time + at })
      subject.advance(graceMillis / 4)
    }
    expect(open()).toEqual([])
    expect(waiting().toSorted()).toEqual([
      "day/2017-05-16",
      "hour/2017-05-16T00Z",
      "minute/2017-05-16T00-14Z",
    ])
  })

  test("of a caller whose clock is years ahead is open no longer than others", () => {
    const { subject, record, open } = subjectAt()
    record({ id: "ahead", time: now + 1000 * day })
    subject.advance(minute + graceMillis)
    expect(open()).toEqual(["hour/2028-09-27T00Z", "day/2028-09-27"])
    subject.advance(day - minute)
    expect(open()).toEqual([])
  })

  test("that must close before the timer was set for has one of its own", () => {
    const { subject, record, waiting } = subjectAt()
    subject.execute(tenant, "configure", { files: { minute: false, hour: false, day: true } })
    record({ id: "today" })
    subject.advance(minute + graceMillis)
    record({ id: "old", time: now - 100 * day })
    subject.advance(graceMillis)
    expect(waiting()).toEqual(["day/2025-09-23"])
    subject.advance(day)
    expect(waiting()).toEqual(["day/2025-09-23", "day/2026-01-01"])
  })

  test("closes by the timer of the one that closes first, not by one for each window, or for each call", () => {
    const { subject, record } = subjectAt()
    subject.execute(tenant, "configure", { files: { minute: false, hour: false, day: false } })
    for (let at = 0; at < 20; at++) record({ id: `${at}`, time: now - at * day })
    // The first was for the minute that is not over yet.
    const alarms = [now + minute + graceMillis, now + graceMillis]
    expect(subject.state(tenant).alarms).toEqual(alarms)
    record({ id: "again", time: now })
    expect(subject.state(tenant).alarms).toEqual(alarms)
    subject.advance(2 * day)
    expect(subject.state(tenant)).toMatchObject({ alarms: [], open: [] })
  })

  test("of a kind that gets no file is counted, and forgotten", () => {
    const { subject, record, waiting, open } = subjectAt()
    subject.execute(tenant, "configure", { files: { minute: false, hour: true, day: false } })
    record({ id: "one" })
    subject.advance(2 * day)
    expect([open(), waiting()]).toEqual([[], ["hour/2026-01-01T00Z"]])
  })
})

describe("the file of a window", () => {
  test("says what each API was called for, in two forms, to the byte", () => {
    const { subject, record, file, confirm } = subjectAt()
    record({ id: "1", route: "/b" })
    record({ id: "2", route: "/a,{id}", status: 404, latencyMillis: 0.0504 })
    record({ id: "3", route: "/a,{id}", status: 503, latencyMillis: 20_000 })
    subject.advance(minute + graceMillis)
    const name = "minute/2026-01-01T00-00Z"
    const { jsonl, csv } = file(name)!
    const counts = "1,5,10,25,50,100,250,500,1000,2500,5000,10000".split(",").map((bound) => `upTo${bound}Ms`)
    const none = Object.fromEntries([...counts, "above10000Ms"].map((count) => [count, 0]))
    const head = { tenant, file: name, kind: "minute" }
    const times = { from: "2026-01-01T00:00:00.000Z", to: "2026-01-01T00:01:00.000Z" }
    const lines = [
      {
        ...{ ...head, ...times, api: "GET /a,{id}", calls: 2, errors: 2, serverErrors: 1, bytes: 14 },
        ...{ latencyMicros: 20_000_050, latencyMicrosMax: 20_000_000, ...none, upTo1Ms: 1, above10000Ms: 1 },
      },
      {
        ...{ ...head, ...times, api: "GET /b", calls: 1, errors: 0, serverErrors: 0, bytes: 7 },
        ...{ latencyMicros: 3000, latencyMicrosMax: 3000, ...none, upTo5Ms: 1 },
      },
    ]
    expect(jsonl).toBe(lines.map((line) => `${JSON.stringify(line)}\n`).join(""))
    expect(csv).toBe(
      [
        `tenant,file,kind,from,to,api,calls,errors,serverErrors,bytes,latencyMicros,latencyMicrosMax,${counts},above10000Ms`,
        `Acme & Co,${name},minute,${times.from},${times.to},"GET /a,{id}",2,2,1,14,20000050,20000000,1,0,0,0,0,0,0,0,0,0,0,0,1`,
        `Acme & Co,${name},minute,${times.from},${times.to},GET /b,1,0,0,7,3000,3000,0,1,0,0,0,0,0,0,0,0,0,0,0`,
        "",
      ].join("\n"),
    )
    confirm(name)
    expect(file(name)).toBeNull()
    expect(subject.query(tenant, "files")).toMatchObject({
      written: [{ name, calls: 3, bytes: 1 }],
      totals: { minute: { files: 1, calls: 3 } },
    })
    expect(subject.events(tenant)).toMatchObject([{ event: "written", data: { name } }])
  })

  test("is confirmed once, and only when it waits", () => {
    const { subject, record, confirm } = subjectAt()
    record({ id: "1" })
    const name = "minute/2026-01-01T00-00Z"
    expect(confirm(name)).toMatchObject({ outcome: "refused", code: "not-waiting" })
    subject.advance(minute + graceMillis)
    expect(confirm(name)).toMatchObject({ outcome: "executed" })
    expect(confirm(name)).toMatchObject({ outcome: "refused", code: "not-waiting" })
  })
})

describe("the state of a tenant", () => {
  test("stays within its bounds when nobody writes files, whatever calls say of themselves, and loses no call", () => {
    const { subject, record, confirm, waiting, file } = subjectAt()
    const long = "/x".repeat(120)
    for (let at = 0; at < 3000; at++) {
      record({ id: `${at}`, time: now - at * 37 * minute, route: `${long}${at % 60}\\"` })
      record({ id: `${at} as well`, time: now - (at % 20) * 37 * minute, route: `${long}${at % 60}` })
    }
    const state = subject.state(tenant)
    expect(state.open.length).toBeLessThanOrEqual(3 * 17)
    expect(state.waiting).toHaveLength(32)
    expect(JSON.stringify(state).length).toBeLessThan(2_000_000)
    const sums: Record<string, number> = { minute: 0, hour: 0, day: 0 }
    const seen = new Set<string>()
    for (let patience = 0; patience < 100; patience++) {
      subject.advance(day)
      for (const name of waiting()) {
        expect(seen.has(name)).toBe(false)
        seen.add(name)
        const lines = file(name)!.jsonl.trimEnd().split("\n")
        expect(lines.length).toBeLessThanOrEqual(51)
        for (const line of lines) sums[name.split("/")[0]!]! += JSON.parse(line).calls
        confirm(name)
      }
    }
    expect(sums).toEqual({ minute: 6000, hour: 6000, day: 6000 })
    expect([...seen].some((name) => name.includes("various-late"))).toBe(true)
    expect(subject.state(tenant)).toMatchObject({ open: [], waiting: [], alarms: [] })
  }, 180_000)

  test("names what comes for a window that was forgotten as nothing was named before", () => {
    const { subject, record, confirm, waiting } = subjectAt()
    subject.execute(tenant, "configure", { files: { minute: true, hour: false, day: false } })
    for (let at = 0; at < 120; at++) {
      record({ id: `${at}`, time: now + at * minute })
      subject.advance(2 * minute)
      for (const name of waiting()) confirm(name)
    }
    for (const id of ["late", "later"]) {
      record({ id, time: now })
      subject.advance(minute)
    }
    expect(waiting()).toEqual(["minute/2026-01-01T00-00Z-late-1", "minute/2026-01-01T00-00Z-late-2"])
    expect(subject.query(tenant, "files").totals["minute"]).toEqual({ files: 120, calls: 120 })
  })
})

/** What happens to a tenant. Times are in seconds, before or after the log's own. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("record" as const),
      id: fc.integer({ min: 0, max: 40 }),
      age: fc.oneof(
        fc.integer({ min: -100, max: 200 }),
        fc.integer({ min: -9_000, max: 9_000 }),
        fc.integer({ min: 0, max: 3_000_000 }),
      ),
      route: fc.constantFrom("/a", "/b", '/"c"'),
      status: fc.constantFrom(200, 404, 500),
      latencyMillis: fc.constantFrom(0, 0.0004, 1.0006, 77.7777, 12_345.6789),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant("wait" as const), seconds: fc.integer({ min: 1, max: 5_000 }) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("file" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("grace" as const), seconds: fc.integer({ min: 0, max: 600 }) }),
  },
)

describe("against a plain model", () => {
  test("every call is in one file of each kind, once, with all that it was, in whatever order things happen", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const { subject, record, file, confirm, waiting, open } = subjectAt()
        const recorded = new Map<string, Given & { readonly time: number }>()
        const files = new Map<string, string>()
        const write = (): void => {
          for (const name of waiting()) {
            expect(files.has(name)).toBe(false)
            files.set(name, file(name)!.jsonl)
            expect(confirm(name)).toMatchObject({ outcome: "executed" })
          }
        }
        for (const one of steps) {
          if (one.type === "record") {
            const { age, ...given } = one
            const id = `req-${one.id}`
            // Whoever sends it again sends the same.
            const call = recorded.get(id) ?? { ...given, id, time: subject.now - age * second }
            expect(record(call)).toMatchObject({ outcome: "executed", replayed: recorded.has(id) })
            recorded.set(id, call)
          } else if (one.type === "wait") subject.advance(one.seconds * second)
          else if (one.type === "file") write()
          else subject.execute(tenant, "configure", { graceMillis: one.seconds * second })
          const { alarms } = subject.state(tenant)
          expect(open().length === 0 || alarms.length > 0 || waiting().length > 0).toBe(true)
        }
        for (let patience = 0; patience < 8; patience++) {
          subject.advance(day)
          write()
        }
        expect([open(), waiting()]).toEqual([[], []])
        for (const kind of ["minute", "hour", "day"]) {
          const lines = [...files].flatMap(([name, text]) =>
            name.startsWith(`${kind}/`)
              ? text
                  .trimEnd()
                  .split("\n")
                  .map((line) => JSON.parse(line))
              : [],
          )
          // Of calls that had no room in their own window it is not known which it was.
          const isWhole = !lines.some(({ from }) => from === "")
          expect(sumUp(lines.map((line) => ({ ...line, at: isWhole ? line.from : "" })))).toEqual(
            sumUp([...recorded.values()].map((call) => lineOf(call, isWhole ? kind : null))),
          )
        }
      }),
      { numRuns: 60 },
    )
  }, 120_000)
})

interface Line {
  readonly at: string
  readonly api: string
  readonly calls: number
  readonly errors: number
  readonly serverErrors: number
  readonly bytes: number
  readonly latencyMicros: number
}

const lengths: Readonly<Record<string, number>> = { minute, hour, day }

const lineOf = ({ time, route, status = 0, latencyMillis = 0 }: Given, kind: string | null): Line => ({
  at: kind === null ? "" : new Date(Math.floor(time! / lengths[kind]!) * lengths[kind]!).toISOString(),
  api: route!.includes('"') ? "other" : `GET ${route}`,
  calls: 1,
  errors: Number(status >= 400),
  serverErrors: Number(status >= 500),
  bytes: 7,
  latencyMicros: Math.round(latencyMillis * 1000),
})

const sumUp = (lines: ReadonlyArray<Line>): Readonly<Record<string, object>> => {
  const sums: Record<string, Record<string, number>> = {}
  for (const { at, api, ...line } of lines) {
    const name = `${at} ${api}`
    sums[name] ??= { calls: 0, errors: 0, serverErrors: 0, bytes: 0, latencyMicros: 0 }
    for (const what of ["calls", "errors", "serverErrors", "bytes", "latencyMicros"] as const)
      sums[name]![what]! += line[what]
  }
  return sums
}
