// Do the parts of a compartment that need no process keep what they promise?

import { describe, expect, test } from "bun:test"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { AnswerReader } from "../../src/machine/compartment/AnswerReader.ts"
import { type Compartment, fault } from "../../src/machine/compartment/Compartment.ts"
import { keepSpare } from "../../src/machine/compartment/keepSpare.ts"
import { outOfPatience } from "../../src/machine/compartment/patience.ts"
import { type Answer, statuses } from "../../src/machine/compartment/protocol.ts"

describe("an answer", () => {
  const frameOf = ({ number, status, bytes }: Answer): Uint8Array => {
    const frame = Buffer.alloc(9 + bytes.length)
    frame.writeUInt32LE(bytes.length, 0)
    frame.writeUInt32LE(number, 4)
    frame.writeUInt8(statuses.indexOf(status), 8)
    frame.set(bytes, 9)
    return frame
  }

  test("comes whole out of pieces of any size, and so does the one behind it", () => {
    const answers = fc.record({
      number: fc.nat({ max: 2 ** 32 - 1 }),
      status: fc.constantFrom(...statuses),
      bytes: fc.uint8Array({ maxLength: 50 }),
    })
    fc.assert(
      fc.property(
        fc.array(answers),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
        (given, sizes) => {
          const reader = new AnswerReader(50)
          const read: Array<Answer> = []
          let piece = 0
          for (const answer of given) {
            const frame = frameOf(answer)
            for (let at = 0; at < frame.length; ) {
              const size = sizes[piece++ % sizes.length]!
              const ended = Effect.runSync(reader.push(frame.slice(at, at + size)))
              at += size
              if (ended !== null) read.push(ended)
              expect(ended !== null).toBe(at >= frame.length)
            }
          }
          expect(read).toEqual(given)
        },
      ),
    )
  })

  test("is refused by its head, before any of it has come", () => {
    const head = frameOf({ number: 1, status: "answered", bytes: new Uint8Array(51) }).subarray(0, 9)
    expect(Effect.runSync(Effect.flip(new AnswerReader(50).push(head)))).toMatchObject({
      kind: "crash",
      detail: "the answer has 51 bytes, and 50 are allowed",
    })
  })
})

describe("patience", () => {
  /** What is told at the end of `millis`, while each of them adds `cpu` ms of computing and `bytes` of memory. */
  const tell = (millis: number, { cpu, bytes }: { cpu: number | null; bytes: number | null }) =>
    Effect.runPromise(
      Effect.gen(function* () {
        let passed = 0
        const usage = {
          cpuMillis: () => (cpu === null ? null : 1_000_000 + passed * cpu),
          residentBytes: () => (bytes === null ? null : passed * bytes),
        }
        const told = yield* Effect.forkChild(Effect.flip(outOfPatience(usage, 100, 10_000)))
        for (; passed < millis; passed += 5) {
          yield* TestClock.adjust(5)
          yield* Effect.yieldNow
        }
        const exit = told.pollUnsafe()
        yield* Fiber.interrupt(told)
        return exit === undefined || Exit.isFailure(exit) ? null : exit.value.message
      }).pipe(Effect.provide(TestClock.layer())),
    )

  test("ends with what was computed for this request, not before it", async () => {
    expect(await tell(95, { cpu: 1, bytes: 1 })).toBe(null)
    expect(await tell(120, { cpu: 1, bytes: 1 })).toBe("deadline: it computed for 100 ms")
  })

  test("lasts ten times as long for who gets no CPU", async () => {
    expect(await tell(990, { cpu: 0.01, bytes: 1 })).toBe(null)
    expect(await tell(1_010, { cpu: 0.01, bytes: 1 })).toBe(
      "starved: no answer after 1000 ms, in which it computed for 9 ms",
    )
  })

  test("lasts as long where nothing is known", async () => {
    expect(await tell(990, { cpu: null, bytes: null })).toBe(null)
    expect(await tell(1_010, { cpu: null, bytes: null })).toBe("deadline: no answer after 1000 ms")
  })

  test("ends with more memory than there may be", async () => {
    expect(await tell(100, { cpu: 0.1, bytes: 100 })).toBe(null)
    expect(await tell(120, { cpu: 0.1, bytes: 100 })).toBe(
      "memory: 10500 bytes in memory, and 10000 are allowed",
    )
  })
})

describe("a spare compartment", () => {
  const fake: Compartment = {
    call: () => Effect.succeed(new Uint8Array(0)),
    memoryBytes: Effect.succeed(null),
    cpuMillis: Effect.succeed(null),
  }

  /** Notes what it opens and closes. */
  const shop = () => {
    const log: Array<string> = []
    let opened = 0
    let isBroken = false
    const open = Effect.suspend(() => {
      if (isBroken) return Effect.fail(fault("crash", "no process"))
      const number = ++opened
      log.push(`open ${number}`)
      return Effect.acquireRelease(Effect.succeed({ ...fake }), () =>
        Effect.sync(() => log.push(`close ${number}`)),
      )
    })
    const setBroken = (broken: boolean) => {
      isBroken = broken
    }
    return { log, open, setBroken }
  }

  const settled = Effect.gen(function* () {
    for (let round = 0; round < 20; round++) yield* Effect.yieldNow
  })

  const run = (body: Effect.Effect<unknown, unknown, Scope.Scope>) => Effect.runPromise(Effect.scoped(body))

  test("is there ahead of need, and another one as soon as it is taken", async () => {
    const { log, open } = shop()
    await run(
      Effect.gen(function* () {
        const take = yield* keepSpare(open)
        yield* settled
        expect(log).toEqual(["open 1"])
        yield* take
        yield* settled
        expect(log).toEqual(["open 1", "open 2"])
      }),
    )
    expect(log.sort()).toEqual(["close 1", "close 2", "open 1", "open 2"])
  })

  test("belongs to who has taken it", async () => {
    const { log, open } = shop()
    await run(
      Effect.gen(function* () {
        const take = yield* keepSpare(open)
        yield* settled
        yield* Effect.scoped(take)
        yield* settled
        expect(log.toSorted()).toEqual(["close 1", "open 1", "open 2"])
      }),
    )
  })

  test("ends with its keeper unless it is taken", async () => {
    const { log, open } = shop()
    await run(
      Effect.gen(function* () {
        const taker = yield* Scope.make()
        const keeping = Effect.gen(function* () {
          const take = yield* keepSpare(open)
          yield* Scope.provide(take, taker)
          yield* settled
          return take
        })
        const take = yield* Effect.scoped(keeping)
        expect(log).toEqual(["open 1", "open 2", "close 2"])
        expect(yield* Effect.flip(take)).toMatchObject({ kind: "ended" })
        yield* Scope.close(taker, Exit.void)
        expect(log).toEqual(["open 1", "open 2", "close 2", "close 1"])
      }),
    )
  })

  test("that could not be opened is tried again by who wants it", async () => {
    const { log, open, setBroken } = shop()
    await run(
      Effect.gen(function* () {
        setBroken(true)
        const take = yield* keepSpare(open)
        yield* settled
        expect(yield* Effect.flip(take)).toMatchObject({ kind: "crash", detail: "no process" })
        yield* settled
        setBroken(false)
        yield* take
        expect(log[0]).toBe("open 1")
      }),
    )
  })
})
