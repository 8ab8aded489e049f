// Does the app keep its word on a real socket: floods, drips, cuts, and the end of the server? (H2, H6, H10, C7)

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { connect, type Socket } from "node:net"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import fc from "fast-check"
import { Groups } from "../../src/groups/Groups.ts"
import type { BodyLimits } from "../../src/http/Bodies.ts"
import { HttpServer, isLoopback, layerServer, type ServerOptions } from "../../src/http/Server.ts"
import { Metrics } from "../../src/metrics/Metrics.ts"
import { groupsOf, makeFake } from "./fakeRaft.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const cleanups: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const serve = async (options: Partial<ServerOptions> = {}) => {
  const fake = makeFake()
  const metrics = new Metrics()
  const layer = layerServer({
    listen: { host: "127.0.0.1", port: 0 },
    insecure: false,
    node: { id: "n1", clusterId: "c", version: "0", peer: "127.0.0.1:1", uptimeMillis: () => 1 },
    metrics,
    founding: async () => "Nobody founds anything here.",
    ...options,
  }).pipe(Layer.provide(Layer.succeed(Groups, groupsOf(fake.door))))
  const scope = Scope.makeUnsafe()
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  cleanups.push(close)
  const context = await Effect.runPromise(Layer.buildWithScope(layer, scope))
  return { fake, metrics, close, server: Context.get(context, HttpServer) }
}

const limits = (some: Partial<BodyLimits>) => ({ limits: some })

/** A connection that says what it is told, and remembers what it hears. */
const open = async (port: number) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { promise: closed, resolve: onClose } = Promise.withResolvers<void>()
  let heard = ""
  let wake = () => {}
  const socket: Socket = connect(port, "127.0.0.1", resolve)
  socket.on("data", (data) => {
    heard += data.toString("latin1")
    wake()
  })
  socket.on("error", () => {})
  socket.on("close", () => {
    onClose()
    wake()
  })
  cleanups.push(async () => socket.destroy())
  await promise
  return {
    socket,
    closed,
    say: (text: string | Uint8Array) => socket.write(text),
    /** Everything heard so far, once it holds `text`. */
    until: async (text: string): Promise<string> => {
      while (!heard.includes(text)) {
        if (socket.destroyed) throw new Error(`closed after ${JSON.stringify(heard)}`)
        const { promise, resolve } = Promise.withResolvers<void>()
        wake = resolve
        await promise
      }
      return heard
    },
  }
}

const head = (headers: string) =>
  `POST /propose/counter/c1/add HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n${headers}\r\n\r\n`

describe("a path", () => {
  const ask = async (port: number, path: string): Promise<string> => {
    const client = await open(port)
    client.say(`GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`)
    await client.closed
    return client.until("HTTP/1.1")
  }

  test("that leads elsewhere than it seems to is refused: a proxy in front may have let it through for that", async () => {
    const { server } = await serve()
    const ways = ["/x/topic/../../admin/node", "/x/%2e%2e/admin/node", "/x/topic/%2E./%2e%2e/admin/node"]
    const others = ["/metrics/../admin/node", "/read/counter/../auth/a", "/x/topic\\..\\..\\admin\\node\\b"]
    const deeper = ["/x/auth/rabbitmq/%2e%2e/tenants/acme/keys", "/x/auth/rabbitmq/user/../../tenants/a"]
    const more = ["/x/topic/z\\..\\..\\..\\admin\\node", "/x/topic//../../../admin/node", "/x/topic/.."]
    for (const path of [
      ...ways,
      ...others,
      ...more,
      "/./admin/node",
      "/x/topic/%2e%2e/auth/tenants",
      ...deeper,
    ]) {
      const heard = await ask(server.port, path)
      expect([path, heard.slice(9, 12), heard.includes('"code":"bad-request"')]).toEqual([path, "400", true])
    }
  })

  test("with any key in it is taken as it is", async () => {
    const { server } = await serve()
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary", minLength: 1, maxLength: 40 }), async (key) => {
        fc.pre(key !== "." && key !== ".." && !/[\0\ufffd]/.test(key))
        const url = `http://127.0.0.1:${server.port}/read/counter/${encodeURIComponent(key)}`
        expect([key, (await fetch(url)).status]).toEqual([key, 200])
        expect([key, (await fetch(`${url}/value`)).status]).toEqual([key, 200])
      }),
      { numRuns: 100 },
    )
    for (const raw of [
      "é",
      "a+b",
      "a b",
      'a"b',
      "a;b",
      "%C3%A9",
      "a%2Bb",
      "%7Ea",
      "a|b",
      "{a}",
      "[a]",
      "a^b",
    ])
      expect([
        raw,
        (await ask(server.port, `/read/counter/${raw.replace(" ", "%20")}`)).slice(9, 12),
      ]).toEqual([raw, "200"])
  })

  test("that does not is taken as it is", async () => {
    const { server } = await serve()
    const ways = [
      "/admin/node",
      "/healthz",
      "/metrics",
      "/read/counter/a/value",
      "/read/counter/a%2F..%2Fb/value",
    ]
    for (const path of [
      ...ways,
      "/read/c%6funter/%C3%A9/value",
      "/read/counter/.../value",
      "/read/counter?limit=1",
    ])
      expect([path, (await ask(server.port, path)).slice(9, 12)]).toEqual([path, "200"])
    for (const path of ["/", "/x/nobody/a/b/../c", "/x/nobody/%ff%zz", "//admin/node"])
      expect([path, (await ask(server.port, path)).slice(9, 12)]).toEqual([path, "404"])
  })
})

describe("a body (H2)", () => {
  test("that announces too much is refused before it is sent, and the connection closed", async () => {
    const { server, fake } = await serve()
    const client = await open(server.port)
    client.say(head(`Content-Length: ${2 ** 40}`))
    const heard = await client.until('"code":"too-large"')
    expect(heard).toStartWith("HTTP/1.1 413 ")
    expect(heard.toLowerCase()).toContain("connection: close")
    expect(heard).toContain("application/problem+json")
    await client.closed
    expect(fake.proposed).toEqual([])
  })

  test("in chunks is counted while it comes, and refused at the bound", async () => {
    const { server, fake } = await serve(limits({ bodyBytesMax: 100_000 }))
    const client = await open(server.port)
    client.say(head("Transfer-Encoding: chunked"))
    const chunk = `2710\r\n${"x".repeat(10_000)}\r\n`
    for (let count = 0; count < 12; count++) client.say(chunk)
    expect(await client.until('"code":"too-large"')).toStartWith("HTTP/1.1 413 ")
    expect(fake.proposed).toEqual([])
  })

  test("in chunks within the bound is read", async () => {
    const { server, fake } = await serve()
    const client = await open(server.port)
    client.say(`${head("Transfer-Encoding: chunked")}4\r\n{"by\r\n`)
    client.say('4\r\n":5}\r\n0\r\n\r\n')
    await client.until('"result":5')
    expect(fake.proposed.map(({ input }) => input)).toEqual(['{"by":5}'])
  })

  test("that drips is given up after its time", async () => {
    const { server, fake, metrics } = await serve(limits({ bodyMillisMax: 60 }))
    for (const framing of ["Content-Length: 8", "Transfer-Encoding: chunked"]) {
      const client = await open(server.port)
      client.say(`${head(framing)}1`)
      const heard = await client.until('"code":"bad-request"')
      expect(heard).toContain("did not arrive within 60 ms")
      await client.closed
    }
    expect(fake.proposed).toEqual([])
    expect(metrics.text()).toContain("raftlet_http_body_bytes 0\n")
  })

  test("is refused as overload when all bodies together hold too much", async () => {
    const { server } = await serve(limits({ bodiesBytesMax: 1000 }))
    const slow = await open(server.port)
    slow.say(`${head("Content-Length: 900")}x`)
    await Bun.sleep(20)
    const refused = await open(server.port)
    refused.say(`${head("Content-Length: 200")}x`)
    const heard = await refused.until('"code":"overloaded"')
    expect(heard).toStartWith("HTTP/1.1 503 ")
    expect(heard.toLowerCase()).toContain("retry-after: 1")
  })
})

describe("a client that goes away (H6)", () => {
  test("in the middle of a head, a body or its wait leaves nothing behind", async () => {
    const { server, fake, metrics } = await serve()
    const whole = `${head("Content-Length: 8")}{"by":5}`
    for (let at = 1; at < whole.length; at += 7) {
      const client = await open(server.port)
      client.say(whole.slice(0, at))
      client.socket.destroy()
      await client.closed
    }
    fake.instead.current = "silence"
    const waiting = await open(server.port)
    waiting.say(whole)
    while (fake.proposals.length === 0) await Bun.sleep(1)
    waiting.socket.destroy()
    await waiting.closed
    fake.proposals[0]?.answer({ _tag: "Failure", code: "timeout", outcome: "unknown", detail: "late" })
    fake.instead.current = null
    const response = await fetch(`${server.url}/healthz`)
    expect(response.status).toBe(200)
    expect(metrics.text()).toContain("raftlet_http_body_bytes 0\n")
    expect(fake.defects).toEqual([])
  })
})

test("pipelined requests are answered each its own, in order (C7)", async () => {
  const { server } = await serve()
  const client = await open(server.port)
  const one = (by: number) => `${head("Content-Length: 8")}{"by":${by}}`
  client.say(one(1) + one(2) + one(3))
  const heard = await client.until('"result":6')
  const results = [...heard.matchAll(/"result":(\d+)/g)].map(([, result]) => Number(result))
  expect(results).toEqual([1, 3, 6])
})

describe("heads that contradict themselves or flood are refused (H10)", () => {
  const bad: ReadonlyArray<[string, string, string]> = [
    ["two lengths", "Content-Length: 3\r\nContent-Length: 4", "400"],
    ["a length and chunks", "Content-Length: 3\r\nTransfer-Encoding: chunked", "400"],
    ["a negative length", "Content-Length: -3", "400"],
    [
      "a flood of headers",
      Array.from({ length: 900 }, (_, at) => `x${at}: ${"y".repeat(99)}`).join("\r\n"),
      "431",
    ],
  ]
  for (const [name, headers, status] of bad) {
    test(`${name} → ${status}`, async () => {
      const { server, fake } = await serve()
      const client = await open(server.port)
      client.say(`${head(headers)}{}`)
      expect(await client.until("\r\n")).toStartWith(`HTTP/1.1 ${status} `)
      expect(fake.proposed).toEqual([])
    })
  }

  test("an unusable Host is no 5xx", async () => {
    const { server } = await serve()
    const client = await open(server.port)
    client.say("GET /read/counter/c1 HTTP/1.1\r\nHost: a b[\r\n\r\n")
    expect(await client.until('"revision":0')).toStartWith("HTTP/1.1 200 ")
  })
})

test("keys come through the socket byte by byte, but for the two that URLs cannot carry (H9)", async () => {
  const { server, fake } = await serve()
  const keys = ["../x", "a/b", "%2f", "A\u030a", "Å", "\u0001 +?#", "..."]
  for (const key of keys) await fetch(`${server.url}/read/counter/${encodeURIComponent(key)}`)
  expect(fake.reads.map(({ query }) => "key" in query && query.key)).toEqual(keys)
  // WHATWG URLs drop dot segments, escaped or not: such a path names another place, never another instance.
  expect((await fetch(`${server.url}/read/counter/%2e%2e/value`)).status).toBe(404)
})

test("raw bytes that are no UTF-8 are nobody's key: refused with the reason, never a log entry (H1, H9)", async () => {
  const { server, fake } = await serve()
  const heardOf = async (line: string, host = "h") => {
    const client = await open(server.port)
    const rest = `Host: ${host}\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"by":5}`
    client.say(Buffer.from(`${line} HTTP/1.1\r\n${rest}`, "latin1"))
    return client.until('"detail"')
  }
  for (const heard of [
    await heardOf("POST /propose/counter/K\xe9\xff/add"),
    await heardOf("POST /propose/counter/\xff/add", "a b["),
    await heardOf("GET /read/counter/K\xe9\xff"),
  ]) {
    expect(heard).toStartWith("HTTP/1.1 400 ")
    expect(heard).toContain("The key in the path is not UTF-8, or holds U+FFFD")
  }
  expect(fake.proposed).toEqual([])
  expect(fake.reads).toEqual([])
})

test("the server says where it listens, also when it chose the port itself", async () => {
  const { server } = await serve()
  const node = (await (await fetch(`${server.url}/admin/node`)).json()) as { listen: string }
  expect(node.listen).toBe(server.url)
})

test("when the server ends, those who wait are answered first, and nobody is let in (C10)", async () => {
  const { server, fake, close } = await serve()
  fake.instead.current = "silence"
  const waiting = fetch(`${server.url}/propose/counter/c1/add`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"by":5}',
  })
  while (fake.proposals.length === 0) await Bun.sleep(1)
  const late = await open(server.port)
  late.say("GET /healthz HTTP/1.1\r\nHost: h\r\n")
  await Bun.sleep(10)
  const closed = close()
  late.say("\r\n")
  expect(await late.until('"code":"shutting-down"')).toStartWith("HTTP/1.1 503 ")
  fake.proposals[0]?.answer({
    _tag: "Accepted",
    result: "5",
    revision: 1,
    index: 8,
    term: 2,
    replayed: false,
  })
  expect((await waiting).status).toBe(200)
  await closed
  expect(fetch(server.url)).rejects.toThrow()
})

describe("where a node without tokens listens (CONTRACT §4)", () => {
  const refusal = async (options: Partial<ServerOptions>) => {
    const exit = await Effect.runPromiseExit(Effect.promise(() => serve(options)))
    return Exit.isFailure(exit) ? String(exit.cause) : "listening"
  }

  test("is loopback", () => {
    const hosts = ["127.0.0.1", "127.8.9.10", "localhost", "::1", "0.0.0.0", "::", "10.0.0.1", "127.evil.com"]
    expect(hosts.filter(isLoopback)).toEqual(["127.0.0.1", "127.8.9.10", "localhost", "::1"])
  })

  test("is nowhere else, and the refusal says how", async () => {
    expect(await refusal({ listen: { host: "0.0.0.0", port: 0 } })).toContain("--insecure")
  })

  test("is anywhere with --insecure", async () => {
    expect(await refusal({ listen: { host: "0.0.0.0", port: 0 }, insecure: true })).toBe("listening")
  })

  test("is not a port in use, and one line says so (O5)", async () => {
    const { server } = await serve()
    expect(await refusal({ listen: { host: "127.0.0.1", port: server.port } })).toContain(
      `cannot listen on 127.0.0.1:${server.port}: the port is in use`,
    )
  })
})
