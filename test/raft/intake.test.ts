// Is all that waits taken in at once, and only in portions while other groups have work?

import { expect, test } from "bun:test"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Crowd } from "../../src/machine/Crowd.ts"
import type { Group } from "../../src/raft/Group.ts"
import { CROWDED_MAX, Intake, type Portion } from "../../src/raft/Intake.ts"
import { LeaderCommand, type Unit } from "../../src/raft/waiters.ts"

const unitOf = (count: number): Unit => ({
  kind: "leader",
  waiters: Array.from({ length: count }, () => new LeaderCommand(new Uint8Array(1), () => {})),
})

/** The door of a group that leads, unless it is said otherwise; the clock stands still. */
const door = (options: { readonly isCrowded: boolean; readonly kind?: string }) => {
  const crowd = new Crowd()
  if (options.isCrowded) crowd.note("other", 0)
  const group = {
    clock: { monotonicTimeNanosUnsafe: () => 0n },
    node: { group: "flood", role: { kind: options.kind ?? "leader" } },
    options: { crowd },
  } as unknown as Group
  let waiting: ReadonlyArray<Unit> = []
  const takeAll = () => {
    const all = waiting
    waiting = []
    return all
  }
  const intake = new Intake(group, { takeAll })
  const comes = (...counts: ReadonlyArray<number>) => {
    waiting = [...waiting, ...counts.map(unitOf)]
  }
  return { intake, comes }
}

const countsOf = ({ units }: Portion) => units.map(({ waiters }) => waiters.length)
const ones = (count: number) => Array.from({ length: count }, () => 1)
const run = (body: Effect.Effect<void>): Promise<void> =>
  Effect.runPromise(Effect.scoped(Effect.provide(body, TestClock.layer())))

test("a group that is alone takes in all that waits, and goes on at once", () =>
  run(
    Effect.gen(function* () {
      const { intake, comes } = door({ isCrowded: false })
      comes(...ones(200))
      const portion = intake.next()!
      expect(countsOf(portion)).toEqual(ones(200))
      yield* intake.passed(portion)
    }),
  ))

test("while others have work it is 64 commands, in their order, and no unit is divided", () =>
  run(
    Effect.gen(function* () {
      const { intake, comes } = door({ isCrowded: true })
      comes(60, 50, 1, 200, 1)
      expect(countsOf(intake.next()!)).toEqual([60, 50])
      // What comes meanwhile stands behind what waits.
      comes(70)
      expect(countsOf(intake.next()!)).toEqual([1, 200])
      expect(countsOf(intake.next()!)).toEqual([1, 70])
    }),
  ))

test("behind a whole portion the next one waits until all have their answers", () =>
  run(
    Effect.gen(function* () {
      const { intake, comes } = door({ isCrowded: true })
      comes(...ones(CROWDED_MAX + 10))
      const portion = intake.next()!
      const passing = yield* Effect.forkChild(intake.passed(portion))
      yield* TestClock.adjust(10)
      const waiters = portion.units.flatMap(({ waiters }) => [...waiters])
      for (const waiter of waiters.slice(1)) waiter.dismissed("not-leader")
      intake.advanced()
      yield* TestClock.adjust(5)
      expect(passing.pollUnsafe()).toBe(undefined)
      waiters[0]!.dismissed("not-leader")
      intake.advanced()
      yield* Fiber.join(passing)
      // That was no whole one: whoever has little is not held up.
      const rest = intake.next()!
      expect(countsOf(rest)).toEqual(ones(10))
      yield* intake.passed(rest)
    }),
  ))

test("answers that stay out are waited for 20 ms", () =>
  run(
    Effect.gen(function* () {
      const { intake, comes } = door({ isCrowded: true })
      comes(CROWDED_MAX)
      const passing = yield* Effect.forkChild(intake.passed(intake.next()!))
      yield* TestClock.adjust(19)
      expect(passing.pollUnsafe()).toBe(undefined)
      yield* TestClock.adjust(1)
      yield* Fiber.join(passing)
    }),
  ))

test("who hands on to a leader does not wait for it", () =>
  run(
    Effect.gen(function* () {
      const { intake, comes } = door({ isCrowded: true, kind: "follower" })
      comes(...ones(CROWDED_MAX + 1))
      const portion = intake.next()!
      expect(countsOf(portion)).toEqual(ones(CROWDED_MAX))
      yield* intake.passed(portion)
    }),
  ))
