// Does each alarm ring once, when it is time, and none that was taken back?

import { beforeEach, expect, test } from "bun:test"
import { Clock, Context, Effect, Random, Scheduler } from "effect"
import { Alarms } from "../../src/raft/Alarms.ts"
import { World } from "../../src/simulation/World.ts"

let world: World
let alarms: Alarms
let rung: Array<string>
let lives: number

beforeEach(() => {
  world = new World(1)
  rung = []
  lives = 0
  const clock = world.clock(0)
  const services = Context.empty().pipe(
    Context.add(Scheduler.Scheduler, world.scheduler),
    Context.add(Clock.Clock, clock),
    Context.add(Random.Random, world.random),
  )
  const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
  alarms = new Alarms(now, (life) => {
    lives++
    Effect.runForkWith(services)(life)
  })
})

const setFor = (millis: number, name: string) =>
  alarms.set(world.nowMillis + millis, () => rung.push(`${name} ${world.nowMillis}`))

test("each rings once, when it is due, in whatever order they were set", () => {
  setFor(300, "late")
  setFor(100, "early")
  setFor(100, "as early")
  world.runFor(150)
  setFor(10, "new")
  world.runFor(1_000)
  expect(rung).toEqual(["early 100", "as early 100", "new 160", "late 300"])
  expect(lives).toBe(1)
})

test("one that was taken back does not, also when another one that rings takes it back", () => {
  const takeBack = setFor(100, "gone")
  const other = setFor(200, "gone as well")
  takeBack()
  alarms.set(200, () => {
    rung.push("ends the others")
    last()
  })
  const last = setFor(200, "taken back just then")
  other()
  world.runFor(1_000)
  expect(rung).toEqual(["ends the others"])
})

test("who rings may set another one, and nobody waits when there is none", () => {
  const again = (times: number): void => {
    rung.push(`${times} ${world.nowMillis}`)
    if (times > 1) alarms.set(world.nowMillis + 50, () => again(times - 1))
  }
  alarms.set(50, () => again(3))
  world.runFor(1_000)
  expect(rung).toEqual(["3 50", "2 100", "1 150"])
  expect(lives).toBe(1)
  setFor(50, "after a while")
  world.runFor(100)
  expect([rung.at(-1), lives]).toEqual(["after a while 1050", 2])
})
