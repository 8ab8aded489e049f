// Do processes of a simulated world stand still, die and keep their time as real ones do?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import { plainClock } from "../../src/simulation/Process.ts"
import { World } from "../../src/simulation/World.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

/** Sleeps again and again, and notes when it woke. */
const ticker = (millis: number, ticks: Array<number>, now: () => number) =>
  Effect.gen(function* () {
    while (true) {
      yield* Effect.sleep(millis)
      ticks.push(now())
    }
  })

test("time passes only when nothing is left to do, and timers fire in the order of their times", () => {
  const world = new World(1)
  const fired: Array<string> = []
  world.after(20, () => fired.push(`late at ${world.nowMillis}`))
  world.after(10, () => {
    fired.push(`soon at ${world.nowMillis}`)
    world.root.post(() => fired.push(`its task at ${world.nowMillis}`))
  })
  world.runFor(100)
  expect(fired).toEqual(["soon at 10", "its task at 10", "late at 20"])
  expect(world.nowMillis).toBe(100)
})

test("a cancelled timer does not fire, not even when its time has come and its turn has not", () => {
  for (let seed = 0; seed < 20; seed++) {
    const world = new World(seed)
    let fired = 0
    const cancels = [0, 1].map((at) =>
      world.after(5, () => {
        fired++
        cancels[1 - at]!()
      }),
    )
    world.runFor(10)
    expect(fired).toBe(1)
  }
})

describe("a process", () => {
  test("that stands still does nothing, and all that came due when it goes on", () => {
    const world = new World(2)
    const process = world.startProcess("p")
    const ticks: Array<number> = []
    process.fork(ticker(10, ticks, () => world.nowMillis))
    world.runFor(25)
    process.pause()
    world.runFor(100)
    expect(ticks).toEqual([10, 20])
    process.resume()
    world.runFor(10)
    expect(ticks).toEqual([10, 20, 125, 135])
  })

  test("that was killed never does anything again, and runs no finalizer", () => {
    const world = new World(3)
    const process = world.startProcess("p")
    let finalized = false
    const ticks: Array<number> = []
    process.fork(
      ticker(10, ticks, () => world.nowMillis).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            finalized = true
          }),
        ),
      ),
    )
    world.runFor(15)
    process.kill()
    world.runFor(100)
    expect(ticks).toEqual([10])
    expect(finalized).toBe(false)
  })

  test.each([0.9, 1, 1.1])(
    "whose clock goes %f times as fast never wakes before its time by its own clock",
    (rate) => {
      const world = new World(4)
      const process = world.startProcess("p", { ...plainClock, originMillis: 77, rate })
      const ticks: Array<number> = []
      process.fork(ticker(7, ticks, () => process.nowMillis))
      world.runFor(2000)
      const pauses = ticks.map((at, index) => at - (ticks[index - 1] ?? 77))
      expect(Math.min(...pauses)).toBeGreaterThanOrEqual(7)
      expect(Math.max(...pauses)).toBeLessThanOrEqual(9)
      expect(ticks.length).toBeGreaterThan((2000 * rate) / 9)
    },
  )

  test("whose wall clock is set back sleeps as long as before (E15)", () => {
    const world = new World(5)
    const process = world.startProcess("p")
    const ticks: Array<number> = []
    process.fork(ticker(10, ticks, () => world.nowMillis))
    world.runFor(15)
    const wall = process.wallMillis
    process.shiftWall(-3_600_000)
    expect(process.wallMillis).toBe(wall - 3_600_000)
    world.runFor(20)
    expect(ticks).toEqual([10, 20, 30])
  })
})

test("the same seed is the same trace, another one is another", () => {
  const traceOf = (seed: number) => {
    const world = new World(seed)
    for (const name of ["a", "b", "c"]) {
      const process = world.startProcess(name)
      process.fork(ticker(3, [], () => 0))
      process.fork(ticker(3, [], () => 0))
    }
    world.runFor(200)
    return world.trace
  }
  expect(traceOf(1)).toBe(traceOf(1))
  expect(traceOf(1)).not.toBe(traceOf(2))
})
