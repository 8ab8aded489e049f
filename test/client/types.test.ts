// Does a wrong call fail to compile? Every line marked as an error must be one: the compiler checks it.

import { expect, test } from "bun:test"
import { Schema } from "effect"
import { actor } from "raftlet"
import { client, type Failure, type WatchEvent } from "raftlet/client"

const counter = actor({
  version: 1,
  state: Schema.Struct({ value: Schema.Int, since: Schema.DateTimeUtcFromString }),
  initial: { value: 0, since: Schema.decodeSync(Schema.DateTimeUtcFromString)("1970-01-01T00:00:00Z") },
  commands: {
    add: {
      input: Schema.Struct({ by: Schema.Int }),
      output: Schema.Int,
      reduce: (state, { by }) => ({
        state: { ...state, value: state.value + by },
        result: state.value + by,
      }),
    },
    reset: {
      output: Schema.Null,
      reduce: (state) => ({ state: { ...state, value: 0 }, result: null }),
    },
  },
  queries: {
    value: { output: Schema.Int, read: (state) => state.value },
    plus: { input: Schema.Int, output: Schema.String, read: (state, more) => `${state.value + more}` },
  },
})

const note = actor({
  version: 1,
  state: Schema.String,
  initial: "",
  commands: {
    write: {
      input: Schema.String,
      output: Schema.Boolean,
      reduce: (_, text) => ({ state: text, result: true }),
    },
  },
})

const raftlet = client<{ counter: typeof counter; note: typeof note }>("http://127.0.0.1:4001")

/** Never called: the compiler alone reads it. */
const rightCalls = async () => {
  const added = await raftlet.propose({ actor: "counter", key: "a", command: "add", input: { by: 1 } })
  const sum: number = added.result
  const revision: number = added.revision
  await raftlet.propose({ actor: "counter", key: "a", command: "reset" })
  await raftlet.propose({ actor: "counter", key: "a", command: "reset", input: null, timeoutMillis: 100 })
  const written: boolean = (
    await raftlet.propose({ actor: "note", key: "a", command: "write", input: "text", ifRevision: 3 })
  ).result
  const value: number = (await raftlet.read({ actor: "counter", key: "a", query: "value" })).result
  const plus: string = (await raftlet.read({ actor: "counter", key: "a", query: "plus", input: 2 })).result
  // What stands in JSON, and not what the reducer sees.
  const since: string = (await raftlet.state({ actor: "counter", key: "a" })).state.since
  const text: string = (await raftlet.state({ actor: "note", key: "a", consistency: "local" })).state
  for await (const { key } of raftlet.instances({ actor: "note" })) void (key satisfies string)
  for await (const event of raftlet.watch({ actor: "note", key: "a", after: 7 })) {
    if (event.type === "reset") void (event.state satisfies string)
    else void (event satisfies WatchEvent)
  }

  const [first, second] = await raftlet.proposeMany([
    { actor: "counter", key: "a", command: "add", input: { by: 1 }, idempotencyKey: "k" },
    { actor: "note", key: "b", command: "write", input: "text" },
  ])
  if ("result" in first) void (first.result satisfies number)
  else void (first satisfies Failure)
  if ("result" in second) void (second.result satisfies boolean)
  const many = await raftlet.proposeMany(
    [1, 2].map((by) => ({ actor: "counter", key: "a", command: "add", input: { by } }) as const),
  )
  for (const one of many) if ("result" in one) void (one.result satisfies number)
  return [sum, revision, written, value, plus, since, text]
}

const wrongCalls = async () => {
  // @ts-expect-error an actor that does not exist
  await raftlet.propose({ actor: "nobody", key: "a", command: "add", input: { by: 1 } })
  // @ts-expect-error a command of another actor
  await raftlet.propose({ actor: "note", key: "a", command: "add", input: { by: 1 } })
  // @ts-expect-error the input of another type
  await raftlet.propose({ actor: "counter", key: "a", command: "add", input: { by: "1" } })
  // @ts-expect-error an input that is missing
  await raftlet.propose({ actor: "counter", key: "a", command: "add" })
  // @ts-expect-error an input where the command takes none
  await raftlet.propose({ actor: "counter", key: "a", command: "reset", input: { by: 1 } })
  // @ts-expect-error an option that does not exist
  await raftlet.propose({ actor: "counter", key: "a", command: "reset", ifRevison: 3 })
  // @ts-expect-error no key
  await raftlet.propose({ actor: "counter", command: "reset" })
  // @ts-expect-error a query that is a command
  await raftlet.read({ actor: "counter", key: "a", query: "add" })
  // @ts-expect-error an actor without queries
  await raftlet.read({ actor: "note", key: "a", query: "value" })
  // @ts-expect-error a query's input that is missing
  await raftlet.read({ actor: "counter", key: "a", query: "plus" })
  // @ts-expect-error a consistency that does not exist
  await raftlet.read({ actor: "counter", key: "a", query: "value", consistency: "eventual" })
  // @ts-expect-error in a batch as well
  await raftlet.proposeMany([{ actor: "counter", key: "a", command: "add", input: { by: "1" } }])
  // @ts-expect-error the state of another actor
  void ((await raftlet.state({ actor: "note", key: "a" })).state satisfies { value: number })
}

const anything = async () => {
  const untyped = client(["http://127.0.0.1:4001"])
  const { result } = await untyped.propose({
    actor: "any",
    key: "a",
    command: "some",
    input: { by: [1, null] },
  })
  const [outcome] = await untyped.proposeMany([{ actor: "any", key: "a", command: "some" }])
  // @ts-expect-error nobody knows that it is a number
  void (result satisfies number)
  // @ts-expect-error what is not JSON
  await untyped.propose({ actor: "any", key: "a", command: "some", input: new Map() })
  return outcome
}

test("right calls compile, and wrong ones do not", () => {
  expect([rightCalls, wrongCalls, anything].every((call) => typeof call === "function")).toBe(true)
})
