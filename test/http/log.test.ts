// Can a person read what the log says, and nothing that is not said there? (CONTRACT §3)

import { expect, test } from "bun:test"
import { Effect } from "effect"
import { logInputMax } from "../../src/http/log.ts"
import { encodeLogged, type LoggedCommand } from "../../src/machine/command.ts"
import { LogInRepair, type LogRange, type ReadableEntry } from "../../src/raft/Raft.ts"
import { StorageFailed } from "../../src/storage/LogStore.ts"
import { leading, makeFake } from "./fakeRaft.ts"
import { problemOf } from "./problems.ts"

const time = Date.UTC(2026, 10, 23, 10, 11, 12, 345)

const entryOf = (index: number, change: Partial<ReadableEntry> = {}): ReadableEntry => ({
  index,
  term: 2,
  time,
  kind: "noop",
  command: null,
  configuration: null,
  ...change,
})

const commandOf = (change: Partial<LoggedCommand> = {}): Partial<ReadableEntry> => ({
  kind: "command",
  command: encodeLogged({
    actor: "counter",
    key: "a/b",
    command: "add",
    input: '{"by":2}',
    idempotencyKey: "k-1",
    ifRevision: null,
    version: "v1",
    seed: new Uint8Array(16).fill(7),
    caller: "",
    door: "n3",
    timer: "",
    ...change,
  }),
})

const withLog = (entries: ReadonlyArray<ReadableEntry>, lastIndex = entries.at(-1)?.index ?? 0) => {
  const fake = makeFake()
  const ranges: Array<LogRange> = []
  fake.log.current = (range) => {
    ranges.push(range)
    return Effect.succeed({ firstIndex: 5, lastIndex, entries })
  }
  const look = async (query = "") => (await (await fake.ask(`/admin/log${query}`)).json()) as unknown
  return { fake, ranges, look }
}

test("each kind of entry says what it is, in words", async () => {
  const { look } = withLog([
    entryOf(5),
    entryOf(6, commandOf()),
    entryOf(7, commandOf({ timer: "t-9", caller: "billing", input: "null" })),
    entryOf(8, {
      kind: "configuration",
      configuration: { ...leading.configuration, outgoing: ["n3"], learners: ["n4"] },
    }),
    entryOf(9, {
      kind: "configuration",
      configuration: { ...leading.configuration, epoch: 1, resetFrom: ["n1", "n2", "n3"] },
    }),
  ])
  const common = { term: 2, time: "2026-11-23T10:11:12.345Z" }
  const command = { actor: "counter", key: "a/b", command: "add", idempotencyKey: "k-1", version: "v1" }
  // All of it: neither the seed, which makes a reducer's chance foreseeable, nor anything else.
  expect(await look()).toEqual({
    firstIndex: 5,
    lastIndex: 9,
    entries: [
      { index: 5, ...common, kind: "noop" },
      { index: 6, ...common, kind: "command", ...command, input: { by: 2 }, truncated: false },
      {
        ...{ index: 7, ...common, kind: "command", ...command, input: null, truncated: false },
        ...{ timer: "t-9", caller: "billing" },
      },
      {
        ...{ index: 8, ...common, kind: "configuration" },
        configuration: { voters: ["n1", "n2"], outgoing: ["n3"], learners: ["n4"] },
      },
      {
        ...{ index: 9, ...common, kind: "configuration" },
        configuration: {
          voters: ["n1", "n2"],
          outgoing: [],
          learners: [],
          resetFrom: ["n1", "n2", "n3"],
        },
      },
    ],
    next: null,
  })
})

test("a page ends where its entries end, and names the next one", async () => {
  expect(await withLog([entryOf(5), entryOf(6)], 9).look()).toMatchObject({ lastIndex: 9, next: 7 })
  expect(await withLog([], 4).look("?from=5")).toEqual({
    firstIndex: 5,
    lastIndex: 4,
    entries: [],
    next: null,
  })
})

test("from and limit are what they say, with defaults and bounds", async () => {
  const { fake, ranges, look } = withLog([])
  await look()
  await look("?from=17&limit=1000&group=main")
  expect(ranges).toMatchObject([
    { from: 1, entriesMax: 100 },
    { from: 17, entriesMax: 1000 },
  ])
  for (const query of [
    "limit=0",
    "limit=1001",
    "from=-1",
    "from=x",
    "limit=1e2",
    "form=1",
    "from=1&from=2",
  ]) {
    expect(await problemOf(await fake.ask(`/admin/log?${query}`))).toMatchObject({ code: "bad-request" })
  }
  expect(await problemOf(await fake.ask("/admin/log?group=other"))).toMatchObject({ code: "not-found" })
  expect(ranges.length).toBe(2)
})

test("a long input is cut, and says so; its beginning is text", async () => {
  const long = JSON.stringify("x".repeat(logInputMax - 2))
  const longer = `"${"x".repeat(logInputMax - 2)}😀"`
  const { look } = withLog([entryOf(5, commandOf({ input: long })), entryOf(6, commandOf({ input: longer }))])
  expect(await look()).toMatchObject({
    entries: [
      { input: JSON.parse(long) as string, truncated: false },
      // Not half of a character, which no JSON reader would take.
      { input: `"${"x".repeat(logInputMax - 2)}\ufffd`, truncated: true },
    ],
  })
})

test("what is no command, or no JSON, is shown as such, and the rest all the same", async () => {
  const { look } = withLog([
    entryOf(5, { kind: "command", command: Uint8Array.of(99, 1, 2) }),
    entryOf(6, commandOf({ timer: "t", input: "{" })),
    entryOf(7, { time: Number.MAX_SAFE_INTEGER }),
  ])
  expect(await look()).toMatchObject({
    entries: [{ kind: "command", unreadable: true }, { input: "{", unreadable: true }, { kind: "noop" }],
  })
})

test("a log that cannot be read is a problem that may pass (S2, S4)", async () => {
  const { fake } = withLog([])
  fake.log.current = () => Effect.fail(new LogInRepair({ group: "main" }))
  expect(await problemOf(await fake.ask("/admin/log"))).toMatchObject({ status: 503, code: "not-ready" })
  fake.log.current = () => Effect.fail(new StorageFailed({ operation: "read", message: "EIO", cause: "EIO" }))
  expect(await problemOf(await fake.ask("/admin/log"))).toMatchObject({ status: 503, code: "shutting-down" })
  fake.log.current = () => Effect.never
  const headers = { "Raftlet-Timeout-Ms": "20" }
  expect(await problemOf(await fake.ask("/admin/log", { headers }))).toMatchObject({ code: "timeout" })
  expect(fake.defects).toEqual([])
})
