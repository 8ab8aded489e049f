// Does the record of all executions know what it does not know?

import { describe, expect, test } from "bun:test"
import type { Entry } from "../../src/consensus/types.ts"
import { encodeCommand } from "../../src/machine/command.ts"
import type { Outcome } from "../../src/machine/outcome.ts"
import { Executions } from "../../src/simulation/Executions.ts"

const entryOf = (index: number): Entry => ({
  index,
  term: 1,
  time: 0,
  kind: "command",
  data: encodeCommand({
    actor: "counter",
    key: "a",
    command: "add",
    input: `{"by":1}`,
    idempotencyKey: `key ${index}`,
    ifRevision: null,
    version: "v",
    seed: new Uint8Array(16),
    caller: "",
    door: "n1",
  }),
  origin: null,
})

const accepted = (index: number, revision: number): Outcome => ({
  _tag: "Accepted",
  result: "null",
  revision,
  index,
  term: 1,
  replayed: false,
})

test("what died with a process, while its disk kept the state, is learned from the next one that applies it", () => {
  const executions = new Executions()
  executions.note(entryOf(1), accepted(1, 1))
  // The flush failed that came with entry 2, and its bytes were there all the same.
  executions.note(entryOf(3), accepted(3, 3))
  expect([executions.isToldUpTo(1), executions.isToldUpTo(3)]).toEqual([true, false])
  executions.note(entryOf(2), accepted(2, 2))
  expect(executions.isToldUpTo(3)).toBe(true)
  expect(executions.accepted("counter/a").map(({ index }) => index)).toEqual([1, 2, 3])
  expect(executions.revisionAt("counter/a", 2)).toBe(2)
  expect(() => executions.note(entryOf(4), accepted(4, 6))).toThrow("revision of counter/a at 4")
})

describe("keys that come from another group", () => {
  const both = () => {
    const [before, here] = [new Executions(), new Executions()]
    here.continues(before, ["counter"])
    before.note(entryOf(1), accepted(1, 1))
    return { before, here }
  }

  test("go on counting where that has let go of them", () => {
    const { here } = both()
    here.note({ ...entryOf(2), index: 1 }, accepted(1, 2))
    expect(here.revisionAt("counter/a", 1)).toBe(2)
    expect(() => here.note({ ...entryOf(3), index: 2 }, accepted(2, 2))).toThrow("revision of counter/a at 2")
  })

  test("are executed once over both (C1)", () => {
    const { here } = both()
    expect(here.hasTakenOver("counter/a", "key 1")).toBe(true)
    expect(() => here.note({ ...entryOf(1), index: 2 }, accepted(2, 2))).toThrow("counter/a executes key 1")
  })

  test("are not judged while nobody knows what was executed before", () => {
    const { before, here } = both()
    before.note(entryOf(3), accepted(3, 3))
    here.note({ ...entryOf(4), index: 1 }, accepted(1, 2))
    expect([here.isToldUpTo(1), here.isToldOf("counter/a", 1)]).toEqual([true, false])
  })
})

test("what turns out to have been executed twice, when the one in between is known, is seen (C1)", () => {
  const executions = new Executions()
  executions.note(entryOf(1), accepted(1, 1))
  executions.note(entryOf(3), accepted(3, 2))
  expect(() => executions.note(entryOf(2), accepted(2, 2))).toThrow("revision of counter/a at 3")
})
