// What does a user learn whose test, or whose actor, is wrong? What to mend, at once, and in words.

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Schema } from "effect"
import { type Actor, actor } from "raftlet"
import { actorModel, type TestAnswer, testActor, testCluster } from "raftlet/testing"
import { readScript } from "../../scripts/simulate/replay.ts"
import counter from "../../src/simulation/actors/counter.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const add = { actor: "counter", key: "a", command: "add", input: { by: 2 } }
const cluster = () => testCluster({ actors: { counter } })

describe("what cannot be asked is said in one line", () => {
  const mistakes: ReadonlyArray<readonly [what: string, mistake: () => unknown, words: string]> = [
    ["a node", () => cluster().execute(add, { node: "n9" }), "there is no node n9: there is n1, n2, n3"],
    ["a node to read from", () => cluster().query("counter", "a", "value", { node: "n9" }), "no node n9"],
    ["a node to cut off", () => cluster().isolate("n9"), "no node n9"],
    ["nobody to cut off", () => cluster().isolate(), "expected a node"],
    ["a target", () => cluster().cut({ shape: "deaf", target: "n9" }), "no node n9"],
    ["a bridge", () => cluster().cut({ shape: "bridge", bridge: "n9", side: ["n1"] }), "no node n9"],
    ["a link", () => cluster().cut({ shape: "links", links: [["n1", "n9"]] }), "no node n9"],
    ["a loss", () => cluster().setLinks({ loss: 5 }), "loss: expected a number from 0 to 1, got 5"],
    ["latencies", () => cluster().setLinks({ latencyMinMillis: 50 }), "latencyMaxMillis: expected"],
    ["a size", () => testCluster({ nodes: 0, actors: {} }), "nodes: expected a whole number from 1, got 0"],
    ["a seed", () => testActor(counter, { seed: Number.NaN }), "seed: expected a whole number"],
    ["a time", () => cluster().runFor(Number.NaN), "millis: expected a whole number"],
    ["time that goes back", () => testActor(counter).advance(-1), "millis: expected a whole number"],
    ["a key", () => testActor<Actor>(counter).execute(5 as never, "add"), "key: expected a string, got 5"],
    ["an input", () => testActor(counter).execute("a", "add", 1n as never), "input: no JSON"],
    ["a function", () => cluster().execute({ ...add, input: (() => 1) as never }), "input: no JSON"],
    ["an actor", () => testActor(undefined as unknown as Actor), "export default actor"],
    [
      "a model",
      () => testCluster({ actors: { counter }, models: { countr: counterModel } }),
      "there is no actor for the model countr: there is counter",
    ],
    [
      "an actor of a client",
      () => cluster().survive({ next: () => ({ ...add, actor: "countr" }) }),
      "there is no actor countr",
    ],
    [
      "a command of a client",
      () => cluster().survive({ next: () => ({ ...add, command: "ad" }) }),
      "there is no command of counter ad: there is add",
    ],
  ]
  test.each(mistakes)("%s", (_, mistake, words) => {
    expect(mistake).toThrow(words)
  })

  test.each([
    ["null", "it has no seed"],
    ['{ "voters": [], "operations": [] }', "it has no seed"],
    ["{", "JSON"],
  ])("a file that holds %p is no script", (content, words) => {
    const directory = mkdtempSync(join(tmpdir(), "raftlet-no-script-"))
    const file = join(directory, "script.json")
    writeFileSync(file, content)
    expect(readScript(file)).toContain(words)
    rmSync(directory, { recursive: true })
  })
})

const counterModel = actorModel<number>({
  initial: () => 0,
  commands: { add: (value, { by }: { by: number }) => ({ state: value + by, result: value + by }) },
  queries: { value: (value) => value },
})

/** An actor with one command. */
const doing = (reduce: (ctx: { schedule: (millis: number) => void }) => number) =>
  actor({
    version: 1,
    state: Schema.Struct({}),
    initial: {},
    commands: {
      go: {
        output: Schema.Number,
        reduce: (state, _, ctx) => ({
          state,
          result: reduce({ schedule: (millis) => ctx.schedule(millis, "go", null) }),
        }),
      },
    },
  })

describe("a reducer", () => {
  test.each([
    ["Date.now", () => Date.now()],
    ["new Date()", () => new Date().getSeconds()],
    ["Math.random", () => Math.random()],
    ["crypto.randomUUID", () => crypto.randomUUID().length],
    ["performance.now", () => performance.now()],
    ["process.pid", () => process.pid],
    ["setTimeout", () => Number(setTimeout(() => {}, 0))],
    ["fetch", () => Number(fetch("http://127.0.0.1"))],
    ["Intl.NumberFormat", () => new Intl.NumberFormat().format(1).length],
    ["String.prototype.localeCompare", () => "a".localeCompare("b")],
  ])("that asks the host for %s is refused as by a node, and the host has it back (D2)", (what, read) => {
    const host = () => [Date, Math.random, crypto, performance, process, setTimeout, fetch, Intl]
    const open = host()
    const impure = doing(read)
    const refused = { outcome: "refused", code: "reducer-threw", detail: `${what} is closed to reducers` }
    const told = (answer: TestAnswer) =>
      "detail" in answer ? { ...answer, detail: answer.detail.split(":")[0] } : answer
    expect(told(testActor(impure).execute("a", "go"))).toMatchObject(refused)
    const many = testCluster({ actors: { impure } })
    expect(told(many.execute({ actor: "impure", key: "a", command: "go" }))).toMatchObject(refused)
    many.settle()
    expect(host().every((value, at) => value === open[at])).toBe(true)
  })

  test("makes dates of what it is given as ever", () => {
    const pure = doing(() => new Date("2026-01-01").getUTCFullYear() + Date.UTC(1970, 0, 1))
    expect(testActor(pure).execute("a", "go")).toMatchObject({ result: 2026 })
  })

  test("that returns a promise is refused, and what the promise does nobody waits for (D11)", () => {
    const late = actor({
      version: 1,
      state: Schema.Null,
      initial: null,
      commands: { go: { output: Schema.Null, reduce: (() => Promise.reject(new Error("late"))) as never } },
    })
    expect(testActor(late).execute("a", "go")).toMatchObject({ outcome: "refused", code: "reducer-async" })
  })

  test("whose stack runs over puts its instance into quarantine, and no other (D5, D6)", () => {
    const deep = (): number => 1 + deep()
    const falling = actor({
      version: 1,
      state: Schema.Int,
      initial: 0,
      commands: {
        add: { output: Schema.Int, reduce: (state) => ({ state: state + 1, result: state + 1 }) },
        fall: { output: Schema.Int, reduce: (state) => ({ state, result: deep() }) },
      },
    })
    const isQuarantined = { outcome: "refused", code: "quarantined" }
    for (let seed = 0; seed < 10; seed++) {
      const subject = testActor(falling, { seed, alwaysReplay: seed % 2 === 0 })
      subject.execute("a", "add")
      expect(subject.execute("a", "fall")).toMatchObject(isQuarantined)
      expect(subject.execute("a", "add")).toMatchObject(isQuarantined)
      for (let count = 0; count < 10; count++) subject.execute("b", "add")
      // It ran in the log: what came of it, somebody may have been told.
      expect(() => subject.state("a")).toThrow("quarantined")
      expect(subject.state("b")).toBe(10)
    }
  })

  test("that schedules itself at once for ever ends the test, not the patience", () => {
    const endless = testActor(
      doing(({ schedule }) => {
        schedule(0)
        return 0
      }),
    )
    endless.execute("a", "go")
    expect(() => endless.advance(1)).toThrow("came due at once")
  })
})

describe("what did not become so", () => {
  test("is told with how the nodes are", () => {
    const some = cluster()
    some.pause("n1")
    some.execute(add)
    expect(() => some.settle()).toThrow("n1 stands still")
    expect(() => some.query("counter", "a", "value", { node: "n1" })).toThrow(
      "counter/a?value is answered by n1",
    )
  })
})

describe("a model", () => {
  test("need not know what is refused for the request's own sake", () => {
    const some = testCluster({ actors: { counter }, models: { counter: counterModel } })
    const once = { ...add, idempotencyKey: "once" }
    some.execute({ ...add, command: "nothing" })
    some.execute({ ...add, input: { by: "two" } })
    some.execute(once)
    expect(some.execute({ ...once, input: { by: 3 } })).toMatchObject({ code: "idempotency-mismatch" })
    some.settle()
    expect(some.history.map(({ outcome }) => outcome)).toEqual(["rejected", "rejected", "ok", "rejected"])
  })

  test("knows of what was asked and is not answered yet", () => {
    const some = testCluster({ actors: { counter }, models: { counter: counterModel } })
    const door = some.nodes.find((node) => node !== some.leader)!
    const slow = some.ask(add, { node: door })
    // The leader has it; nobody will say so before the client asks another node.
    some.runFor(3)
    some.kill(door)
    expect(some.execute(add)).toMatchObject({ outcome: "executed", revision: 2 })
    expect(slow.answer).toBeNull()
    some.settle()
    some.runUntil("it is answered", () => slow.answer !== null)
    expect(slow.answer).toMatchObject({ revision: 1, replayed: true })
    some.settle()
  })

  test.each([1, 2, 3, 4, 5, 6])(
    "sees one operation where many ask with one key: seed %p (C1, C6)",
    (seed) => {
      const some = testCluster({ actors: { counter }, models: { counter: counterModel }, seed })
      some.survive({
        millis: 2000,
        next: (chance) => ({
          ...add,
          input: { by: chance.between(1, 2) },
          idempotencyKey: `k${chance.below(20)}`,
          ...(chance.happens(0.2) ? { ifRevision: chance.below(20) } : {}),
        }),
      })
    },
  )
})
