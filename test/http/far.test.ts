// Does a node answer for a group that it does not run, by asking a member that does?

import { afterEach, describe, expect, test } from "bun:test"
import { Effect } from "effect"
import type { GroupId } from "../../src/consensus/types.ts"
import { makeApp } from "../../src/http/app.ts"
import type { Door } from "../../src/http/Doors.ts"
import type { RoutesService } from "../../src/machine/routes/Routes.ts"
import type { Asked } from "../../src/machine/routes/words.ts"
import { wholeIn } from "../../src/machine/slots.ts"
import { Metrics } from "../../src/metrics/Metrics.ts"
import { type Fake, leading, makeFake } from "./fakeRaft.ts"
import { asItCame, problemOf } from "./problems.ts"

const json = { "Content-Type": "application/json" }
const add = (by = 1, headers: Record<string, string> = {}) => ({
  method: "POST",
  headers: { ...json, ...headers },
  body: JSON.stringify({ by }),
})

const servers: Array<{ stop: (closing?: boolean) => unknown }> = []
afterEach(() => {
  for (const server of servers.splice(0)) server.stop(true)
})

const addresses: Record<string, string> = {}

type Handed = Asked & { readonly actor: string }

/** A node that runs `main` and these; the counter lives in `orders`, which is open. */
const nodeWith = (id: string, groups: ReadonlyArray<GroupId>) => {
  const handed: Array<Handed> = []
  const mounted: RoutesService = {
    call: (actor, request) =>
      Effect.sync(() => {
        handed.push({ actor, ...request })
        const headers = [["set-cookie", "a=1"] as const, ["set-cookie", "b=2"] as const]
        return { status: 201, headers, body: new TextEncoder().encode(`of ${id}`) }
      }),
    status: () => [],
    failures: () => [],
  }
  const fakes = new Map<GroupId, Fake>(["main", ...groups].map((name) => [name, makeFake()]))
  const doors = new Map<GroupId, Door>(
    Array.from(fakes, ([group, { door }]) => {
      const status = () => ({
        ...leading,
        id,
        group,
        configuration: {
          ...leading.configuration,
          voters: ["n1", "n2", "n3"],
          addresses: Object.fromEntries(
            ["n1", "n2", "n3"].map((each) => [each, { peer: `${each}:1`, client: addresses[each] ?? "" }]),
          ),
        },
        members: [],
      })
      return [group, { ...door, raft: { ...door.raft, group, status, now: () => Date.now() } }]
    }),
  )
  const app = makeApp({
    node: { id, clusterId: "c-1", version: "0", listen: "", peer: "", uptimeMillis: () => 1 },
    doors: {
      get: (group) => doors.get(group),
      values: () => doors.values(),
      isOpen: (group) => group === "main" || group === "orders",
      placementOf: (actor) => (actor === "counter" ? wholeIn("orders") : null),
    },
    metrics: new Metrics(),
    mounted,
    defect: (message, cause) => {
      throw new Error(`${message}: ${cause}`)
    },
  })
  const ask = async (path: string, init: RequestInit = {}) =>
    app.fetch(new Request(`http://127.0.0.1:4001${path}`, init))
  const serve = (
    answer: (request: Request) => Response | Promise<Response> = (request) => app.fetch(request),
  ) => {
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer })
    servers.push(server)
    addresses[id] = `http://127.0.0.1:${server.port}`
    return server
  }
  return { id, fakes, doors, ask, serve, app, handed }
}

const cluster = () => {
  for (const id of Object.keys(addresses)) delete addresses[id]
  const [here, there, other] = [nodeWith("n1", []), nodeWith("n2", ["orders"]), nodeWith("n3", [])]
  there.serve()
  other.serve()
  return { here, there, other, orders: there.fakes.get("orders")! }
}

describe("a node that does not run an actor's group", () => {
  test("takes commands, alone and in batches, queries, states and lists of it all the same", async () => {
    const { here, orders } = cluster()
    expect(await (await here.ask("/propose/counter/a/add", add(5))).json()).toMatchObject({ result: 5 })
    const proposals = ["a", "b", "a"].map((key) => ({
      actor: "counter",
      key,
      command: "add",
      input: { by: 1 },
    }))
    const batch = { method: "POST", headers: json, body: JSON.stringify({ proposals }) }
    expect(await (await here.ask("/propose", batch)).json()).toMatchObject({
      outcomes: [{ result: 6 }, { result: 1 }, { result: 7 }],
    })
    expect(orders.proposed.map(({ key }) => key)).toEqual(["a", "a", "b", "a"])
    expect(await (await here.ask("/read/counter/a/value")).json()).toMatchObject({ result: 7 })
    expect(await (await here.ask("/read/counter/a")).json()).toMatchObject({ state: { value: 7 } })
    expect(await (await here.ask("/read/counter")).json()).toMatchObject({
      instances: [{ key: "a" }, { key: "b" }],
    })
  })

  test("sends a large batch in pieces, in its order", async () => {
    const { here, orders } = cluster()
    const big = "x".repeat(900_000)
    const proposals = Array.from({ length: 16 }, (_, at) => ({
      actor: "counter",
      key: `k${at}`,
      command: "add",
      input: { by: 1, big },
    }))
    const batch = { method: "POST", headers: json, body: JSON.stringify({ proposals }) }
    const { outcomes } = (await (await here.ask("/propose", batch)).json()) as {
      outcomes: ReadonlyArray<{ code: string }>
    }
    expect(outcomes.map(({ code }) => code)).toEqual(proposals.map(() => "invalid-input"))
    expect(orders.proposed.map(({ key }) => key)).toEqual(proposals.map(({ key }) => key))
  })

  test("passes on how fresh a read must be, and says who has answered it", async () => {
    const { here, orders } = cluster()
    const response = await here.ask("/read/counter/a/value?consistency=local&minIndex=3&maxStalenessMs=90")
    expect(response.headers.get("raftlet-node")).toBe("n2")
    expect(orders.reads.at(-1)).toMatchObject({ consistency: "local", minIndex: 3, maxStalenessMillis: 90 })
    await here.ask("/read/counter/a/value?consistency=lease")
    expect(orders.reads.at(-1)).toMatchObject({
      consistency: "lease",
      maxStalenessMillis: Number.POSITIVE_INFINITY,
    })
  })

  test("gives back what was refused there, as it was", async () => {
    const { here } = cluster()
    const refused = await here.ask("/propose/counter/a/add", add(101))
    expect(await problemOf(refused)).toMatchObject({ status: 422, code: "rejected", reason: "too-big" })
    const stale = await here.ask("/propose/counter/a/add", add(1, { "If-Revision": "4" }))
    expect(await problemOf(stale)).toMatchObject({ status: 412, revision: 0 })
  })

  test("does not run a command twice that is sent twice with one key", async () => {
    const { here } = cluster()
    const once = add(3, { "Idempotency-Key": "k" })
    expect(await (await here.ask("/propose/counter/a/add", once)).json()).toMatchObject({ replayed: false })
    expect(await (await here.ask("/propose/counter/a/add", once)).json()).toMatchObject({
      result: 3,
      replayed: true,
    })
  })

  test("asks the next member when one breaks off, and runs the command once", async () => {
    const { here, there, other, orders } = cluster()
    servers.splice(0).forEach((server) => server.stop(true))
    there.serve(async (request) => {
      // It is done, and nobody hears of it.
      await there.app.fetch(request)
      return new Response("cut", { status: 200 })
    })
    other.serve(async (request) => there.app.fetch(request))
    const body = await (await here.ask("/propose/counter/a/add", add(2))).json()
    expect(body).toMatchObject({ result: 2, replayed: true })
    expect(orders.proposed).toHaveLength(2)
  })

  test("does not say that nothing happened where an earlier attempt may still be done", async () => {
    const { here, there, other, orders } = cluster()
    servers.splice(0).forEach((server) => server.stop(true))
    there.serve(() => new Response("cut", { status: 200 }))
    orders.instead.current = {
      _tag: "Failure",
      code: "no-leader",
      outcome: "rejected",
      detail: "nobody leads",
    }
    other.serve(async (request) => there.app.fetch(request))
    const said = await problemOf(await here.ask("/propose/counter/a/add", add(2)))
    expect(said).toMatchObject({ status: 504, code: "timeout", outcome: "unknown" })
  })

  test("says so when nobody can be reached, and that nothing has happened", async () => {
    const { here } = cluster()
    for (const id of Object.keys(addresses)) addresses[id] = "http://127.0.0.1:1"
    const hurried = add(1, { "Raftlet-Timeout-Ms": "200" })
    expect(await problemOf(await here.ask("/propose/counter/a/add", hurried))).toMatchObject({
      code: "no-leader",
      outcome: "rejected",
    })
    const read = await here.ask("/read/counter/a/value", { headers: { "Raftlet-Timeout-Ms": "200" } })
    expect(await problemOf(read)).toMatchObject({ code: "no-leader" })
  })

  test("is asked by no other node on behalf of a third", async () => {
    const { other } = cluster()
    const asked = { method: "POST", headers: json, body: JSON.stringify({ ask: "actors" }) }
    expect(await problemOf(await other.ask("/admin/groups/orders/ask", asked))).toMatchObject({
      code: "not-ready",
    })
    const passed = await other.ask("/admin/log?group=orders", { headers: { "Raftlet-Asked-By": "n1" } })
    expect(await problemOf(passed)).toMatchObject({ status: 503, code: "not-ready" })
  })

  test("takes nothing that is no command from whoever speaks as a node", async () => {
    const { there, orders } = cluster()
    for (const body of [{ ask: "propose", commands: ["AAAA"] }, { ask: "read", read: {} }, { ask: "x" }, 1]) {
      const asked = { method: "POST", headers: json, body: JSON.stringify(body) }
      const said = await problemOf(await there.ask("/admin/groups/orders/ask", asked))
      expect(said).toMatchObject({ status: 400, code: "bad-request" })
    }
    expect(orders.proposed).toEqual([])
  })
})

describe("whoever watches at a node that does not run the group", () => {
  test("is told what a member tells, behind the cursor that it brought, and is missed there when it goes", async () => {
    const { here, there } = cluster()
    for (const server of servers.splice(0)) server.stop(true)
    let seen: Request | null = null
    let isGone = false
    there.serve((request) => {
      seen = request.clone() as Request
      request.signal.addEventListener("abort", () => {
        isGone = true
      })
      const body = new ReadableStream({
        start: (controller) =>
          controller.enqueue(new TextEncoder().encode("id: 8\nevent: added\ndata: 1\n\n")),
      })
      return new Response(body, { headers: { "Content-Type": "text/event-stream", "Raftlet-Node": "n2" } })
    })
    const front = here.serve()
    const stop = new AbortController()
    const response = await fetch(`http://127.0.0.1:${front.port}/watch/counter/a`, {
      headers: { "Last-Event-ID": "7" },
      signal: stop.signal,
    })
    expect(response.headers.get("raftlet-node")).toBe("n2")
    expect(response.headers.get("content-type")).toBe("text/event-stream")
    const { value } = await response.body!.getReader().read()
    expect(new TextDecoder().decode(value)).toContain("event: added")
    expect(seen!.headers.get("last-event-id")).toBe("7")
    expect(seen!.headers.get("raftlet-asked-by")).toBe("n1")
    stop.abort()
    for (let waited = 0; waited < 2000 && !isGone; waited += 20) await Bun.sleep(20)
    expect(isGone).toBe(true)
  })
})

describe("the routes of an actor that lives in a group of others", () => {
  test("are asked where it runs, with all that the client said, and answer as they do there", async () => {
    const { here, there } = cluster()
    const said = await here.ask("/x/counter/a%2Fb?group=orders&c=", {
      method: "POST",
      headers: {
        Cookie: "c=1",
        "X-One": "1",
        Connection: "close, X-Two",
        "X-Two": "2",
        "Raftlet-Timeout-Ms": "900",
      },
      body: new Uint8Array([0, 255]),
    })
    expect([said.status, said.headers.getSetCookie(), await said.text()]).toEqual([
      201,
      ["a=1", "b=2"],
      "of n2",
    ])
    expect(said.headers.get("raftlet-node")).toBe("n2")
    expect(here.handed).toEqual([])
    const [{ actor, url, headers, body }] = there.handed as [Handed]
    expect([actor, new URL(url).pathname, new URL(url).search]).toEqual([
      "counter",
      "/a%2Fb",
      "?group=orders&c=",
    ])
    expect(body).toEqual(new Uint8Array([0, 255]))
    const told = Object.fromEntries(headers)
    expect(told).toMatchObject({ cookie: "c=1", "x-one": "1", "raftlet-asked-by": "n1" })
    expect(told).not.toHaveProperty("x-two")
    expect(Number(told["raftlet-timeout-ms"])).toBeLessThanOrEqual(900)
  })

  test("are asked here where it runs here, whatever group a query seems to name", async () => {
    const { here, there } = cluster()
    expect(await (await here.ask("/x/other/messages?group=orders")).text()).toBe("of n1")
    expect(there.handed).toEqual([])
  })

  test("lead nowhere else, nor on and on", async () => {
    const { here, there } = cluster()
    expect(
      await problemOf(await here.app.fetch(asItCame("/x/counter/%2e%2e/%2e%2e/admin/node"))),
    ).toMatchObject({
      code: "bad-request",
    })
    expect(
      await problemOf(await here.ask("/x/counter", { headers: { "Raftlet-Asked-By": "n9" } })),
    ).toMatchObject({
      status: 503,
      code: "not-ready",
    })
    expect(there.handed).toEqual([])
  })
})

describe("a request that names a group", () => {
  test("goes to a member that runs it, whatever it asks for", async () => {
    const { here, there } = cluster()
    const log = await here.ask("/admin/log?group=orders")
    expect(log.headers.get("raftlet-node")).toBe("n2")
    expect(await log.json()).toMatchObject({ firstIndex: 1, lastIndex: 7 })
    expect(await (await here.ask("/propose/counter/a/add?group=orders", add(4))).json()).toMatchObject({
      result: 4,
    })
    expect(there.fakes.get("orders")!.proposed).toHaveLength(1)
    const nowhere = await problemOf(await here.ask("/admin/log?group=nothing"))
    expect(nowhere).toMatchObject({ status: 404, code: "not-found" })
  })

  test("may not be larger than any other, and is not sent then", async () => {
    const { here, there } = cluster()
    for (const server of servers.splice(0)) server.stop(true)
    let asked = 0
    there.serve(() => {
      asked++
      return new Response("{}")
    })
    const body = new Uint8Array(17 * 1024 * 1024)
    const large = { method: "POST", headers: { ...json, "Content-Length": String(body.length) }, body }
    const said = await here.ask("/propose/counter/a/add?group=orders", large)
    expect(await problemOf(said)).toMatchObject({ status: 413, code: "too-large" })
    expect(asked).toBe(0)
  })

  test("may have been done when the member breaks off", async () => {
    const { here, there, other } = cluster()
    servers.splice(0).forEach((server) => server.stop(true))
    const hang = () => new Promise<Response>(() => {})
    there.serve(hang)
    other.serve(hang)
    const said = await here.ask("/propose/counter/a/add?group=orders", add(1, { "Raftlet-Timeout-Ms": "50" }))
    expect(await problemOf(said)).toMatchObject({ code: "timeout", outcome: "unknown" })
  })
})
