// Does a read ask the door for what its client asked, no fresher and no staler? (CONTRACT §3, L5, L7, L9)

import { describe, expect, test } from "bun:test"
import { following, leaderless, makeFake } from "./fakeRaft.ts"
import { problemOf } from "./problems.ts"

const json = { "content-type": "application/json" }

const written = async () => {
  const fake = makeFake()
  await fake.ask("/propose/counter/c1/add", { method: "POST", headers: json, body: '{"by":5}' })
  return fake
}

test("a query, the state and the list are answered with revision and index (CONTRACT §3)", async () => {
  const fake = await written()
  const value = await fake.ask("/read/counter/c1/value")
  expect(await value.json()).toEqual({ result: 5, revision: 1, index: 8 })
  expect(value.headers.get("raftlet-index")).toBe("8")
  expect(await (await fake.ask("/read/counter/c1")).json()).toEqual({
    state: { value: 5 },
    revision: 1,
    index: 8,
  })
  expect(await (await fake.ask("/read/counter/other")).json()).toMatchObject({ revision: 0 })
  expect(await (await fake.ask("/read/counter")).json()).toEqual({
    instances: [{ key: "c1", revision: 1 }],
    next: null,
  })
})

test("the defaults are linearizable, any index, five seconds", async () => {
  const fake = makeFake()
  await fake.ask("/read/counter/c1/value")
  expect(fake.reads[0]).toMatchObject({
    query: { type: "query", actor: "counter", key: "c1", query: "value", input: "null" },
    consistency: "linearizable",
    minIndex: 0,
    maxStalenessMillis: Number.POSITIVE_INFINITY,
  })
})

test("consistency, staleness, minIndex and time-out reach the door (L5, L7, L9)", async () => {
  const fake = makeFake()
  const headers = { "raftlet-timeout-ms": "200" }
  await fake.ask("/read/counter/c1?consistency=local&maxStalenessMs=50&minIndex=12", { headers })
  await fake.ask("/read/counter/c1?consistency=lease")
  expect(fake.reads[0]).toMatchObject({ consistency: "local", maxStalenessMillis: 50, minIndex: 12 })
  expect(fake.reads[0]?.deadline).toBeWithin(201, 210)
  expect(fake.reads[1]).toMatchObject({ consistency: "lease" })
})

test("an input comes in the query string or as a body, and is the same", async () => {
  const fake = makeFake()
  const input = { from: "a b+c", to: [1, "%"] }
  await fake.ask(`/read/counter/c1/value?${new URLSearchParams({ input: JSON.stringify(input) })}`)
  await fake.ask(`/read/counter/c1/value?input=${encodeURIComponent(JSON.stringify(input))}`)
  await fake.ask("/read/counter/c1/value", { method: "POST", headers: json, body: JSON.stringify(input) })
  const inputs = fake.reads.map(({ query }) => query.type === "query" && query.input)
  expect(inputs).toEqual(Array(3).fill(JSON.stringify(input)))
})

test("a list passes prefix, cursor and limit on", async () => {
  const fake = makeFake()
  await fake.ask("/read/counter?prefix=a%2F&after=a%2Fb&limit=7")
  expect(fake.reads[0]?.query).toEqual({
    type: "list",
    actor: "counter",
    prefix: "a/",
    after: "a/b",
    limit: 7,
  })
})

test("an actor of the node's own files that its group has not taken in yet is not called unknown", async () => {
  const fake = makeFake()
  const path = "/read/later/a?consistency=local"
  const headers = { "raftlet-timeout-ms": "10" }
  expect((await fake.ask(path, { headers })).status).toBe(404)
  Object.assign(fake.door, { offering: { isDone: false, settled: () => new Promise(() => {}) } })
  expect(await problemOf(await fake.ask(path, { headers }))).toMatchObject({
    status: 503,
    code: "not-ready",
    outcome: "rejected",
    retryable: true,
  })
})

describe("redirect=1 (CONTRACT §3)", () => {
  test("sends linearizable and lease reads to the leader", async () => {
    const fake = makeFake()
    fake.status.current = following()
    for (const consistency of ["linearizable", "lease"]) {
      const path = `/read/counter/c1?redirect=1&consistency=${consistency}`
      const response = await fake.ask(path)
      expect([response.status, response.headers.get("location")]).toEqual([
        307,
        `http://127.0.0.1:4002${path}`,
      ])
    }
  })

  test("leaves a local read where it is, leader or not", async () => {
    const fake = makeFake()
    fake.status.current = leaderless
    expect((await fake.ask("/read/counter/c1?redirect=1&consistency=local")).status).toBe(200)
  })
})

test("what is too old is 503 stale, and a read that came too late 504", async () => {
  const fake = makeFake()
  fake.instead.current = { _tag: "Failure", code: "stale", outcome: "rejected", detail: "80 ms old" }
  expect(await problemOf(await fake.ask("/read/counter/c1?consistency=local"))).toMatchObject({
    status: 503,
    code: "stale",
    outcome: "rejected",
    retryable: true,
  })
  fake.instead.current = { _tag: "Failure", code: "timeout", outcome: "unknown", detail: "too late" }
  expect((await fake.ask("/read/counter/c1")).status).toBe(504)
})
