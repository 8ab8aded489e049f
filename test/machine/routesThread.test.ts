// What may an actor's routes do in their thread, and what can they not do to the node? In real threads, of bundled files.

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Cause, Effect, Exit, Fiber, Option } from "effect"
import type { ThreadFault } from "../../src/machine/beside/fault.ts"
import type { ThreadLimits } from "../../src/machine/beside/watchOver.ts"
import { bundleActor, bundleSource } from "../../src/machine/bundle.ts"
import { evaluateModule } from "../../src/machine/realm/evaluate.ts"
import { openThread, type RoutesThread } from "../../src/machine/routes/openThread.ts"
import { responseOf } from "../../src/machine/routes/response.ts"
import { add, base, places, propose, removeTemporary, run } from "./places.ts"

// Threads take their time on a busy machine.
setDefaultTimeout(60_000)

const directory = mkdtempSync(join(tmpdir(), "raftlet-routes-"))
afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
  return removeTemporary()
})

const source = (routes: string, above = "") => `
import { Schema } from "effect"
import { actor } from "raftlet"
${above}
export default actor({
  version: 1,
  state: Schema.Struct({ value: Schema.Int }),
  initial: { value: 0 },
  commands: {
    add: {
      input: Schema.Struct({ by: Schema.Int }),
      output: Schema.Int,
      reduce: (state, { by }) => ({ state: { value: state.value + by }, result: state.value + by }),
    },
    at: {
      input: Schema.DateFromString,
      output: Schema.DateFromString,
      reduce: (state, at) => ({ state, result: at }),
    },
  },
  queries: { value: { output: Schema.Int, read: (state) => state.value } },
  routes: ${routes},
})
`

const hono = 'import { Hono } from "hono"\nimport { HTTPException } from "hono/http-exception"'
let files = 0

const codeOf = async (text: string, under = `actors${++files}`): Promise<string> => {
  const file = join(directory, under, "counter.ts")
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  return (await Effect.runPromise(bundleActor(file))).code
}

interface Around {
  readonly above?: string
  readonly limits?: Partial<ThreadLimits>
  readonly answer?: (request: Request) => Response | Promise<Response>
}

interface At {
  readonly thread: RoutesThread
  readonly printed: Array<string>
  readonly get: (
    path: string,
    init?: { readonly method?: string; readonly body?: string },
  ) => Promise<Response>
}

/** `body` has the thread until it ends; what it leaves behind is ended at once. */
const withThread = async <A>(
  routes: string,
  body: (at: At) => Promise<A>,
  { above = hono, limits = {}, answer = () => new Response(null, { status: 500 }) }: Around = {},
): Promise<A> => {
  const code = await codeOf(source(routes, above))
  const printed: Array<string> = []
  const opened = openThread({
    actor: "counter",
    version: "v",
    code,
    node: "n1",
    print: (line) => printed.push(line),
    serve: (request) => Effect.promise(async () => answer(request)),
    limits,
  })
  return Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(opened, (thread) =>
        Effect.promise(() =>
          body({
            thread,
            printed,
            get: async (path, { method = "GET", body = null } = {}) => {
              await Effect.runPromise(Effect.raceFirst(thread.begun, Effect.orDie(thread.over)))
              const bytes = body === null ? null : new TextEncoder().encode(body)
              const asked = { method, url: `http://n1${path}`, headers: [], body: bytes }
              return responseOf(await Effect.runPromise(thread.caller.call(asked)))
            },
          }),
        ),
      ),
    ),
  )
}

const faultOf = async (thread: RoutesThread): Promise<ThreadFault | null> => {
  const exit = await Effect.runPromiseExit(thread.over)
  return Exit.isFailure(exit) ? Option.getOrNull(Cause.findErrorOption(exit.cause)) : null
}

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await Bun.sleep(5)
}

describe("the thread of routes", () => {
  test("has the world open, and is a hono app with all that hono has", () =>
    withThread(
      `new Hono()
        .get("/world", (c) => c.json([typeof fetch, typeof Bun.file, typeof process.env, typeof top, new Response("") instanceof Response]))
        .get("/user/:name", (c) => c.text(c.req.param("name") + " " + c.req.query("q")))
        .post("/form", async (c) => c.json(await c.req.parseBody()))`,
      async ({ get }) => {
        expect(await (await get("/world")).json()).toEqual(["function", "function", "object", "number", true])
        const text = await get("/user/ann?q=1")
        expect([await text.text(), text.headers.get("content-type")]).toEqual([
          "ann 1",
          "text/plain;charset=UTF-8",
        ])
        expect((await get("/nothing")).status).toBe(404)
        expect((await get("/user/ann", { method: "HEAD" })).status).toBe(200)
      },
      { above: `${hono}\nconst top = performance.now()` },
    ))

  test("takes anything with fetch, and a function that gives it", async () => {
    const app = `{ fetch: (request) => new Response(request.method + " " + new URL(request.url).pathname) }`
    for (const routes of [app, `(ctx) => (${app})`]) {
      await withThread(routes, async ({ get }) => {
        expect(await (await get("/a", { method: "PUT" })).text()).toBe("PUT /a")
      })
    }
  })

  test("asks the cluster as a client of this node, in the types of its own actor", () =>
    withThread(
      `(ctx) => new Hono()
        .get("/add", async (c) => c.json(await ctx.propose({ key: "a/b", command: "add", input: { by: 2 }, idempotencyKey: "k", ifRevision: 3 })))
        .get("/at", async (c) => {
          const { result } = await ctx.propose({ key: "a", command: "at", input: new Date(5) })
          return c.json([result instanceof Date, result.getTime()])
        })
        .get("/other", async (c) => c.json(await ctx.read({ actor: "other", key: "a", query: "q", input: [1], minIndex: 4, consistency: "lease" })))
        .get("/wrong", () => ctx.propose({ key: "a", command: "add", input: { by: "two" } }))
        .get("/misspelt", () => ctx.propose({ key: "a", command: "ad" }))
        .get("/refused", () => ctx.read({ key: "a", query: "value" }))
        .get("/caught", async (c) => {
          try { await ctx.read({ key: "a", query: "value" }) } catch (error) { return c.json([error.name, error.code, error.outcome]) }
        })`,
      async ({ get }) => {
        expect(await (await get("/add")).json()).toMatchObject({ result: 7, revision: 1 })
        expect(await (await get("/at")).json()).toEqual([true, 5])
        expect(await (await get("/other")).json()).toMatchObject({ result: "other" })
        const wrong = await get("/wrong")
        expect([wrong.status, await wrong.json()]).toMatchObject([
          400,
          { code: "invalid-input", outcome: "rejected" },
        ])
        expect(await (await get("/misspelt")).json()).toMatchObject({ code: "unknown-command" })
        // What a handler lets pass is answered as the node has put it.
        const refused = await get("/refused")
        expect([refused.status, refused.headers.get("content-type")]).toEqual([
          404,
          "application/problem+json",
        ])
        expect(await refused.json()).toMatchObject({ code: "unknown-query", detail: "no" })
        expect(await (await get("/caught")).json()).toEqual(["Failure", "unknown-query", "rejected"])
      },
      {
        answer: async (request) => {
          const { pathname, search } = new URL(request.url)
          const position = { revision: 1, index: 2, term: 3, replayed: false }
          if (pathname === "/propose/counter/a%2Fb/add") {
            expect(request.headers.get("idempotency-key")).toBe("k")
            expect(request.headers.get("if-revision")).toBe("3")
            expect(await request.json()).toEqual({ by: 2 })
            return Response.json({ result: 7, ...position })
          }
          if (pathname === "/propose/counter/a/at")
            return Response.json({ result: await request.json(), ...position })
          if (pathname === "/read/other/a/q") {
            expect(search).toContain("minIndex=4")
            expect(search).toContain("consistency=lease")
            return Response.json({ result: "other", revision: 1, index: 2 })
          }
          const problem = {
            code: "unknown-query",
            status: 404,
            detail: "no",
            outcome: "rejected",
            retryable: false,
          }
          return Response.json(problem, {
            status: 404,
            headers: { "content-type": "application/problem+json" },
          })
        },
      },
    ))

  test("says of what a handler throws that there is no answer, prints it, and goes on", () =>
    withThread(
      `new Hono()
        .get("/throw", () => { throw new Error("ouch") })
        .get("/text", () => { throw "text" })
        .get("/http", () => { throw new HTTPException(401, { message: "who are you?" }) })
        .get("/ok", (c) => c.text("ok"))`,
      async ({ get, printed }) => {
        for (const path of ["/throw", "/text"]) {
          expect(await get(path).catch(String)).not.toBeInstanceOf(Response)
        }
        const http = await get("/http")
        expect([http.status, await http.text()]).toEqual([401, "who are you?"])
        expect(printed.some((line) => /a request has failed: Error: ouch\s+at /.test(line))).toBe(true)
        expect(await (await get("/ok")).text()).toBe("ok")
      },
    ))

  test("says the same of what is no answer", () =>
    withThread("{ fetch: () => undefined }", async ({ get, printed }) => {
      expect(await get("/").catch(String)).not.toBeInstanceOf(Response)
      await until(() => printed.some((line) => line.includes("fetch gave no Response")))
    }))

  test("leaves an error handler of its own alone", () =>
    withThread(
      `new Hono()
        .get("/throw", () => { throw new Error("ouch") })
        .onError((error, c) => c.text("sorry: " + error.message, 418))`,
      async ({ get }) => {
        const response = await get("/throw")
        expect([response.status, await response.text()]).toEqual([418, "sorry: ouch"])
      },
    ))

  test("tells a handler that nobody waits any more", () =>
    withThread(
      `new Hono().get("/", async (c) => {
        c.req.raw.signal.addEventListener("abort", () => console.log("aborted"))
        console.log("begun")
        await Bun.sleep(60_000)
        return c.text("late")
      })`,
      async ({ thread, printed }) => {
        await Effect.runPromise(thread.begun)
        const asked = { method: "GET", url: "http://n1/", headers: [], body: null }
        const fiber = Effect.runFork(thread.caller.call(asked))
        await until(() => printed.includes("begun"))
        await Effect.runPromise(Fiber.interrupt(fiber))
        await until(() => printed.includes("aborted"))
      },
    ))
})

describe("the node ends it", () => {
  const cases: ReadonlyArray<readonly [string, string, ThreadFault["kind"], Partial<ThreadLimits>?]> = [
    ["in a loop", `() => { while (true) {} }`, "deadline", { silenceMillisMax: 700 }],
    [
      "that takes all memory",
      `async () => { globalThis.all = []; while (true) { all.push(new Array(100_000).fill(Math.random())); await Bun.sleep(0) } }`,
      "memory",
      { memoryBytesMax: 64 * 1024 * 1024 },
    ],
    ["that ends itself", `() => process.exit(7)`, "crash"],
    [
      "that says what nobody understands",
      `() => { postMessage(null); return new Promise(() => {}) }`,
      "crash",
    ],
    [
      "that says it is over",
      `() => { postMessage({ type: "over", fault: null }); return new Promise(() => {}) }`,
      "crash",
    ],
    [
      "that asks for too much at once",
      `() => { for (let id = 1; id < 1000; id++) postMessage({ type: "asks", id, asked: { method: "GET", url: "http://n1/", headers: [], body: null } }); return new Promise(() => {}) }`,
      "crash",
    ],
  ]
  for (const [what, handler, kind, limits = {}] of cases) {
    test(what, () =>
      withThread(
        `{ fetch: ${handler} }`,
        async ({ thread, get }) => {
          void get("/").catch(() => {})
          if (what === "that says it is over") {
            expect(Exit.isSuccess(await Effect.runPromiseExit(thread.over))).toBe(true)
          } else expect(await faultOf(thread)).toMatchObject({ kind })
        },
        { limits, answer: () => new Promise(() => {}) },
      ),
    )
  }

  test("in which a promise fails that nobody waits for, whether Bun ends it or we do", () =>
    withThread(
      `{ fetch: () => { Promise.reject(new Error("nobody waits")); return new Response("ok") } }`,
      async ({ thread, get }) => {
        void get("/").catch(() => {})
        const fault = await faultOf(thread)
        expect(["crash", "failed"]).toContain(fault!.kind)
        expect(fault!.detail).toContain("nobody waits")
      },
    ))

  test("when there is no app, or the file throws, and says why", async () => {
    const broken: ReadonlyArray<readonly [string, string, string]> = [
      ["() => 5", "", "routes gave no app"],
      [`() => { throw new Error("no database") }`, "", "no database"],
      ["new Map()", "", "routes: expected a hono app"],
      ["async () => new Hono()", hono, "routes: expected a hono app"],
    ]
    for (const [routes, above, detail] of broken) {
      await withThread(
        routes,
        async ({ thread }) =>
          expect(await faultOf(thread)).toMatchObject({
            kind: "load",
            detail: expect.stringContaining(detail),
          }),
        { above },
      )
    }
  })
})

describe("a file with routes", () => {
  test("has its reducers run in the closed realm, with hono at its top and routes that nobody looks at", async () => {
    const code = await codeOf(source(`new Hono().get("/", (c) => c.text(String(Date.now())))`, hono))
    expect(evaluateModule(code)).toMatchObject({ version: 1, routes: { fetch: expect.any(Function) } })
    await run(
      places.worker!().layer(source(`{ fetch: () => new Response("") }`)),
      Effect.fnUntraced(function* (host) {
        const [own] = host.own
        expect(own!.manifest.hasRoutes).toBe(true)
        expect(yield* propose(host, base + 1, [add(1)])).toMatchObject([{ _tag: "Accepted", result: "1" }])
        expect(yield* host.routed("counter")).toEqual({ version: own!.version })
        expect(yield* host.routed("nobody")).toBeNull()
        expect(yield* host.actors).toMatchObject([{ versions: [{ hasRoutes: true, hasLeading: false }] }])
        // It would run with all that the node may do.
        expect(yield* host.inspect({ actor: "counter", code: own!.code, source: "upload" })).toMatchObject({
          problem: "routes need the host: put the file into actors/",
          isBlameless: false,
        })
      }),
    )
  })

  test("is told of as before when it has none", async () => {
    await run(
      places.worker!().layer(source("undefined")),
      Effect.fnUntraced(function* (host) {
        expect(host.own[0]!.manifest).not.toHaveProperty("hasRoutes")
        expect(yield* host.routed("counter")).toEqual({ version: null })
        expect(yield* host.actors).toMatchObject([{ versions: [{ hasRoutes: false }] }])
      }),
    )
  })

  test("gets the hono of its own project where there is one, and this package's where there is none", async () => {
    const own = join(directory, "project", "node_modules", "hono")
    mkdirSync(own, { recursive: true })
    writeFileSync(join(own, "package.json"), '{"name":"hono","version":"0.0.1","main":"index.js"}')
    writeFileSync(join(own, "index.js"), 'export class Hono { fetch() { return new Response("their own") } }')
    const text = source("new Hono()", 'import { Hono } from "hono"')
    expect(await codeOf(text, "project/actors")).toContain("their own")
    expect(await codeOf(text)).not.toContain("their own")
    expect(existing(await codeOf(text))).toBe(true)
  })

  test("is told what it cannot import", async () => {
    const refusal = async (above: string, upload = false) => {
      const text = source("undefined", `${above}\nexport const used = typeof it`)
      const file = join(directory, "refused", "counter.ts")
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
      const made = upload ? bundleSource({ name: "counter", source: text }) : bundleActor(file)
      return (await Effect.runPromise(Effect.flip(made))).problems[0]!.reason
    }
    expect(await refusal('import { client as it } from "raftlet/client"')).toContain(
      "types alone (import type)",
    )
    expect(await refusal('import { Hono as it } from "hono"', true)).toContain(
      "an uploaded module is one file",
    )
  })
})

/** It is there, and not left to whoever runs it. */
const existing = (code: string): boolean => code.includes("notFound") && !code.includes('require("hono")')
