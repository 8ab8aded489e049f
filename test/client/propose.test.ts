// Does a proposal get to the cluster, and what is its caller told?

import { describe, expect, test } from "bun:test"
import { inspect } from "node:util"
import { Failure } from "raftlet/client"
import { executed, failureOf, problem, type Reply, refusal, told, urls, world } from "./fake.ts"

const add = { actor: "counter", key: "a/ü", command: "add", input: { by: 3 } }

describe("one request", () => {
  test("is a POST with the input as its body, and says how long the caller waits", async () => {
    const { raftlet, clock, seen } = world(() => told(executed), { token: async () => "t0ken" })
    const proposal = { ...add, idempotencyKey: "once", ifRevision: 4, timeoutMillis: 3000 }
    expect(await clock.run(raftlet.propose(proposal))).toEqual(executed)
    expect(seen).toHaveLength(1)
    const [{ url, method, body, headers }] = seen as [(typeof seen)[0]]
    expect({ url, method, body }).toEqual({
      url: `${urls[0]}/propose/counter/a%2F%C3%BC/add`,
      method: "POST",
      body: { by: 3 },
    })
    expect(Object.fromEntries(headers)).toMatchObject({
      authorization: "Bearer t0ken",
      "content-type": "application/json",
      "idempotency-key": "once",
      "if-revision": "4",
      // A third of the time, less what the way takes.
      "raftlet-timeout-ms": "800",
    })
  })

  test("has null as input when there is none, and a key of its own", async () => {
    const { raftlet, clock, seen } = world(() => told(executed))
    const { input: _, ...bare } = add
    await clock.run(raftlet.propose(bare))
    await clock.run(raftlet.propose(bare))
    expect(seen.map(({ body }) => body)).toEqual([null, null])
    const keys = seen.map(({ headers }) => headers.get("idempotency-key"))
    expect(new Set(keys).size).toBe(2)
    for (const key of keys) expect(key).toMatch(/^[0-9a-f-]{36}$/)
  })

  test("a key that no path can hold goes as a batch", async () => {
    const { raftlet, clock, seen } = world(() => told({ outcomes: [executed] }))
    expect(await clock.run(raftlet.propose({ ...add, key: ".." }))).toEqual(executed)
    expect(seen[0]).toMatchObject({ url: `${urls[0]}/propose`, body: { proposals: [{ key: ".." }] } })
  })
})

describe("attempts", () => {
  test("all have the same idempotency key and the same body", async () => {
    const replies: ReadonlyArray<Reply> = ["cut", refusal("no-leader"), refusal("timeout"), told(executed)]
    const { raftlet, clock, seen } = world((_, count) => replies[count - 1]!)
    await clock.run(raftlet.propose(add))
    expect(seen).toHaveLength(4)
    expect(new Set(seen.map(({ headers }) => headers.get("idempotency-key"))).size).toBe(1)
    expect(seen.map(({ body }) => body)).toEqual(Array(4).fill(add.input))
  })

  test("a node whose connection breaks costs no time: the next is asked at once", async () => {
    const { raftlet, clock, asked } = world((_, count) => (count < 3 ? "cut" : told(executed)))
    await clock.run(raftlet.propose(add))
    expect(asked()).toBe("123")
    expect(clock.now()).toBe(0)
  })

  test("a node that hangs costs a second, and is asked last from then on", async () => {
    const { raftlet, clock, asked, seen } = world(({ url }) =>
      url.startsWith(urls[0]!) ? "hang" : told(executed),
    )
    await clock.run(raftlet.propose({ ...add, timeoutMillis: 9000 }))
    expect(seen.map(({ at }) => at)).toEqual([0, 1000])
    await clock.run(raftlet.propose(add))
    expect(asked()).toBe("122")
    expect(clock.now()).toBe(1000)
  })

  test("nobody waits longer than the deadline for a fetch that does not care for its signal", async () => {
    const { clock, raftlet } = world(() => told(executed), { fetch: () => new Promise(() => {}) })
    expect(await clock.run(failureOf(raftlet.propose({ ...add, timeoutMillis: 700 })))).toMatchObject({
      code: "timeout",
    })
    expect(clock.now()).toBe(700)
  })

  test("after a refusal that may pass there is a pause, and it grows", async () => {
    const { raftlet, clock, seen, asked } = world((_, count) =>
      count < 9 ? refusal("no-leader") : told(executed),
    )
    await clock.run(raftlet.propose(add))
    expect(asked()).toBe("123123123")
    const pauses = seen.slice(1).map(({ at }, before) => at - seen[before]!.at)
    // Half of each pause is chance; between the rounds there is one more.
    expect(pauses).toEqual([25, 50, 100 + 200, 400, 500, 500 + 500, 500, 500])
  })

  test("Retry-After is kept", async () => {
    const { raftlet, clock, seen } = world((_, count) =>
      count === 1 ? refusal("overloaded", {}, { "Retry-After": "2" }) : told(executed),
    )
    await clock.run(raftlet.propose(add))
    expect(seen.map(({ at }) => at)).toEqual([0, 2025])
  })

  test("nobody waits for what would come too late, once all nodes have said so", async () => {
    const { raftlet, clock, asked } = world(() => refusal("overloaded", {}, { "Retry-After": "20" }))
    expect(await clock.run(failureOf(raftlet.propose(add)))).toMatchObject({
      code: "overloaded",
      outcome: "rejected",
      attempts: 3,
    })
    expect(asked()).toBe("123")
    expect(clock.now()).toBeLessThan(100)
  })

  test("one node that wants to be left alone for longer than there is time keeps nobody from the others", async () => {
    const { raftlet, clock, asked } = world((_, count) =>
      count === 1 ? refusal("overloaded", {}, { "Retry-After": "3600" }) : told(executed),
    )
    expect(await clock.run(raftlet.propose(add))).toEqual(executed)
    expect(asked()).toBe("12")
  })

  test("what a proxy says is no answer", async () => {
    const { raftlet, clock, asked } = world((_, count) =>
      count === 1
        ? new Response("<h1>Bad Gateway</h1>", { status: 502 })
        : count === 2
          ? Response.json({ ok: true })
          : told(executed),
    )
    expect(await clock.run(raftlet.propose(add))).toEqual(executed)
    expect(asked()).toBe("123")
  })
})

describe("what a caller is told", () => {
  test("an input that does not fit is thrown with the places that do not, and says the first", async () => {
    const issues = [
      { path: "/by", message: "Expected a value between 1 and 100" },
      { path: "/to", message: "Missing key" },
    ]
    const answers = [issues, issues.slice(0, 1), undefined, [{ path: 7 }, ...issues]]
    const { raftlet, clock } = world((_, count) =>
      refusal("invalid-input", answers[count - 1] === undefined ? {} : { issues: answers[count - 1]! }),
    )
    const failed = async () => (await clock.run(failureOf(raftlet.propose(add)))) as Failure
    const first = await failed()
    expect(first.issues).toEqual(issues)
    expect(first.message).toBe(
      `invalid-input: ${first.detail} /by: Expected a value between 1 and 100; and 1 more`,
    )
    const second = await failed()
    expect(second.message).toBe(`invalid-input: ${second.detail} /by: Expected a value between 1 and 100`)
    const third = await failed()
    expect([third.issues, third.message]).toEqual([[], `invalid-input: ${third.detail}`])
    expect((await failed()).issues).toEqual(issues)
  })

  test("a refusal for good is thrown at once, with the reducer's reason", async () => {
    const reason = { code: "too-big", message: "100 at the most", data: { max: 100 } }
    const { raftlet, clock, seen } = world(() => refusal("rejected", { reason }))
    const failure = await clock.run(failureOf(raftlet.propose(add)))
    expect(failure).toBeInstanceOf(Failure)
    expect(failure).toBeInstanceOf(Error)
    expect(failure).toMatchObject({
      name: "Failure",
      message: "rejected: rejected!",
      code: "rejected",
      outcome: "rejected",
      status: 422,
      retryable: false,
      detail: "rejected!",
      reason,
      attempts: 1,
    })
    expect(seen).toHaveLength(1)
  })

  test("its response is the problem document, as it came", async () => {
    const { raftlet, clock } = world(() => refusal("invalid-input", { issues: [{ path: "/by" }] }))
    const failure = (await clock.run(failureOf(raftlet.propose(add)))) as Failure
    const response = failure.getResponse()
    expect(response.status).toBe(400)
    expect(response.headers.get("content-type")).toBe("application/problem+json")
    expect(await response.json()).toEqual(problem("invalid-input", { issues: [{ path: "/by" }] }))
  })

  test("at the deadline it is rejected when every attempt was", async () => {
    const { raftlet, clock } = world(() => refusal("no-leader"))
    expect(await clock.run(failureOf(raftlet.propose(add)))).toMatchObject({
      code: "no-leader",
      outcome: "rejected",
      retryable: true,
    })
    expect(clock.now()).toBeLessThanOrEqual(10_000)
  })

  test.each([
    ["a broken connection", "cut"],
    ["a node's unknown", refusal("leadership-lost")],
    ["half of an answer", new Response('{"result":', { status: 200 })],
  ] as ReadonlyArray<readonly [string, Reply]>)(
    "after %s no refusal of a later attempt makes it rejected (C2)",
    async (_, first) => {
      const { raftlet, clock } = world((_, count) => (count === 1 ? first : refusal("no-leader")))
      const failure = (await clock.run(failureOf(raftlet.propose(add)))) as Failure
      expect(failure).toMatchObject({ outcome: "unknown", retryable: true })
      expect(failure.detail).toContain("no-leader!")
      expect(await failure.getResponse().json()).toMatchObject({ outcome: "unknown", code: failure.code })
    },
  )

  test("in doubt a reducer's no is asked for again, until it is told as what was remembered (C2)", async () => {
    const replies: ReadonlyArray<Reply> = [
      "cut",
      refusal("rejected"),
      refusal("rejected", { replayed: true }),
    ]
    const { raftlet, clock, seen } = world((_, count) => replies[count - 1]!)
    const failure = await clock.run(failureOf(raftlet.propose(add)))
    expect(failure).toMatchObject({ code: "rejected", outcome: "rejected", attempts: 3 })
    expect(seen).toHaveLength(3)
  })

  test("in doubt what is refused again and again is unknown, and nobody waits until the deadline (C2)", async () => {
    const { raftlet, clock } = world((_, count) => (count === 1 ? "cut" : refusal("invalid-input")))
    const failure = (await clock.run(failureOf(raftlet.propose(add)))) as Failure
    expect(failure).toMatchObject({ outcome: "unknown", code: "timeout", attempts: 4 })
    expect(failure.detail).toContain("invalid-input")
    expect(clock.now()).toBeLessThan(1000)
  })

  test("in doubt a revision that is past is past for all attempts; one that may still come is not (C2)", async () => {
    const revision = (at: number) => refusal("revision-mismatch", { revision: at })
    const past = world((_, count) => (count === 1 ? "cut" : revision(5)))
    expect(await past.clock.run(failureOf(past.raftlet.propose({ ...add, ifRevision: 4 })))).toMatchObject({
      outcome: "rejected",
      code: "revision-mismatch",
      attempts: 2,
    })
    const future = world((_, count) => (count === 1 ? "cut" : revision(3)))
    expect(
      await future.clock.run(failureOf(future.raftlet.propose({ ...add, ifRevision: 4 }))),
    ).toMatchObject({ outcome: "unknown" })
  })

  test("neither token nor input nor what fetch says is part of a failure", async () => {
    const secret = { by: "s3cret" }
    const { raftlet, clock } = world((_, count) => (count % 2 === 0 ? "cut" : refusal("no-leader")), {
      token: "t0ken",
    })
    const failures = [
      await clock.run(failureOf(raftlet.propose({ ...add, input: secret }))),
      await clock.run(failureOf(raftlet.read({ actor: "counter", key: "a", query: "value", input: secret }))),
    ] as ReadonlyArray<Failure>
    for (const failure of failures) {
      const text = inspect(failure, { depth: 9 }) + (await failure.getResponse().text()) + failure.stack
      expect(text).not.toMatch(/s3cret|t0ken|secret words/)
    }
  })
})

describe("who leads", () => {
  const n3 = `n3;${urls[2]}`

  test("is asked first, once it is known of the instance or of its actor", async () => {
    const { raftlet, clock, asked } = world(() => told(executed, n3))
    await clock.run(raftlet.propose(add))
    await clock.run(raftlet.propose(add))
    await clock.run(raftlet.propose({ ...add, key: "another" }))
    await clock.run(raftlet.propose({ ...add, actor: "other" }))
    expect(asked()).toBe("1331")
  })

  test("is known of each instance: an actor may live in many groups", async () => {
    const { raftlet, clock, asked } = world(({ url }) =>
      told(executed, url.includes("/odd/") ? n3 : `n2;${urls[1]}`),
    )
    for (const key of ["odd", "even", "odd", "even"]) await clock.run(raftlet.propose({ ...add, key }))
    expect(asked()).toBe("1332")
  })

  test("is not what a refusal says: that names the leader of main", async () => {
    const { raftlet, clock, asked } = world((_, count) =>
      count === 1 ? refusal("rejected", {}, { "Raftlet-Leader": n3 }) : told(executed),
    )
    await clock.run(failureOf(raftlet.propose(add)))
    await clock.run(raftlet.propose(add))
    expect(asked()).toBe("11")
  })

  test("when it is gone the others are asked, and name the next", async () => {
    let isDead = false
    const { raftlet, clock, asked } = world(({ url }) =>
      isDead && url.startsWith(urls[2]!) ? "cut" : told(executed, isDead ? `n2;${urls[1]}` : n3),
    )
    await clock.run(raftlet.propose(add))
    await clock.run(raftlet.propose(add))
    isDead = true
    await clock.run(raftlet.propose(add))
    await clock.run(raftlet.propose(add))
    expect(asked()).toBe("13312")
  })
})

describe("a redirect", () => {
  const to = (location: string) => new Response(null, { status: 307, headers: { Location: location } })

  test("is followed, with the body and the token", async () => {
    const { raftlet, clock, seen } = world(
      ({ url }) => (url.startsWith(urls[0]!) ? to(url.replace("4001", "4003")) : told(executed)),
      { token: "t0ken" },
    )
    expect(await clock.run(raftlet.propose(add))).toEqual(executed)
    expect(seen.map(({ url, body, headers }) => [url, body, headers.get("authorization")])).toEqual(
      [4001, 4003].map((port) => [
        `http://127.0.0.1:${port}/propose/counter/a%2F%C3%BC/add`,
        add.input,
        "Bearer t0ken",
      ]),
    )
  })

  test("goes neither from an encrypted connection to one that is not, nor to strangers, nor in circles", async () => {
    const open = world(({ url }) => to(url.replace("https:", "http:")), {
      nodes: ["https://node.example"],
      timeoutMillis: 100,
    })
    const failure = (await open.clock.run(failureOf(open.raftlet.propose(add)))) as Failure
    expect(failure.detail).toContain("not encrypted")
    expect(open.seen.every(({ url }) => url.startsWith("https:"))).toBe(true)

    const stranger = world(() => to("https://evil.example/propose"), { timeoutMillis: 20, token: "t0ken" })
    const astray = (await stranger.clock.run(failureOf(stranger.raftlet.propose(add)))) as Failure
    expect([astray.code, astray.outcome]).toEqual(["timeout", "unknown"])
    expect(stranger.seen.map(({ url }) => new URL(url).hostname)).toEqual(urls.map(() => "127.0.0.1"))

    const circle = world(({ url }) => to(url), { timeoutMillis: 20 })
    const lost = (await circle.clock.run(failureOf(circle.raftlet.propose(add)))) as Failure
    expect(lost.detail).toContain("in circles")
    // Of each node, five times.
    expect(circle.asked()).toBe("111112222233333")
  })
})
