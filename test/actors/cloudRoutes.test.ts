// What do the routes of the cloud's services say, whatever is asked, and whichever part of the work comes to nothing?

import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import type { Hono } from "hono"
import { testActor } from "raftlet/testing"
import authDefinition from "../../actors/auth/index.ts"
import { routes as authRoutes } from "../../actors/auth/routes.ts"
import { hashOf } from "../../actors/auth/secrets.ts"
import meteringDefinition from "../../actors/metering/index.ts"
import topicDefinition from "../../actors/topic/index.ts"
import { routes as topicRoutes } from "../../actors/topic/routes.ts"
import { clientAt } from "../../src/client/clientAt.ts"
import { programOf } from "../../src/machine/routes/program.ts"
import { problem } from "../client/fake.ts"
import { VirtualClock } from "../client/VirtualClock.ts"

const secret = "rk_correct-horse-battery-staple"

/** The three actors behind doors that speak as a node's do. `refuses`: what the door of an actor says instead. */
const cloud = () => {
  const subjects = {
    auth: testActor(authDefinition),
    metering: testActor(meteringDefinition),
    topic: testActor(topicDefinition),
  }
  const instead = new Map<string, object>()
  const asked: Array<string> = []
  const fetch = async (request: Request): Promise<Response> => {
    const [, does, actor = "", key = "", name = ""] = new URL(request.url).pathname
      .split("/")
      .map(decodeURIComponent)
    asked.push(`${does} ${actor} ${name}`)
    const refused = instead.get(actor)
    if (refused !== undefined) return Response.json(refused, { status: 503 })
    const input = (await request.json().catch(() => null)) as never
    const subject = subjects[actor as "auth"]
    if (does === "read") {
      try {
        return Response.json({ result: subject.query(key, name as "keys", input), revision: 1, index: 1 })
      } catch (error) {
        return Response.json(problem("invalid-input", { detail: `${error}` }), { status: 400 })
      }
    }
    const idempotencyKey = request.headers.get("idempotency-key") ?? ""
    const done = subject.execute(key, name as "open", input, { idempotencyKey })
    if (done.outcome === "executed")
      return Response.json({ result: done.result, revision: 1, index: 1, term: 1, replayed: done.replayed })
    const own = ["invalid-input", "idempotency-mismatch"].includes(done.code) ? done.code : "rejected"
    const status = own === "invalid-input" ? 400 : 422
    return Response.json(
      problem(own, { status, retryable: false, reason: { code: done.code, message: "", data: null } }),
      {
        status,
      },
    )
  }
  const cluster = () =>
    clientAt(new VirtualClock(), "http://node", { fetch, discover: false, timeoutMillis: 1 })
  const serve = (app: Hono) => {
    const program = programOf({ routes: () => app } as never, {} as never)
    return async (path: string, init: RequestInit = {}) => {
      const exit = await Effect.runPromise(Effect.result(program(new Request(`http://node${path}`, init))))
      // What is thrown there is a bare 500 to the client.
      if (exit._tag === "Failure") return { status: 500, body: `${exit.failure}` }
      const text = await exit.success.text()
      const isJson = exit.success.headers.get("content-type")?.includes("json") === true
      return { status: exit.success.status, body: isJson ? JSON.parse(text) : text }
    }
  }
  const ctx = { cluster } as never
  subjects.auth.execute("acme", "open")
  for (const label of ["ci", "other"])
    subjects.auth.execute("acme", "addKey", { label, hash: hashOf(`${secret}${label}`), expiresAt: null })
  subjects.auth.execute("acme", "setRule", {
    id: "all",
    effect: "allow",
    actions: ["publish", "subscribe", "admin"],
    pattern: "#",
    keys: null,
  })
  return { subjects, instead, asked, auth: serve(authRoutes(ctx)), topic: serve(topicRoutes(ctx)) }
}

const authorization = `Basic ${btoa(`acme.k1:${secret}ci`)}`
const form = (fields: Readonly<Record<string, string>> | string) => ({
  method: "POST",
  headers: { "Content-Type": "application/x-www-form-urlencoded" },
  body: typeof fields === "string" ? fields : new URLSearchParams(fields).toString(),
})

describe("the questions of RabbitMQ", () => {
  const good = { username: "acme.k1", password: `${secret}ci`, vhost: "acme" }

  test("are answered with one word", async () => {
    const { auth } = cloud()
    const asks: ReadonlyArray<readonly [string, Readonly<Record<string, string>>, string]> = [
      ["user", good, "allow"],
      ["user", { ...good, password: `${secret}other` }, "deny"],
      ["user", { ...good, password: "" }, "deny"],
      ["vhost", good, "allow"],
      ["vhost", { ...good, vhost: "globex" }, "deny"],
      ["resource", { ...good, resource: "queue", name: "a", permission: "configure" }, "allow"],
      ["resource", { ...good, resource: "queue", name: "a", permission: "admin" }, "deny"],
      ["resource", { ...good, vhost: "", resource: "queue", name: "a", permission: "read" }, "deny"],
      ["resource", { ...good, resource: "queue", name: "", permission: "read" }, "deny"],
      ["topic", { ...good, name: "amq.topic", routing_key: "a.b", permission: "write" }, "allow"],
      ["topic", { ...good, username: "acme.k9", routing_key: "a.b", permission: "write" }, "deny"],
    ]
    for (const [what, fields, word] of asks) {
      expect([what, fields, await auth(`/rabbitmq/${what}`, form(fields))]).toEqual([
        what,
        fields,
        { status: 200, body: word },
      ])
      const query = new URLSearchParams(fields)
      expect(await auth(`/rabbitmq/${what}?${query}`)).toEqual({ status: 200, body: word })
    }
  })

  test("about a name that nobody can have are denied, and nobody is asked", async () => {
    const { auth, asked } = cloud()
    const names = ["", ".", "..", "acme", "acme.", ".k1", "acme.k0", "acme.k1.k1", "acme.k1\0", "acme\n.k1"]
    for (const username of [...names, "\ufffd.k1", `${"x".repeat(600)}.k1`, "nobody.at.all", "acme.K1"]) {
      for (const what of ["user", "vhost", "resource", "topic"]) {
        const vhost = username.split(".")[0]!
        const fields = { username, password: "x", vhost, name: "a", routing_key: "a", permission: "read" }
        expect([username, await auth(`/rabbitmq/${what}`, form(fields))]).toEqual([
          username,
          { status: 200, body: "deny" },
        ])
      }
    }
    expect(asked).toEqual([])
    for (const vhost of ["nobody.at.all", "nobody", ""])
      expect(await auth("/rabbitmq/vhost", form({ username: "x", vhost }))).toMatchObject({ body: "deny" })
    expect(await auth("/rabbitmq/vhost", form(""))).toEqual({ status: 200, body: "deny" })
  })

  test("that can be read in two ways are answered in neither", async () => {
    const { auth } = cloud()
    const twice = `${new URLSearchParams(good)}&username=acme.k2`
    expect(await auth("/rabbitmq/user", form(twice))).toMatchObject({
      status: 400,
      body: { code: "bad-request" },
    })
    expect(await auth(`/rabbitmq/user?${twice}`)).toMatchObject({ status: 400 })
    const bytes = { method: "POST", body: new Uint8Array([0x75, 0xff]) }
    expect(await auth("/rabbitmq/user", bytes)).toMatchObject({ status: 400 })
  })
})

describe("a new key", () => {
  test("for a tenant whose name no key can hold is refused, and no defect", async () => {
    const { auth } = cloud()
    for (const tenant of ["%00", "x".repeat(600), "%2e%2e%2f", "no body"]) {
      const { status, body } = await auth(`/tenants/${tenant}/keys`, { method: "POST", body: "{}" })
      expect([tenant, status < 500, (body as { outcome: string }).outcome]).toEqual([
        tenant,
        true,
        "rejected",
      ])
    }
  })

  test("of a body that is too deep to be written down is refused", async () => {
    const { auth } = cloud()
    const body = `{"label":${"[".repeat(100_000)}${"]".repeat(100_000)}}`
    expect(await auth("/tenants/acme/keys", { method: "POST", body })).toMatchObject({ status: 400 })
  })
})

describe("a call to the queue", () => {
  const call = (key: string | null, init: RequestInit = {}) => ({
    ...init,
    headers: { Authorization: authorization, ...(key === null ? {} : { "Idempotency-Key": key }) },
  })
  const publish = (key: string | null, body: string | Uint8Array<ArrayBuffer> = "a") =>
    call(key, { method: "POST", body })
  const join = (key: string | null = null) => call(key, { method: "PUT", body: '{"from":"oldest"}' })

  test("that was executed is not told as rejected because it could not be counted", async () => {
    for (const refused of [problem("no-leader"), problem("quarantined", { status: 423, retryable: false })]) {
      const { topic, instead, subjects } = cloud()
      instead.set("metering", refused)
      expect(await topic("/topics/t/messages", publish("once"))).toMatchObject({
        status: 503,
        body: { outcome: "unknown", retryable: true, code: "half-done" },
      })
      expect(subjects.topic.state("acme/t").messages).toHaveLength(1)
      instead.clear()
      expect(await topic("/topics/t/messages", publish("once"))).toEqual({ status: 200, body: { offset: 0 } })
      expect(subjects.metering.query("acme", "total").calls).toBe(1)
    }
  })

  test("that nobody executed is told as rejected", async () => {
    const { topic, instead, subjects } = cloud()
    instead.set("topic", problem("no-leader"))
    expect(await topic("/topics/t/messages", publish("once"))).toMatchObject({
      status: 503,
      body: { outcome: "rejected" },
    })
    expect(subjects.metering.query("acme", "total").calls).toBe(0)
  })

  test("is counted once when it is sent again, and whoever has one key for everything pays for everything", async () => {
    const { topic, subjects } = cloud()
    const counted = () => subjects.metering.query("acme", "total").calls
    await topic("/topics/t/groups/g", join("j"))
    for (const _ of [1, 2]) await topic("/topics/t/messages", publish("k"))
    expect([counted(), subjects.topic.state("acme/t").messages.length]).toEqual([2, 1])
    // Other requests under the same key: another topic, another group, and a poll from where the group has come to.
    await topic("/topics/u/messages", publish("k"))
    await topic("/topics/t/groups/h", join("k"))
    expect(counted()).toBe(4)
    const poll = () => topic("/topics/t/messages?group=g", call("k"))
    for (const _ of [1, 2])
      expect(await poll()).toMatchObject({ body: { messages: [{ body: "a" }], next: 1 } })
    expect(counted()).toBe(5)
    await topic("/topics/t/groups/g/commit", call("other", { method: "POST", body: '{"next":1}' }))
    for (const _ of [1, 2]) expect(await poll()).toMatchObject({ body: { messages: [], next: 1 } })
    expect(counted()).toBe(7)
    // Without a key each is another one.
    for (const _ of [1, 2]) await topic("/topics/t/messages?group=g", call(null))
    expect(counted()).toBe(9)
  })

  test("with another body under the same key is refused, and nothing is published twice", async () => {
    const { topic, subjects } = cloud()
    await topic("/topics/t/messages", publish("k", "one"))
    expect(await topic("/topics/t/messages", publish("k", "two"))).toMatchObject({
      status: 422,
      body: { code: "idempotency-mismatch" },
    })
    expect(subjects.topic.state("acme/t").messages.map(({ body }) => body)).toEqual(["one"])
  })

  test("publishes text, to the character, and nothing else", async () => {
    const { topic, subjects } = cloud()
    const texts = ["\ufeffwith a mark", "a\0b", "ä€😀", "", "\ufffd"]
    for (const text of texts) {
      expect(await topic("/topics/t/messages", publish(null, new TextEncoder().encode(text)))).toMatchObject({
        status: 200,
      })
    }
    for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0x1f, 0x8b, 8]])
      expect(await topic("/topics/t/messages", publish(null, new Uint8Array(bytes)))).toMatchObject({
        status: 400,
        body: { code: "bad-request", outcome: "rejected" },
      })
    expect(subjects.topic.state("acme/t").messages.map(({ body }) => body)).toEqual(texts)
  })

  test("that nothing can hold is refused, and no defect", async () => {
    const { topic } = cloud()
    const asks = [
      topic("/topics/t/messages", publish("x".repeat(129))),
      topic("/topics/t/messages", publish("\u00fc")),
      topic("/topics/t%00/messages", publish(null)),
      topic(`/topics/${encodeURIComponent("€".repeat(250))}/messages`, publish(null)),
      topic(`/topics/${"x".repeat(256)}/messages`, publish(null)),
      topic("/topics/t/messages", {
        method: "POST",
        headers: { Authorization: `Basic ${btoa("a\0.k1:x")}` },
      }),
      topic("/topics/t/messages", {
        method: "POST",
        headers: { Authorization: `Basic ${btoa(`${"x".repeat(600)}.k1:x`)}` },
      }),
      topic("/topics/t/messages?group=g&max=1e99", call(null)),
    ]
    for (const [at, each] of asks.entries()) {
      const { status, body } = await each
      expect([at, status >= 400 && status < 500, (body as { outcome: string }).outcome]).toEqual([
        at,
        true,
        "rejected",
      ])
    }
  })
})
