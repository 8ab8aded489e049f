// Does the simulated disk keep what was synced, lose only what was not, and show every damage? (HAZARDS S1–S9, N1, N2)

import { expect, setDefaultTimeout, test } from "bun:test"
import { DiskUser } from "./DiskUser.ts"

setDefaultTimeout(60_000)

/** Lives and deaths on one disk, in any weather. */
const live = (seed: number, rounds: number): DiskUser => {
  const user = new DiskUser(seed)
  const { chance, disk } = user
  const { weather } = disk
  for (let round = 0; round < rounds; round++) {
    weather.syncMillisMax = chance.below(12)
    weather.workMillisMax = chance.below(5)
    weather.doubtfulShare = seed % 3 === 0 ? 0.5 : 0
    if (!user.start()) {
      user.end(chance.pick(["crash", "kill"]))
      Object.assign(weather, { isFull: false, hangs: false, failing: "no" })
      expect(user.start()).toBe(true)
    }
    Object.assign(weather, { isFull: false, hangs: false, failing: "no" })
    user.run(chance.happens(0.1) ? 1_500 : chance.below(150))
    weather.isFull = chance.happens(0.2)
    weather.hangs = chance.happens(0.1)
    weather.failing = chance.happens(0.2) ? chance.pick(["once", "always"]) : "no"
    user.run(chance.below(60))
    if (chance.happens(0.5)) Object.assign(weather, { isFull: false, hangs: false, failing: "no" })
    user.run(chance.below(30))
    user.end(chance.pick(["crash", "kill"]))
    // Not after a flush whose sync failed: that a cache lies about the state, nothing on the disk tells.
    if (!user.stateFailed && chance.happens(0.1)) weather.isFull = true
  }
  return user
}

const seeds = Array.from(
  { length: Number(process.env.RAFTLET_SEEDS ?? 60) },
  (_, at) => at + Number(process.env.FROM ?? 1),
)

test("whatever the weather and however it ends, what was acknowledged is there, and nothing is there by half", () => {
  const sightings = new Set<string>()
  for (const seed of seeds) {
    try {
      for (const sighting of live(seed, 20).sightings) sightings.add(sighting)
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).stack}`)
    }
  }
  console.log([...sightings])
})
