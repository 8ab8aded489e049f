// What of a request reaches an actor's routes, and what of their answer the client? Over routes that are a function.

import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import type { Answer } from "../../src/machine/routes/Caller.ts"
import type { RoutesService, Unserved } from "../../src/machine/routes/Routes.ts"
import type { Asked } from "../../src/machine/routes/words.ts"
import { documentOf, expectDescribed } from "./described.ts"
import { makeFake } from "./fakeRaft.ts"
import { asItCame, problemOf } from "./problems.ts"

const answer = (instead: Partial<Answer> = {}): Answer => ({
  status: 200,
  headers: [],
  body: null,
  ...instead,
})
const unserved = (reason: Unserved["reason"], isHandedOver = false): Unserved => ({
  _tag: "Unserved",
  reason,
  detail: "so it is",
  isHandedOver,
})

/** `respond` is handed the request at once, unless it says otherwise itself. */
const withRoutes = (respond: (asked: Asked) => Effect.Effect<Answer, Unserved>, handsOver = true) => {
  const asked: Array<Asked & { readonly actor: string }> = []
  const mounted: RoutesService = {
    call: (actor, given, handedOver) =>
      Effect.suspend(() => {
        asked.push({ actor, ...given })
        if (handsOver) handedOver()
        return respond(given)
      }),
    status: () => [
      {
        actor: "auth",
        version: "abc",
        state: "running",
        since: 5,
        restarts: 1,
        lastFailure: { kind: "memory", detail: "much", at: 4 },
        underWay: 2,
      },
    ],
    failures: () => [{ actor: "auth", kind: "memory", count: 1 }],
  }
  const fake = makeFake({ mounted, limits: { bodyBytesMax: 100 } })
  return { ...fake, asked }
}

describe("what is mounted at /x/NAME", () => {
  test("sees paths without the prefix, the query, the method and the bytes as they came", async () => {
    const { ask, asked } = withRoutes(() => Effect.succeed(answer()))
    for (const path of ["/x/auth", "/x/auth/", "/x/auth/user?q=%2F&q=2", "/x/auth/a%2Fb//c", "/x/auth?x"]) {
      expect((await ask(path)).status).toBe(200)
    }
    const bytes = new Uint8Array([0, 255, 128])
    await ask("/x/auth/raw", { method: "PATCH", body: bytes })
    expect(asked.map(({ actor, method, url }) => [actor, method, new URL(url).href])).toEqual([
      ["auth", "GET", "http://127.0.0.1:4001/"],
      ["auth", "GET", "http://127.0.0.1:4001/"],
      ["auth", "GET", "http://127.0.0.1:4001/user?q=%2F&q=2"],
      ["auth", "GET", "http://127.0.0.1:4001/a%2Fb//c"],
      ["auth", "GET", "http://127.0.0.1:4001/?x"],
      ["auth", "PATCH", "http://127.0.0.1:4001/raw"],
    ])
    expect(asked.at(-1)!.body).toEqual(bytes)
    expect(asked.at(-1)!.headers).toContainEqual(["content-length", "3"])
    expect(asked[0]!.body).toBeNull()
  })

  test("gets the headers of the client, and not those of the connection (RFC 9110 §7.6.1)", async () => {
    const { ask, asked } = withRoutes(() => Effect.succeed(answer()))
    await ask("/x/auth", {
      headers: {
        Authorization: "Basic x",
        "X-One": "1",
        Connection: "close, x-two",
        "X-Two": "2",
        TE: "trailers",
        Upgrade: "h2c",
      },
    })
    expect(Object.fromEntries(asked[0]!.headers)).toEqual({ authorization: "Basic x", "x-one": "1" })
  })

  test("answers with its own status, headers and bytes, and the node's headers besides", async () => {
    const { ask } = withRoutes(() =>
      Effect.succeed(
        answer({
          status: 418,
          headers: [
            ["set-cookie", "a=1"],
            ["set-cookie", "b=2"],
            ["raftlet-node", "another"],
            ["connection", "close, x-hop"],
            ["x-hop", "1"],
            ["transfer-encoding", "chunked"],
            ["content-type", "text/tea"],
          ],
          body: new TextEncoder().encode("short and stout"),
        }),
      ),
    )
    const response = await ask("/x/auth")
    expect([response.status, await response.text()]).toEqual([418, "short and stout"])
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"])
    expect(response.headers.get("raftlet-node")).toBe("n1")
    expect(response.headers.get("raftlet-leader")).toBe("n1;http://127.0.0.1:4001")
    expect(response.headers.get("content-type")).toBe("text/tea")
    for (const name of ["connection", "x-hop", "transfer-encoding"])
      expect(response.headers.has(name)).toBe(false)
  })

  test("gets HEAD and OPTIONS as well", async () => {
    const { ask, asked } = withRoutes(() =>
      Effect.succeed(answer({ status: 204, headers: [["allow", "GET"]] })),
    )
    for (const method of ["HEAD", "OPTIONS", "DELETE"]) {
      const response = await ask("/x/auth/user", { method })
      expect([response.status, response.headers.get("allow")]).toEqual([204, "GET"])
    }
    expect(asked.map(({ method }) => method)).toEqual(["HEAD", "OPTIONS", "DELETE"])
  })

  test("has no steps up in its path: a proxy in front might have seen another one", async () => {
    const { ask, asked, app } = withRoutes(() => Effect.succeed(answer()))
    for (const path of [
      "/x/auth/%2e%2e/tenants",
      "/x/auth/a/.%2E",
      "/x/auth/%2e",
      "/x/auth/%2E%2e/%2e%2e/admin",
    ])
      expect(await problemOf(await app.fetch(asItCame(path)))).toMatchObject({
        status: 400,
        code: "bad-request",
      })
    expect(asked).toEqual([])
    for (const path of ["/x/auth/a..b", "/x/auth/...", "/x/auth/.well-known", "/x/auth/?q=/../"])
      expect((await ask(path)).status).toBe(200)
  })

  test("is left alone by pages of other origins, unless they only ask", async () => {
    const { ask, asked } = withRoutes(() => Effect.succeed(answer()))
    const headers = { "sec-fetch-site": "cross-site" }
    expect(await problemOf(await ask("/x/auth", { method: "POST", headers }))).toMatchObject({
      code: "forbidden",
    })
    expect((await ask("/x/auth", { headers })).status).toBe(200)
    expect(asked.length).toBe(1)
  })

  test("never sees a body that is too large, or a node that is about to stop", async () => {
    const { ask, asked, app } = withRoutes(() => Effect.succeed(answer()))
    const body = "x".repeat(101)
    expect(await problemOf(await ask("/x/auth", { method: "POST", body }))).toMatchObject({
      code: "too-large",
    })
    app.drain()
    expect(await problemOf(await ask("/x/auth"))).toMatchObject({ code: "shutting-down" })
    expect(asked).toEqual([])
  })

  test("streams", async () => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode("one "))
        controller.enqueue(new TextEncoder().encode("two"))
        controller.close()
      },
    })
    const { ask } = withRoutes(() => Effect.succeed(answer({ body })))
    expect(await (await ask("/x/auth")).text()).toBe("one two")
  })
})

describe("where no answer comes", () => {
  const cases: ReadonlyArray<readonly [Unserved, object]> = [
    [unserved("unknown-actor"), { status: 404, code: "unknown-actor", outcome: "rejected" }],
    [unserved("no-routes"), { status: 404, code: "not-found", outcome: "rejected" }],
    [unserved("overloaded"), { status: 503, code: "overloaded", outcome: "rejected", retryable: true }],
    [
      unserved("unavailable"),
      { status: 503, code: "routes-unavailable", outcome: "rejected", retryable: true },
    ],
    [unserved("unavailable", true), { status: 503, code: "routes-unavailable", outcome: "unknown" }],
    [unserved("failed", true), { status: 500, code: "internal", outcome: "unknown" }],
  ]

  test("the client learns why, and whether it may have happened", async () => {
    for (const [failure, problem] of cases) {
      const { ask, defects } = withRoutes(() => Effect.fail(failure))
      const response = await ask("/x/auth/user", { method: "POST" })
      await expectDescribed(await documentOf(ask), "/x/{actor}/{path}", "POST", response)
      expect(await problemOf(response)).toMatchObject(problem)
      // What was thrown there is no defect of ours.
      expect(defects).toEqual([])
    }
    const { ask } = makeFake()
    expect(await problemOf(await ask("/x/counter"))).toMatchObject({ status: 404, code: "not-found" })
    expect(await problemOf(await ask("/x/$actor/a"))).toMatchObject({ status: 404, code: "unknown-actor" })
    expect((await ask("/x")).status).toBe(404)
  })

  test("what the actor has in hand may have happened, and what still waits has not", async () => {
    for (const [handsOver, outcome] of [
      [true, "unknown"],
      [false, "rejected"],
    ] as const) {
      const { ask } = withRoutes(() => Effect.never, handsOver)
      const response = await ask("/x/auth", { headers: { "Raftlet-Timeout-Ms": "20" } })
      expect(await problemOf(response)).toMatchObject({ status: 504, code: "timeout", outcome })
    }
  })

  test("a client that goes away is told to the actor, and counted as that", async () => {
    let interrupted = 0
    const { ask, metrics } = withRoutes(() =>
      Effect.onInterrupt(Effect.never, () => Effect.sync(() => void interrupted++)),
    )
    const leaving = new AbortController()
    const asking = ask("/x/auth", { signal: leaving.signal })
    await Bun.sleep(1)
    leaving.abort()
    await asking
    expect(interrupted).toBe(1)
    expect(metrics.text()).toContain('raftlet_routes_requests_total{actor="auth",answer="gone"} 1')
  })

  test("an answer that HTTP cannot carry is none", async () => {
    const { ask } = withRoutes(() => Effect.succeed(answer({ headers: [["not a name", "x"]] })))
    expect(await problemOf(await ask("/x/auth"))).toMatchObject({ status: 500, code: "internal" })
  })
})

test("operators see what runs, how it failed, and what it answers; names that clients make up are no labels", async () => {
  const { ask, metrics } = withRoutes(({ url }) =>
    url.endsWith("gone") ? Effect.fail(unserved("unknown-actor")) : Effect.succeed(answer({ status: 301 })),
  )
  await ask("/x/auth")
  await ask("/x/other/gone")
  const { ask: askSilent, metrics: ofSilent } = withRoutes(() => Effect.never, false)
  await askSilent("/x/made-up", { headers: { "Raftlet-Timeout-Ms": "1" } })
  expect(ofSilent.text()).not.toContain("made-up")
  const node = (await (await ask("/admin/node")).json()) as object
  expect(node).toMatchObject({ routes: [{ actor: "auth", restarts: 1, underWay: 2 }] })
  await expectDescribed(await documentOf(ask), "/admin/node", "GET", await ask("/admin/node"))
  const shown = metrics.text()
  for (const line of [
    'raftlet_routes_running{actor="auth",version="abc"} 1',
    'raftlet_routes_under_way{actor="auth",version="abc"} 2',
    'raftlet_routes_failures_total{actor="auth",kind="memory"} 1',
    'raftlet_routes_requests_total{actor="auth",answer="3xx"} 1',
  ]) {
    expect(shown).toContain(line)
  }
  expect(shown).not.toContain('actor="other"')
})

describe("what runs within a node", () => {
  const inside = (app: ReturnType<typeof makeFake>["app"], path: string, init: RequestInit = {}) =>
    app.fetchInside(new Request(`http://node${path}`, init))

  test("asks as clients do, also while the node is about to stop", async () => {
    const { app } = makeFake()
    app.drain()
    const response = await inside(app, "/propose/counter/a/add", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"by":2}',
    })
    expect(response.status).toBe(200)
    expect((await inside(app, "/read/counter/a/value")).status).toBe(200)
    // From outside it stays closed.
    expect((await app.fetch(new Request("http://127.0.0.1:4001/read/counter/a/value"))).status).toBe(503)
  })

  test("is no operator", async () => {
    const { app } = makeFake()
    for (const path of [
      "/admin/node",
      "/admin/members",
      "/x/auth",
      "/metrics",
      "/proposer",
      "/admin/cluster/x",
    ]) {
      expect((await inside(app, path)).status).toBe(403)
    }
    expect((await inside(app, "/admin/cluster")).status).not.toBe(403)
  })
})
