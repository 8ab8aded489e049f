// Do few groups of a node stand at a time, and does each come to it?

import { expect, test } from "bun:test"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Places } from "../../src/raft/Places.ts"

const run = (body: Effect.Effect<void>): Promise<void> =>
  Effect.runPromise(Effect.scoped(Effect.provide(body, TestClock.layer())))

/** Enters, and notes that it has. */
const enters = (places: Places, group: string, entered: Array<string>) =>
  Effect.forkChild(
    Effect.andThen(
      places.enter(group),
      Effect.sync(() => void entered.push(group)),
    ),
  )

test("so many stand at once; who comes later waits until one has left, in the order in which they came", () =>
  run(
    Effect.gen(function* () {
      const places = new Places(2, 500)
      const entered: Array<string> = []
      for (const group of ["a", "b", "c", "d"]) yield* enters(places, group, entered)
      yield* TestClock.adjust(499)
      expect(entered).toEqual(["a", "b"])
      places.leave("b")
      yield* TestClock.adjust(0)
      expect(entered).toEqual(["a", "b", "c"])
      places.leave("never was there")
      yield* TestClock.adjust(0)
      expect(entered).toEqual(["a", "b", "c"])
    }),
  ))

test("who stands for too long keeps nobody else from it", () =>
  run(
    Effect.gen(function* () {
      const places = new Places(1, 500)
      const entered: Array<string> = []
      for (const group of ["a", "b", "c"]) yield* enters(places, group, entered)
      yield* TestClock.adjust(500)
      expect(entered).toEqual(["a", "b"])
      // It has no place any more that it could leave.
      places.leave("a")
      yield* TestClock.adjust(499)
      expect(entered).toEqual(["a", "b"])
      yield* TestClock.adjust(1)
      expect(entered).toEqual(["a", "b", "c"])
    }),
  ))

test("who waits no more takes no place", () =>
  run(
    Effect.gen(function* () {
      const places = new Places(1, 500)
      const entered: Array<string> = []
      yield* enters(places, "a", entered)
      const gone = yield* enters(places, "b", entered)
      yield* enters(places, "c", entered)
      yield* TestClock.adjust(1)
      yield* Fiber.interrupt(gone)
      places.leave("a")
      yield* TestClock.adjust(0)
      expect(entered).toEqual(["a", "c"])
    }),
  ))
