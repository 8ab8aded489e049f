// What do users learn of their `leading` on virtual time, in a cluster to which everything happens?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Schema } from "effect"
import { actor } from "raftlet"
import { actorModel, type TestCommand, testCluster } from "raftlet/testing"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(60_000)

/** Mail that waits, and that was sent, oldest first. */
const State = Schema.Struct({ waiting: Schema.Array(Schema.String), sent: Schema.Int })

/** What is put in is delivered at least once, each with a name that stays. */
const outboxOf = (deliver: (mail: string, term: number) => Effect.Effect<void>) =>
  actor({
    version: 1,
    state: State,
    initial: { waiting: [], sent: 0 },
    commands: {
      put: {
        input: Schema.Struct({ mail: Schema.String }),
        output: Schema.Int,
        reduce: (state, { mail }) => ({
          state: { ...state, waiting: [...state.waiting, mail] },
          result: state.waiting.length + 1,
        }),
      },
      sent: {
        input: Schema.Struct({ mail: Schema.String }),
        output: Schema.Boolean,
        reduce: (state, { mail }) => {
          const [first, ...rest] = state.waiting
          if (first !== mail) return { state, result: false }
          return { state: { waiting: rest, sent: state.sent + 1 }, result: true }
        },
      },
    },
    queries: {
      next: { output: Schema.NullOr(Schema.String), read: ({ waiting }) => waiting[0] ?? null },
      sent: { output: Schema.Int, read: ({ sent }) => sent },
    },
    leading: (ctx) =>
      Effect.gen(function* () {
        while (true) {
          const { result: mail } = yield* ctx.read({ key: "a", query: "next" })
          if (mail === null) yield* Effect.sleep(50)
          else {
            yield* deliver(mail, ctx.term)
            yield* ctx.propose({ key: "a", command: "sent", input: { mail } })
          }
        }
      }),
  })

const put = (mail: string): TestCommand => ({ actor: "outbox", key: "a", command: "put", input: { mail } })

describe("a leading in a cluster on virtual time", () => {
  test("delivers what its actor holds, and goes on at the next leader", () => {
    const delivered: Array<string> = []
    const outbox = outboxOf((mail, term) => Effect.sync(() => void delivered.push(`${mail} in ${term}`)))
    const cluster = testCluster({ actors: { outbox } })
    for (const mail of ["one", "two"]) cluster.execute(put(mail))
    cluster.runUntil("both are delivered", () => delivered.length === 2)
    cluster.crash(cluster.waitForLeader())
    cluster.execute(put("three"))
    cluster.runUntil("the third is delivered", () => delivered.length === 3)
    expect(delivered[0]).toBe("one in 1")
    expect(delivered[2]).toMatch(/^three in [2-9]/)
    cluster.runFor(100)
    expect(cluster.query("outbox", "a", "sent")).toBe(3)
    const told = cluster.history.filter(({ client }) => client.startsWith("leading at"))
    expect(told.map(({ op, outcome }) => `${op} ${outcome}`)).toEqual(
      Array.from({ length: 3 }, () => "outbox.sent ok"),
    )
  })

  test("delivers again what it had not been able to note, and loses nothing, whatever happens", () => {
    for (let seed = 1; seed <= 4; seed++) {
      const delivered = new Map<string, Array<number>>()
      const deliver = (mail: string, term: number) =>
        Effect.andThen(
          Effect.sleep(5),
          Effect.sync(() => void delivered.set(mail, [...(delivered.get(mail) ?? []), term])),
        )
      const outbox = outboxOf(deliver)
      const cluster = testCluster({ actors: { outbox }, seed })
      let mails = 0
      const seen = cluster.survive({ millis: 4000, next: () => put(`mail ${++mails}`) })
      const isEmpty = () => cluster.query("outbox", "a", "next") === null
      for (let patience = 100; !isEmpty() && patience > 0; patience--) cluster.runFor(200)
      expect(isEmpty()).toBe(true)
      for (const { command, answer } of seen) {
        const { mail } = command.input as { readonly mail: string }
        if (answer.outcome === "executed") expect(delivered.has(mail)).toBe(true)
        if (answer.outcome === "rejected") expect(delivered.has(mail)).toBe(false)
      }
      cluster.settle()
    }
  })

  test("is a client as others are: what it has done must fit in with what they saw (C9)", () => {
    const turns = actor({
      version: 1,
      state: Schema.Int,
      initial: 0,
      commands: {
        turn: { output: Schema.Int, reduce: (state) => ({ state: state + 1, result: state + 1 }) },
      },
      leading: (ctx) =>
        Effect.forever(
          Effect.andThen(Effect.ignore(ctx.propose({ key: "a", command: "turn" })), Effect.sleep(30)),
        ),
    })
    const model = actorModel<number>({
      initial: () => 0,
      commands: { turn: (value) => ({ state: value + 1, result: value + 1 }) },
      queries: {},
    })
    const cluster = testCluster({ actors: { turns }, models: { turns: model }, seed: 3 })
    cluster.survive({ millis: 2000, clients: 2, next: () => ({ actor: "turns", key: "a", command: "turn" }) })
    expect(cluster.history.some(({ client, outcome }) => /^leading/.test(client) && outcome === "ok")).toBe(
      true,
    )
  })

  test("of a leader that stood still and is none any more gets nothing executed (E13)", () => {
    const claims = actor({
      version: 1,
      state: Schema.Struct({ terms: Schema.Array(Schema.Int) }),
      initial: { terms: [] },
      commands: {
        claim: {
          input: Schema.Struct({ term: Schema.Int }),
          output: Schema.Int,
          reduce: ({ terms }, { term }, ctx) => ({ state: { terms: [...terms, term] }, result: ctx.term }),
        },
      },
      queries: { terms: { output: Schema.Array(Schema.Int), read: ({ terms }) => terms } },
      leading: (ctx) =>
        Effect.forever(
          Effect.andThen(
            Effect.ignore(ctx.propose({ key: "a", command: "claim", input: { term: ctx.term } })),
            Effect.sleep(20),
          ),
        ),
    })
    for (let seed = 1; seed <= 5; seed++) {
      const cluster = testCluster({ actors: { claims }, seed })
      const old = cluster.waitForLeader()
      cluster.runFor(200)
      cluster.pause(old)
      cluster.waitForLeader()
      cluster.runFor(200)
      const before = (cluster.query("claims", "a", "terms") as ReadonlyArray<number>).length
      cluster.resume(old)
      cluster.runFor(1000)
      const terms = cluster.query("claims", "a", "terms") as ReadonlyArray<number>
      expect(terms.length).toBeGreaterThan(before)
      // One leader after the other, and never back.
      expect([...terms].sort((one, other) => one - other)).toEqual([...terms])
      expect(terms.slice(before).every((term) => term > 1)).toBe(true)
    }
  })

  test("has the last word before a node that is told to stop hands over", () => {
    const said: Array<string> = []
    const words = actor({
      version: 1,
      state: Schema.Struct({ words: Schema.Array(Schema.String) }),
      initial: { words: [] },
      commands: {
        say: {
          input: Schema.Struct({ word: Schema.String }),
          output: Schema.Null,
          reduce: ({ words }, { word }) => ({ state: { words: [...words, word] }, result: null }),
        },
      },
      queries: { words: { output: Schema.Array(Schema.String), read: ({ words }) => words } },
      leading: (ctx) =>
        Effect.gen(function* () {
          const say = (word: string) =>
            Effect.ignore(ctx.propose({ key: "a", command: "say", input: { word: `${word} ${ctx.term}` } }))
          yield* say("hello")
          yield* Effect.addFinalizer(() =>
            Effect.andThen(
              say("goodbye"),
              Effect.sync(() => said.push(`${ctx.node} is done`)),
            ),
          )
          return yield* Effect.never
        }),
    })
    const cluster = testCluster({ actors: { words } })
    const leader = cluster.waitForLeader()
    cluster.runFor(300)
    cluster.stop(leader)
    cluster.waitForLeader()
    cluster.runFor(500)
    expect(said).toEqual([`${leader} is done`])
    expect(cluster.query("words", "a", "words")).toEqual(["hello 1", "goodbye 1", "hello 2"])
  })
})
