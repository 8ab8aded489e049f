// Does every call count once, in every total, and does the state stay bounded?

import { describe, expect, test } from "bun:test"
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

  const bad: ReadonlyArray<readonly [string, object]> = [
    ["a method in lower case", { method: "get" }],
    ["no route", { route: "" }],
    ["a status that is none", { status: 99 }],
    ["a negative size", { bytes: -1 }],
    ["a negative latency", { latencyMillis: -0.1 }],
    ["a time that is text", { time: "2017-05-16T00:00:00Z" }],
    ["an unknown field", { user: "me" }],
  ]
  for (const [what, given] of bad) {
    test(`${what} is refused and counted nowhere`, () => {
      const at = bench()
      expect(refusalOf(record(at, given))).toMatchObject({ code: "invalid-input" })
      expect(read(at, "total")).toMatchObject({ calls: 0 })
    })
  }
})
