// Runs whole clusters through random weather. `RAFTLET_SEEDS=20000` hunts longer, `RAFTLET_FROM` elsewhere;
// `RAFTLET_SHAPE` and `RAFTLET_SEED` run the one that failed.

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { run, type Shape, shapes } from "./hunt.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const seeds = Number(process.env.RAFTLET_SEEDS ?? 300)
const from = Number(process.env.RAFTLET_FROM ?? 1)
const only = process.env.RAFTLET_SEED
const steps = 3000

/** Seeds that fail when the fault comes back, with what they show. A new scheduler needs new ones. */
const regressions: ReadonlyArray<{
  readonly shape: Shape
  readonly seed: number
  readonly showed: string
}> = [
  { shape: "five", seed: 1, showed: "a replicator reads entries from the disk that are only in memory" },
  { shape: "three", seed: 1, showed: "a late answer to an older read question serves a stale read (L3, L7)" },
  { shape: "learner", seed: 472, showed: "a disk damaged again in one leadership is never repaired (S4)" },
]

describe("whatever happens, no promise is broken, and a healed cluster agrees", () => {
  for (const shape of shapes) {
    if (process.env.RAFTLET_SHAPE !== undefined && process.env.RAFTLET_SHAPE !== shape) continue
    const chosen = only === undefined ? `${seeds} seeds from ${from}` : `seed ${only}`
    test(`${shape}: ${chosen} (E1–E14, R1–R17, L1–L7, N3–N6, S4)`, () => {
      if (only !== undefined) return void run(shape, Number(only), steps)
      let committed = 0
      for (let seed = from; seed < from + seeds; seed++)
        committed += run(shape, seed, steps).checker.committedIndex
      // Weather that lets nothing through would prove nothing.
      expect(committed / seeds).toBeGreaterThan(20)
    }, 3_600_000)
  }
})

describe("a seed that once failed stays", () => {
  for (const { shape, seed, showed } of regressions) {
    test(`${shape} ${seed}: ${showed}`, () => void run(shape, seed, steps))
  }
})
