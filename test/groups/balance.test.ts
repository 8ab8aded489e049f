// Who should lead what? As few hand-overs as will do, and the same on every node.

import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { type Led, movesFor } from "../../src/groups/balance.ts"

const members = ["n1", "n2", "n3", "n4"]
const none: ReadonlySet<string> = new Set()

const groups = fc
  .array(
    fc.record({
      leader: fc.option(fc.constantFrom(...members, "gone")),
      able: fc.subarray(members, { minLength: 1 }),
    }),
    { maxLength: 60, size: "max" },
  )
  .map((all): ReadonlyArray<Led> => all.map((led, at) => ({ group: `g${at}`, ...led })))

const countsAfter = (all: ReadonlyArray<Led>, moves: ReturnType<typeof movesFor>) => {
  const leaders = new Map(all.map(({ group, leader }) => [group, leader]))
  for (const { group, from, to } of moves) {
    expect(leaders.get(group)).toBe(from)
    leaders.set(group, to)
  }
  return {
    leaders,
    counts: new Map(
      members.map((id) => [id, [...leaders.values()].filter((leader) => leader === id).length]),
    ),
  }
}

describe("hand-overs", () => {
  test("leave nobody with two groups more than another who could take one of them", () => {
    fc.assert(
      // The same for all, as groups follow `main`.
      fc.property(groups, fc.subarray(members, { minLength: 1 }), (given, able) => {
        const all = given.map((led) => ({ ...led, able }))
        const moves = movesFor(all, members, none)
        const { leaders, counts } = countsAfter(all, moves)
        for (const { group, able } of all) {
          const leader = leaders.get(group)
          if (leader == null || !counts.has(leader)) continue
          for (const other of able) {
            expect(counts.get(leader)! - counts.get(other)!).toBeLessThan(2)
          }
        }
      }),
    )
  })

  test("are as few as will do where everybody can lead everything, and each group moves once", () => {
    fc.assert(
      fc.property(groups, (given) => {
        const all = given.map((led) => ({ ...led, able: members }))
        const moves = movesFor(all, members, none)
        const led = members.map((id) => all.filter(({ leader }) => leader === id).length)
        const total = led.reduce((sum, count) => sum + count, 0)
        const floor = Math.floor(total / members.length)
        const lacking = led.reduce((sum, count) => sum + Math.max(0, floor - count), 0)
        const over = led.reduce((sum, count) => sum + Math.max(0, count - floor - 1), 0)
        expect(moves).toHaveLength(Math.max(lacking, over))
        expect(new Set(moves.map(({ group }) => group)).size).toBe(moves.length)
      }),
    )
  })

  test("are the same whatever order the groups are seen in", () => {
    fc.assert(
      fc.property(groups, (all) => {
        expect(movesFor(all.toReversed(), members.toReversed(), none)).toEqual(movesFor(all, members, none))
      }),
    )
  })

  test("go to none but those who are able, and take nothing that is to stay, or that nobody leads", () => {
    fc.assert(
      fc.property(groups, fc.subarray(["g0", "g1", "g2", "g3"]), (all, staying) => {
        for (const { group, to } of movesFor(all, members, new Set(staying))) {
          const { able, leader } = all.find((led) => led.group === group)!
          expect(able).toContain(to)
          expect(members).toContain(leader!)
          expect(staying).not.toContain(group)
        }
      }),
    )
  })

  test("count what is to stay: who leads that leads less of the others", () => {
    const led = (group: string, leader: string): Led => ({ group, leader, able: ["n1", "n2"] })
    const all = [led("main", "n1"), led("a", "n1"), led("b", "n2"), led("c", "n1")]
    expect(movesFor(all, ["n1", "n2"], new Set(["main"]))).toEqual([{ group: "c", from: "n1", to: "n2" }])
  })
})
