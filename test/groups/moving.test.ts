// Does whoever drives a move always know what comes next, also from answers that are old?

import { expect, test } from "bun:test"
import { nextStep } from "../../src/groups/moving.ts"
import type { Giving, Owned, Taking } from "../../src/machine/system/Whereabouts.ts"

const id = 7
const slots = [{ from: 5, to: 9 }]
const giving = {
  role: "gives",
  move: id,
  to: "b",
  slots,
  time: 3,
  isDropping: false,
  after: "",
} satisfies Giving
const taking = {
  role: "takes",
  move: id,
  from: "a",
  slots,
  portions: 4,
  cursor: "c",
  digest: "d",
  parts: 0,
} satisfies Taking
const before: Owned = { ranges: [{ from: 0, to: 9 }] }
const given: Owned = { ranges: [{ from: 0, to: 4 }], lastMove: id, underWay: giving }
const dropped: Owned = { ranges: [{ from: 0, to: 4 }], lastMove: id }
const refused: Owned = { ...before, lastMove: id, refused: { move: id, reason: "no" } }
const taken: Owned = { ranges: [], lastMove: id, underWay: taking }
const adopted: Owned = { ranges: slots, lastMove: id }
const moving = { id, phase: "moving" } as const
const moved = { id, phase: "moved" } as const

test("each step follows from what main and the two groups say", () => {
  expect(nextStep(moving, before, null)).toEqual({ type: "release" })
  expect(nextStep(moving, { ...before, lastMove: id - 1 }, null)).toEqual({ type: "release" })
  expect(nextStep(moving, refused, null)).toEqual({ type: "abandon", reason: "no" })
  expect(nextStep(moving, given, null)).toEqual({ type: "handOver", portion: 0, cursor: "", time: 3 })
  expect(nextStep(moving, given, taken)).toEqual({ type: "handOver", portion: 4, cursor: "c", time: 3 })
  expect(nextStep(moving, given, adopted)).toEqual({ type: "assign" })
  expect(nextStep(moved, given, adopted)).toEqual({ type: "drop" })
  expect(nextStep(moved, { ...given, underWay: { ...giving, isDropping: true } }, adopted)).toEqual({
    type: "drop",
  })
  expect(nextStep(moved, dropped, adopted)).toEqual({ type: "finish" })
})

test("an old answer leads to nothing that cannot be asked for once more", () => {
  // The giver's is from before the release: it is not taken for one that has forgotten everything.
  expect(nextStep(moved, before, adopted)).toEqual({ type: "release" })
  expect(nextStep(moved, null, null)).toEqual({ type: "release" })
  // What is between the two never ends by itself.
  expect(nextStep(moving, dropped, taken)).toEqual({ type: "unclear" })
  expect(nextStep(moving, before, adopted)).toEqual({ type: "assign" })
})
