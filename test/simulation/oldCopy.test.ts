// What becomes of a node that comes back with an older copy of its whole directory? Nothing on the disk can tell: it is
// for those who remember more (docs/decisions/0002-storage.md).

import { expect, setDefaultTimeout, test } from "bun:test"
import { plan } from "../../src/simulation/plan.ts"
import { run } from "../../src/simulation/run.ts"
import type { Fault, Script } from "../../src/simulation/script.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(60_000)

/** A calm run, in which followers go back in time at these shares of it, each to where it was half the way before. */
const withOldCopies = (
  seed: number,
  shares: ReadonlyArray<number>,
  beside: (atMillis: number) => ReadonlyArray<Fault>,
): Script => {
  const script = plan(seed, { nodes: 3, troubleMillis: 6000 })
  const faults = shares.flatMap((share): ReadonlyArray<Fault> => {
    const atMillis = Math.round(script.calmAtMillis * share)
    const old: Fault = { atMillis, type: "damage", target: "follower", damage: "old-copy", forMillis: 20 }
    return [old, ...beside(atMillis)]
  })
  return { ...script, faults, forGood: [] }
}

const seeds = Array.from({ length: 12 }, (_, at) => at + 1)
const failuresOf = (scriptOf: (seed: number) => Script): ReadonlyArray<unknown> =>
  seeds.flatMap((seed) => run(scriptOf(seed)).failure ?? [])

const leaderDies = (atMillis: number): ReadonlyArray<Fault> => [
  { atMillis, type: "end", target: "leader", how: "power", forMillis: 1500 },
]

test("an older copy is recognised by a leader that lives, again and again (S6)", () => {
  expect(failuresOf((seed) => withOldCopies(seed, [0.3, 0.5, 0.7, 0.9], () => []))).toEqual([])
})

test("an older copy is recognised by another follower, when the leader dies at the same time (S6)", () => {
  expect(failuresOf((seed) => withOldCopies(seed, [0.8], leaderDies))).toEqual([])
})

test("an older copy that nobody can remember is not, and the checkers see what comes of it (S6)", () => {
  const allDie = (atMillis: number): ReadonlyArray<Fault> => [
    ...leaderDies(atMillis),
    { atMillis: atMillis + 1, type: "end-all", how: "kill", forMillis: 30 },
  ]
  // One seed in some thirty puts together all that it takes.
  const isSeen = Iterator.from(Array(100).keys()).some(
    (seed) => run(withOldCopies(seed + 1, [0.8], allDie)).failure?.checker === "leader completeness",
  )
  expect(isSeen).toBe(true)
})
