// Does the checker come to an end, and to the right one, when histories are long and much is unknown?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { checkHistory } from "../../src/simulation/checkHistory.ts"
import type { Operation } from "../../src/simulation/history.ts"
import { linearize } from "../../src/simulation/linearizability.ts"
import { modelOf, models } from "../../src/simulation/models.ts"
import { Random } from "../consensus/Random.ts"
import { generate, spoil, type Weather } from "./generate.ts"
import { picture } from "./picture.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(60_000)

const actors = ["register", "counter", "list"] as const

const weather: Weather = {
  seed: 1,
  actor: "register",
  operations: 3000,
  clients: 8,
  queries: 0.4,
  unknown: 0.02,
  conditional: 0.1,
  never: 0.5,
  lateMillis: 30,
  values: 100,
  waitMillis: 10,
  cut: null,
}

const unknownIn = (operations: ReadonlyArray<Operation>): number =>
  operations.filter(({ outcome }) => outcome === "unknown").length

describe("a history of 3,000 operations by one machine is linearizable, found nearly straight (C9)", () => {
  const kinds: Readonly<Record<string, Partial<Weather>>> = {
    "unknown ones happen at once": {},
    "unknown ones happen much later": { lateMillis: 10_000 },
    "hardly anybody looks": { queries: 0.02, lateMillis: 10_000 },
    "every tenth is unknown": { unknown: 0.1, lateMillis: 5000 },
    "64 clients at one instance": { clients: 64, lateMillis: 500 },
    "cut off again and again, and all that waited happens at once": {
      cut: { everyMillis: 2000, forMillis: 500, patienceMillis: 200 },
    },
    "the same, with every value of its own": {
      values: 1_000_000,
      cut: { everyMillis: 2000, forMillis: 500, patienceMillis: 200 },
    },
  }
  for (const [kind, change] of Object.entries(kinds)) {
    // Which of many summands make a large sum is a riddle of its own, and not worth solving.
    for (const actor of actors.filter((one) => one !== "counter" || change.values === undefined)) {
      test(`${actor}: ${kind}`, () => {
        for (let seed = 1; seed <= 3; seed++) {
          const operations = generate({ ...weather, ...change, actor, seed })
          expect(unknownIn(operations)).toBeGreaterThan(30)
          const { kind, deadEnds } = linearize(modelOf(`${actor}/x`)!, operations)
          expect(kind).toBe("linearizable")
          expect(deadEnds).toBeLessThan(operations.length)
        }
      })
    }
  }
})

describe("one lie among 3,000 operations, with dozens unknown, is found (C9)", () => {
  const isQuery = ({ op, outcome }: Operation) => op.includes("?") && outcome === "ok"
  const isCommand = ({ op, outcome }: Operation) => op.includes(".") && outcome === "ok"

  const expectFound = (
    actor: Weather["actor"],
    lie: (history: ReadonlyArray<Operation>) => Operation,
  ): void => {
    for (let seed = 1; seed <= 3; seed++) {
      const cut = { everyMillis: 2000, forMillis: 500, patienceMillis: 200 }
      // With few values, something unknown would soon be an excuse.
      const values = actor === "counter" ? 100 : 1_000_000
      const operations = generate({ ...weather, actor, seed, cut, values })
      const spoilt = lie(operations)
      const isVictim = ({ client, start }: Operation) => client === spoilt.client && start === spoilt.start
      const verdict = linearize(
        modelOf(spoilt.instance)!,
        operations.map((one) => (isVictim(one) ? spoilt : one)),
      )
      expect(verdict.kind).toBe("violation")
      expect(verdict.deadEnds).toBeLessThan(5000)
    }
  }

  test.each(actors)("%s: an old answer", (actor) =>
    expectFound(actor, (history) => {
      const queries = history.filter(isQuery)
      return { ...queries[700]!, output: queries[300]!.output }
    }),
  )

  test.each(["register", "list"] as const)("%s: what was said to be rejected happened", (actor) =>
    expectFound(actor, (history) => ({
      ...history.filter(isCommand)[900]!,
      outcome: "rejected",
      output: null,
    })),
  )
})

test("400 histories of 8 to 40 operations get the same verdict with and without foresight", () => {
  const found: Record<string, number> = {}
  for (let seed = 1; seed <= 400; seed++) {
    const random = new Random(seed)
    const actor = random.pick(actors)
    let operations = generate({
      ...weather,
      seed,
      actor,
      operations: random.between(8, 40),
      clients: random.between(2, 6),
      queries: random.pick([0.1, 0.4]),
      unknown: random.pick([0, 0.1, 0.2]),
      lateMillis: random.pick([0, 20, 200]),
      values: random.pick([2, 6, 1000]),
      waitMillis: 5,
      cut: random.chance(0.5) ? { everyMillis: 60, forMillis: 20, patienceMillis: 10 } : null,
    })
    for (let lie = random.pick([0, 0, 1, 2]); lie > 0; lie--) operations = spoil(operations, random)
    const { revisions: _, ...unhinted } = models[actor]!
    const { kind } = linearize(models[actor]!, operations)
    const slow = linearize(unhinted, operations, 5000)
    if (slow.kind !== "undecided") expect(`seed ${seed}: ${kind}`).toBe(`seed ${seed}: ${slow.kind}`)
    found[slow.kind] = (found[slow.kind] ?? 0) + 1
  }
  expect(found.linearizable).toBeGreaterThan(200)
  expect(found.violation).toBeGreaterThan(50)
})

test("a search that would not end stops at its limit, and says that nothing is proved", () => {
  // In any order, and nobody looks.
  const appends = Array.from({ length: 14 }, (_, at) => `a [append ${at} ?`)
  const { operations } = picture("list", [...appends, "b       [append x !reducer-threw]"].join("\n"))
  const [violation, ...others] = checkHistory(operations, { deadEndsMax: 1000 })
  expect(others).toEqual([])
  expect(violation).toMatchObject({
    kind: "undecided",
    message:
      "list/x: undecided after 1000 dead ends: so far " +
      'b: list.append {"item":"x"} refused: "reducer-threw" (8–32) does not fit at the beginning',
  })
})
