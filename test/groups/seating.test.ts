// What keeps members and seats of groups apart from each other's changes, and which step is next?

import { describe, expect, test } from "bun:test"
import type { Configuration } from "../../src/consensus/types.ts"
import {
  aimOfGroup,
  hasTaken,
  obstacleTo,
  type SeatedGroup,
  seatsBehind,
} from "../../src/groups/following.ts"
import { stepsOf } from "../../src/groups/seater.ts"
import { seatsOf } from "../../src/machine/seats.ts"

const mainOf = (ids: string, incarnations: Readonly<Record<string, string>> = {}): Configuration => ({
  voters: [...ids],
  outgoing: [],
  learners: [],
  learnersNext: [],
  addresses: Object.fromEntries(
    [...ids].map((id) => [
      id,
      { peer: `${id}:1`, client: `http://${id}`, incarnation: incarnations[id] ?? `${id}-1` },
    ]),
  ),
})

const seated = (group: string, ids: string, more: Partial<SeatedGroup["seating"]> = {}): SeatedGroup => ({
  group,
  seating: {
    replicas: 3,
    like: group,
    step: 7,
    seats: [...ids].map((id) => ({ id, incarnation: `${id}-1` })),
    leaving: [],
    isReached: true,
    ...more,
  },
})

const main = mainOf("abcdefg")
const known = (...groups: ReadonlyArray<SeatedGroup>) => ({ main, running: [], awaited: [], seated: groups })
const remove = (id: string) => ({ kind: "remove", id }) as const

describe("a change of the members of main", () => {
  test("waits for a group that has not reached its seats, or has one of who is no member any more", () => {
    expect(obstacleTo(remove("g"), known(seated("o", "abc")))).toBe(null)
    expect(obstacleTo(remove("g"), known(seated("o", "abc", { isReached: false })))).toMatchObject({
      code: "change-in-progress",
    })
    expect(obstacleTo(remove("g"), known(seated("o", "abx")))).toMatchObject({ code: "change-in-progress" })
    const back = { ...known(seated("o", "abc")), main: mainOf("abcdefg", { c: "c-2" }) }
    expect(obstacleTo(remove("g"), back)).toMatchObject({ code: "change-in-progress" })
    expect(seatsBehind(back.main, back.seated)).toEqual(["o"])
  })

  test("leaves every group a majority of its seats, whoever else stays", () => {
    const groups = known(seated("o", "abc"), seated("p", "def"))
    expect(obstacleTo(remove("a"), groups)).toBe(null)
    const fewer = (ids: string) => ({ kind: "set", voters: [...ids], learners: [], addresses: {} }) as const
    expect(obstacleTo(fewer("cdefg"), groups)).toMatchObject({ code: "bad-request" })
    // One of each.
    expect(obstacleTo(fewer("bcefg"), groups)).toBe(null)
    const wiped = (id: string) =>
      ({
        kind: "set",
        voters: main.voters,
        learners: [],
        addresses: {
          a: { peer: "a:1", client: "", incarnation: "a-2" },
          [id]: { peer: `${id}:1`, client: "", incarnation: "2" },
        },
      }) as const
    expect(obstacleTo(wiped("d"), groups)).toBe(null)
    expect(obstacleTo(wiped("b"), groups)).toMatchObject({ code: "bad-request" })
  })
})

describe("the members that a group with seats is to have", () => {
  test("are those, in the data directories that are meant, and nobody where main has one of them no more", () => {
    const { seating } = seated("o", "abc")
    const aim = aimOfGroup(main, seating)!
    expect(aim).toMatchObject({ voters: ["a", "b", "c"], learners: [] })
    expect(hasTaken(seating, aim)).toBe(true)
    expect(hasTaken(seating, { ...aim, learners: ["d"] })).toBe(false)
    expect(hasTaken(seating, { ...aim, outgoing: ["a", "b", "d"] })).toBe(false)
    expect(hasTaken(seating, main)).toBe(false)
    expect(hasTaken(seating, { ...aim, addresses: mainOf("abc", { c: "c-2" }).addresses })).toBe(false)
    expect(aimOfGroup(mainOf("abd"), seating)).toBe(null)
    expect(aimOfGroup(mainOf("abc", { a: "a-2" }), seating)).toBe(null)
    expect(aimOfGroup(main, undefined)).toBe(main)
  })
})

describe("the next step", () => {
  const wanted = (group: string, ids: string) =>
    seatsOf(
      group,
      3,
      [...ids].map((id) => ({ id })),
    ).join("")

  test("is none where seats are what they should be, or one is under way", () => {
    const group = seated("o", wanted("o", "abcdefg"))
    expect(stepsOf(main, { seated: [group], zones: {} })).toEqual([])
    const away = seated(
      "o",
      [..."abcdefg"]
        .filter((id) => !wanted("o", "abcdefg").includes(id))
        .slice(0, 3)
        .join(""),
    )
    expect(stepsOf(main, { seated: [away], zones: {} })).toHaveLength(1)
    const underWay = { ...away, seating: { ...away.seating, isReached: false } }
    expect(stepsOf(main, { seated: [underWay], zones: {} })).toEqual([])
  })

  test("does not wait where a seat is of who is no member any more, or has come back without its data", () => {
    const ids = wanted("o", "abcdefg")
    const lost = mainOf([..."abcdefg"].filter((id) => id !== ids[0]).join(""))
    const group = seated("o", ids, { isReached: false })
    const [step] = stepsOf(lost, { seated: [group], zones: {} })
    expect(step).toMatchObject({ group: "o", after: 7 })
    expect(step!.seats).toHaveLength(3)
    expect(step!.seats).not.toContain(ids[0]!)
    const wiped = mainOf("abcdefg", { [ids[0]!]: "new" })
    expect(stepsOf(wiped, { seated: [seated("o", ids)], zones: {} })).toEqual([
      { group: "o", seats: [...ids], after: 7 },
    ])
  })

  test("is taken for sixteen groups at once, those first that have lost a member", () => {
    const names = Array.from({ length: 40 }, (_, at) => `g${at}`)
    const off = (name: string) =>
      [..."abcdefg"]
        .filter((id) => !wanted(name, "abcdefg").includes(id))
        .slice(0, 3)
        .join("")
    const groups = names.map((name) => seated(name, off(name)))
    expect(stepsOf(main, { seated: groups, zones: {} })).toHaveLength(16)
    const lacking = seated("late", "xab")
    expect(stepsOf(main, { seated: [...groups, lacking], zones: {} })[0]).toMatchObject({ group: "late" })
    const underWay = names.map((name) => seated(name, "abc", { isReached: false }))
    expect(stepsOf(main, { seated: [...underWay.slice(0, 16), ...groups.slice(16)], zones: {} })).toEqual([])
  })
})
