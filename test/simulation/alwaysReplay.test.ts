// Is it found what a module keeps outside of its states, when every command is executed twice?

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Schema } from "effect"
import { actor, type CommandContext, type Reduction } from "raftlet"
import { actorFile, testActor, testCluster, Violation } from "raftlet/testing"
import type counter from "../../actors/counter.ts"
import { cents, euros } from "./tills.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const directory = mkdtempSync(join(tmpdir(), "raftlet-leaks-"))
afterAll(() => rmSync(directory, { recursive: true }))

let files = 0
/** A file with an actor of one command and one query, which keeps something. */
const leaking = (kept: string, go: string, look = "0") => {
  const file = join(directory, `leak${++files}.ts`)
  writeFileSync(
    file,
    `import { actor } from "raftlet"
     import { Schema } from "effect"
     ${kept}
     export default actor({
       version: 1,
       state: Schema.Number,
       initial: 0,
       commands: { go: { output: Schema.Number, reduce: (state, _, ctx) => { ${go} } } },
       queries: { look: { output: Schema.Number, read: (state) => ${look} } },
     })`,
  )
  return actorFile(file)
}

/** What is found by executing the command twice, and by nothing else. */
const leaks: ReadonlyArray<readonly [where: string, kept: string, body: string, found: string]> = [
  [
    "a variable that is set once",
    "let first: number | null = null",
    "first ??= ctx.index; return { state, result: first }",
    "command 2, go of a: one result, wherever and whenever it is executed (D1): 2 against 1",
  ],
  [
    "a cache",
    "const seen = new Map()",
    "seen.set(ctx.index, state); return { state: state + seen.size, result: 0 }",
    "command 2, go of a: one state, wherever and whenever it is executed (D1): 2 against 3",
  ],
  [
    "a closure",
    "const counted = () => { let count = 0; return () => ++count }; const count = counted()",
    "ctx.schedule(1000 * count(), 'go', null); return { state, result: 0 }",
    "command 2, go of a: the same timers, wherever and whenever it is executed (D1): at /0/dueAt: ",
  ],
  [
    "a list of all",
    "const all: Array<number> = []",
    "all.push(state); ctx.emit('went', all); return { state, result: 0 }",
    "command 2, go of a: the same events, wherever and whenever it is executed (D1): at /0/data/1: nothing against 0",
  ],
  [
    "a class with a static field",
    "class Once { static done = false }",
    "if (Once.done) ctx.reject('again', 'once is enough'); Once.done = true; return { state, result: 0 }",
    "command 2, go of a: one outcome, wherever and whenever it is executed (D1): at ",
  ],
]

describe("a file that keeps something", () => {
  test.each(leaks)("in %s is found by the first command that sees it (D1)", async (_, kept, body, found) => {
    const file = await leaking(kept, body)
    const subject = testActor(file, { alwaysReplay: true })
    subject.execute("a", "go")
    expect(() => subject.execute("a", "go")).toThrow(found)
    const cluster = testCluster({ actors: { leak: file }, alwaysReplay: true })
    const go = { actor: "leak", key: "a", command: "go" }
    expect(() => {
      for (let count = 0; count < 2; count++) cluster.execute(go)
      cluster.settle()
    }).toThrow(found.slice(found.indexOf("go of a"), found.indexOf("(D1)")))
  })

  test("that its queries see is found", async () => {
    const file = await leaking("let looks = 0", "return { state, result: 0 }", "++looks")
    const subject = testActor(file, { alwaysReplay: true })
    subject.query("a", "look")
    expect(() => subject.query("a", "look")).toThrow("query look of a: one result")
    const cluster = testCluster({ actors: { leak: file }, alwaysReplay: true })
    expect(() => {
      for (let count = 0; count < 4; count++) cluster.query("leak", "a", "look")
    }).toThrow(Violation)
  })

  test("is evaluated anew whenever the second replica restarts, and so found sooner or later (D10)", async () => {
    const file = await leaking(leaks[0]![1], leaks[0]![2])
    expect(() => {
      const subject = testActor(file)
      for (let count = 0; count < 100; count++) subject.execute("a", "go")
    }).toThrow(Violation)
  })
})

describe("a definition at hand that keeps something", () => {
  const keeping = (use: (calls: number, ctx: CommandContext) => Partial<Reduction<number, number>>) => {
    let calls = 0
    return actor({
      version: 1,
      state: Schema.Number,
      initial: 0,
      commands: {
        go: {
          output: Schema.Number,
          reduce: (_state, _input, ctx) => ({ state: 0, result: 0, ...use(++calls, ctx as never) }),
        },
      },
    })
  }

  test.each([
    ["one result", keeping((calls) => ({ result: calls }))],
    ["one state", keeping((calls) => ({ state: calls }))],
    [
      "the same events",
      keeping((calls, ctx) => {
        ctx.emit("went", calls)
        return {}
      }),
    ],
    [
      "the same timers",
      keeping((calls, ctx) => {
        ctx.schedule(calls, "go", null)
        return {}
      }),
    ],
  ])("is found by the first command, by %s (D1)", (what, impure) => {
    const subject = testActor(impure, { alwaysReplay: true })
    expect(() => subject.execute("a", "go")).toThrow(`command 1, go of a: ${what}, wherever`)
  })

  test("is found in a whole cluster as well, and ends the run", () => {
    const cluster = testCluster({
      actors: { impure: keeping((calls) => ({ result: calls })) },
      alwaysReplay: true,
    })
    expect(() => cluster.execute({ actor: "impure", key: "a", command: "go" })).toThrow("go of a: one result")
  })
})

describe("an actor that keeps nothing", () => {
  test("lives as it does without", async () => {
    const file = await actorFile<typeof counter>("actors/counter.ts")
    const live = (alwaysReplay: boolean) => {
      const subject = testActor(file, { alwaysReplay, seed: 7 })
      for (let by = 1; by <= 20; by++) subject.execute("a", "add", { by })
      return [subject.state("a"), subject.events("a")]
    }
    expect(live(true)).toEqual(live(false))
    expect(live(true)[0]).toEqual({ value: 210 })
  })

  test("goes from version to version", () => {
    const first = testActor(euros, { alwaysReplay: true })
    first.execute("a", "payLater", { euros: 3 })
    const second = first.activate(cents())
    second.advance(1000)
    first.rollback()
    expect(first.execute("a", "pay", { euros: 1 })).toMatchObject({ result: 4 })
  })

  test("survives in a cluster, and a seed is the same life", async () => {
    const file = await actorFile("actors/counter.ts")
    const live = () => {
      const cluster = testCluster({ actors: { counter: file }, alwaysReplay: true, seed: 3 })
      const answers = cluster.survive({
        millis: 1000,
        next: (chance) => ({
          actor: "counter",
          key: chance.pick(["a", "b"]),
          command: "add",
          input: { by: 1 },
        }),
      })
      expect(answers.length).toBeGreaterThan(10)
      return cluster.trace
    }
    expect(live()).toBe(live())
  })
})

test("a file that is no actor is refused with what is wrong with it", async () => {
  await expect(actorFile("actors/nobody.ts")).rejects.toThrow("actors/nobody.ts: it cannot be read")
  const file = join(directory, "nothing.ts")
  writeFileSync(file, "export const nothing = 1")
  const nothing = await actorFile(file)
  expect(() => testActor(nothing)).toThrow("it has no default export")
})
