// Is garbage collected while groups begin, and is nobody made to wait for it who needs not?

import { expect, test } from "bun:test"
import { Tidying } from "../../src/groups/Tidying.ts"

const begin = (count: number) => {
  const collected: Array<string> = []
  const tidying = new Tidying({ young: () => collected.push("young"), all: () => collected.push("all") })
  for (let at = 1; at <= count; at++) tidying.begun(at === count)
  return collected
}

test("what was left lately after every few groups, all of it now and then, and behind the last of many", () => {
  const collected = begin(1_000)
  expect(collected.filter((what) => what === "all")).toHaveLength(5)
  expect(collected.filter((what) => what === "young")).toHaveLength(5 * 24)
  expect(begin(240).slice(-2)).toEqual(["young", "all"])
})

test("nothing behind a few groups", () => {
  expect(begin(1)).toEqual([])
  expect(begin(31)).not.toContain("all")
})
