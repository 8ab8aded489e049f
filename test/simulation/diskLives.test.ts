// Does a disk keep what was synced, and lose only what was not? Many lives and deaths on it, beside a model.

import { expect, setDefaultTimeout, test } from "bun:test"
import { DiskUser } from "./DiskUser.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(120_000)

const calm = { isFull: false, hangs: false, failing: "no" } as const

/** Lives and deaths on one disk, in any weather. */
const live = (seed: number, rounds: number): DiskUser => {
  const user = new DiskUser(seed)
  const { chance, disk } = user
  const { weather } = disk
  const room = chance.fork("room")
  weather.doubtfulShare = seed % 3 === 0 ? 0.5 : 0
  for (let round = 0; round < rounds; round++) {
    weather.syncMillisMax = chance.below(12)
    weather.workMillisMax = chance.below(5)
    if (!user.start()) {
      user.end(chance.pick(["crash", "kill"]))
      Object.assign(weather, calm)
      expect(user.start()).toBe(true)
    }
    Object.assign(weather, calm)
    user.run(chance.happens(0.1) ? 1_500 : chance.below(150))
    weather.isFull = chance.happens(0.2)
    weather.reserveBytes = room.pick([0, 300, 3000])
    weather.hangs = chance.happens(0.1)
    weather.failing = chance.happens(0.2) ? chance.pick(["once", "always"]) : "no"
    user.run(chance.below(60))
    if (chance.happens(0.5)) Object.assign(weather, calm)
    user.run(chance.below(30))
    user.end(chance.pick(["crash", "kill"]))
    // Not after a flush whose sync failed: that a cache lies about the state, nothing on the disk tells.
    if (!user.stateFailed && chance.happens(0.1)) weather.isFull = true
  }
  return user
}

/** Those that were the first to show a bug, and as many others as are asked for. */
const seeds = [
  ...[77, 132, 172, 622, 878],
  ...Array.from({ length: Number(process.env.RAFTLET_SEEDS ?? 60) }, (_, at) => at + 1),
]

test("whatever the weather and the end, what was acknowledged is there, and nothing by half (S1–S3, S7–S9, N1, N2)", () => {
  const sightings = new Set<string>()
  for (const seed of seeds) {
    try {
      for (const sighting of live(seed, 20).known.sightings) sightings.add(sighting)
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).stack}`)
    }
  }
  expect([...sightings].sort()).toEqual([
    "compacted under a reader",
    "damaged on arrival",
    "doubtful",
    "full",
    "install finished at start",
    "installed",
    "over",
    "snapshot",
    "unacknowledged kept",
    "unacknowledged lost",
  ])
})
