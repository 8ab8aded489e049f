// Do the routes of an actor get their requests while nodes are away, and does the caller get their answers?

import { describe, expect, test } from "bun:test"
import { failureOf, type Reply, refusal, urls, world } from "./fake.ts"

const path = "/x/topic/topics/orders/messages?max=1"
const post = { method: "post", body: '{"a":1}', headers: { Authorization: "Basic x" } }

const answer = () => Response.json({ offset: 3 }, { status: 201, headers: { "X-Own": "kept" } })

describe("a request to routes", () => {
  test("goes out as it was given, and its answer comes back whole", async () => {
    const { raftlet, clock, seen } = world(() => answer(), { token: "t0ken" })
    const response = await clock.run(raftlet.request(path, { ...post, idempotencyKey: "once" }))
    expect([response.status, response.headers.get("x-own"), await response.json()]).toEqual([
      201,
      "kept",
      { offset: 3 },
    ])
    expect(seen[0]).toMatchObject({ url: `${urls[0]}${path}`, method: "POST", body: { a: 1 } })
    // What the caller says of itself goes before what the client would say.
    expect(Object.fromEntries(seen[0]!.headers)).toMatchObject({
      authorization: "Basic x",
      "idempotency-key": "once",
    })
  })

  test("is sent again under one key while nodes are silent, or say that it may pass", async () => {
    const replies: ReadonlyArray<Reply> = ["cut", "hang", refusal("no-leader"), refusal("timeout"), answer()]
    const { raftlet, clock, seen } = world((_, count) => replies[count - 1]!)
    const response = await clock.run(raftlet.request(path, post))
    expect(response.status).toBe(201)
    expect(seen).toHaveLength(5)
    const keys = seen.map(({ headers }) => headers.get("idempotency-key"))
    expect(new Set(keys).size).toBe(1)
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/)
  })

  test.each([
    ["a refusal that lasts", () => refusal("rejected"), 422],
    ["another program's error", () => new Response("oops", { status: 500 }), 500],
    ["text", () => new Response("allow"), 200],
    ["nothing at all", () => new Response(null, { status: 204 }), 204],
  ])("takes %s for an answer", async (_, reply, status) => {
    const { raftlet, clock, seen } = world(() => reply())
    const response = await clock.run(raftlet.request(path))
    expect(response.status).toBe(status)
    expect(seen).toHaveLength(1)
  })

  test("that nobody answered in time is unknown as soon as one attempt may have been heard", async () => {
    const { raftlet, clock } = world((_, count) => (count === 1 ? "hang" : refusal("no-leader")))
    expect(await clock.run(failureOf(raftlet.request(path, { ...post, timeoutMillis: 2000 })))).toMatchObject(
      {
        outcome: "unknown",
        code: "no-leader",
      },
    )
    const refused = world(() => refusal("no-leader"))
    expect(
      await refused.clock.run(failureOf(refused.raftlet.request(path, { timeoutMillis: 2000 }))),
    ).toMatchObject({ outcome: "rejected", code: "no-leader" })
  })

  test("has to name routes, and a key that a header can hold", async () => {
    const { raftlet, clock, seen } = world(() => answer())
    const wrongs = [
      "/propose/a/b/c",
      "x/topic",
      "/x/",
      "http://elsewhere/x/topic",
      "/x/.",
      "/x/../admin/node",
    ]
    for (const wrong of [
      ...wrongs,
      "/x/topic/../../admin/node",
      "/x/topic/%2e%2E/auth",
      "/x/topic\\..\\auth",
    ])
      expect(await clock.run(failureOf(raftlet.request(wrong)))).toBeInstanceOf(TypeError)
    expect(await clock.run(failureOf(raftlet.request(path, { idempotencyKey: "ä" })))).toBeInstanceOf(
      TypeError,
    )
    expect(seen).toEqual([])
    await clock.run(raftlet.request("/x/topic/a/../b?c=/../"))
    expect(seen).toHaveLength(1)
  })

  test.each([
    ["a body where there is none", { body: "x" }],
    ["a header over two lines", { headers: { "X-One": "s3cret\r\nX-Two: 2" } }],
    ["a header without a name", { headers: { "": "s3cret" } }],
    ["a method that is none", { method: "GET s3cret" }],
  ])("with %s is a TypeError at once, which does not show it", async (_, given) => {
    const { raftlet, clock, seen } = world(() => answer())
    const cause = await clock.run(failureOf(raftlet.request(path, given)))
    expect(cause).toBeInstanceOf(TypeError)
    expect(`${cause}`).not.toContain("s3cret")
    expect(seen).toEqual([])
  })

  test("that is sent on to elsewhere is answered by that, and nobody there learns anything", async () => {
    const elsewhere = ["http://evil.example/x/topic", "http://127.0.0.1:9999/", "https://evil.example/"]
    for (const location of elsewhere) {
      const { raftlet, clock, seen } = world(
        () => new Response(null, { status: 307, headers: { Location: location } }),
        { token: "t0ken" },
      )
      const response = await clock.run(raftlet.request(path, post))
      expect([response.status, response.headers.get("location")]).toEqual([307, location])
      expect(seen.map(({ url }) => url)).toEqual([`${urls[0]}${path}`])
    }
  })
})
