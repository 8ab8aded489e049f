// Does whoever looks now and then look when all others do?

import { expect, test } from "bun:test"
import { Clock, Context, Effect, Random, Scheduler } from "effect"
import * as fc from "fast-check"
import { World } from "../../src/simulation/World.ts"
import { sleepTogether, untilTogether } from "../../src/transport/together.ts"

test("it is at a whole multiple, after half as long as asked or more, and at the most one and a half times", () => {
  fc.assert(
    fc.property(fc.nat(1e9), fc.integer({ min: 1, max: 5_000 }), (now, millis) => {
      const wait = untilTogether(now, millis)
      expect((now + wait) % millis).toBe(0)
      expect(wait).toBeGreaterThanOrEqual(millis / 2)
      expect(wait).toBeLessThanOrEqual(1.5 * millis)
    }),
  )
})

test("who looks every half second and who looks every second, begun at any time, wake in the same moments", () => {
  const world = new World(1)
  const context = Context.empty().pipe(
    Context.add(Scheduler.Scheduler, world.scheduler),
    Context.add(Clock.Clock, world.clock(1_700_000_000_000)),
    Context.add(Random.Random, world.random),
  )
  const woken: Record<string, Array<number>> = { often: [], seldom: [] }
  const look = (name: string, millis: number) =>
    Effect.runForkWith(context)(
      Effect.forever(Effect.map(sleepTogether(millis), () => void woken[name]!.push(world.nowMillis))),
    )
  look("often", 500)
  world.runFor(137)
  look("seldom", 1_000)
  world.runFor(10_000)
  expect(woken["seldom"]!.length).toBeGreaterThanOrEqual(9)
  expect(woken["often"]).toEqual(expect.arrayContaining(woken["seldom"]!))
  const [first, second] = woken["often"]!
  expect(second! - first!).toBe(500)
})
