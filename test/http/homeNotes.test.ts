// Is it said of a definition that it wants another home than the actor has, and not of one that was merely split? Are groups
// named so that none is left out?

import { describe, expect, test } from "bun:test"
import { groupsText } from "../../src/consensus/groups.ts"
import { homeNotes } from "../../src/http/homeNotes.ts"
import { homeOf, type Placement, reassigned, upperHalf, wholeIn } from "../../src/machine/slots.ts"

const split = (placement: Placement, from: string, to: string): Placement =>
  reassigned(placement, upperHalf(placement.filter(({ group }) => group === from)), to)

const four = homeOf("till", { shards: 4 })

describe("a definition", () => {
  test("of where it lives gets no word, also after splits", () => {
    expect(homeNotes("till", null, {})).toEqual([])
    expect(homeNotes("till", four, { shards: 4 })).toEqual([])
    const five = split(four, "till-1", "till-5")
    expect(homeNotes("till", five, { shards: 4 })).toEqual([])
    const nine = ["till-2", "till-3", "till-4", "till-1"].reduce(
      (placement, from, at) => split(placement, from, `till-${at + 6}`),
      five,
    )
    expect(homeNotes("till", nine, { shards: 4 })).toEqual([])
    expect(homeNotes("till", split(wholeIn("till"), "till", "till-1"), { group: "till" })).toEqual([])
    expect(
      homeNotes("till", split(homeOf("till", { shards: 1 }), "till-1", "till-2"), { shards: 1 }),
    ).toEqual([])
  })

  test("of another place gets one", () => {
    for (const [settled, definition] of [
      [null, { shards: 2 }],
      [null, { group: "other" }],
      [four, {}],
      [four, { group: "till" }],
      [four, { group: "other", shards: 4 }],
      [four, { shards: 1 }],
      [four, { shards: 2 }],
      [four, { shards: 5 }],
      [split(four, "till-1", "till-5"), { shards: 5 }],
    ] as const) {
      expect(homeNotes("till", settled, definition)).toEqual([expect.stringContaining("changes nothing")])
    }
    expect(homeNotes("till", null, { group: "x", shards: 2 })[0]).toStartWith(
      'it lives in main; what its definition says now (group: "x", shards: 2) changes nothing',
    )
  })
})

test("groups are named in a row where they are numbered so, and none is left out without a word", () => {
  expect(groupsText([])).toBe("")
  expect(groupsText(["till-1"])).toBe("till-1")
  expect(groupsText(["till-1", "till-2"])).toBe("till-1, till-2")
  expect(groupsText(["till-1", "till-5", "till-2", "till-10", "till-3", "main"])).toBe(
    "main, till-1 to till-3, till-5, till-10",
  )
  expect(groupsText(homeOf("till", { shards: 9 }).map(({ group }) => group))).toBe("till-1 to till-9")
  expect(groupsText(Array.from({ length: 20 }, (_, at) => `g-${2 * at + 1}`))).toEndWith("g-15 and 12 more")
})
