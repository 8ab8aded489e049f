// Do many proposals get to the cluster in order, each with an outcome of its own?

import { describe, expect, test } from "bun:test"
import { Failure } from "raftlet/client"
import { executed, failureOf, problem, refusal, type Seen, told, urls, world } from "./fake.ts"

interface Item {
  readonly key: string
  readonly input: number
  readonly idempotencyKey: string
}

const itemsOf = ({ body }: Seen) => (body as { readonly proposals: ReadonlyArray<Item> }).proposals
const sizesOf = (seen: ReadonlyArray<Seen>) => seen.map((one) => itemsOf(one).length)

const many = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ actor: "log", key: "a", command: "append", input: at }))

/** Executes each, and gives its input back. */
const answering = (seen: Seen) =>
  told({ outcomes: itemsOf(seen).map(({ input }) => ({ ...executed, result: input })) })

const resultsOf = (outcomes: ReadonlyArray<unknown>) =>
  outcomes.map((outcome) =>
    outcome instanceof Failure ? outcome.code : (outcome as { result: number }).result,
  )

test("all go in one request, in order, each with a key of its own or the one that it was given", async () => {
  const { raftlet, clock, seen } = world(answering)
  const [first, ...rest] = many(3)
  const outcomes = await clock.run(
    raftlet.proposeMany([{ ...first!, idempotencyKey: "mine", ifRevision: 2 }, ...rest]),
  )
  expect(resultsOf(outcomes)).toEqual([0, 1, 2])
  expect(seen.map(({ url, method }) => [method, new URL(url).pathname])).toEqual([["POST", "/propose"]])
  expect(seen[0]!.body).toEqual({
    proposals: [
      { actor: "log", key: "a", command: "append", input: 0, idempotencyKey: "mine", ifRevision: 2 },
      ...[1, 2].map((input) => ({
        ...first,
        input,
        idempotencyKey: expect.stringMatching(/^[0-9a-f-]{36}$/),
      })),
    ],
  })
})

test("none of them ask for nothing", async () => {
  const { raftlet, clock, seen } = world(answering)
  expect(await clock.run(raftlet.proposeMany([]))).toEqual([])
  expect(seen).toEqual([])
})

describe("more than fit into a request", () => {
  test("go in several, one after the other, so that the order is kept", async () => {
    let running = 0
    const { raftlet, clock, seen } = world(async (request) => {
      expect(++running).toBe(1)
      await Promise.resolve()
      running--
      return answering(request)
    })
    const outcomes = await clock.run(raftlet.proposeMany(many(2500)))
    expect(sizesOf(seen)).toEqual([1000, 1000, 500])
    expect(resultsOf(outcomes)).toEqual(many(2500).map(({ input }) => input))
  })

  test("by their bytes as well: no body is larger than a node takes", async () => {
    const bytes: Array<number> = []
    const { raftlet, clock } = world((request) => {
      bytes.push(Buffer.byteLength(JSON.stringify(request.body)))
      return answering(request)
    })
    const large = many(40).map((one) => ({ ...one, input: "ü".repeat(400_000) }))
    await clock.run(raftlet.proposeMany(large))
    expect(bytes.length).toBeGreaterThan(1)
    expect(Math.max(...bytes)).toBeLessThanOrEqual(16 * 1024 * 1024)
  })

  test("a node that allows less gets halves, in order", async () => {
    const { raftlet, clock, seen } = world((request) =>
      itemsOf(request).length > 3 ? refusal("too-large") : answering(request),
    )
    const outcomes = await clock.run(raftlet.proposeMany(many(10)))
    expect(resultsOf(outcomes)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(sizesOf(seen)).toEqual([10, 5, 3, 2, 5, 3, 2])
  })

  test("one that is too large alone is refused, and nothing else with it", async () => {
    const { raftlet, clock } = world((request) =>
      itemsOf(request).some(({ input }) => input === 2) ? refusal("too-large") : answering(request),
    )
    expect(resultsOf(await clock.run(raftlet.proposeMany(many(4))))).toEqual([0, 1, "too-large", 3])
  })
})

describe("what has no outcome yet", () => {
  test("is sent again, with the same key, and nothing else is", async () => {
    const { raftlet, clock, seen } = world((request, count) =>
      count > 1
        ? answering(request)
        : told({
            outcomes: [executed, problem("overloaded"), problem("invalid-input"), problem("leadership-lost")],
          }),
    )
    const outcomes = await clock.run(raftlet.proposeMany(many(4)))
    expect(resultsOf(outcomes)).toEqual([executed.result, 1, "invalid-input", 3])
    const [first, second] = seen as [Seen, Seen]
    expect(itemsOf(second)).toEqual([itemsOf(first)[1]!, itemsOf(first)[3]!])
  })

  test("after a broken connection, all of it is, and each is doubted by itself (C2)", async () => {
    const second = [executed, problem("rejected", { replayed: true }), problem("no-leader")]
    const { raftlet, clock } = world((_, count) =>
      count === 1 ? "cut" : told({ outcomes: count === 2 ? second : [problem("no-leader")] }),
    )
    const outcomes = await clock.run(raftlet.proposeMany(many(3), { timeoutMillis: 2000 }))
    expect(outcomes).toEqual([
      executed,
      expect.objectContaining({ code: "rejected", outcome: "rejected" }),
      expect.objectContaining({ code: "timeout", outcome: "unknown" }),
    ])
  })

  test("at the deadline is a failure in its place, and the others have their results", async () => {
    const { raftlet, clock } = world((request) =>
      told({
        outcomes: itemsOf(request).map(({ input }) =>
          input === 1 ? problem("no-leader") : { ...executed, result: input },
        ),
      }),
    )
    const outcomes = await clock.run(raftlet.proposeMany(many(3)))
    expect(outcomes[1]).toBeInstanceOf(Failure)
    expect(outcomes[1]).toMatchObject({ code: "no-leader", outcome: "rejected" })
    expect(resultsOf(outcomes)).toEqual([0, "no-leader", 2])
  })

  test("has the time of one request for itself", async () => {
    let count = 0
    const { raftlet, clock } = world((request) => (++count === 1 ? "hang" : answering(request)), {
      nodes: ["http://one.example"],
    })
    const outcomes = await clock.run(raftlet.proposeMany(many(1500), { timeoutMillis: 900 }))
    expect(resultsOf(outcomes)).toEqual(many(1500).map(({ input }) => input))
  })
})

test("the leader that a batch's answer names is not taken for that of its actors: it is that of main", async () => {
  const { raftlet, clock, asked } = world((request) =>
    told(request.url.endsWith("/propose") ? { outcomes: [executed] } : executed, `n3;${urls[2]}`),
  )
  await clock.run(raftlet.proposeMany(many(1)))
  await clock.run(raftlet.proposeMany(many(1)))
  expect(asked()).toBe("11")
  // But who is known to lead is asked.
  await clock.run(raftlet.propose(many(1)[0]!))
  await clock.run(raftlet.proposeMany(many(1)))
  expect(asked()).toBe("1113")
})

test("a refusal of the whole request is that of each", async () => {
  const { raftlet, clock } = world(() => refusal("unauthorized"))
  expect(resultsOf(await clock.run(raftlet.proposeMany(many(2))))).toEqual(["unauthorized", "unauthorized"])
})

test("an answer of another length is none: it says of nobody what became of it", async () => {
  const { raftlet, clock } = world((request, count) =>
    count === 1 ? told({ outcomes: [executed] }) : answering(request),
  )
  expect(resultsOf(await clock.run(raftlet.proposeMany(many(2))))).toEqual([0, 1])
})

test("a mistake in one of them is thrown before any is sent", async () => {
  const { raftlet, clock, seen } = world(answering)
  const wrong = [...many(1), { actor: "log", key: "", command: "append" }]
  expect(await clock.run(failureOf(raftlet.proposeMany(wrong)))).toBeInstanceOf(TypeError)
  expect(seen).toEqual([])
})
