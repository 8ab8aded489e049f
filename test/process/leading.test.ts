// Real nodes run what their actors have run where they lead: is it on one of them alone, does it make way for the next
// one, and does the group go on whatever it does?

import { expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ask, type Cluster, withCluster } from "./support/Cluster.ts"
import { Load } from "./support/load.ts"
import type { NodeProcess } from "./support/NodeProcess.ts"
import { expectKept } from "./support/verify.ts"
import { sleep, until } from "./support/wait.ts"

const testMillisMax = 120_000

interface Word {
  readonly what: "begins" | "goes on" | "ends"
  readonly node: string
  readonly term: number
}

/** Says to a collector outside that it begins, goes on and ends, and claims its term in the state all the while. */
const reporter = (url: string) => `
import { Effect, Schema } from "effect"
import { actor } from "raftlet"

const tell = (what, { node, term }) =>
  Effect.ignore(
    Effect.tryPromise(() => fetch("${url}", { method: "POST", body: JSON.stringify({ what, node, term }) })),
  )

export default actor({
  version: 1,
  state: Schema.Struct({ terms: Schema.Array(Schema.Int) }),
  initial: { terms: [] },
  commands: {
    claim: {
      input: Schema.Struct({ term: Schema.Int }),
      output: Schema.Null,
      reduce: ({ terms }, { term }) => ({ state: { terms: [...terms, term] }, result: null }),
    },
  },
  queries: { terms: { output: Schema.Array(Schema.Int), read: ({ terms }) => terms } },
  leading: (ctx) =>
    Effect.gen(function* () {
      yield* Effect.acquireRelease(tell("begins", ctx), () => tell("ends", ctx))
      while (true) {
        yield* Effect.ignore(ctx.propose({ key: "all", command: "claim", input: { term: ctx.term } }))
        yield* tell("goes on", ctx)
        yield* Effect.sleep(20)
      }
    }),
})
`

const counter = `
import { Schema } from "effect"
import { actor } from "raftlet"

export default actor({
  version: 1,
  state: Schema.Struct({ value: Schema.Int }),
  initial: { value: 0 },
  commands: {
    add: {
      input: Schema.Struct({ by: Schema.Int }),
      output: Schema.Int,
      reduce: ({ value }, { by }) => ({ state: { value: value + by }, result: value + by }),
    },
  },
  queries: { value: { output: Schema.Int, read: ({ value }) => value } },
})
`

const hostile = (leading: string) => `
import { Effect, Schema } from "effect"
import { actor } from "raftlet"

export default actor({
  version: 1,
  state: Schema.Null,
  initial: null,
  commands: {},
  leading: () => ${leading},
})
`

/** A cluster with these files as its actors. */
const withActors = async (
  files: Readonly<Record<string, string>>,
  body: (cluster: Cluster) => Promise<void>,
): Promise<void> => {
  const actors = mkdtempSync(join(tmpdir(), "raftlet-leading-"))
  try {
    mkdirSync(actors, { recursive: true })
    for (const [name, text] of Object.entries(files)) writeFileSync(join(actors, `${name}.ts`), text)
    await withCluster(body, { actors })
  } finally {
    rmSync(actors, { recursive: true, force: true })
  }
}

/** Takes down what it is told, in the order in which it comes. */
class Collector {
  readonly words: Array<Word> = []
  readonly #server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      this.words.push((await request.json()) as Word)
      return new Response(null, { status: 204 })
    },
  })

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/`
  }

  /** The newest that has begun, when it goes on. */
  goingOn(behind: number): Promise<Word> {
    return until("a leading that goes on", () => {
      const begun = this.words.slice(behind).findLast(({ what }) => what === "begins")
      const goesOn = ({ what, term }: Word) => what === "goes on" && term === begun?.term
      return begun !== undefined && this.words.slice(behind).some(goesOn) ? begun : null
    })
  }

  stop(): Promise<void> {
    return this.#server.stop(true)
  }
}

const transfer = (cluster: Cluster) =>
  ask(`${cluster.running[0]!.url}/admin/transfer`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: "{}",
  })

const termsIn = async (cluster: Cluster): Promise<ReadonlyArray<number>> => {
  const { result } = await ask<{ readonly result: ReadonlyArray<number> }>(
    `${cluster.running[0]!.url}/read/reporter/all/terms`,
  )
  return result
}

interface LeadingReport {
  readonly actor: string
  readonly state: string
  readonly term: number
  readonly restarts: number
  readonly lastFailure: { readonly kind: string; readonly detail: string } | null
}

const leadingAt = async (node: NodeProcess): Promise<ReadonlyArray<LeadingReport>> => {
  const { groups } = await ask<{ groups: ReadonlyArray<{ leading: ReadonlyArray<LeadingReport> }> }>(
    `${node.url}/admin/node`,
  )
  return groups[0]!.leading
}

const byId = (cluster: Cluster, id: string): NodeProcess => cluster.nodes.find((node) => node.id === id)!

test(
  "one node alone runs it in a term; a leader that hands over has ended it before the next one begins (CONTRACT §2)",
  async () => {
    const collector = new Collector()
    try {
      await withActors({ reporter: reporter(collector.url) }, async (cluster) => {
        const { words } = collector
        let now = await collector.goingOn(0)
        expect(await leadingAt(byId(cluster, now.node))).toMatchObject([
          { actor: "reporter", state: "running", term: now.term, restarts: 0, lastFailure: null },
        ])
        // An operator hands it on; then each leader in turn is told to stop.
        for (const how of ["transfer", "SIGTERM", "transfer", "SIGTERM"] as const) {
          const before = now
          const behind = words.length
          if (how === "transfer") await transfer(cluster)
          else expect(await byId(cluster, before.node).kill("SIGTERM")).toBe(0)
          now = await collector.goingOn(behind)
          expect(now.term).toBeGreaterThan(before.term)
          expect(now.node).not.toBe(before.node)
          const endedAt = words.findIndex(({ what, term }) => what === "ends" && term === before.term)
          const begunAt = words.findIndex(({ what, term }) => what === "begins" && term === now.term)
          expect([how, endedAt >= 0, endedAt < begunAt]).toEqual([how, true, true])
          expect(words.slice(endedAt + 1).filter(({ term }) => term === before.term)).toEqual([])
          if (how === "SIGTERM") {
            byId(cluster, before.node).start()
            await byId(cluster, before.node).ready()
          }
        }
        // One dies.
        const dead = now
        await byId(cluster, dead.node).kill("SIGKILL")
        now = await collector.goingOn(words.length)
        expect(now.term).toBeGreaterThan(dead.term)
        // One stands still, and goes on when it is none any more.
        const still = byId(cluster, now.node)
        byId(cluster, dead.node).start()
        await byId(cluster, dead.node).ready()
        still.signal("SIGSTOP")
        const next = await collector.goingOn(words.length)
        still.signal("SIGCONT")
        await until("it to follow", async () => (await still.group()).role === "follower" || null)
        expect(await leadingAt(still)).toEqual([])
        await sleep(500)
        const behind = words.length
        await sleep(500)
        expect(new Set(words.slice(behind).map(({ term }) => term))).toEqual(new Set([next.term]))

        const begun = words.filter(({ what }) => what === "begins")
        expect(new Set(begun.map(({ term }) => term)).size).toBe(begun.length)
        // And nothing that an earlier one proposed was executed behind a later one.
        const terms = await termsIn(cluster)
        expect([...terms].sort((one, other) => one - other)).toEqual([...terms])
        expect(new Set(begun.map(({ term }) => term))).toEqual(new Set(terms))
      })
    } finally {
      await collector.stop()
    }
  },
  testMillisMax,
)

test(
  "the outbox of the docs delivers each message at least once, by a name that stays, whoever dies (C8)",
  async () => {
    const received: Array<{ readonly id: string; readonly term: number; readonly body: string }> = []
    let attempts = 0
    const receiver = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async (request) => {
        const { headers } = request
        // Now and then it is not able to.
        if (++attempts % 4 === 2) return new Response("not now", { status: 503 })
        received.push({
          id: headers.get("Idempotency-Key")!,
          term: Number(headers.get("Raftlet-Term")),
          body: await request.text(),
        })
        return new Response(null, { status: 204 })
      },
    })
    try {
      const outbox = readFileSync(join(import.meta.dir, "../examples/outbox.ts"), "utf8")
      await withActors({ outbox }, async (cluster) => {
        const put = (body: string, at: number) =>
          ask<{ readonly result: string }>(
            `${cluster.running[at % cluster.running.length]!.url}/propose/outbox/mail/put`,
            {
              method: "POST",
              headers: { "Content-Type": "application/json", "Idempotency-Key": body },
              body: JSON.stringify({ url: `http://127.0.0.1:${receiver.port}/`, body }),
            },
          )
        const ids = new Map<string, string>()
        for (let at = 0; at < 12; at++) {
          ids.set(`mail ${at}`, (await put(`mail ${at}`, at)).result)
          if (at !== 6) continue
          await until("some to arrive", () => received.length > 1 || null, 60_000)
          await (await cluster.leader()).kill("SIGKILL")
        }
        const arrived = () => new Set(received.map(({ body }) => body)).size
        await until("all to arrive", () => arrived() === 12 || null, 60_000)
        for (const { id, body } of received) expect(id).toBe(ids.get(body)!)
        await until("all to be noted", async () => {
          const { result } = await ask<{ readonly result: unknown }>(
            `${cluster.running[0]!.url}/read/outbox/mail/next`,
          )
          return result === null || null
        })
        expect(new Set(received.map(({ term }) => term)).size).toBeGreaterThan(1)
      })
    } finally {
      await receiver.stop(true)
    }
  },
  testMillisMax,
)

test(
  "what throws, loops, takes all memory or ends its thread changes nothing for the group (D5)",
  () =>
    withActors(
      {
        counter,
        thrower: hostile(`Effect.die(new Error("boom"))`),
        looper: hostile("Effect.sync(() => { while (true) {} })"),
        hog: hostile(
          "Effect.sync(() => { const all = []; while (true) all.push(new Array(1000).fill(Math.random())) })",
        ),
        leaver: hostile("Effect.andThen(Effect.sync(() => process.exit(7)), Effect.never)"),
        printer: hostile(`Effect.sync(() => { while (true) console.log("again and again") })`),
      },
      async (cluster) => {
        const load = new Load(cluster.urls, { clients: 8 })
        const counts = async () => {
          const texts = cluster.running.map(async ({ url }) => (await fetch(`${url}/metrics`)).text())
          return (await Promise.all(texts)).join("\n")
        }
        for (const [actor, kind] of [
          ["thrower", "failed"],
          ["leaver", "crash"],
          ["hog", "memory"],
          // Or what the other one takes is laid to its door: it does not answer either.
          ["looper", "(?:deadline|memory)"],
        ]) {
          const line = new RegExp(
            `raftlet_leading_failures_total\\{group="main",actor="${actor}",kind="${kind}"\\}`,
          )
          await until(`${actor} to be found out`, async () => line.test(await counts()) || null, 60_000)
        }
        await load.goOn(100)
        for (const node of cluster.nodes) {
          expect(node.fate).toBeNull()
          // A loop that prints fills no disk.
          expect(node.said().length).toBeLessThan(1_000_000)
        }
        await expectKept(cluster, load, "hostile leadings")
        // A leader hands over, and stops, whatever hangs there.
        const leader = await cluster.leader()
        expect(await leader.kill("SIGTERM")).toBe(0)
        await cluster.leader()
      },
    ),
  testMillisMax,
)
