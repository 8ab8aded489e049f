// What does every compartment promise, be it a Worker or a child process?

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { Effect, Fiber } from "effect"
import type { CompartmentFault } from "../../src/machine/compartment/Compartment.ts"
import { until } from "../process/support/wait.ts"
import { ask, guest, isGone, type Kind, kinds, provoke, requestOf, within } from "./compartments.ts"
import { removeTemporary, temporary } from "./places.ts"

setDefaultTimeout(60_000)
afterEach(removeTemporary)

for (const kind of Object.keys(kinds) as ReadonlyArray<Kind>) {
  describe(`a compartment in a ${kind}`, () => {
    const open = kinds[kind]

    test("answers each request, in the order of the calls", () =>
      within(
        kind,
        {},
        Effect.fnUntraced(function* (compartment) {
          const rests = ["a", "", "x".repeat(1_000), "y".repeat(1_500_000), "z"]
          const asked = rests.map((rest) => ask(compartment, "length", rest))
          const order: Array<number> = []
          const answers = yield* Effect.all(
            asked.map((answer, at) => Effect.tap(answer, () => Effect.sync(() => order.push(at)))),
            { concurrency: "unbounded" },
          )
          expect(answers).toEqual(rests.map((rest) => `${rest.length}`))
          expect(order).toEqual([0, 1, 2, 3, 4])
        }),
      ))

    test("hands over bytes as they are, and leaves the caller its own", () =>
      within(
        kind,
        {},
        Effect.fnUntraced(function* (compartment) {
          const bytes = Uint8Array.from({ length: 300_000 }, (_, at) => (at * 7) % 256)
          bytes.set(requestOf("echo"), 1)
          const request = bytes.subarray(1)
          const before = request.slice()
          expect(yield* compartment.call(request, 1_000)).toEqual(before)
          expect(request).toEqual(before)
        }),
      ))

    test("takes an answer that is a part of a buffer, and leaves the rest of it to whoever holds it", () =>
      within(
        kind,
        {},
        Effect.fnUntraced(function* (compartment) {
          expect(yield* ask(compartment, "view")).toBe("right")
          expect(yield* ask(compartment, "whole")).toBe("left|right")
        }),
      ))

    test("serves on in a realm that is closed behind it", () =>
      within(
        kind,
        {},
        Effect.fnUntraced(function* (compartment) {
          yield* ask(compartment, "closeRealm")
          expect(yield* ask(compartment, "length", "1234")).toBe("4")
        }),
      ))

    for (const act of ["loop", "pattern"]) {
      test(`that does not end is ended: ${act}`, () =>
        within(
          kind,
          {},
          Effect.fnUntraced(function* (compartment) {
            const thread = yield* ask(compartment, "whoServes")
            const asked = [provoke(compartment, act), provoke(compartment, "length", "behind it")]
            const [guilty, waiting] = yield* Effect.all(asked, { concurrency: "unbounded" })
            expect(guilty!.message).toMatch(/^deadline: /)
            expect(waiting!.message).toBe(`ended: after ${guilty!.message}`)
            expect(yield* provoke(compartment, "length", "later")).toMatchObject({ kind: "ended" })
            yield* Effect.promise(() => until("the thread to be gone", () => isGone(thread) || null))
            expect(yield* provoke(compartment, "length", "much later")).toMatchObject({ kind: "ended" })
          }),
        ))
    }

    test("has the time that it computes counted, not the time that passes", () =>
      within(
        kind,
        {},
        Effect.fnUntraced(function* (compartment) {
          expect(yield* ask(compartment, "sleep", "200", 100)).toBe("slept")
        }),
      ))

    test("that neither computes nor answers is ended, too", () =>
      within(
        kind,
        {},
        Effect.fnUntraced(function* (compartment) {
          expect(yield* provoke(compartment, "sleep", "60000", 20)).toMatchObject({
            kind: "starved",
            detail: expect.stringMatching(/^no answer after 200 ms, in which it computed for \d+ ms$/),
          })
        }),
      ))

    const crashes: Record<string, readonly [act: string, rest: string, detail: string]> = {
      throws: ["throw", "out of range", "it threw Error: out of range"],
      "throws what has no text": ["throwNoText", "", "it threw "],
      "overflows its stack": ["recurse", "", "it threw RangeError: Maximum call stack size exceeded."],
      "answers with no bytes": ["noBytes", "", "it threw TypeError: the answer is no bytes"],
      "answers too much": ["large", "2001", "the answer has 2001 bytes, and 2000 are allowed"],
      "is asked too much": ["length", "x".repeat(2_000), "the request has 2007 bytes, and 2000 are allowed"],
      exits: ["exit", "3", kind === "child" ? "the process ended (3)" : "the thread ended"],
    }
    for (const [what, [act, rest, detail]] of Object.entries(crashes)) {
      test(`that ${what} has crashed`, () =>
        within(
          kind,
          { frameBytesMax: 2_000 },
          Effect.fnUntraced(function* (compartment) {
            expect(yield* provoke(compartment, act, rest)).toMatchObject({ kind: "crash", detail })
            expect(yield* provoke(compartment, "length")).toMatchObject({
              kind: "ended",
              detail: `after crash: ${detail}`,
            })
          }),
        ))
    }

    test("answers as much as is allowed", () =>
      within(
        kind,
        { frameBytesMax: 2_000 },
        Effect.fnUntraced(function* (compartment) {
          expect(yield* compartment.call(requestOf("large", "2000"), 1_000)).toHaveLength(2_000)
          expect(yield* ask(compartment, "length", "x".repeat(1_993))).toBe("1993")
        }),
      ))

    test("gives nobody the answer of one who has stopped waiting", () =>
      within(
        kind,
        {},
        Effect.fnUntraced(function* (compartment) {
          const first = yield* Effect.forkChild(ask(compartment, "sleep", "50"))
          const second = yield* Effect.forkChild(ask(compartment, "length", "1"))
          yield* Effect.yieldNow
          yield* Fiber.interrupt(first)
          yield* Fiber.interrupt(second)
          expect(yield* ask(compartment, "length", "123")).toBe("3")
        }),
      ))

    test("ends with its scope, in the midst of whatever it does", async () => {
      const faults: Array<Promise<CompartmentFault>> = []
      let thread = ""
      await within(
        kind,
        {},
        Effect.fnUntraced(function* (compartment) {
          thread = yield* ask(compartment, "whoServes")
          for (const act of ["loop", "length"])
            faults.push(Effect.runPromise(provoke(compartment, act, "", 60_000)))
          yield* Effect.yieldNow
        }),
      )
      const ended = { kind: "ended", detail: "the compartment was closed" }
      expect(await Promise.all(faults)).toMatchObject([ended, ended])
      await until("the thread to be gone", () => isGone(thread) || null)
    })

    const entries: Record<string, readonly [code: string, fault: object, startMillisMax?: number]> = {
      "throws while it is loaded": [
        "throw new Error('not today')",
        { kind: "crash", detail: expect.stringContaining("not today") },
      ],
      "loads nothing that can be found": [
        "import './nowhere.ts'",
        { kind: "crash", detail: expect.stringContaining("nowhere.ts") },
      ],
      "does not serve": ["setInterval(() => {}, 1000)", { kind: "deadline" }, 500],
      "never ends loading": ["while (true) {}", { kind: "deadline" }, 500],
    }
    for (const [what, [code, fault, startMillisMax = 60_000]] of Object.entries(entries)) {
      test(`does not open when its file ${what}`, async () => {
        const file = join(temporary(), "entry.ts")
        writeFileSync(file, code)
        const opening = open({ entry: pathToFileURL(file), limits: { startMillisMax } })
        expect(await Effect.runPromise(Effect.flip(Effect.scoped(opening)))).toMatchObject(fault)
      })
    }

    test("does not open when there is no such file", async () => {
      const opening = open({ entry: new URL("./nowhere.ts", guest) })
      expect(await Effect.runPromise(Effect.flip(Effect.scoped(opening)))).toMatchObject({
        kind: "crash",
        detail: expect.stringContaining("nowhere.ts"),
      })
    })
  })
}
