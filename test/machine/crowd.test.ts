// Is a group taken to be alone when it is, and only then?

import { expect, test } from "bun:test"
import { Crowd } from "../../src/machine/Crowd.ts"

/** It has work every 10 ms, from the one time to the other. */
const work = (crowd: Crowd, group: string, from: number, to: number): void => {
  for (let now = from; now <= to; now += 10) crowd.note(group, now)
}

test("nobody is around who has had no work in the last half second, nor is a group around itself", () => {
  const crowd = new Crowd()
  expect(crowd.isAround("a", 0)).toBe(false)
  work(crowd, "a", 0, 100)
  expect([crowd.isAround("a", 100), crowd.isAround("b", 599), crowd.isAround("b", 600)]).toEqual([
    false,
    true,
    false,
  ])
})

test("nobody is around who has work once in a while, however many do", () => {
  const crowd = new Crowd()
  for (let now = 0; now < 10_000; now += 10) {
    crowd.note("flood", now)
    if (now % 500 === 0) for (let at = 0; at < 100; at++) crowd.note(`rare ${at}`, now)
    expect(crowd.isAround("flood", now)).toBe(false)
  }
})

test("who has work again after a pause is around when it has had some for a tenth of a second", () => {
  const crowd = new Crowd()
  work(crowd, "a", 0, 200)
  work(crowd, "a", 700, 790)
  expect(crowd.isAround("b", 790)).toBe(false)
  crowd.note("a", 800)
  expect(crowd.isAround("b", 800)).toBe(true)
})

test("who is at work is around for all others, however much the newest has had since, and whoever had some once", () => {
  const crowd = new Crowd()
  work(crowd, "quiet", 0, 100)
  for (let now = 101; now < 600; now++) crowd.note("flood", now)
  crowd.note("rare", 300)
  expect([crowd.isAround("flood", 599), crowd.isAround("flood", 600)]).toEqual([true, false])
  expect([crowd.isAround("quiet", 1_098), crowd.isAround("quiet", 1_099)]).toEqual([true, false])
  work(crowd, "quiet", 700, 800)
  work(crowd, "other", 700, 801)
  expect([crowd.isAround("other", 810), crowd.isAround("quiet", 810), crowd.isAround("flood", 810)]).toEqual([
    true,
    true,
    true,
  ])
})

test("more groups at work than are kept in mind are a crowd all the same", () => {
  const crowd = new Crowd()
  for (let now = 0; now < 1_000; now += 10) for (let at = 0; at < 1_100; at++) crowd.note(`g${at}`, now)
  expect([crowd.isAround("g0", 1_000), crowd.isAround("g1099", 1_000)]).toEqual([true, true])
  // What is at work no more makes room.
  work(crowd, "one", 3_000, 3_100)
  work(crowd, "two", 3_000, 3_100)
  expect([crowd.isAround("one", 3_100), crowd.isAround("two", 3_100)]).toEqual([true, true])
})
