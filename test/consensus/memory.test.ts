// How much of the log does a node keep in memory, when its machine comes no further? (HAZARDS R13)

import { expect, test } from "bun:test"
import { entryBytes } from "../../src/consensus/Log.ts"
import { append, entry, given, hears, persists, proposes, reigning } from "./support.ts"

const data = new Uint8Array(100)
const bytes = entryBytes(entry(1, 1, { data }))
const bounded = { limits: { cacheBytesMax: 10 * bytes } }

/** The leader's entries come one by one, and all of them are committed. */
const follow = (node: ReturnType<typeof given>, from: number, to: number): void => {
  for (let index = from; index <= to; index++) {
    hears(
      node,
      "b",
      append({
        term: 1,
        prevIndex: index - 1,
        prevTerm: 1,
        entries: [entry(index, 1, { data })],
        commit: index,
      }),
    )
    persists(node)
  }
}

test("a follower without a state keeps no more of the log in memory than one with it", () => {
  const node = given({ ...bounded, term: 1, base: { index: 5, term: 1 }, applied: 0 })
  follow(node, 6, 105)
  expect(node.appliedIndex).toBe(0)
  expect(node.log.cachedBytes).toBeLessThanOrEqual(10 * bytes)
  expect(node.log.lastIndex).toBe(105)
})

test("one that is stuck at an entry does not either", () => {
  const node = given({ ...bounded, term: 1, log: [1, 1], applied: 1 })
  follow(node, 3, 100)
  expect(node.log.cachedBytes).toBeLessThanOrEqual(10 * bytes)
})

test("an entry that somebody waits for stays in the leader's memory until it is applied (C2)", () => {
  const { node } = reigning({ log: [1], limits: { cacheBytesMax: 0 } })
  const first = node.log.lastIndex + 1
  const waiting = [{}, {}]
  proposes(node, waiting)
  persists(node)
  expect(node.log.cachedFrom).toBe(first)
  expect([first, first + 1].map((index) => node.log.entryAt(index)!.origin)).toEqual(waiting)
})
