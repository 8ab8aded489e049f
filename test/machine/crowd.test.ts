// Is a group taken to be alone when it is, and only then?

import { expect, test } from "bun:test"
import { Crowd } from "../../src/machine/Crowd.ts"

test("nobody is around who has had no work in the last half second, nor is a group around itself", () => {
  const crowd = new Crowd()
  expect(crowd.isAround("a", 0)).toBe(false)
  crowd.note("a", 0)
  crowd.note("a", 100)
  expect([crowd.isAround("a", 100), crowd.isAround("b", 599), crowd.isAround("b", 600)]).toEqual([
    false,
    true,
    false,
  ])
})

test("who had work is around for all others, however much the newest has had since", () => {
  const crowd = new Crowd()
  crowd.note("quiet", 0)
  for (let now = 1; now < 500; now++) crowd.note("flood", now)
  expect([crowd.isAround("flood", 499), crowd.isAround("flood", 500)]).toEqual([true, false])
  expect([crowd.isAround("quiet", 998), crowd.isAround("quiet", 999)]).toEqual([true, false])
  crowd.note("quiet", 600)
  crowd.note("other", 601)
  expect([crowd.isAround("other", 700), crowd.isAround("quiet", 700), crowd.isAround("flood", 700)]).toEqual([
    true,
    true,
    true,
  ])
})
