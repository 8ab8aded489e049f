// How long does a simulated disk take, and when does it fail?

import { Effect } from "effect"
import type { DiskConduct } from "../storage/MemoryDisk.ts"

/** What a disk suffers. Changed while it is used. */
export interface DiskWeather {
  /** How long a sync takes, drawn for each, whole milliseconds. */
  syncMillisMin: number
  syncMillisMax: number
  /** The same for all else that a thread does with the disk: reading, copying, hashing. */
  workMillisMin: number
  workMillisMax: number
  /** No sync returns until this is false again. A flush of the state is put off meanwhile. */
  hangs: boolean
  /** Nothing can be written, but into the room that is kept for this. */
  isFull: boolean
  /** How much room is kept; 0: none, and not even a vote can be written. */
  reserveBytes: number
  /** A sync fails with EIO: the next one, or every one. */
  failing: "no" | "once" | "always"
  /**
   * From 0 to 1: how often a transaction that a loss of power cuts off looks like one that was altered, because its
   * pages were written out of order. A node that finds one counts as damaged until the others have repaired it.
   */
  doubtfulShare: number
}

export const calmWeather = (): DiskWeather => ({
  syncMillisMin: 0,
  syncMillisMax: 0,
  workMillisMin: 0,
  workMillisMax: 0,
  hangs: false,
  isFull: false,
  reserveBytes: 0,
  failing: "no",
  doubtfulShare: 0,
})

export const conductOf = (weather: DiskWeather, chance: { draw(): number }): DiskConduct => {
  const pass = (min: number, max: number) => {
    const millis = max === 0 ? 0 : min + Math.floor(chance.draw() * (max - min + 1))
    return millis === 0 ? Effect.void : Effect.sleep(millis)
  }
  const hanging = Effect.gen(function* () {
    while (weather.hangs) yield* Effect.sleep(hangLookMillis)
  })
  return {
    syncing: Effect.suspend(() => {
      const passing = pass(weather.syncMillisMin, weather.syncMillisMax)
      // It may begin to hang while the sync is under way.
      return passing === Effect.void && !weather.hangs ? passing : Effect.andThen(passing, hanging)
    }),
    working: Effect.suspend(() => pass(weather.workMillisMin, weather.workMillisMax)),
    hangs: () => weather.hangs,
    isFull: () => weather.isFull,
    reserveBytes: () => weather.reserveBytes,
    failSync: () => {
      if (weather.failing === "no") return null
      if (weather.failing === "once") weather.failing = "no"
      return chance.draw() < 0.5 ? "kept" : "lost"
    },
  }
}

const hangLookMillis = 10
