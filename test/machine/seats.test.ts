// Are seats even, stable, and spread over zones?

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { type Candidate, leadersOf, nextSeats, seatsOf } from "../../src/machine/seats.ts"

const members = (count: number, zones = 0): ReadonlyArray<Candidate> =>
  Array.from({ length: count }, (_, at) => ({
    id: `n${at + 1}`,
    ...(zones === 0 ? {} : { zone: `z${at % zones}` }),
  }))
const names = (count: number) => Array.from({ length: count }, (_, at) => `g-${at}`)
const ids = (candidates: ReadonlyArray<Candidate>) => candidates.map(({ id }) => id)

const clusters = fc.record({
  replicas: fc.integer({ min: 3, max: 7 }),
  candidates: fc
    .uniqueArray(
      fc.record({
        id: fc.stringMatching(/^n[1-9][0-9]?$/),
        zone: fc.option(fc.constantFrom("a", "b", "c"), { nil: undefined }),
      }),
      { minLength: 1, maxLength: 12, selector: ({ id }) => id },
    )
    .map((all): ReadonlyArray<Candidate> => all),
})

describe("seats of a group", () => {
  test("are as many as are wanted, each another member, or all members where there are fewer", () => {
    fc.assert(
      fc.property(clusters, fc.string(), ({ replicas, candidates }, name) => {
        const seats = seatsOf(name, replicas, candidates)
        expect(seats).toHaveLength(Math.min(replicas, candidates.length))
        expect(new Set(seats).size).toBe(seats.length)
        expect(ids(candidates)).toEqual(expect.arrayContaining([...seats]))
      }),
    )
  })

  test("are the same in whichever order the members are named", () => {
    fc.assert(
      fc.property(clusters, fc.string(), ({ replicas, candidates }, name) => {
        expect(seatsOf(name, replicas, candidates.toReversed())).toEqual(seatsOf(name, replicas, candidates))
      }),
    )
  })

  test("take no second one of a zone while another zone has none", () => {
    fc.assert(
      fc.property(clusters, fc.string(), ({ replicas, candidates }, name) => {
        const zoneOf = (id: string) => candidates.find((each) => each.id === id)!.zone ?? id
        const zones = (all: ReadonlyArray<string>) => new Set(all.map(zoneOf)).size
        const seats = seatsOf(name, replicas, candidates)
        expect(zones(seats)).toBe(Math.min(seats.length, zones(ids(candidates))))
      }),
    )
  })

  test("are even over members of one kind", () => {
    const counts = new Map<string, number>()
    for (const name of names(700)) {
      for (const id of seatsOf(name, 3, members(7))) counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    for (const count of counts.values()) expect(Math.abs(count - 300)).toBeLessThan(60)
  })

  test("lose one at the most when a member goes, and gain one at the most when one comes", () => {
    fc.assert(
      fc.property(clusters, fc.string(), fc.nat(), ({ replicas, candidates }, name, at) => {
        // Whose zone has others, or none: the last of a zone takes a zone away from all.
        const gone = candidates[at % candidates.length]!
        const rest = candidates.filter((each) => each !== gone)
        const [before, after] = [seatsOf(name, replicas, candidates), seatsOf(name, replicas, rest)]
        if (!before.includes(gone.id)) expect(after).toEqual(before)
        const moved = after.filter((id) => !before.includes(id))
        expect(moved.length).toBeLessThanOrEqual(candidates.every(({ zone }) => zone === undefined) ? 1 : 2)
      }),
    )
  })

  test("move for few groups when a member comes", () => {
    const moved = names(500).filter(
      (name) => seatsOf(name, 3, members(7)).join() !== seatsOf(name, 3, members(8)).join(),
    )
    // Three of eight seats are the newcomer's.
    expect(moved.length).toBeGreaterThan(100)
    expect(moved.length).toBeLessThan(260)
  })

  test("are of members that never lead only when there are no others", () => {
    const some = members(5).map((each, at) => ({ ...each, priority: at < 3 ? 0 : 1 }))
    for (const name of names(20)) {
      const seats = seatsOf(name, 3, some)
      expect(seats).toEqual(expect.arrayContaining(["n4", "n5"]))
    }
  })

  test("stay where they are, on whichever build: they are part of what a cluster does", () => {
    expect(seatsOf("orders-1", 3, members(7, 3))).toEqual(["n6", "n4", "n2"])
    expect(seatsOf("orders-2", 3, members(7, 3))).toEqual(["n5", "n7", "n3"])
  })
})

describe("the way from the seats of now to those that are wanted", () => {
  const step = (now: string, wanted: string, all = "abcdefg") =>
    nextSeats([...now], [...wanted], [...all])?.join("") ?? null

  test("is one seat after the other", () => {
    expect(step("abc", "abd")).toBe("abd")
    expect(step("abc", "def")).toBe("abd")
    expect(step("ab", "abc")).toBe("abc")
    expect(step("abcd", "abc")).toBe("abc")
    expect(step("abc", "cab")).toBe(null)
  })

  test("leaves out who is no member any more at once", () => {
    expect(step("abc", "abd", "abd")).toBe("abd")
    expect(step("abc", "ab", "ab")).toBe("ab")
    expect(step("abc", "ade", "ade")).toBe("ad")
  })

  test("ends, and never has less than was there and is wanted", () => {
    const some = fc.uniqueArray(fc.constantFrom(..."abcdefgh"), { minLength: 3, maxLength: 5 })
    fc.assert(
      fc.property(some, some, (now, wanted) => {
        let seats: ReadonlyArray<string> = now
        for (let steps = 0; ; steps++) {
          expect(steps).toBeLessThan(12)
          const next = nextSeats(seats, wanted, [..."abcdefgh"])
          if (next === null) break
          expect(next.filter((id) => !seats.includes(id)).length).toBeLessThanOrEqual(1)
          expect(seats.filter((id) => !next.includes(id)).length).toBeLessThanOrEqual(1)
          expect(next.length).toBeGreaterThanOrEqual(Math.min(now.length, wanted.length))
          seats = next
        }
        expect(seats.toSorted()).toEqual(wanted.toSorted())
      }),
    )
  })
})

describe("leaders of groups with seats", () => {
  test("are even as far as seats allow, and those of before stay when a group is opened behind them", () => {
    const groups = names(60).map((group) => ({ group, able: seatsOf(group, 3, members(5)) }))
    const leaders = leadersOf(groups)
    const counts = Map.groupBy(leaders.values(), (id) => id)
    for (const led of counts.values()) expect(Math.abs(led.length - 12)).toBeLessThanOrEqual(1)
    for (const { group, able } of groups) expect(able).toContain(leaders.get(group)!)
    const more = leadersOf([...groups, { group: "late", able: ["n1", "n2"] }])
    for (const { group } of groups) expect(more.get(group)).toBe(leaders.get(group)!)
  })
})
