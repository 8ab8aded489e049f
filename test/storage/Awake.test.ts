// Do those states have a connection that are in use, and no more than have to?

import { beforeEach, expect, test } from "bun:test"
import { Awake } from "../../src/storage/Awake.ts"

let now: number
let rested: Array<string>

beforeEach(() => {
  now = 0
  rested = []
})

const stores = (names: string) => [...names].map((name) => ({ rest: () => void rested.push(name) }))

test("while more are in use than should be, they keep their connections, and go one after the other", () => {
  const awake = new Awake({ max: 1, busyMax: 3, busyMillis: 100, againMillis: 10 }, () => now)
  const [a, b, c, d] = stores("abcd")
  const use = (at: number, ...used: ReadonlyArray<typeof a>): ReadonlyArray<string> => {
    now = at
    for (const store of used) awake.used(store!)
    return rested.splice(0)
  }
  // Nobody has been used twice: of those there are no more than should be.
  expect(use(0, a, b, c)).toEqual(["a", "b"])
  expect(use(10, a, b, c)).toEqual(["c"])
  expect(use(20, a, b, c)).toEqual([])
  expect(use(30, d)).toEqual(["a"])
  // Who was used once goes first, and when it comes again it is in use.
  expect(use(50, c, d)).toEqual(["d"])
  expect(use(60, a)).toEqual(["b"])
  // The others have not been used for long.
  expect(use(161, d)).toEqual(["c", "a"])
  expect(use(400, a)).toEqual(["d"])
})

test("a thousand that are used once, one after the other, have a connection one at a time", () => {
  const awake = new Awake({ max: 2, busyMax: 512, busyMillis: 5_000, againMillis: 500 }, () => now)
  const all = Array.from({ length: 1_000 }, (_, at) => ({ rest: () => void rested.push(`${at}`) }))
  for (const store of all) {
    now += 15
    awake.used(store)
    // Applied, and flushed.
    now += 100
    awake.used(store)
  }
  expect(rested).toEqual(Array.from({ length: 998 }, (_, at) => `${at}`))
})

test("who rests, and is used again soon, counts as in use", () => {
  const awake = new Awake({ max: 1, busyMax: 512, busyMillis: 5_000, againMillis: 500 }, () => now)
  const all = Array.from({ length: 300 }, (_, at) => ({ rest: () => void rested.push(`${at}`) }))
  for (let round = 0; round < 4; round++) {
    now += 1_000
    for (const store of all) awake.used(store)
  }
  // In the first round alone.
  expect(rested).toHaveLength(300)
})
