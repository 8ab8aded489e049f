// Can a user test an actor as the docs say?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Schema } from "effect"
import { type Actor, actor } from "raftlet"
import { actorModel, type TestActor, testActor, testCluster, Violation } from "raftlet/testing"
import counter from "../../src/simulation/actors/counter.ts"
import { models } from "../../src/simulation/models.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

/** Reminds of something once, later. */
const reminder = actor({
  version: 1,
  state: Schema.Struct({ said: Schema.Array(Schema.String) }),
  initial: { said: [] },
  commands: {
    plan: {
      input: Schema.Struct({ what: Schema.String, afterMillis: Schema.Int }),
      output: Schema.Null,
      reduce: (state, { what, afterMillis }, ctx) => {
        ctx.schedule(afterMillis, "say", { what })
        return { state, result: null }
      },
    },
    say: {
      input: Schema.Struct({ what: Schema.String }),
      output: Schema.Null,
      reduce: (state, { what }) => ({ state: { said: [...state.said, what] }, result: null }),
    },
  },
  queries: { said: { output: Schema.Array(Schema.String), read: (state) => state.said } },
})

describe("an actor on its own", () => {
  test("executes, refuses, replays and answers queries", () => {
    const subject = testActor(counter)
    expect(subject.execute("a", "add", { by: 2 }, { idempotencyKey: "x" })).toEqual({
      outcome: "executed",
      result: 2,
      revision: 1,
      replayed: false,
    })
    expect(subject.execute("a", "add", { by: 2 }, { idempotencyKey: "x" })).toMatchObject({ replayed: true })
    expect(subject.execute("a", "add", { by: 101 })).toMatchObject({ outcome: "refused", code: "too-big" })
    expect(subject.execute("a", "add", { by: 1 }, { ifRevision: 0 })).toMatchObject({
      code: "revision-mismatch",
    })
    expect(subject.query("a", "value")).toBe(2)
    expect(subject.state("a")).toEqual({ value: 2 })
    // @ts-expect-error no such query
    expect(() => subject.query("a", "nothing")).toThrow("unknown-query")
  })

  test("is known to the compiler by its names, inputs, results and states", () => {
    const subject = testActor(reminder)
    const answer = subject.execute("a", "plan", { what: "late", afterMillis: 2000 })
    if (answer.outcome === "executed") answer.result satisfies null
    const said: ReadonlyArray<string> = subject.query("a", "said")
    const state: { readonly said: ReadonlyArray<string> } = subject.state("a")
    expect([said, state.said]).toEqual([[], []])
    // @ts-expect-error no such command
    subject.execute("a", "pla", { what: "late" })
    // @ts-expect-error an input of another type
    subject.execute("a", "plan", { what: 5, afterMillis: 2000 })
    // @ts-expect-error an input that is missing
    subject.execute("a", "plan")
    // @ts-expect-error an input where the query takes none
    expect(() => subject.query("a", "said", 5)).toThrow("invalid-input")
    // What only some of all actors can be asked for, any of them may be.
    const any: TestActor = subject
    expect(any.execute("a", "plan", { what: 5 })).toMatchObject({ code: "invalid-input" })
    expect(testActor<Actor>(reminder).execute("a", "pla")).toMatchObject({ code: "unknown-command" })
  })

  test("executes what was scheduled when its time has come, in order (D9)", () => {
    const subject = testActor(reminder)
    subject.execute("a", "plan", { what: "late", afterMillis: 2000 })
    subject.execute("a", "plan", { what: "soon", afterMillis: 500 })
    subject.advance(499)
    expect(subject.query("a", "said")).toEqual([])
    subject.advance(2000)
    expect(subject.query("a", "said")).toEqual(["soon", "late"])
  })

  test("tells what its watchers are told, and nothing of what was refused", () => {
    const teller = actor({
      version: 1,
      state: Schema.Int,
      initial: 0,
      commands: {
        tell: {
          input: Schema.Struct({ what: Schema.String }),
          output: Schema.Null,
          reduce: (state, { what }, ctx) => {
            ctx.emit("told", { what, times: state + 1 })
            if (what === "") ctx.reject("nothing", "to tell")
            ctx.emit("done")
            return { state: state + 1, result: null }
          },
        },
      },
    })
    const subject = testActor(teller)
    for (const what of ["one", "", "two"]) subject.execute("a", "tell", { what })
    subject.execute("b", "tell", { what: "three" })
    expect(subject.events("a")).toEqual([
      { event: "told", data: { what: "one", times: 1 } },
      { event: "done", data: null },
      { event: "told", data: { what: "two", times: 2 } },
      { event: "done", data: null },
    ])
    expect(subject.events("c")).toEqual([])
  })

  test.each([
    ["a result", "go of a: one outcome, wherever"],
    ["the state", "go of a: one state, wherever"],
    ["an event", "go of a: the same events, wherever"],
    ["a timer", "go of a: the same timers, wherever"],
  ])("that keeps something outside of its state is found by %s (D1, D2)", (what, words) => {
    let calls = 0
    const impure = actor({
      version: 1,
      state: Schema.Struct({ calls: Schema.Int }),
      initial: { calls: 0 },
      commands: {
        go: {
          output: Schema.Int,
          reduce: (_state, _input, ctx) => {
            calls++
            if (what === "an event") ctx.emit("called", calls)
            if (what === "a timer") ctx.schedule(calls, "go", null)
            return {
              state: { calls: what === "the state" ? calls : 0 },
              result: what === "a result" ? calls : 0,
            }
          },
        },
      },
    })
    const subject = testActor(impure)
    expect(() => {
      for (let count = 0; count < 50; count++) subject.execute("a", "go")
    }).toThrow(words)
  })
})

describe("a cluster", () => {
  test("executes a command once, whoever leads and whatever is asked again (C1)", () => {
    const cluster = testCluster({ nodes: 3, actors: { counter }, seed: 7 })
    const add = { actor: "counter", key: "a", command: "add", input: { by: 2 }, idempotencyKey: "once" }
    expect(cluster.execute(add)).toMatchObject({ outcome: "executed", result: 2 })
    const old = cluster.waitForLeader()
    cluster.crash(old)
    cluster.runUntil("another one leads", () => cluster.leader !== null && cluster.leader !== old)
    expect(cluster.execute(add)).toMatchObject({ outcome: "executed", result: 2, replayed: true })
    cluster.start(old)
    cluster.settle()
    for (const node of cluster.nodes) expect(cluster.query("counter", "a", "value", { node })).toBe(2)
  })

  test("takes a command that a test names by a key for one, however often it was tried (C1)", () => {
    for (const seed of [1, 2, 3]) {
      const cluster = testCluster({ actors: { counter }, seed, models: { counter: models.counter! } })
      let count = 0
      cluster.survive({
        millis: 2000,
        next: () => {
          count++
          return { actor: "counter", key: "a", command: "add", input: { by: 1 }, idempotencyKey: `${count}` }
        },
      })
      cluster.query("counter", "a", "value")
      cluster.settle()
    }
  })

  test("counts with what nobody has been told of yet (C9)", () => {
    const seen = new Set()
    // With one seed or another the node ends before the leader has it, and after.
    for (let run = 0; run < 8 * 12 && seen.size < 2; run++) {
      const seed = 1 + Math.floor(run / 12)
      const cluster = testCluster({ actors: { counter }, models: { counter: models.counter! }, seed })
      const leader = cluster.waitForLeader()
      const node = cluster.nodes.find((id) => id !== leader)!
      const asked = cluster.ask({ actor: "counter", key: "a", command: "add", input: { by: 1 } }, { node })
      cluster.runFor(1 + (run % 12))
      cluster.crash(node)
      cluster.runFor(300)
      if (asked.answer === null) seen.add(cluster.query("counter", "a", "value"))
      cluster.settle()
    }
    expect(seen).toEqual(new Set([0, 1]))
  })

  test("without a majority answers nobody, and goes on when it is back (E11)", () => {
    const cluster = testCluster({ nodes: 5, actors: { counter } })
    const [first = "", second = "", ...rest] = cluster.nodes
    cluster.isolate(first, second)
    for (const node of rest) cluster.pause(node)
    cluster.runFor(2000)
    expect(cluster.leader).toBeNull()
    const asked = cluster.ask(
      { actor: "counter", key: "a", command: "add", input: { by: 1 } },
      { node: first },
    )
    cluster.runFor(1000)
    expect(asked.answer).toBeNull()
    for (const node of rest) cluster.resume(node)
    cluster.heal()
    cluster.runUntil("it is executed", () => asked.answer?.outcome === "executed")
    cluster.settle()
  })

  test("survives everything that its seed draws, and is the same for the same seed", () => {
    const survive = (seed: number) => {
      const cluster = testCluster({ nodes: 3, actors: { counter, reminder }, seed })
      const answers = cluster.survive({
        millis: 3000,
        clients: 3,
        next: (chance) =>
          chance.happens(0.8)
            ? {
                actor: "counter",
                key: chance.pick(["a", "b"]),
                command: "add",
                input: { by: chance.between(1, 5) },
              }
            : {
                actor: "reminder",
                key: "a",
                command: "plan",
                input: { what: "x", afterMillis: chance.between(0, 200) },
              },
      })
      expect(answers.length).toBeGreaterThan(5)
      return { trace: cluster.trace, answers }
    }
    expect(survive(11)).toEqual(survive(11))
    expect(survive(12).trace).not.toBe(survive(13).trace)
  })

  test("is held against the model of its actors, where they have one (C9)", () => {
    const modelThat = (adds: (value: number, by: number) => number) => ({
      counter: actorModel<number>({
        initial: () => 0,
        commands: {
          add: (value, { by }: { by: number }) => ({ state: adds(value, by), result: adds(value, by) }),
        },
        queries: { value: (value) => value },
      }),
    })
    const useWith = (models: NonNullable<Parameters<typeof testCluster>[0]["models"]>) => () => {
      const cluster = testCluster({ actors: { counter }, models })
      cluster.execute({ actor: "counter", key: "a", command: "add", input: { by: 2 } })
      cluster.query("counter", "a", "value")
      cluster.settle()
    }
    expect(useWith(modelThat((value, by) => value + by))).not.toThrow()
    expect(useWith(modelThat((value, by) => value + by + 1))).toThrow(Violation)
  })

  test("whose reducer is not the same everywhere is found (D1)", () => {
    let calls = 0
    const impure = actor({
      version: 1,
      state: Schema.Struct({ calls: Schema.Int }),
      initial: { calls: 0 },
      commands: {
        call: { output: Schema.Null, reduce: () => ({ state: { calls: ++calls }, result: null }) },
      },
    })
    const cluster = testCluster({ actors: { impure } })
    expect(() => {
      cluster.execute({ actor: "impure", key: "a", command: "call" })
      cluster.runFor(1000)
    }).toThrow(Violation)
  })
})
