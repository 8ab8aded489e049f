// Does every call count once, in every total, and does the state stay bounded?

import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import { actor } from "raftlet"
import { checkMigration, testActor } from "raftlet/testing"
import metering from "../../actors/metering/index.ts"
import { registryOf } from "../../src/machine/Registry.ts"
import { Bench, command, refusalOf } from "../machine/Bench.ts"

const bench = () => new Bench(registryOf({ metering }))

const start = Date.UTC(2017, 4, 16)
const hour = 3_600_000
let requests = 0

const call = (given: object = {}) => ({
  time: start,
  method: "GET",
  route: "/v2/{tenant}/servers/detail",
  status: 200,
  bytes: 1893,
  latencyMillis: 247.7829,
  requestId: `req-${++requests}`,
  ...given,
})

const record = (at: Bench, given: object = {}) => {
  const json = call(given)
  return at.propose(
    command({ actor: "metering", key: "tenant", command: "record", json, idempotencyKey: json.requestId }),
  )
}

const read = (at: Bench, query: string) =>
  (at.read(query, null, "tenant", "metering") as { result: unknown }).result

describe("metering", () => {
  test("counts a call in the total, by route, by status and by hour", () => {
    const at = bench()
    expect(record(at)).toMatchObject({ result: "1" })
    record(at, { status: 404, bytes: 10, latencyMillis: 0.5, time: start + hour })
    expect(record(at, { method: "POST", route: "/v2/{tenant}/servers", bytes: 0 })).toMatchObject({
      result: "3",
    })
    const sums = { calls: 3, bytes: 1903, latencyMillis: 247.7829 * 2 + 0.5, latencyMillisMax: 247.7829 }
    expect(read(at, "total")).toMatchObject({ ...sums, latencyMillis: expect.closeTo(sums.latencyMillis) })
    expect(read(at, "byRoute")).toMatchObject([
      { route: "GET /v2/{tenant}/servers/detail", calls: 2 },
      { route: "POST /v2/{tenant}/servers", calls: 1 },
    ])
    expect(read(at, "byStatus")).toMatchObject([
      { status: 200, calls: 2 },
      { status: 404, calls: 1, bytes: 10, latencyMillisMax: 0.5 },
    ])
    expect(read(at, "byHour")).toMatchObject([
      { hour: "2017-05-16T00Z", calls: 2 },
      { hour: "2017-05-16T01Z", calls: 1 },
    ])
  })

  test("counts a call once that is recorded again under its request id (HAZARDS C1)", () => {
    const at = bench()
    record(at, { requestId: "req-same" })
    expect(record(at, { requestId: "req-same" })).toMatchObject({ replayed: true })
    expect(read(at, "total")).toMatchObject({ calls: 1 })
  })

  test("keeps routes and hours within bounds, and loses no call", () => {
    const at = bench()
    for (let number = 0; number < 260; number++) {
      record(at, { route: `/${number}`, time: start + (number % 230) * hour })
    }
    const routes = read(at, "byRoute") as ReadonlyArray<{ route: string; calls: number }>
    const hours = read(at, "byHour") as ReadonlyArray<{ hour: string; calls: number }>
    expect(routes).toHaveLength(201)
    expect(routes[0]).toMatchObject({ route: "other", calls: 60 })
    expect(hours).toHaveLength(169)
    expect(hours.at(-1)?.hour).toBe("earlier")
    for (const totals of [routes, hours]) {
      expect(totals.reduce((sum, { calls }) => sum + calls, 0)).toBe(260)
    }
  })

  test("a known route goes on counting when there are too many", () => {
    const at = bench()
    for (let number = 0; number < 201; number++) record(at, { route: `/${number}` })
    record(at, { route: "/7" })
    expect(read(at, "byRoute")).toContainEqual(expect.objectContaining({ route: "GET /7", calls: 2 }))
  })

  test("refuses a call under another idempotency key than its request id: nothing would keep it from counting twice", () => {
    const at = bench()
    const outcome = at.propose(
      command({ actor: "metering", key: "tenant", command: "record", json: call(), idempotencyKey: "other" }),
    )
    expect(refusalOf(outcome)).toMatchObject({ code: "rejected", reason: { code: "request-id" } })
    expect(read(at, "total")).toMatchObject({ calls: 0 })
  })

  test("goes on counting when a sum has come to the end of exact numbers, which it then says", () => {
    const at = bench()
    for (const given of [{ bytes: Number.MAX_SAFE_INTEGER }, { latencyMillis: 1e12 }]) record(at, given)
    for (const given of [{}, { bytes: Number.MAX_SAFE_INTEGER }, { latencyMillis: 1e12 }])
      expect(record(at, given)).toMatchObject({ _tag: "Accepted" })
    const sums = { calls: 5, bytes: Number.MAX_SAFE_INTEGER, latencyMillis: 1e12 }
    expect(read(at, "total")).toMatchObject(sums)
    expect(read(at, "byHour")).toMatchObject([sums])
    expect(read(at, "windows")).toMatchObject([{ calls: 5 }, { calls: 5 }, { calls: 5 }])
  })

  const bad: ReadonlyArray<readonly [string, object]> = [
    ["a method in lower case", { method: "get" }],
    ["no route", { route: "" }],
    ["a status that is none", { status: 99 }],
    ["a negative size", { bytes: -1 }],
    ["a negative latency", { latencyMillis: -0.1 }],
    ["a time that is text", { time: "2017-05-16T00:00:00Z" }],
    ["an unknown field", { user: "me" }],
    ["a time beyond all calendars", { time: 253_402_300_800_000 }],
    ["a latency of a thousand years", { latencyMillis: 1e14 }],
    ["a request id of 129 characters", { requestId: "r".repeat(129) }],
  ]
  for (const [what, given] of bad) {
    test(`${what} is refused and counted nowhere`, () => {
      const at = bench()
      expect(refusalOf(record(at, given))).toMatchObject({ code: "invalid-input" })
      expect(read(at, "total")).toMatchObject({ calls: 0 })
    })
  }
})

describe("what a tenant may have", () => {
  const now = Date.UTC(2026, 0, 1, 10, 59, 59)

  test("is unlimited until somebody configures something else", () => {
    const subject = testActor(metering, { now })
    expect(subject.execute("a", "spend", { tokens: 1_000_000_000 })).toMatchObject({
      result: { allowed: true, limit: null, retryAfterMillis: 0 },
    })
    expect(subject.query("a", "usage")).toEqual({
      hour: { used: 1_000_000_000, quota: null },
      day: { used: 1_000_000_000, quota: null },
      bucket: null,
    })
  })

  test("comes back into the bucket as the log's time passes, to the millisecond, and no further than its brim", () => {
    const subject = testActor(metering, { now })
    subject.execute("a", "configure", { rate: { tokensPerSecond: 4, burst: 10 } })
    const spend = (tokens: number) => subject.execute("a", "spend", { tokens })
    expect(spend(10)).toMatchObject({ result: { allowed: true } })
    expect(spend(3)).toMatchObject({ result: { allowed: false, limit: "rate", retryAfterMillis: 750 } })
    subject.advance(749)
    expect(spend(3)).toMatchObject({ result: { allowed: false, retryAfterMillis: 1 } })
    subject.advance(1)
    expect(spend(3)).toMatchObject({ result: { allowed: true } })
    subject.advance(1_000_000)
    expect(spend(10)).toMatchObject({ result: { allowed: true } })
    expect(subject.query("a", "usage").bucket).toEqual({ tokens: 0, burst: 10 })
    expect(spend(1)).toMatchObject({ result: { allowed: false } })
  })

  test("ends with its quota, until the hour or the day is over, whichever is later", () => {
    const subject = testActor(metering, { now })
    subject.execute("a", "configure", { hourQuota: 2, dayQuota: 5 })
    const spend = () => subject.execute("a", "spend", { tokens: 1 })
    for (const allowed of [true, true, false, false]) expect(spend()).toMatchObject({ result: { allowed } })
    expect(spend()).toMatchObject({ result: { limit: "hour", retryAfterMillis: 1000 } })
    subject.advance(1000)
    for (const allowed of [true, true, false]) expect(spend()).toMatchObject({ result: { allowed } })
    expect(subject.query("a", "usage")).toMatchObject({
      hour: { used: 2, quota: 2 },
      day: { used: 4, quota: 5 },
    })
    subject.advance(hour)
    expect(spend()).toMatchObject({ result: { allowed: true } })
    expect(spend()).toMatchObject({ result: { limit: "day", retryAfterMillis: 12 * hour } })
    subject.advance(12 * hour)
    expect(spend()).toMatchObject({ result: { allowed: true } })
  })

  test("is told at once when it can never be had", () => {
    const subject = testActor(metering, { now })
    subject.execute("a", "configure", { rate: { tokensPerSecond: 1, burst: 5 }, dayQuota: 3 })
    expect(subject.execute("a", "spend", { tokens: 4 })).toMatchObject({
      outcome: "refused",
      code: "never-allowed",
      data: { most: 3 },
    })
  })

  test("is changed by what is given, and what is left out stays", () => {
    const subject = testActor(metering, { now })
    subject.execute("a", "configure", { hourQuota: 7 })
    expect(subject.execute("a", "configure", { graceMillis: 5 })).toMatchObject({
      result: { graceMillis: 5, hourQuota: 7, dayQuota: null, rate: null },
    })
  })

  const bad: ReadonlyArray<readonly [string, "spend" | "configure" | "confirmFile", object]> = [
    ["no tokens", "spend", { tokens: 0 }],
    ["half a token", "spend", { tokens: 0.5 }],
    ["nothing at all", "spend", {}],
    ["a grace before the end", "configure", { graceMillis: -1 }],
    ["a grace of two days", "configure", { graceMillis: 2 * 24 * hour }],
    ["a window that is none", "configure", { files: { minute: true, hour: true, day: true, year: true } }],
    ["a bucket that is never filled", "configure", { rate: { tokensPerSecond: 0, burst: 1 } }],
    ["a quota of nothing", "configure", { hourQuota: 0 }],
    ["a setting that is none", "configure", { graceSeconds: 1 }],
    ["a digest that is none", "confirmFile", { name: "hour/2026-01-01T00Z", bytes: 1, sha256: "x" }],
  ]
  for (const [what, name, json] of bad) {
    test(`${what} is refused (${name})`, () => {
      const at = bench()
      const outcome = at.propose(command({ actor: "metering", key: "tenant", command: name, json }))
      expect(refusalOf(outcome)).toMatchObject({ code: "invalid-input" })
    })
  }
})

test("what version 1 has counted goes on under version 2", () => {
  const Totals = Schema.Struct({
    calls: Schema.Int,
    bytes: Schema.Int,
    latencyMillis: Schema.Finite,
    latencyMillisMax: Schema.Finite,
  })
  const ByName = Schema.Record(Schema.String, Totals)
  const none = { calls: 0, bytes: 0, latencyMillis: 0, latencyMillisMax: 0 }
  const first = actor({
    version: 1,
    state: Schema.Struct({ total: Totals, byRoute: ByName, byStatus: ByName, byHour: ByName }),
    initial: { total: none, byRoute: {}, byStatus: {}, byHour: {} },
    commands: {},
  })
  const total = { calls: 2, bytes: 9, latencyMillis: 12.3456, latencyMillisMax: 10.1 }
  const states = [
    { total, byRoute: { "GET /": total }, byStatus: { "200": total }, byHour: { "2017-05-16T00Z": total } },
  ]
  const { states: migrated } = checkMigration({ from: first, to: metering, states })
  expect(migrated).toMatchObject([{ ...states[0], open: [], waiting: [] }])
})
