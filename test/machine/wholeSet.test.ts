// Which backups of several groups make up one cluster, and which would lose something, or never be led?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { mainGroup } from "../../src/consensus/groups.ts"
import { canonicalise } from "../../src/machine/json.ts"
import type { GroupRow } from "../../src/machine/system/GroupDirectory.ts"
import { wholeSet } from "../../src/machine/system/wholeSet.ts"
import { Shards } from "./Shards.ts"

setDefaultTimeout(120_000)

const rowOf = (actor: string, key: string, value: unknown) => ({
  actor,
  key,
  state: JSON.stringify(canonicalise(value).json),
  revision: 1,
  version: "",
  index: 1,
})

const configuration = { voters: ["n1"], outgoing: [], learners: [], learnersNext: [], addresses: {} }
const open = (group: string, more: Partial<GroupRow> = {}) =>
  rowOf("$group", group, { group, founded: 2, configuration, isClosed: false, ...more })
const place = (actor: string, ...placement: ReadonlyArray<{ group: string; from: number; to: number }>) =>
  rowOf("$place", actor, { placement, by: "n1", index: 5 })
const whole = (group: string) => ({ group, from: 0, to: 65_535 })

const judge = (main: ReturnType<typeof rowOf>[], others: Record<string, ReturnType<typeof rowOf>[]> = {}) =>
  wholeSet.problemOf(
    new Map(
      Object.entries({ [mainGroup]: main, ...others }).map(([group, rows]) => [group, { index: 100, rows }]),
    ),
  )

const owned = (actor: string, ...ranges: ReadonlyArray<{ from: number; to: number }>) =>
  rowOf("$shard", actor, { ranges })

test("a single backup says of which actors other groups have a part", () => {
  const rows = [
    owned("auth", { from: 0, to: 65_535 }),
    owned("till", { from: 0, to: 8_191 }, { from: 16_384, to: 24_575 }),
    rowOf("till", "a", 1),
  ]
  expect(wholeSet.partsIn(rows)).toEqual([{ actor: "till", slots: 16_384, slotsInAll: 65_536 }])
})

describe("a set of backups is whole", () => {
  test("when it has every open group once; closed ones are nobody's", () => {
    expect(judge([])).toBe(null)
    expect(judge([open("gone", { isClosed: true })])).toBe(null)
    const main = [open("auth"), open("topic"), place("auth", whole("auth"))]
    expect(judge(main, { auth: [owned("auth", { from: 0, to: 65_535 })], topic: [] })).toBe(null)
  })

  test("and not when a group is missing: each is named", () => {
    const main = [open("auth"), open("topic"), open("gone", { isClosed: true })]
    expect(judge(main)).toStartWith(
      "the cluster has other groups, and nothing of them is here: auth, topic. ",
    )
    expect(judge(main, { topic: [] })).toContain("nothing of them is here: auth. ")
    const many = Array.from({ length: 12 }, (_, at) => open(`g${at + 10}`))
    expect(judge(many)).toContain("g18, g19 and 2 more. ")
  })

  test("and not when there is one that main does not know, or has closed", () => {
    expect(judge([], { auth: [] })).toBe("main knows of no open group auth")
    expect(judge([open("auth", { isClosed: true })], { auth: [] })).toBe("main knows of no open group auth")
  })

  test("also where a group was not told yet of an actor that is to live there", () => {
    expect(judge([open("auth"), place("auth", whole("auth"))], { auth: [] })).toBe(null)
    expect(judge([place("auth", whole("auth"))])).toBe(null)
  })

  test("and not while keys are on their way, however far they have come", () => {
    const move = { id: 9, from: "auth", to: "auth-2", slots: [{ from: 5, to: 9 }], by: "n1", phase: "moving" }
    const settled = { placement: [whole("auth")], by: "n1", index: 9, move }
    const main = [open("auth"), open("auth-2"), rowOf("$place", "auth", settled)]
    expect(judge(main, { auth: [owned("auth", { from: 0, to: 65_535 })], "auth-2": [] })).toBe(
      "keys of auth were on their way from the group auth to auth-2: take it again when they have come there",
    )
  })

  test("and not when a group has what main says is elsewhere, or knows of a move that main does not", () => {
    const main = [open("auth"), place("auth", whole("auth"))]
    const elsewhere = "main says otherwise of where keys of auth are than the group auth"
    for (const shard of [
      owned("auth", { from: 0, to: 9 }),
      rowOf("$shard", "auth", { ranges: [{ from: 0, to: 65_535 }], lastMove: 101 }),
      rowOf("$shard", "auth", { ranges: [{ from: 0, to: 65_535 }], underWay: { role: "gives" } }),
    ]) {
      expect(judge(main, { auth: [shard] })).toStartWith(elsewhere)
    }
    const known = rowOf("$shard", "auth", { ranges: [{ from: 0, to: 65_535 }], lastMove: 100 })
    expect(judge(main, { auth: [known] })).toBe(null)
    expect(judge([open("auth")], { auth: [owned("auth", { from: 0, to: 9 })] })).toStartWith(elsewhere)
  })
})

test("rows of groups with seats come without them, and no others are touched", () => {
  const seating = {
    replicas: 3,
    like: "a",
    step: 4,
    seats: [{ id: "n1", incarnation: "old" }],
    leaving: [],
    isReached: true,
  }
  const rows = [open("a", { seating }), open("b"), place("a", whole("a")), owned("a")]
  const amended = wholeSet.amended(rows)
  expect(amended).toEqual([{ ...rows[0]!, state: open("a").state }])
  expect(wholeSet.amended(amended)).toEqual([])
})

test("of a split, copies that are whole have each key once, whenever each group was copied before main (O9)", () => {
  const all = new Shards()
  const keys = Array.from({ length: 12 }, (_, at) => `k${at}`)
  for (const key of keys) all.send(all.groupOf(key), key, "add", "one")
  const names = ["counter-1", "counter-2", "counter-3", "counter-4"]
  const copy = () => ({
    main: {
      index: all.at(mainGroup).index,
      rows: [...names.map((group) => open(group)), rowOf("$place", "counter", all.place)],
    },
    groups: new Map(
      names.map((group) => {
        const shard = all.shard(group)
        const rows = shard === null ? [] : [rowOf("$shard", "counter", shard)]
        return [group, { index: all.at(group).index, rows, keys: all.listed(group) }] as const
      }),
    ),
  })
  const copies = [copy()]
  all.split("counter-2", "counter-3")
  do copies.push(copy())
  while (all.drive())
  const accepted = new Set<string>()
  for (const [last, { main }] of copies.entries()) {
    for (let second = 0; second <= last; second++) {
      for (let third = 0; third <= last; third++) {
        const groups = new Map(copies[0]!.groups)
        groups.set("counter-2", copies[second]!.groups.get("counter-2")!)
        groups.set("counter-3", copies[third]!.groups.get("counter-3")!)
        if (wholeSet.problemOf(new Map([[mainGroup, main], ...groups])) !== null) continue
        accepted.add(last === 0 ? "before" : "after")
        expect([...groups.values()].flatMap((group) => group.keys).sort()).toEqual(keys.toSorted())
      }
    }
  }
  expect([...accepted].sort()).toEqual(["after", "before"])
})
