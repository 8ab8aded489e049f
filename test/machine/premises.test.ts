// Does what is only tried stay out of what is true? (HAZARDS L8)

import { expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import { encodeCommand } from "../../src/machine/command.ts"
import type { Compartments } from "../../src/machine/Premises.ts"
import { command } from "./Bench.ts"
import { Housed, hurried, openWithoutWalls } from "./Housed.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const list = `
  import { Schema } from "effect"
  import { actor } from "raftlet"
  const State = Schema.Struct({ words: Schema.Array(Schema.String) })
  export default actor({
    version: 1,
    state: State,
    initial: { words: [] },
    commands: {
      add: {
        input: Schema.String,
        output: Schema.Null,
        reduce: ({ words }, word) => ({ state: { words: [...words, word] }, result: null }),
      },
    },
    queries: { words: { output: Schema.Array(Schema.String), read: ({ words }) => words } },
  })
`
const add = (word: string) =>
  encodeCommand(command({ actor: "list", command: "add", json: word, version: "" }))
const words = async (machine: Housed) => {
  const asked = { type: "query", actor: "list", key: "a", query: "words", input: "null" } as const
  const answer = await machine.query(asked)
  return answer._tag === "Answered" ? JSON.parse(answer.body).result : answer
}

test("a query sees what was applied, and not what a later trial came to on the same state (L8)", async () => {
  const machine = new Housed()
  await machine.deploy("list", list)
  await machine.propose(add("first"))
  // Two at once: both are tried before either is in the log.
  const tried = await machine.try(
    (await machine.admit([add("second"), add("never")])).map(
      (admission) => (admission as { readonly command: Uint8Array }).command,
    ),
  )
  await machine.apply((tried[0] as { readonly command: Uint8Array }).command)
  expect(await words(machine)).toEqual(["first", "second"])
})

test("the first command of an uploaded actor finds a process that is open already, before the log and in it", async () => {
  let mayOpen = true
  const open = Effect.suspend(() => (mayOpen ? openWithoutWalls : Effect.never))
  const machine = new Housed({}, { openWorker: open, openChild: open, openNiceChild: open })
  const version = await machine.deploy("list", list)
  await hurried(machine.premises.warmFor(machine.tenant))
  // Spares are opened in the background.
  await Bun.sleep(10)
  mayOpen = false
  const first = encodeCommand(command({ actor: "list", command: "add", json: "first", version }))
  expect(await machine.try([first])).toMatchObject([{ _tag: "Admitted" }])
  expect(await machine.apply(first)).toMatchObject({ _tag: "Accepted" })
})

test("the same code runs where each group has it from: of a file in one, uploaded in another", async () => {
  const opened: Array<string> = []
  const noted = (kind: string) => Effect.tap(openWithoutWalls, () => Effect.sync(() => opened.push(kind)))
  const places: Compartments = {
    openWorker: noted("thread"),
    openChild: noted("process"),
    openNiceChild: noted("nice process"),
  }
  const one = new Housed({}, places)
  const other = new Housed({}, places, one.premises)
  const version = await one.deploy("list", list, "file")
  expect(await other.deploy("list", list, "upload")).toBe(version)
  opened.length = 0
  await one.propose(add("one"))
  expect(opened).toEqual([])
  await other.propose(add("other"))
  // The trial, and the log.
  expect(opened).toEqual(["nice process", "process"])
  expect([await words(one), await words(other)]).toEqual([["one"], ["other"]])
})
