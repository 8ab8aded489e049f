// How late does a node say that it is?

import { expect, test } from "bun:test"
import { type Group, leniencyMillis } from "../../src/raft/Group.ts"
import { Lateness } from "../../src/raft/Lateness.ts"

test("a node is as late as its latest timer was lately, and half of it every three seconds later", () => {
  const lateness = new Lateness()
  expect(lateness.at(0)).toBe(0)
  lateness.note(400, 1_000)
  lateness.note(100, 1_000)
  expect(lateness.at(1_000)).toBe(400)
  expect(lateness.at(4_000)).toBe(200)
  // More than what is left of that.
  lateness.note(250, 4_000)
  expect(lateness.at(4_000)).toBe(250)
  expect(lateness.at(7_000)).toBe(125)
})

test("what is hardly late is in time, and who was away for long is not taken for slow", () => {
  const lateness = new Lateness()
  lateness.note(119, 0)
  expect(lateness.at(0)).toBe(0)
  lateness.note(60_000, 0)
  expect(lateness.at(0)).toBe(1_000)
  expect(lateness.at(18_000)).toBe(0)
})

test("a late node waits four times as long as it is late, and twice the longest election timeout at the most", () => {
  const lateness = new Lateness()
  const group = {
    options: { lateness, limits: { electionTimeoutMaxMillis: 500 } },
    clock: { monotonicTimeNanosUnsafe: () => 0n },
  } as unknown as Group
  expect(leniencyMillis(group)).toBe(0)
  lateness.note(200, 0)
  expect(leniencyMillis(group)).toBe(800)
  lateness.note(900, 0)
  expect(leniencyMillis(group)).toBe(1_000)
})
