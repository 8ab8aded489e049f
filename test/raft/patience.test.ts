// Does a node that was late itself wait for its leader, and not for ever?

import { expect, test } from "bun:test"
import { Patience } from "../../src/raft/Patience.ts"

test("a timer that is in time, or nearly, gets nothing", () => {
  const patience = new Patience(1_000)
  patience.woken(100, 0)
  patience.woken(100, 19)
  expect(patience.since(100)).toBe(0)
})

test("one that was late waits as long again, and all the waits of one beginning have an end", () => {
  const patience = new Patience(1_000)
  patience.woken(100, 150)
  // What it was late has passed already.
  expect(patience.since(100)).toBe(300)
  patience.woken(100, 300)
  expect(patience.since(100)).toBe(900)
  patience.woken(100, 300)
  expect(patience.since(100)).toBe(1_000)
})

test("what its leader says begins it anew, without what was given before", () => {
  const patience = new Patience(1_000)
  patience.woken(100, 150)
  expect(patience.since(200)).toBe(0)
  patience.woken(200, 50)
  expect(patience.since(200)).toBe(100)
})
