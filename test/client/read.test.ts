// Is what changes nothing asked of the right node, as the caller wants it?

import { describe, expect, test } from "bun:test"
import { failureOf, refusal, told, urls, world } from "./fake.ts"

const value = { actor: "counter", key: "a/b", query: "value" }
const answer = { result: 3, revision: 1, index: 7 }

test("a query without input is a GET, with how fresh it must be", async () => {
  const { raftlet, clock, seen } = world(() => told(answer))
  const asked = { ...value, consistency: "lease", minIndex: 5 } as const
  expect(await clock.run(raftlet.read(asked))).toEqual(answer)
  expect(seen[0]).toMatchObject({
    method: "GET",
    url: `${urls[0]}/read/counter/a%2Fb/value?consistency=lease&minIndex=5`,
    body: null,
  })
})

test("a query's input stands in the body, and in nobody's access log", async () => {
  const { raftlet, clock, seen } = world(() => told(answer))
  await clock.run(raftlet.read({ ...value, input: { from: 1 } }))
  await clock.run(raftlet.read({ ...value, input: null }))
  expect(seen.map(({ method, url, body }) => [method, url, body])).toEqual([
    ["POST", `${urls[0]}/read/counter/a%2Fb/value`, { from: 1 }],
    ["POST", `${urls[0]}/read/counter/a%2Fb/value`, null],
  ])
})

test("a state is asked for by its key alone", async () => {
  const state = { state: { value: 3 }, revision: 1, index: 7 }
  const { raftlet, clock, seen } = world(() => told(state))
  expect(await clock.run(raftlet.state({ actor: "counter", key: "a" }))).toEqual(state)
  expect(seen[0]).toMatchObject({ method: "GET", url: `${urls[0]}/read/counter/a` })
})

describe("attempts", () => {
  test("go on over broken connections, silence and refusals that pass", async () => {
    const replies = [
      "cut",
      refusal("no-leader"),
      refusal("timeout"),
      Response.json({ no: 1 }),
      told(answer),
    ] as const
    const { raftlet, clock, asked } = world((_, count) => replies[count - 1]!)
    expect(await clock.run(raftlet.read(value))).toEqual(answer)
    // The first one comes last for a while.
    expect(asked()).toBe("12323")
  })

  test("end with a refusal for good", async () => {
    const { raftlet, clock, asked } = world(() => refusal("unknown-actor"))
    const failure = await clock.run(failureOf(raftlet.read(value)))
    expect(failure).toMatchObject({ code: "unknown-actor", outcome: "rejected", status: 404, attempts: 1 })
    expect(asked()).toBe("1")
  })

  test("end with the last word at the deadline; nothing was executed", async () => {
    const { raftlet, clock } = world(() => "hang", { timeoutMillis: 1200 })
    const failure = await clock.run(failureOf(raftlet.read(value)))
    expect(failure).toMatchObject({ code: "timeout", outcome: "rejected", retryable: true })
    expect(clock.now()).toBe(1200)
  })
})

test("a local read is asked of another node each time, others of the leader", async () => {
  const { raftlet, clock, asked } = world(() => told(answer, `n3;${urls[2]}`))
  await clock.run(raftlet.read(value))
  await clock.run(raftlet.read(value))
  for (const _ of urls) await clock.run(raftlet.read({ ...value, consistency: "local", maxStalenessMs: 50 }))
  expect(asked()).toBe("13231")
})

describe("a list", () => {
  const keys = ["a", "b", "c", "d", "e"]
  const page = (request: { readonly url: string }) => {
    const { searchParams } = new URL(request.url)
    const after = searchParams.get("after") ?? ""
    const left = keys.filter((key) => key > after)
    const instances = left.slice(0, 2).map((key) => ({ key, revision: 1 }))
    return told({ instances, next: left.length > 2 ? instances.at(-1)!.key : null })
  }

  test("is one page", async () => {
    const { raftlet, clock, seen } = world(page)
    const asked = { actor: "counter", prefix: "ü", after: "b", limit: 2 }
    expect(await clock.run(raftlet.list(asked))).toMatchObject({ next: "d" })
    expect(seen[0]!.url).toBe(`${urls[0]}/read/counter?prefix=%C3%BC&after=b&limit=2`)
  })

  test("of all instances takes page after page, when they are wanted", async () => {
    const { raftlet, clock, seen } = world(page)
    const taken: Array<string> = []
    const all = async (count: number) => {
      for await (const { key } of raftlet.instances({ actor: "counter" })) {
        taken.push(key)
        if (taken.length === count) break
      }
    }
    await clock.run(all(3))
    expect(taken).toEqual(["a", "b", "c"])
    expect(seen).toHaveLength(2)
    taken.length = 0
    await clock.run(all(9))
    expect(taken).toEqual(keys)
  })
})
