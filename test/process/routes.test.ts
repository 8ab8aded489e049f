// Real nodes have their actors answer requests: each of them, whoever leads, and whatever a handler does?

import { expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ask, type Cluster, withCluster } from "./support/Cluster.ts"
import { sleep, until } from "./support/wait.ts"

const testMillisMax = 120_000

const shop = (word: string) => `
import { Hono } from "hono"
import { Schema } from "effect"
import { actor } from "raftlet"

export default actor({
  version: 1,
  state: Schema.Struct({ sold: Schema.Int, since: Schema.NullOr(Schema.DateFromString) }),
  initial: { sold: 0, since: null },
  commands: {
    sell: {
      input: Schema.Struct({ pieces: Schema.Int, at: Schema.DateFromString }),
      output: Schema.Int,
      reduce: (state, { pieces, at }, ctx) => {
        if (pieces > 10) ctx.reject("too-many", "ten at the most", { max: 10 })
        return { state: { sold: state.sold + pieces, since: at }, result: state.sold + pieces }
      },
    },
  },
  queries: { sold: { output: Schema.Int, read: (state) => state.sold } },
  routes: (ctx) =>
    new Hono()
      .get("/word", (c) => c.text("${word} of " + ctx.actor + " on " + ctx.node))
      .post("/sell/:key", async (c) => {
        const { pieces } = await c.req.parseBody()
        const at = new Date(0)
        const answer = await ctx.propose({ key: c.req.param("key"), command: "sell", input: { pieces: Number(pieces), at } })
        const { result } = await ctx.read({ key: c.req.param("key"), query: "sold", minIndex: answer.index })
        const { state } = await ctx.state({ key: c.req.param("key") })
        const { instances } = await ctx.list()
        const other = await ctx.cluster().read({ actor: "shop", key: c.req.param("key"), query: "sold", consistency: "lease" })
        return c.json({ sold: answer.result, read: result, year: state.since.getFullYear(), keys: instances.map(({ key }) => key), other: other.result })
      })
      .get("/nobody", async () => ctx.read({ actor: "nobody", key: "a", query: "x" }))
      .get("/misspelt", async () => ctx.read({ key: "a", query: "slod" }))
      .get("/admin", async () => fetch("http://127.0.0.1:1"))
      .get("/throw", () => { throw new Error("a secret") })
      .get("/loop", () => { while (true) {} })
      .get("/hog", () => { const all = []; while (true) all.push(new Array(1000).fill(Math.random())) })
      .get("/exit", () => process.exit(7))
      .get("/slow", async (c) => { await Bun.sleep(2_000); return c.text("${word}, late") })
      .get("/big", () => new Response(new Uint8Array(20_000_000).fill(7)))
      .get("/broken", () => {
        let at = 0
        return new Response(
          new ReadableStream({
            pull: async (controller) => {
              await Bun.sleep(50)
              if (at++ === 0) controller.enqueue("one")
              else throw new Error("broken off")
            },
          }),
        )
      })
      .get("/events", () => {
        let at = 0
        return new Response(
          new ReadableStream({
            pull: async (controller) => {
              await Bun.sleep(50)
              controller.enqueue("data: " + at++ + "\\n\\n")
            },
            cancel: () => console.log("nobody listens after " + at),
          }),
          { headers: { "Content-Type": "text/event-stream" } },
        )
      }),
})
`

const exampleOf = (name: string): string =>
  readFileSync(join(import.meta.dir, `../examples/${name}.ts`), "utf8")

const withActors = async (
  files: Readonly<Record<string, string>>,
  body: (cluster: Cluster, actors: string) => Promise<void>,
  nodes = 3,
): Promise<void> => {
  const actors = mkdtempSync(join(tmpdir(), "raftlet-routes-"))
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(actors, `${name}.ts`), text)
    await withCluster((cluster) => body(cluster, actors), { actors, nodes })
  } finally {
    rmSync(actors, { recursive: true, force: true })
  }
}

const get = (url: string, headers: Readonly<Record<string, string>> = {}) => fetch(url, { headers })
const sell = (url: string, key: string, pieces: number) =>
  fetch(`${url}/x/shop/sell/${key}`, {
    method: "POST",
    body: new URLSearchParams({ pieces: String(pieces) }),
  })

test(
  "every node answers at /x/NAME, and what a handler asks is asked of the cluster (CONTRACT §2)",
  () =>
    withActors({ shop: shop("word"), gate: exampleOf("gate") }, async (cluster) => {
      const { url } = cluster.nodes[0]!
      let sold = 0
      for (const node of cluster.nodes) {
        const { id, url } = node
        const response = await get(`${url}/x/shop/word`)
        expect([response.status, await response.text()]).toEqual([200, `word of shop on ${id}`])
        expect(response.headers.get("content-type")).toStartWith("text/plain")
        expect(response.headers.get("raftlet-node")).toBe(id)
        sold += 3
        const answer = await sell(url, "a", 3)
        expect(await answer.json()).toEqual({ sold, read: sold, year: 1970, keys: ["a"], other: sold })
        // The reducer's own words go through the handler.
        const refused = await sell(url, "a", 11)
        expect([refused.status, await refused.json()]).toMatchObject([
          422,
          { code: "rejected", outcome: "rejected", reason: { code: "too-many", data: { max: 10 } } },
        ])
        expect((await get(`${url}/x/shop/nobody`)).status).toBe(404)
        expect(await (await get(`${url}/x/shop/misspelt`)).json()).toMatchObject({ code: "unknown-query" })
      }
      const { actors } = await ask<{ actors: ReadonlyArray<{ versions: ReadonlyArray<object> }> }>(
        `${cluster.nodes[0]!.url}/admin/actors`,
      )
      expect(actors[0]!.versions).toMatchObject([{ hasRoutes: true, hasLeading: false }])
      // The example of the page.
      const hash = new Bun.CryptoHasher("sha256").update("secret").digest("hex")
      await ask(`${url}/propose/gate/ann/enrol`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ hash }),
      })
      for (const node of cluster.nodes) {
        const knock = async (password: string) => {
          const body = new URLSearchParams({ username: "ann", password })
          return (await fetch(`${node.url}/x/gate/user`, { method: "POST", body })).text()
        }
        expect([await knock("secret"), await knock("guess")]).toEqual(["allow", "deny"])
      }
      // Somebody else leads, and nobody at the routes notices.
      await (await cluster.leader()).kill("SIGKILL")
      const [survivor] = cluster.running
      const answer = await until("a sale", async () => {
        const response = await sell(survivor!.url, "b", 1)
        return response.ok ? await response.json() : null
      })
      expect(answer).toMatchObject({ keys: ["a", "b"], year: 1970 })
    }),
  testMillisMax,
)

test(
  "what throws, loops, takes all memory or ends its thread costs nobody else anything (D5)",
  () =>
    withActors({ shop: shop("word") }, async (cluster) => {
      const [first, second] = cluster.nodes
      const back = () =>
        until("the routes again", async () => (await get(`${first!.url}/x/shop/word`)).ok || null, 30_000)
      const thrown = await get(`${first!.url}/x/shop/throw`)
      expect([thrown.status, await thrown.json()]).toMatchObject([
        500,
        { code: "internal", outcome: "unknown" },
      ])
      expect((await get(`${first!.url}/x/shop/word`)).status).toBe(200)
      for (const how of ["exit", "hog", "loop"]) {
        const lost = get(`${first!.url}/x/shop/${how}`, { "Raftlet-Timeout-Ms": "60000" })
        await sleep(300)
        // Another node's are not touched, and neither are the doors of this one.
        expect((await get(`${second!.url}/x/shop/word`)).status).toBe(200)
        expect((await get(`${first!.url}/read/shop/a/sold`)).status).toBe(200)
        const answer = await lost
        expect([how, answer.status, await answer.json()]).toMatchObject([
          how,
          503,
          { code: "routes-unavailable", outcome: "unknown", retryable: true },
        ])
        await back()
      }
      const { term } = await cluster.nodes[0]!.group()
      expect(term).toBe(1)
      const metrics = await (await get(`${first!.url}/metrics`)).text()
      for (const kind of ["crash", "memory", "deadline"]) {
        expect(metrics).toContain(`raftlet_routes_failures_total{actor="shop",kind="${kind}"} 1`)
      }
      expect(metrics).toContain('raftlet_routes_requests_total{actor="shop",answer="2xx"}')
      const { routes } = await ask<{ routes: ReadonlyArray<object> }>(`${first!.url}/admin/node`)
      expect(routes).toMatchObject([{ actor: "shop", state: "running", restarts: 3 }])
    }),
  testMillisMax,
)

test(
  "long answers, streams, and clients that go away (bounded on both sides)",
  () =>
    withActors(
      { shop: shop("word") },
      async (cluster) => {
        const [node] = cluster.nodes
        const { url } = node!
        const big = new Uint8Array(await (await get(`${url}/x/shop/big`)).arrayBuffer())
        expect([big.length, big.every((byte) => byte === 7)]).toEqual([20_000_000, true])
        const head = await fetch(`${url}/x/shop/big`, { method: "HEAD" })
        expect([head.status, await head.text()]).toEqual([200, ""])
        const large = await fetch(`${url}/x/shop/word`, {
          method: "POST",
          body: new Uint8Array(2 * 1024 * 1024),
        })
        expect([large.status, (await large.json()) as object]).toMatchObject([413, { code: "too-large" }])

        // One that breaks off is not told as a whole one, and neither the routes nor the node end with it.
        for (const how of ["broken", "events"]) {
          const broken = await get(`${url}/x/shop/${how}`)
          const text = broken.text().then(
            () => "whole",
            () => "broken",
          )
          if (how === "events") void get(`${url}/x/shop/exit`)
          expect([how, await text]).toEqual([how, "broken"])
        }
        await until("the routes again", async () => (await get(`${url}/x/shop/word`)).ok || null)
        expect(node!.isRunning).toBe(true)
        expect(node!.log()).not.toContain("a defect")

        const leaving = new AbortController()
        const events = await fetch(`${url}/x/shop/events`, { signal: leaving.signal })
        const reader = events.body!.getReader()
        expect(new TextDecoder().decode((await reader.read()).value)).toBe("data: 0\n\n")
        leaving.abort()
        await until("the stream to end", () => /nobody listens after/.test(node!.log()) || null)

        const late = await get(`${url}/x/shop/slow`, { "Raftlet-Timeout-Ms": "100" })
        expect([late.status, await late.json()]).toMatchObject([504, { code: "timeout", outcome: "unknown" }])
      },
      1,
    ),
  testMillisMax,
)

test(
  "another version takes the place of the one before, which finishes what it has begun",
  () =>
    withActors(
      { shop: shop("old") },
      async (cluster, actors) => {
        const [node] = cluster.nodes
        const url = () => node!.url
        const said = async () => (await get(`${url()}/x/shop/word`)).text()
        expect(await said()).toStartWith("old of shop")
        const { actors: before } = await ask<{ actors: ReadonlyArray<{ active: string }> }>(
          `${url()}/admin/actors`,
        )
        writeFileSync(join(actors, "shop.ts"), shop("new"))
        await node!.kill("SIGTERM")
        node!.start()
        await node!.ready()
        await until("the new one", async () => (await said()).startsWith("new") || null)
        const slow = get(`${url()}/x/shop/slow`)
        await sleep(300)
        await ask(`${url()}/admin/actors/shop/rollback`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ to: before[0]!.active }),
        })
        await until("the one before", async () => (await said()).startsWith("old") || null)
        expect(await (await slow).text()).toBe("new, late")
        await until("the other to end", () => /routes have been ended/.test(node!.log()) || null)
      },
      1,
    ),
  testMillisMax,
)
