// Which nodes does a client know, and what of a call outlives it?

import { describe, expect, test } from "bun:test"
import { client } from "raftlet/client"
import type { WrongArgument } from "../../src/client/arguments.ts"
import { Nodes } from "../../src/client/Nodes.ts"
import { executed, failureOf, type Reply, refusal, type Seen, told, urls, world } from "./fake.ts"
import { VirtualClock } from "./VirtualClock.ts"

const add = { actor: "counter", key: "a", command: "add", input: { by: 3 } }
const n4 = "http://127.0.0.1:4004"

const cluster = (...members: ReadonlyArray<string>) =>
  told({ members: members.map((client) => ({ client })) })
const isLook = ({ url }: Seen) => url.endsWith("/admin/cluster")

describe("members", () => {
  /** The cluster has moved on: of those that were given only the first belongs to it. */
  const moved = (answer: (request: Seen) => Reply, options = {}) =>
    world((request) => (isLook(request) ? cluster(urls[0]!, n4) : answer(request)), {
      discover: true,
      ...options,
    })

  test("are looked for when something was asked, and asked before those that were given", async () => {
    const { raftlet, clock, seen } = moved(() => told(executed))
    await clock.run(raftlet.propose(add))
    await clock.run(clock.sleep(1, new AbortController().signal))
    expect(seen.map(({ url }) => url).filter((url) => url.endsWith("cluster"))).toEqual([
      `${urls[0]}/admin/cluster`,
    ])
    const answers = moved(({ url }) => (url.startsWith(n4) ? told(executed) : "cut"))
    await answers.clock.run(answers.raftlet.propose(add))
    const { url } = answers.seen.at(-1)!
    expect(url.startsWith(n4)).toBe(true)
  })

  test("are looked for again when a node fails, at most once a second, and else once a minute", async () => {
    let isBroken = false
    const { raftlet, clock, seen } = moved(({ url }) =>
      isBroken && url.startsWith(urls[0]!) ? "cut" : told(executed),
    )
    const looks = () => seen.filter(isLook).length
    const ask = () => clock.run(raftlet.propose(add))
    const rest = (millis: number) => clock.run(clock.sleep(millis, new AbortController().signal))
    await ask()
    await rest(59_000)
    await ask()
    await rest(1)
    expect(looks()).toBe(1)
    isBroken = true
    await ask()
    await rest(600)
    await ask()
    await rest(1)
    expect(looks()).toBe(2)
    isBroken = false
    await rest(60_000)
    await ask()
    await rest(1)
    expect(looks()).toBe(3)
  })

  test("a leader that was not known is followed, and the members are looked for", async () => {
    const { raftlet, clock, asked } = world(
      (request) => (isLook(request) ? refusal("forbidden", { status: 403 }) : told(executed, `n4;${n4}`)),
      { discover: true },
    )
    await clock.run(raftlet.propose(add))
    await clock.run(raftlet.propose(add))
    expect(asked()).toMatch(/^11?41?$/)
  })

  test("others than those that were given are never asked when that is not wanted", async () => {
    const { raftlet, clock, asked } = moved(() => told(executed, `n4;${n4}`), { discover: false })
    for (const _ of urls) await clock.run(raftlet.propose(add))
    expect(asked()).toBe("111")
  })

  test.each([
    "ftp://x.example",
    "http://x.example/path",
    "http://u:p@x.example",
    "javascript:alert(1)",
    "",
    7,
    null,
  ])("%p is no address of one", async (client) => {
    const { raftlet, clock, seen } = world(
      (request) => (isLook(request) ? told({ members: [{ client }, null, {}] }) : told(executed)),
      { discover: true },
    )
    await clock.run(raftlet.propose(add))
    await clock.run(clock.sleep(1, new AbortController().signal))
    await clock.run(raftlet.propose(add))
    expect(seen.every(({ url }) => url.startsWith(urls[0]!))).toBe(true)
  })

  test("who was given encrypted nodes alone goes to no other", () => {
    const nodes = new Nodes(["https://one.example"], true, new VirtualClock())
    expect(nodes.leads(["counter"], "http://two.example")).toBe(false)
    nodes.replace(["http://two.example", "https://three.example"])
    expect(nodes.next(new Set(), ["counter"])).toBe("https://three.example")
    expect(nodes.next(new Set(["https://three.example", "https://one.example"]))).toBe(null)
  })
})

test("the loopback of a node is nothing to a client that is elsewhere", () => {
  const nodes = new Nodes(["http://one.example:4001"], true, new VirtualClock())
  const written = [
    "127.0.0.1",
    "localhost",
    "[::1]",
    "LOCALHOST",
    "a.localhost",
    "127.1",
    "0x7f.1",
    "2130706433",
  ]
  for (const host of [...written, "0.0.0.0", "0", "[::]", "[::ffff:127.0.0.1]", "[::ffff:0.0.0.0]"]) {
    const url = `http://${host}:4001`
    expect(nodes.leads(["counter"], url)).toBe(false)
    nodes.replace([url])
    expect(nodes.next(new Set(), ["counter"])).toBe("http://one.example:4001")
  }
  for (const host of ["127.example", "localhost.example", "[2001:db8::1]", "10.0.0.1"])
    expect(nodes.leads(["counter"], `http://${host}`)).toBe(true)
})

test("leaders of a thousand places are kept, the newest", () => {
  const clock = new VirtualClock(() => 0)
  const nodes = new Nodes(urls, false, clock)
  for (let at = 0; at < 1500; at++) nodes.leads([`counter/${at}`], urls[2]!)
  const next = (at: number) => nodes.next(new Set(), [`counter/${at}`])
  expect([next(499), next(500), next(1499)]).toEqual([urls[0]!, urls[2]!, urls[2]!])
})

test("a leader that fails is none any more, also when it is back", async () => {
  const clock = new VirtualClock(() => 0)
  const nodes = new Nodes(urls, false, clock)
  nodes.leads(["counter"], urls[2]!)
  nodes.failed(urls[2]!)
  await clock.run(clock.sleep(500, new AbortController().signal))
  expect(nodes.next(new Set(), ["counter"])).toBe(urls[0]!)
})

test("a node that fails is asked last, longer each time, until it answers", async () => {
  const clock = new VirtualClock(() => 0)
  const nodes = new Nodes(urls.slice(0, 2), false, clock)
  const first = () => nodes.next(new Set())
  const rest = (millis: number) => clock.run(clock.sleep(millis, new AbortController().signal))
  for (let call = 0; call < 9; call++) nodes.failed(urls[0]!)
  expect(first()).toBe(urls[1]!)
  await rest(500)
  expect(first()).toBe(urls[0]!)
  nodes.failed(urls[0]!)
  await rest(500)
  expect(first()).toBe(urls[1]!)
  nodes.failed(urls[1]!)
  expect(first()).toBe(urls[0]!)
  nodes.answered(urls[1]!)
  expect(first()).toBe(urls[1]!)
})

describe("a signal", () => {
  test("ends a call, whatever it waits for, with its own reason", async () => {
    for (const reply of ["hang", refusal("overloaded", {}, { "Retry-After": "5" })] as const) {
      const { raftlet, clock } = world(() => reply)
      const controller = new AbortController()
      const reason = new Error("no longer wanted")
      const asked = failureOf(raftlet.propose({ ...add, signal: controller.signal }))
      const give = async () => {
        await clock.sleep(100, new AbortController().signal)
        controller.abort(reason)
      }
      const [cause] = await clock.run(Promise.all([asked, give()]))
      expect(cause).toBe(reason)
      expect(clock.now()).toBe(100)
      expect(clock.timers).toBe(0)
    }
  })

  test("that is given already lets nothing out", async () => {
    const { raftlet, clock, seen } = world(() => told(executed))
    const signal = AbortSignal.abort(new Error("too late"))
    for (const asked of [
      () => raftlet.propose({ ...add, signal }),
      () => raftlet.proposeMany([add], { signal }),
      () => raftlet.read({ actor: "counter", key: "a", query: "value", signal }),
      () => raftlet.watch({ actor: "counter", key: "a", signal }).next(),
    ]) {
      expect(await clock.run(failureOf(asked()))).toBe(signal.reason)
    }
    expect(seen).toEqual([])
  })

  test("nothing is left on it, and no timer, when a call has ended", async () => {
    const controller = new AbortController()
    const { signal } = controller
    const listeners = new Set<unknown>()
    const [on, off] = [signal.addEventListener, signal.removeEventListener]
    signal.addEventListener = (...[type, listener, options]: Parameters<typeof on>) => {
      listeners.add(listener)
      on.call(signal, type, listener, options)
    }
    signal.removeEventListener = (...[type, listener, options]: Parameters<typeof off>) => {
      listeners.delete(listener)
      off.call(signal, type, listener, options)
    }
    const replies: ReadonlyArray<() => Reply> = [
      () => "cut",
      () => "hang",
      () => refusal("no-leader"),
      () => told(executed),
      () => refusal("rejected"),
    ]
    const { raftlet, clock } = world((_, count) => replies[count % replies.length]!())
    const asked = Array.from({ length: 3 }, () => raftlet.propose({ ...add, signal }))
    // Of more than ten on one signal, Node says that they are a leak.
    expect(listeners.size).toBe(1)
    await clock.run(Promise.allSettled(asked))
    expect(listeners.size).toBe(0)
    expect(clock.timers).toBe(0)
  })
})

test("close ends what is under way, and nothing can be asked any more", async () => {
  const { raftlet, clock, seen } = world(() => "hang")
  const asked = failureOf(raftlet.propose(add))
  raftlet.close()
  expect(await clock.run(asked)).toMatchObject({ message: "the client was closed" })
  const count = seen.length
  expect(await clock.run(failureOf(raftlet.propose(add)))).toMatchObject({ message: "the client was closed" })
  expect(seen).toHaveLength(count)
})

describe("mistakes", () => {
  test.each([
    [[], "the URL of one node"],
    ["127.0.0.1:4001", "URL"],
    ["nowhere", 'not "nowhere"'],
    ["ftp://x.example", "http or https"],
    ["http://x.example/?a=1", "http or https"],
  ])("%p is no cluster", (nodes, words) => {
    expect(() => client(nodes)).toThrow(TypeError)
    expect(() => client(nodes)).toThrow(words)
  })

  test("a secret in a URL is refused, and not shown", () => {
    expect(() => client("http://user:s3cret@x.example")).toThrow(TypeError)
    expect(() => client("http://user:s3cret@x.example")).not.toThrow("s3cret")
  })

  test("a time that is none", () => {
    for (const timeoutMillis of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => client(urls, { timeoutMillis })).toThrow(TypeError)
    }
  })

  test.each([
    [{ ...add, key: "" }, "key"],
    [{ ...add, key: "ü".repeat(257) }, "512 bytes"],
    [{ ...add, key: "a\0" }, "NUL"],
    [{ ...add, key: "\ud800" }, "surrogate"],
    [{ ...add, actor: "" }, "actor"],
    [{ ...add, command: ".." }, '".."'],
    [{ ...add, idempotencyKey: "" }, "idempotencyKey"],
    [{ ...add, idempotencyKey: "ü" }, "idempotencyKey"],
    [{ ...add, ifRevision: -1 }, "ifRevision"],
    [{ ...add, ifRevision: 1.5 }, "ifRevision"],
    [{ ...add, timeoutMillis: 0 }, "timeoutMillis"],
    [{ ...add, input: (() => 1) as never }, "input"],
    [{ ...add, input: 1n as never }, "BigInt"],
  ])("%p is a TypeError, and nobody is asked", async (proposal, words) => {
    const { raftlet, clock, seen } = world(() => told(executed))
    const cause = await clock.run(failureOf(raftlet.propose(proposal)))
    expect(cause).toBeInstanceOf(TypeError)
    expect(`${cause}`).toContain(words)
    expect(seen).toEqual([])
  })

  test("of what others may have written is answered as a bad request where a handler lets it pass", async () => {
    const { raftlet, clock, seen } = world(() => told(executed))
    let deep: unknown = 0
    for (let level = 0; level < 200_000; level++) deep = [deep]
    const asked = [
      () => raftlet.propose({ ...add, key: "x".repeat(513) }),
      () => raftlet.propose({ ...add, idempotencyKey: "ü" }),
      () => raftlet.propose({ ...add, input: deep as never }),
      () => raftlet.read({ actor: "counter", key: "\ufffd", query: "value" }),
      () => raftlet.request("/x/topic/../../admin/node"),
    ]
    for (const each of asked) {
      const wrong = (await clock.run(failureOf(each()))) as WrongArgument
      const response = wrong.getResponse()
      expect([response.status, response.headers.get("content-type"), await response.json()]).toMatchObject([
        400,
        "application/problem+json",
        { code: "bad-request", outcome: "rejected", retryable: false },
      ])
    }
    expect(seen).toEqual([])
  })

  test("a key that stands in no path cannot be read", async () => {
    const { raftlet, clock, seen } = world(() => told(executed))
    for (const key of [".", "..", "\ufffd"]) {
      for (const asked of [
        () => raftlet.read({ actor: "counter", key, query: "value" }),
        () => raftlet.state({ actor: "counter", key }),
        () => raftlet.watch({ actor: "counter", key }).next(),
      ]) {
        expect(await clock.run(failureOf(asked()))).toBeInstanceOf(TypeError)
      }
    }
    expect(seen).toEqual([])
  })
})

test("a path in front of the nodes is kept", async () => {
  const { raftlet, clock, seen } = world(() => told(executed), { nodes: ["https://proxy.example/raftlet/"] })
  await clock.run(raftlet.propose(add))
  expect(seen[0]!.url).toBe("https://proxy.example/raftlet/propose/counter/a/add")
})
