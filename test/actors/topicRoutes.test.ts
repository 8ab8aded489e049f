// Does the queue's HTTP app keep what it is given, let go of what it is told to, and count what passed through it?

import { describe, expect, test } from "bun:test"
import { Failure } from "raftlet/client"
import { actorFile, type CommandAnswer, type TestActor, testActor } from "raftlet/testing"
import type auth from "../../actors/auth/index.ts"
import { hashOf } from "../../actors/auth/secrets.ts"
import type metering from "../../actors/metering/index.ts"
import type topic from "../../actors/topic/index.ts"
import { routes } from "../../actors/topic/routes.ts"

const files = {
  auth: await actorFile<typeof auth>("actors/auth"),
  metering: await actorFile<typeof metering>("actors/metering"),
  topic: await actorFile<typeof topic>("actors/topic"),
}
const secret = "rk_correct-horse-battery-staple"
const messages = "/topics/orders.eu/messages"
const mail = "/topics/orders.eu/groups/mail"

interface Asked {
  readonly actor: keyof typeof files
  readonly key: string
  readonly command: string
  readonly query: string
  readonly input?: never
  readonly idempotencyKey?: string
}

/** The app, and three actors in the place of a cluster. `acme.k1` may do anything to `orders.#`. */
const world = () => {
  const actors = {
    auth: testActor(files.auth),
    metering: testActor(files.metering),
    topic: testActor(files.topic),
  }
  actors.auth.execute("acme", "open")
  actors.auth.execute("acme", "addKey", { label: "", hash: hashOf(secret), expiresAt: null })
  const rule = {
    effect: "allow",
    actions: ["publish", "subscribe"],
    pattern: "orders.#",
    keys: null,
  } as const
  actors.auth.execute("acme", "setRule", { id: "orders", ...rule })
  const at = (actor: keyof typeof files) => actors[actor] as unknown as AnyActor
  const cluster = {
    propose: async ({ actor, key, command, input, idempotencyKey }: Asked) => {
      const answer = at(actor).execute(key, command, input, idempotencyKey ? { idempotencyKey } : {})
      if (answer.outcome === "executed") return answer
      const { code, detail } = answer
      throw new Failure({ status: 422, code, detail, outcome: "rejected", retryable: false }, 1)
    },
    read: async ({ actor, key, query, input }: Asked) => ({ result: at(actor).query(key, query, input) }),
  }
  const app = routes({ cluster: () => cluster as never })
  const headers = { Authorization: `Basic ${btoa(`acme.k1:${secret}`)}` }
  const ask = async (path: string, init: RequestInit = {}) => {
    const length = init.body instanceof Uint8Array ? init.body.length : `${init.body ?? ""}`.length
    const response = await app.request(path, {
      ...init,
      headers: { ...headers, "Content-Length": `${length}` },
    })
    return { status: response.status, text: await response.text() }
  }
  return { ...actors, app, ask }
}

interface AnyActor {
  readonly execute: (key: string, command: string, input: unknown, options: object) => CommandAnswer
  readonly query: (key: string, query: string, input: unknown) => unknown
}

const publish = (body: string | Uint8Array<ArrayBuffer>) => ({ method: "POST", body })
const join = { method: "PUT", body: '{"from":"oldest"}' }
const bodies = (at: TestActor<typeof topic>) =>
  at.query("acme/orders.eu", "poll", { group: "mail", max: 10 })?.messages.map(({ body }) => body)

describe("a message", () => {
  test("is kept as it was given, character for character", async () => {
    const { topic, ask } = world()
    await ask(mail, join)
    const texts = ["", "zwei Kisten Nägel 🔨", "\ufefffirst a mark", "\u0000", "\ufffd"]
    for (const text of texts)
      expect(await ask(messages, publish(new TextEncoder().encode(text)))).toMatchObject({ status: 200 })
    expect(bodies(topic)).toEqual(texts)
  })

  test("that is no text is refused, and not kept as another one", async () => {
    const { topic, ask } = world()
    await ask(mail, join)
    for (const bytes of [[0xff], [0x7f, 0x45, 0x4c, 0x46, 0x80], [0xc3], [0xed, 0xa0, 0x80]])
      expect(await ask(messages, publish(Uint8Array.from(bytes)))).toMatchObject({
        status: 400,
        text: expect.stringContaining('"code":"bad-request"'),
      })
    expect(bodies(topic)).toEqual([])
  })
})

test("a group leaves by the door that it came in by, and nothing waits for it any more", async () => {
  const { topic, ask } = world()
  await ask(mail, join)
  await ask(messages, publish("a"))
  expect(await ask(mail, { method: "DELETE" })).toMatchObject({ status: 200 })
  expect(topic.query("acme/orders.eu", "lag")).toEqual([])
  expect(await ask(mail, { method: "DELETE" })).toMatchObject({
    status: 422,
    text: expect.stringContaining("no-such-group"),
  })
})

test("what came in and what went out is counted, also of who only reads", async () => {
  const { metering, ask } = world()
  await ask(mail, join)
  await ask(messages, publish("two boxes of nails"))
  const page = await ask(`${messages}?group=mail`)
  const counted = metering.query("acme", "byRoute")
  const bytesOf = (route: string) => counted.find((one) => one.route === route)?.bytes
  expect(bytesOf("GET /topics/{topic}/messages")).toBe(page.text.length)
  expect(bytesOf("POST /topics/{topic}/messages")).toBe("two boxes of nails".length + '{"offset":0}'.length)
})

test("a path that is none is answered as everything else is", async () => {
  const { ask } = world()
  const { status, text } = await ask("/topics/orders.eu")
  expect([status, JSON.parse(text)]).toEqual([
    404,
    expect.objectContaining({ code: "not-found", outcome: "rejected", status: 404 }),
  ])
})

test("the consumer of docs/CLOUD.md gets what the publisher sends, once each, and again what it has not committed", async () => {
  const { topic, app } = world()
  process.env.ACCESS_KEY = `acme.k1:${secret}`
  const hostFetch = globalThis.fetch
  globalThis.fetch = (async (request: Request) => {
    const { pathname, search } = new URL(request.url)
    if (!pathname.startsWith("/x/topic/")) return new Response(null, { status: 404 })
    return app.request(new Request(`http://node${pathname.slice("/x/topic".length)}${search}`, request))
  }) as typeof fetch
  try {
    const { consume, publish } = await import("../examples/consumer.ts")
    for (const [at, body] of ["a", "b", "b"].entries()) await publish(body, `order-${Math.min(at, 1)}`)
    const seen: Array<string> = []
    const stop = new AbortController()
    const die = consume(async (body) => {
      seen.push(body)
      if (body === "b") throw new Error("died")
    }, stop.signal)
    expect(await die.catch(String)).toBe("Error: died")
    await consume(async (body) => {
      seen.push(body)
      if (body === "b") stop.abort()
    }, stop.signal)
    expect(seen).toEqual(["a", "b", "a", "b"])
    expect(topic.query("acme/orders.eu", "lag")).toEqual([{ group: "mail", next: 2, waiting: 0 }])
  } finally {
    globalThis.fetch = hostFetch
    delete process.env.ACCESS_KEY
  }
})
