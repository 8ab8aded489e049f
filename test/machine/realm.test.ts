// Is a reducer kept to its state, its input and its ctx, in every realm in which reducers run?

import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { bundleSource } from "../../src/machine/bundle.ts"
import { refusalOf } from "../../src/machine/realm/forbidden.ts"
import {
  closed,
  closedForEver,
  fixed,
  forgotten,
  largeEnough,
  moduleOf,
  open,
  remembered,
  tooLarge,
  unfrozen,
} from "./realmCases.ts"
import { type Answer, answersOf } from "./realmPlace.ts"
import { inProcess, inWorker } from "./realmPlaces.ts"

const bundled = async (expressions: ReadonlyArray<string>): Promise<string> =>
  (await Effect.runPromise(bundleSource({ name: "tries", source: moduleOf(expressions) }))).code

type Place = (code: string) => ReadonlyArray<Answer> | Promise<ReadonlyArray<Answer>>

/** Closed for ever. */
const ownRealms: Readonly<Record<string, Place>> = {
  "a thread of its own": inWorker,
  "a process of its own": inProcess,
}
const places: Readonly<Record<string, Place>> = { "the realm of the host": answersOf, ...ownRealms }

/** All cases at once: that costs one bundle and one realm. */
const compare = async (
  place: Place,
  cases: ReadonlyArray<readonly [string, (answer: Answer | undefined) => void]>,
): Promise<void> => {
  const answers = await place(await bundled(cases.map(([expression]) => expression)))
  for (const [at, [expression, check]] of cases.entries()) {
    try {
      check(answers[at])
    } catch (error) {
      throw new Error(`${expression}: ${(error as Error).message}`)
    }
  }
  expect(answers).toHaveLength(cases.length)
}

const gives = (value: unknown) => (answer: Answer | undefined) =>
  // As it crosses from a thread.
  expect(JSON.parse(JSON.stringify(answer))).toEqual(JSON.parse(JSON.stringify({ gives: value })))
const throws = (text: string) => (answer: Answer | undefined) => expect(answer).toEqual({ throws: text })

for (const [name, place] of Object.entries(places)) {
  describe(name, () => {
    test("closes everything that differs from node to node, by every way to it (HAZARDS D2)", () =>
      compare(
        place,
        closed.map(([expression, path]) => [expression, throws(String(refusalOf(path)))]),
      ))

    test("leaves open what is determined", () =>
      compare(
        place,
        open.map(([expression, value]) => [expression, gives(value)]),
      ))
  })
}

for (const [name, place] of Object.entries(ownRealms)) {
  describe(`${name}, where reducers live alone,`, () => {
    test("closes what is left of the last match", () =>
      compare(
        place,
        closedForEver.map(([expression, path]) => [expression, throws(String(refusalOf(path)))]),
      ))

    test("lets nobody change what others share", () =>
      compare(
        place,
        fixed.flatMap(([expression, unchanged]) => [
          [expression, (answer) => expect(answer).toHaveProperty("throws")] as const,
          [unchanged, gives(true)] as const,
        ]),
      ))

    test("has effect remember nothing of what all share, and a module what it likes", () =>
      compare(place, [
        ...forgotten.flatMap(([expression, unchanged]) => [
          [`void (${expression})`, gives(undefined)] as const,
          [unchanged, gives(true)] as const,
        ]),
        ...remembered.map(([expression, value]) => [expression, gives(value)] as const),
      ]))

    test("lets no global go, not even for the host", async () => {
      // The one in which effect keeps its current fiber; modules do not see it.
      expect(await place("")).toEqual([{ gives: ["~effect/Fiber/currentFiber"] }])
    })

    test("leaves no object that one module could write a message on for another", () =>
      compare(place, [[unfrozen, gives([])]]))

    test("says the same no on every node to one allocation that is too large (HAZARDS D5)", () =>
      compare(place, [
        ...tooLarge.map(
          ([expression, refused]) =>
            [
              expression,
              (answer: Answer | undefined) =>
                expect((answer as { throws: string }).throws).toStartWith(
                  `RangeError: ${refused} is too large for a reducer`,
                ),
            ] as const,
        ),
        ...largeEnough.map(([expression, value]) => [expression, gives(value)] as const),
      ]))
  })
}
