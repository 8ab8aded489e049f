// What would a node break that comes back with an older copy of its whole directory? Nothing on the disk can tell
// (docs/decisions/0002-storage.md), and nobody recognises it yet: so the simulation does it on demand only. Here it
// does, to show that it would not go unseen.

import { expect, setDefaultTimeout, test } from "bun:test"
import { plan } from "../../src/simulation/plan.ts"
import { run } from "../../src/simulation/run.ts"
import type { Fault, Script } from "../../src/simulation/script.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(60_000)

/** A calm run, in which one node after the other goes back in time. */
const withOldCopies = (seed: number): Script => {
  const script = plan(seed, { nodes: 3, troubleMillis: 6000 })
  const faults = [0.3, 0.5, 0.7, 0.9].map(
    (share): Fault => ({
      atMillis: Math.round(script.calmAtMillis * share),
      type: "damage",
      target: "follower",
      damage: "old-copy",
      forMillis: 20,
    }),
  )
  return { ...script, faults, forGood: [] }
}

test("an older copy of a directory is not recognised, and the checkers see what comes of it (S6)", () => {
  const seeds = Array.from({ length: 40 }, (_, at) => at + 1)
  expect(seeds.some((seed) => run(withOldCopies(seed)).failure !== null)).toBe(true)
})
