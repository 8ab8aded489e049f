// Does what was recorded of an actor come to the same again, and is it seen where another version parts?

import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import { actor } from "raftlet"
import { type RecordedCommand, replayCommands } from "raftlet/testing"
import { SeededRandom } from "../../src/machine/random.ts"
import { cents, euros, type Otherwise } from "./tills.ts"

const recorded: ReadonlyArray<RecordedCommand> = [
  { key: "a", command: "pay", input: { euros: 3 } },
  { key: "b", command: "pay", input: { euros: -1 } },
  { key: "a", command: "pay", input: { euros: 0.5 } },
]

describe("recorded commands", () => {
  test("are executed once more, in order", () => {
    const { commands, differences, skipped } = replayCommands({ recorded, version: euros })
    expect(commands).toMatchObject([
      { index: 1, key: "a", command: "pay", answer: { outcome: "executed", result: 3 }, state: { euros: 3 } },
      { index: 2, key: "b", answer: { outcome: "refused", code: "negative" }, state: { euros: 0 } },
      { index: 3, key: "a", answer: { result: 3.5, revision: 2 }, state: { euros: 3.5 } },
    ])
    expect([differences, skipped]).toEqual([[], []])
  })

  test("see their own index, time, seed, caller and name (D2)", () => {
    const curious = actor({
      version: 1,
      state: Schema.Null,
      initial: null,
      commands: {
        tell: {
          output: Schema.Json,
          reduce: (state, _, { caller, commandId, index, now, random, term }) => ({
            state,
            result: [index, term, now, caller, commandId, random()],
          }),
        },
      },
    })
    const told = (seed: string) => {
      const one = { key: "a", command: "tell", index: 70, term: 4, time: "2026-11-23T10:11:12.345Z" }
      const { commands } = replayCommands({
        version: curious,
        recorded: [
          { ...one, caller: "billing", idempotencyKey: "once", seed },
          { ...one, index: 72, time: 5 },
        ],
      })
      return commands.map(({ answer }) => (answer.outcome === "executed" ? answer.result : answer))
    }
    const time = Date.UTC(2026, 10, 23, 10, 11, 12, 345)
    const [first, second] = [told("0".repeat(32)), told("1".repeat(32))]
    expect(first).toEqual([
      [70, 4, time, "billing", "once", expect.any(Number)],
      // The log's time does not go back.
      [72, 4, time, "", "unnamed 2", expect.any(Number)],
    ])
    expect(told("0".repeat(32))).toEqual(first)
    expect(second).not.toEqual(first)
  })

  test("may come as the log shows them, among all else that stands there", () => {
    const common = { term: 2, time: "2026-11-23T10:11:12.345Z" }
    const command = { ...common, kind: "command", actor: "till", key: "a", version: "v1", truncated: false }
    const page = {
      firstIndex: 5,
      lastIndex: 12,
      entries: [
        { index: 5, ...common, kind: "noop" },
        { index: 6, ...command, actor: "$actor", command: "activate", input: {}, idempotencyKey: "s" },
        { index: 7, ...command, command: "pay", input: { euros: 3 }, idempotencyKey: "x" },
        { index: 8, ...command, actor: "counter", command: "add", input: { by: 1 }, idempotencyKey: "x" },
        { index: 9, ...common, kind: "configuration", configuration: {} },
        // Two leaders have taken the same request.
        { index: 10, ...command, command: "pay", input: { euros: 3 }, idempotencyKey: "x" },
        { index: 11, ...command, command: "pay", input: '{"euros":', truncated: true, idempotencyKey: "y" },
        { index: 12, ...command, command: "pay", input: { euros: 1 }, idempotencyKey: "z" },
      ],
      next: null,
    }
    const replay = replayCommands({ recorded: page, actor: "till", version: euros, compareWith: cents() })
    expect(replay.commands).toMatchObject([
      { index: 7, answer: { result: 3, replayed: false } },
      { index: 10, answer: { result: 3, replayed: true } },
      { index: 12, answer: { result: 4 } },
    ])
    expect(replay).toMatchObject({
      differences: [],
      skipped: [{ index: 11, reason: "its input was cut off" }],
    })
    expect(() => replayCommands({ recorded: page, version: euros })).toThrow(
      "recorded: there are commands of till, counter: say of which actor",
    )
    expect(() => replayCommands({ recorded: page, actor: "tull", version: euros })).toThrow(
      "there is till, counter",
    )
  })

  test("go on from what was there when the recording began", () => {
    const instances = { a: { state: { euros: 2 }, revision: 4 } }
    const { commands } = replayCommands({
      recorded: [{ key: "a", command: "pay", input: { euros: 1 }, index: 50, ifRevision: 4 }],
      version: euros,
      instances,
    })
    expect(commands).toMatchObject([{ answer: { outcome: "executed", result: 3, revision: 5 } }])
    expect(() =>
      replayCommands({ recorded: [{ ...recorded[0]!, index: 1 }], version: euros, instances }),
    ).toThrow("nothing was there before entry 1")
  })

  test("fire the timers that were recorded, and no others (D9)", () => {
    const seed = "5".repeat(32)
    const later = { key: "a", command: "payLater", input: { euros: 3 }, index: 4, time: 1000, seed }
    const pay = { key: "a", command: "pay", input: { euros: 3 }, time: 9000 }
    const timer = { ...pay, index: 5, timer: timerOf(seed, 4), idempotencyKey: `timer:${timerOf(seed, 4)}` }
    const states = (commands: ReadonlyArray<RecordedCommand>) =>
      replayCommands({ recorded: commands, version: euros }).commands.map(({ answer, state }) => [
        answer.outcome === "executed" ? answer.result : answer.detail,
        state.euros,
      ])
    expect(states([later, { ...pay, index: 5 }])).toEqual([
      [0, 0],
      [3, 3],
    ])
    // The second leader fires it as well.
    expect(states([later, timer, { ...timer, index: 6 }])).toEqual([
      [0, 0],
      [3, 3],
      ["The timer has fired already.", 3],
    ])
  })

  test("that are none are said to be in one line", () => {
    const replay = (one: object) => () => replayCommands({ recorded: [one as never], version: euros })
    expect(replay({ command: "pay" })).toThrow("recorded command 1: key: expected a string, got none")
    expect(replay({ ...recorded[0], seed: "7" })).toThrow("seed: expected 32 hexadecimal digits, got 7")
    expect(replay({ ...recorded[0], time: "soon" })).toThrow(
      "time: expected ISO 8601 or milliseconds, got soon",
    )
    expect(() => replayCommands({ recorded: {} as never, version: euros })).toThrow(
      "expected a list of commands",
    )
    const twice = [1, 1].map((index) => ({ ...recorded[0]!, index }))
    expect(() => replayCommands({ recorded: twice, version: euros })).toThrow(
      "expected an index above 1, got 1",
    )
  })
})

describe("another version", () => {
  const differences = (otherwise: Otherwise, commands = recorded) =>
    replayCommands({ recorded: commands, version: euros, compareWith: cents(otherwise) }).differences

  test("that does the same to what its migration makes of the states does not differ", () => {
    expect(differences({})).toEqual([])
  })

  test.each([
    [
      "its result",
      { laterMillis: 1 },
      "payLater",
      "timers",
      "/0/dueAt",
      1_767_225_601_000,
      1_767_225_600_001,
    ],
    ["its events", { event: "bought" }, "pay", "events", "/0/event", "paid", "bought"],
    ["its state", { fee: 1 }, "pay", "state", "/cents", 100, 101],
  ] as const)(
    "that differs in %s is told, with the path",
    (_, otherwise, command, what, path, before, after) => {
      const one = { key: "a", command, input: { euros: 1 } }
      expect(differences(otherwise, [one])).toEqual([
        { index: 1, key: "a", command, what, path, before, after },
      ])
    },
  )

  test("that refuses what the other executes is told", () => {
    expect(differences({ isFree: true })).toMatchObject([
      {
        ...{ index: 2, key: "b", command: "pay", what: "outcome", path: "" },
        before: { outcome: "refused", code: "negative", detail: "nobody pays less than nothing" },
        after: { outcome: "executed", result: -1 },
      },
    ])
    expect(differences({}, [{ key: "a", command: "giveBack" }])).toMatchObject([
      { what: "outcome", before: { code: "unknown-command" }, after: { outcome: "executed", result: null } },
    ])
  })

  test("is compared command by command: one difference entails no other", () => {
    const odd = { up: ({ euros }: { euros: number }) => ({ cents: euros * 100 + (euros === 3 ? 1 : 0) }) }
    expect(differences(odd)).toMatchObject([
      { index: 1, what: "state", path: "/cents", before: 301, after: 300 },
      { index: 3, what: "result", before: 3.5, after: 3.51 },
      { index: 3, what: "state", before: 350, after: 351 },
    ])
  })

  test("to which a state does not come is told", () => {
    const broken = { up: ({ euros }: { euros: number }) => ({ cents: euros }) }
    expect(differences(broken, [recorded[2]!])).toMatchObject([
      { what: "state", path: "", before: "this does not come to the other version", after: { cents: 50 } },
    ])
  })
})

/** The only one that the command of this entry sets. */
const timerOf = (seed: string, index: number): string =>
  `${index}.0.${new SeededRandom(Uint8Array.fromHex(seed), index).nextHex128()}`
