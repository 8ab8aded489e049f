// Does every group get every message, in order, and does nothing stay that nobody wants any more?

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { actorFile, type TestActor, testActor } from "raftlet/testing"
import type topic from "../../actors/topic/index.ts"

const file = await actorFile<typeof topic>("actors/topic")
const key = "acme/orders"

type Subject = TestActor<typeof topic>
const subscribe = (at: Subject, group: string, from: "oldest" | "next" = "oldest") =>
  at.execute(key, "subscribe", { group, from })
const publish = (at: Subject, body: string, idempotencyKey?: string) =>
  at.execute(key, "publish", { body }, idempotencyKey === undefined ? {} : { idempotencyKey })
const poll = (at: Subject, group: string, max = 1_000) => at.query(key, "poll", { group, max })
const commit = (at: Subject, group: string, next: number) => at.execute(key, "commit", { group, next })
const bodies = (at: Subject, group: string, max?: number) =>
  poll(at, group, max)?.messages.map(({ body }) => body)
const kept = (at: Subject) => at.state(key).messages.map(({ body }) => body)

describe("a topic", () => {
  test("gives its messages to each group, in order, and again until they are committed", () => {
    const at = testActor(file)
    subscribe(at, "mail")
    subscribe(at, "bill")
    for (const body of ["a", "b", "c"]) publish(at, body)
    expect(bodies(at, "mail")).toEqual(["a", "b", "c"])
    expect(poll(at, "mail", 2)).toMatchObject({
      next: 2,
      missed: 0,
      messages: [{ offset: 0 }, { offset: 1 }],
    })
    expect(commit(at, "mail", 2)).toMatchObject({ result: 2 })
    expect(bodies(at, "mail")).toEqual(["c"])
    expect(bodies(at, "bill")).toEqual(["a", "b", "c"])
    expect(at.query(key, "lag")).toEqual([
      { group: "bill", next: 0, waiting: 3 },
      { group: "mail", next: 2, waiting: 1 },
    ])
  })

  test("takes a message once, however often it is sent", () => {
    const at = testActor(file)
    expect(publish(at, "a", "once")).toMatchObject({ result: 0 })
    expect(publish(at, "a", "once")).toMatchObject({ result: 0, replayed: true })
    expect(kept(at)).toEqual(["a"])
  })

  test("keeps what some group still wants, and nothing else", () => {
    const at = testActor(file)
    subscribe(at, "mail")
    subscribe(at, "bill")
    for (const body of ["a", "b"]) publish(at, body)
    commit(at, "mail", 2)
    expect(kept(at)).toEqual(["a", "b"])
    commit(at, "bill", 1)
    expect(kept(at)).toEqual(["b"])
    at.execute(key, "unsubscribe", { group: "bill" })
    expect(kept(at)).toEqual([])
    expect(at.state(key)).toMatchObject({ characters: 0, nextOffset: 2 })
  })

  test("waits for its first group", () => {
    const at = testActor(file)
    publish(at, "a")
    expect(poll(at, "mail")).toBeNull()
    expect(subscribe(at, "late", "next")).toMatchObject({ result: 1 })
    expect(subscribe(at, "mail")).toMatchObject({ result: 0 })
    expect([bodies(at, "mail"), bodies(at, "late")]).toEqual([["a"], []])
  })

  test("a group that is there already stays where it is", () => {
    const at = testActor(file)
    subscribe(at, "mail")
    publish(at, "a")
    commit(at, "mail", 1)
    expect(subscribe(at, "mail")).toMatchObject({ result: 1 })
    expect(subscribe(at, "mail", "next")).toMatchObject({ result: 1 })
  })

  test("never moves a cursor back, nor to where nothing is yet", () => {
    const at = testActor(file)
    subscribe(at, "mail")
    for (const body of ["a", "b"]) publish(at, body)
    commit(at, "mail", 2)
    expect(commit(at, "mail", 1)).toMatchObject({ result: 2 })
    expect(commit(at, "mail", 3)).toMatchObject({ code: "not-published-yet" })
    expect(commit(at, "nobody", 1)).toMatchObject({ code: "no-such-group" })
    expect(at.execute(key, "unsubscribe", { group: "constructor" })).toMatchObject({ code: "no-such-group" })
  })

  test("says how many a group has missed that did not come in time", () => {
    const at = testActor(file)
    at.execute(key, "configure", { ageMillis: 1_000, messagesMax: 10, charactersMax: 100 })
    subscribe(at, "mail")
    publish(at, "old")
    at.advance(1_000)
    publish(at, "new")
    expect(poll(at, "mail")).toMatchObject({ missed: 1, next: 2, messages: [{ offset: 1, body: "new" }] })
  })

  test("that is full refuses, and throws nothing away", () => {
    const at = testActor(file)
    at.execute(key, "configure", { ageMillis: 1_000, messagesMax: 2, charactersMax: 10 })
    subscribe(at, "mail")
    expect(publish(at, "x".repeat(11))).toMatchObject({ code: "topic-full" })
    publish(at, "12345")
    expect(publish(at, "123456")).toMatchObject({ code: "topic-full" })
    publish(at, "12345")
    expect(publish(at, "")).toMatchObject({ code: "topic-full" })
    expect(bodies(at, "mail")).toEqual(["12345", "12345"])
    commit(at, "mail", 1)
    expect(publish(at, "54321")).toMatchObject({ result: 2 })
  })

  test("has so many groups and no more", () => {
    const at = testActor(file)
    for (let n = 0; n < 100; n++) subscribe(at, `g${n}`)
    expect(subscribe(at, "constructor")).toMatchObject({ code: "too-many-groups" })
    expect(subscribe(at, "g0")).toMatchObject({ result: 0 })
  })
})

test("whatever its groups do, each has everything once it has committed everything", () => {
  const step = fc.oneof(
    fc.record({ does: fc.constant("publish" as const), body: fc.string({ maxLength: 3 }) }),
    fc.record({
      does: fc.constant("consume" as const),
      group: fc.constantFrom("a", "b"),
      max: fc.integer({ min: 1, max: 4 }),
    }),
    // Polls and dies before it commits.
    fc.record({ does: fc.constant("peek" as const), group: fc.constantFrom("a", "b") }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      const at = testActor(file)
      const published: Array<string> = []
      const consumed: Record<string, Array<string>> = { a: [], b: [] }
      for (const group of ["a", "b"]) subscribe(at, group)
      const consume = (group: string, max: number) => {
        const { messages, next } = poll(at, group, max)!
        consumed[group]!.push(...messages.map(({ body }) => body))
        commit(at, group, next)
      }
      for (const step of steps) {
        if (step.does === "consume") consume(step.group, step.max)
        else if (step.does === "peek")
          expect(bodies(at, step.group)![0]).toBe(published[consumed[step.group]!.length]!)
        else {
          expect(publish(at, step.body)).toMatchObject({ result: published.length })
          published.push(step.body)
        }
        const behind = Math.min(consumed.a!.length, consumed.b!.length)
        expect(kept(at)).toEqual(published.slice(behind))
      }
      for (const group of ["a", "b"]) consume(group, 1_000)
      expect(consumed).toEqual({ a: published, b: published })
    }),
    { numRuns: 30 },
  )
})
