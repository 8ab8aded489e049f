// Which writes leave together, and does what befalls one group's keep another's from the disk?

import { describe, expect, test } from "bun:test"
import { Cause, Deferred, Effect, Exit, Fiber } from "effect"
import * as fc from "fast-check"
import { BrokenCode } from "../../src/storage/assert.ts"
import { type Ask, Gathering, gatheredBytesMax, Waiting } from "../../src/storage/Gathering.ts"
import { type GroupWrite, StorageFailed, StorageFull } from "../../src/storage/LogStore.ts"
import type { LogCall, LogError } from "../../src/storage/logProtocol.ts"
import { entryOf, writeOf } from "./support.ts"

/** Write number `sequence` of a group. */
const of = (group: string, sequence = 1, bytes = 0): GroupWrite => {
  const entries = bytes === 0 ? [] : [{ ...entryOf(sequence, 1), data: new Uint8Array(bytes) }]
  return { group, write: writeOf({ sequence, entries }) }
}

const shown = (batch: ReadonlyArray<GroupWrite>): string =>
  batch.map(({ group, write }) => `${group}${write.sequence}`).join(" ")

/** A core that answers when it is told to. */
const makeCore = () => {
  const calls: Array<string> = []
  const under: Array<(exit: Exit.Exit<void, LogError>) => void> = []
  const call = ((_: string, batch: ReadonlyArray<GroupWrite>) =>
    Effect.callback<void, LogError>((resume) => {
      calls.push(shown(batch))
      under.push(resume)
    })) as unknown as LogCall
  const gathering = new Gathering(call)
  const told: Array<string> = []
  const ask = (...batch: ReadonlyArray<GroupWrite>) =>
    Effect.runFork(
      Effect.onExit(gathering.write(batch), (exit) =>
        Effect.sync(() => {
          const why = Exit.isSuccess(exit) ? "written" : nameOf(Cause.squash(exit.cause))
          told.push(`${shown(batch)}: ${why}`)
        }),
      ),
    )
  /** Nothing runs by itself: what follows from an answer has followed when this is done. */
  const answer = async (exit: Exit.Exit<void, LogError> = Exit.void) => {
    under.shift()!(exit)
    await Effect.runPromise(Effect.yieldNow)
  }
  return { calls, told, ask, answer }
}

const nameOf = (error: unknown): string =>
  error instanceof BrokenCode ? "BrokenCode" : String((error as { _tag?: string })._tag ?? error)

const full = Exit.fail(new StorageFull({ operation: "write" }))
const failed = Exit.fail(new StorageFailed({ operation: "write", message: "EIO", cause: "EIO" }))

describe("writes of many groups", () => {
  test("leave one at once, and what has gathered meanwhile as one batch", async () => {
    const { calls, told, ask, answer } = makeCore()
    ask(of("a"))
    // Without another turn of anything.
    expect(calls).toEqual(["a1"])
    for (const group of ["b", "c", "a"]) ask(of(group, 2))
    expect(calls).toEqual(["a1"])
    await answer()
    expect(calls).toEqual(["a1", "b2 c2 a2"])
    expect(told).toEqual(["a1: written"])
    await answer()
    expect(told.slice(1)).toEqual(["b2: written", "c2: written", "a2: written"])
    ask(of("c", 3))
    expect(calls.at(-1)).toBe("c3")
  })

  test("of which the batch found no room are tried one by one, and only what is too much has to wait (S7)", async () => {
    const { calls, told, ask, answer } = makeCore()
    ask(of("a"))
    for (const write of [of("b", 1, 900), of("c"), of("b", 2), of("d")]) ask(write)
    await answer()
    await answer(full)
    expect(calls.slice(1)).toEqual(["b1 c1 d1 b2", "b1"])
    await answer(full)
    await answer()
    await answer()
    // Behind what was not written nothing of its group can follow.
    expect(calls.slice(1)).toEqual(["b1 c1 d1 b2", "b1", "c1", "d1"])
    expect(told.slice(1)).toEqual(["b1: StorageFull", "c1: written", "d1: written", "b2: StorageFull"])
    ask(of("b", 1, 900))
    expect(calls.at(-1)).toBe("b1")
  })

  test("do not suffer from one that is wrong", async () => {
    const { told, ask, answer } = makeCore()
    ask(of("a"))
    for (const group of ["b", "c", "d"]) ask(of(group))
    await answer()
    const wrong = Exit.die(new BrokenCode("entry 5 behind a log that ends at 1"))
    for (const exit of [wrong, Exit.void, wrong, Exit.void]) await answer(exit)
    expect(told).toEqual(["a1: written", "b1: written", "c1: BrokenCode", "d1: written"])
  })

  test("all fail with a disk that has failed, and none is tried again (S2)", async () => {
    const { calls, told, ask, answer } = makeCore()
    ask(of("a"))
    for (const group of ["b", "c"]) ask(of(group))
    await answer()
    await answer(failed)
    expect(calls).toEqual(["a1", "b1 c1"])
    expect(told.slice(1)).toEqual(["b1: StorageFailed", "c1: StorageFailed"])
  })

  test("whose asker has gone do not leave any more: the next life of the group has read its log", async () => {
    const { calls, told, ask, answer } = makeCore()
    const first = ask(of("a"))
    const second = ask(of("b"))
    ask(of("c"))
    await Effect.runPromise(Effect.all([Fiber.interrupt(first), Fiber.interrupt(second)]))
    ask(of("b", 2))
    const third = ask(of("d"))
    await answer()
    expect(calls).toEqual(["a1", "b2 c1 d1"])
    // It has left with the others, and would leave once more.
    await Effect.runPromise(Fiber.interrupt(third))
    await answer(full)
    await answer()
    await answer()
    expect(calls).toEqual(["a1", "b2 c1 d1", "b2", "c1"])
    ask(of("e"))
    expect(calls.at(-1)).toBe("e1")
    expect(told).toContain("c1: written")
  })

  test("one of several groups keeps its place between those of each of them", async () => {
    const { calls, ask, answer } = makeCore()
    ask(of("a"))
    for (const write of [of("b", 1), of("c", 1)]) ask(write)
    ask(of("b", 2), of("d", 2))
    for (const write of [of("d", 3), of("c", 3), of("b", 3)]) ask(write)
    for (let at = 0; at < 4; at++) await answer()
    expect(calls).toEqual(["a1", "b1 c1", "b2 d2", "d3 c3 b3"])
  })
})

describe("what waits", () => {
  const askOf = (group: string, sequence: number, bytes: number): Ask => ({
    batch: [of(group, sequence)],
    bytes,
    done: Deferred.makeUnsafe(),
    isWithdrawn: false,
  })

  test("of one group's flood costs another no more than one batch", () => {
    const waiting = new Waiting()
    for (let sequence = 1; sequence <= 50; sequence++)
      waiting.add(askOf("flood", sequence, gatheredBytesMax / 4))
    waiting.take()
    waiting.add(askOf("late", 1, 100))
    const batches = [waiting.take(), waiting.take()].map((asks) => shown(asks.flatMap(({ batch }) => batch)))
    expect(batches[0]).toBe("flood5 late1 flood6 flood7")
    for (let sequence = 51; sequence <= 60; sequence++)
      waiting.add(askOf("huge", sequence, 3 * gatheredBytesMax))
    waiting.take()
    waiting.add(askOf("late", 2, 100))
    const next = [waiting.take(), waiting.take(), waiting.take()].flatMap((asks) =>
      asks.map(({ batch }) => shown(batch)),
    )
    expect(next).toContain("late2")
  })

  test("leaves as a whole, each group's in its order, within the bytes, and in turn", () => {
    const askAt = fc.record({
      group: fc.constantFrom("a", "b", "c", "d", "e"),
      bytes: fc.oneof(fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: 1, max: 2 * gatheredBytesMax })),
      takes: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(askAt, { size: "max", maxLength: 60 }), (given) => {
        const waiting = new Waiting()
        const last = new Map<string, number>()
        const here = new Map<string, number>()
        const waited = new Map<string, number>()
        let left = 0
        const take = (): number => {
          const asks = waiting.take()
          const groups = new Set<string>()
          for (const { batch } of asks) {
            const { group, write } = batch[0]!
            expect(write.sequence).toBeGreaterThan(last.get(group) ?? -1)
            last.set(group, write.sequence)
            here.set(group, here.get(group)! - 1)
            groups.add(group)
          }
          if (asks.length > 1) {
            expect(asks.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(gatheredBytesMax)
          }
          for (const [group, count] of here) {
            const misses = count === 0 || groups.has(group) ? 0 : (waited.get(group) ?? 0) + 1
            waited.set(group, misses)
            // Of each of the four others once.
            expect(misses).toBeLessThanOrEqual(4)
          }
          return asks.length
        }
        for (const [sequence, { group, bytes, takes }] of given.entries()) {
          waiting.add(askOf(group, sequence, bytes))
          here.set(group, (here.get(group) ?? 0) + 1)
          if (takes) left += take()
        }
        for (let count = take(); count > 0; count = take()) left += count
        expect(left).toBe(given.length)
      }),
    )
  })
})
