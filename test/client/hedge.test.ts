// What does a client do while a node is silent? It asks another one beside it, and is told nothing that is not so.

import { expect, test } from "bun:test"
import { executed, failureOf, problem, type Reply, refusal, told, urls, world } from "./fake.ts"
import type { VirtualClock } from "./VirtualClock.ts"

const add = { actor: "counter", key: "a", command: "add", input: { by: 1 } }
const value = { actor: "counter", key: "a", query: "value" }
const answer = { result: 3, index: 7, revision: 1 }

/** What each node says, and after how long: by its place, from 0. */
const cluster = (says: (node: number) => { readonly millis: number; readonly reply: () => Reply }) => {
  const clocks: Array<VirtualClock> = []
  const made = world(async ({ url }) => {
    const node = urls.findIndex((each) => url.startsWith(each))
    const { millis, reply } = says(node)
    await clocks[0]!.sleep(millis, new AbortController().signal)
    return reply()
  })
  clocks.push(made.clock)
  return made
}

test("the answer of a node that was left behind is taken as well, when it is the first", async () => {
  const { raftlet, clock, asked } = cluster((node) => ({
    millis: node === 0 ? 1500 : 3000,
    reply: () => told(executed),
  }))
  expect(await clock.run(raftlet.propose(add))).toMatchObject({ result: 3 })
  expect([asked(), clock.now()]).toEqual(["12", 1500])
})

test("questions and batches do not wait for a silent node either", async () => {
  const silent = (reply: () => Reply) =>
    cluster((node) => ({ millis: 0, reply: node === 0 ? () => "hang" : reply }))
  const reading = silent(() => told(answer))
  expect(await reading.clock.run(reading.raftlet.read(value))).toMatchObject({ result: 3 })
  expect([reading.asked(), reading.clock.now()]).toEqual(["12", 1000])
  const batch = silent(() => told({ outcomes: [executed, executed] }))
  expect(await batch.clock.run(batch.raftlet.proposeMany([add, add]))).toHaveLength(2)
  expect([batch.asked(), batch.clock.now()]).toEqual(["12", 1000])
})

test("no node has two attempts at once, and each has a part of the time", async () => {
  const { raftlet, clock, seen } = world(() => "hang")
  expect(await clock.run(failureOf(raftlet.propose({ ...add, timeoutMillis: 9000 })))).toMatchObject({
    outcome: "unknown",
  })
  const ends = new Map<string, number>()
  for (const { url, at, headers } of seen) {
    expect(at).toBeGreaterThanOrEqual(ends.get(url) ?? 0)
    ends.set(url, at + Number(headers.get("raftlet-timeout-ms")))
  }
  expect(seen.slice(0, 3).map(({ at }) => at)).toEqual([0, 1000, 2000])
  expect(clock.now()).toBeGreaterThan(8000)
  expect(clock.now()).toBeLessThanOrEqual(9000)
})

test("when nobody is to be asked any more, those that were left behind are still waited for", async () => {
  const { raftlet, clock } = cluster((node) =>
    node === 0
      ? { millis: 1300, reply: () => told(executed) }
      : { millis: 0, reply: () => refusal("overloaded", {}, { "Retry-After": "5" }) },
  )
  expect(await clock.run(raftlet.propose({ ...add, timeoutMillis: 4500 }))).toMatchObject({ result: 3 })
  expect(clock.now()).toBe(1300)
})

test("what is refused beside an attempt that may still be executed is not told as rejected (C2)", async () => {
  const { raftlet, clock } = cluster((node) => ({
    millis: 0,
    reply: node === 0 ? () => "hang" : () => refusal("rejected", { retryable: false }),
  }))
  const failure = await clock.run(failureOf(raftlet.propose({ ...add, timeoutMillis: 2500 })))
  expect(failure).toMatchObject({ outcome: "unknown" })
})

test("a batch that is too large leaves no doubt about what is refused of its halves", async () => {
  const { raftlet, clock } = world(({ url, body }) => {
    const proposals = (body as { readonly proposals?: ReadonlyArray<unknown> }).proposals ?? []
    expect(new URL(url).pathname).toBe("/propose")
    return proposals.length > 1
      ? refusal("too-large", { retryable: false })
      : told({ outcomes: [problem("rejected", { retryable: false })] })
  })
  const outcomes = await clock.run(raftlet.proposeMany([add, add]))
  expect(outcomes).toMatchObject([{ outcome: "rejected" }, { outcome: "rejected" }])
})

test("where all nodes are slow, others are soon no longer asked beside them", async () => {
  const { raftlet, clock, seen } = cluster(() => ({ millis: 1200, reply: () => told(executed) }))
  const calls = 600
  await clock.run(
    (async () => {
      for (let call = 0; call < calls; call++) await raftlet.propose(add)
    })(),
  )
  // A hundred in hand, and one for ten answers.
  expect(seen.length - calls).toBeGreaterThanOrEqual(100)
  expect(seen.length - calls).toBeLessThan(100 + calls / 8)
})

test("what routes are asked for may do anything: it is not asked for beside an attempt that goes on", async () => {
  const { raftlet, clock, seen } = world((_, count) => (count === 1 ? "hang" : told({ fine: true })))
  await clock.run(raftlet.request("/x/shop/orders", { method: "POST", timeoutMillis: 9000 }))
  expect(seen.map(({ at }) => at)).toEqual([0, 3000])
})

test("a token that cannot be had ends it at once, also beside an attempt that goes on", async () => {
  let tokens = 0
  const { clock, raftlet, seen } = world(() => "hang", {
    token: () => {
      if (++tokens > 1) throw new Error("no token")
      return "t"
    },
  })
  expect(await clock.run(failureOf(raftlet.propose(add)))).toMatchObject({ message: "no token" })
  expect([seen.length, tokens, clock.now()]).toEqual([1, 2, 1000])
})
