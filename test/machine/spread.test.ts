// Does a group stay in its thread, and do all threads get their part?

import { expect, test } from "bun:test"
import { Spread } from "../../src/machine/Spread.ts"

test("each group goes where the fewest are, and stays there until it is left as often as it was entered", () => {
  const spread = new Spread(["one", "two", "three"])
  const enter = (...groups: ReadonlyArray<string>) => groups.map((group) => spread.enter(group))
  expect(enter("main", "a", "b", "c", "d")).toEqual(["one", "two", "three", "one", "two"])
  expect(enter("a")).toEqual(["two"])
  spread.leave("a")
  // It is open still, and counts once.
  expect(enter("a", "e")).toEqual(["two", "three"])
  for (const group of ["main", "c", "a", "a"]) spread.leave(group)
  expect(enter("f", "a", "g", "h")).toEqual(["one", "one", "two", "one"])
})
