// Does the checker accept what one machine could have answered, and see every lie?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import type { Json } from "../../src/machine/actor.ts"
import type { Executed, Operation } from "../../src/simulation/history.ts"
import { linearize } from "../../src/simulation/linearizability.ts"
import type { Model } from "../../src/simulation/Model.ts"
import { modelOf } from "../../src/simulation/models.ts"
import { Search } from "../../src/simulation/Search.ts"
import { Random } from "../consensus/Random.ts"
import { impossible, possible } from "./drawn.ts"
import { generate, spoil } from "./generate.ts"
import { picture } from "./picture.ts"
import { isLinearizable } from "./twin.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(60_000)

const modelFor = (operations: ReadonlyArray<Operation>): Model<unknown> => modelOf(operations[0]!.instance)!

/** Revisions are then a part of the state and of the answers like any other. */
const unhinted = ({ revisions: _, ...model }: Model<unknown>): Model<unknown> => model

const tenfold = (model: Model<unknown>): Model<unknown> => {
  const { of, seenBy, mayLeadTo } = model.revisions!
  const times10 = (revision: number | null) => (revision === null ? null : revision * 10)
  return {
    ...model,
    revisions: {
      of: (state) => of(state) * 10,
      seenBy: (one) => times10(seenBy(one)),
      mayLeadTo: mayLeadTo!,
    },
  }
}

describe("what one machine could have answered is linearizable (C9)", () => {
  for (const { what, actor, drawing } of possible) {
    test(`${actor}: ${what}`, () => {
      const { operations } = picture(actor, drawing)
      expect(linearize(modelFor(operations), operations).kind).toBe("linearizable")
      expect(linearize(unhinted(modelFor(operations)), operations).kind).toBe("linearizable")
      expect(isLinearizable(operations)).toBe(true)
    })
  }
})

describe("what no machine could have answered is not, and it is said what does not fit (C9)", () => {
  for (const { what, actor, drawing } of impossible) {
    test(`${actor}: ${what}`, () => {
      const { operations, misfit } = picture(actor, drawing)
      const verdict = linearize(modelFor(operations), operations)
      expect(verdict).toMatchObject({ kind: "violation", furthest: { misfit: misfit! } })
      expect(linearize(unhinted(modelFor(operations)), operations).kind).toBe("violation")
      expect(isLinearizable(operations)).toBe(false)
    })
  }
})

test("two commands that do the same are not the same: each has its own time", () => {
  const at = (op: string, output: Json, start: number, end: number): Operation => {
    const input = op === "counter.add" ? { by: 1 } : null
    return { client: "a", op, instance: "counter/x", input, output, start, end, outcome: "ok" }
  }
  const slow = at("counter.add", null, 0, 100)
  const fast = at("counter.add", null, 10, 20)
  const looks = [at("counter?value", 1, 30, 40), at("counter?value", 2, 50, 60)]
  expect(linearize(bareCounter, [slow, fast, ...looks]).kind).toBe("linearizable")
})

describe("when one unknown operation would have to happen often", () => {
  const additions = Array.from({ length: 14 }, (_, at) => `a [add ${at + 1} ?`)

  test("its answer is a lie, however long it takes to see that", () => {
    const { operations } = picture("counter", [...additions, "b       [get → 7 @7]"].join("\n"))
    expect(linearize(modelFor(operations), operations).kind).toBe("violation")
  })

  test("that is no evidence against another answer", () => {
    const { operations } = picture(
      "counter",
      [...additions, "b       [get → 7 @7] [add 9 → 16 @8] [get → 5 @8]"].join("\n"),
    )
    const verdict = linearize(modelFor(operations), operations)
    if (verdict.kind !== "violation") throw new Error(verdict.kind)
    const { order } = verdict.furthest
    expect(new Set(order).size).toBe(order.length)
  })
})

describe("against trying every order (C9)", () => {
  const seeds = Number(process.env.RAFTLET_SEEDS ?? 2000)

  /** Few values, few milliseconds, few clients: much happens at once and looks alike. */
  const tiny = (seed: number): ReadonlyArray<Operation> => {
    const random = new Random(seed)
    const operations = generate({
      seed,
      actor: random.pick(["register", "counter", "list"]),
      operations: random.between(1, 7),
      clients: random.between(1, 4),
      queries: random.pick([0.2, 0.5]),
      unknown: random.pick([0, 0.2, 0.5]),
      conditional: random.pick([0, 0.3]),
      never: 0.4,
      lateMillis: 10,
      values: 2,
      waitMillis: random.between(1, 5),
      cut: null,
    })
    let spoilt = operations
    for (let lie = random.between(0, 3); lie > 0; lie--) spoilt = spoil(spoilt, random)
    return spoilt
  }

  const compare = (
    histories: (seed: number) => ReadonlyArray<Operation>,
    modelOf: (operations: ReadonlyArray<Operation>) => Model<unknown>,
  ): void => {
    const found = { linearizable: 0, violation: 0, undecided: 0 }
    for (let seed = 1; seed <= seeds; seed++) {
      const operations = histories(seed)
      const { kind } = linearize(modelOf(operations), operations)
      expect(`seed ${seed}: ${kind}`).toBe(`seed ${seed}: ${verdictOf(operations)}`)
      found[kind]++
    }
    // A comparison of one kind alone would prove half.
    expect(Math.min(found.linearizable, found.violation)).toBeGreaterThan(seeds / 30)
  }

  const verdictOf = (operations: ReadonlyArray<Operation>) =>
    isLinearizable(operations) ? "linearizable" : "violation"

  test(`${seeds} tiny histories with lies get the same verdict`, () => compare(tiny, modelFor))

  test("the same without foresight", () => compare(tiny, (operations) => unhinted(modelFor(operations))))

  test("the same when revisions rise by ten", () =>
    compare(tiny, (operations) => tenfold(modelFor(operations))))

  const bareModelFor = ([one]: ReadonlyArray<Operation>) => bareModels[one!.instance.split("/")[0]!]!

  test("the same when answers carry no revision", () =>
    compare((seed) => tiny(seed).map(withoutRevision), bareModelFor))

  test("the same when commands are answered with nothing", () =>
    compare((seed) => tiny(seed).map(withoutRevision).map(withoutResult), bareModelFor))

  test("the same when an unknown operation may have happened in another's place", () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const operations = tiny(seed)
      const isUnknown = ({ op, outcome }: Operation) => outcome === "unknown" && !op.includes("?")
      const unknown = operations.filter(isUnknown)
      const others = operations.filter((one) => !isUnknown(one))
      const choices = unknown.reduce<ReadonlyArray<ReadonlyArray<Operation>>>(
        (some) => some.flatMap((chosen) => unknown.map((one) => [...chosen, { ...one }])),
        [[]],
      )
      if (choices.length > 30) continue
      const expected = choices.some((chosen) => isLinearizable([...others, ...chosen]))
      const { kind } = new Search(modelFor(operations), operations, "often").run(1000)
      expect(`seed ${seed}: ${kind === "linearizable"}`).toBe(`seed ${seed}: ${expected}`)
    }
  })
})

const withoutRevision = (operation: Operation): Operation => {
  const { outcome, output } = operation
  // It spoke of nothing else.
  if (output === "revision-mismatch") return { ...operation, outcome: "rejected", output: null }
  const { ifRevision: _, ...input } = Object(operation.input)
  return {
    ...operation,
    input: operation.input === null ? null : input,
    output: outcome === "ok" ? (output as unknown as Executed).result : output,
  }
}

const withoutResult = (operation: Operation): Operation =>
  operation.outcome === "ok" && operation.op.includes(".") ? { ...operation, output: null } : operation

/** Whether somebody was answered so, or with nothing, or not at all. */
const isAnswer = ({ output }: Operation, expected: Json): boolean =>
  output === null || Bun.deepEquals(output, expected)

const bareRegister: Model<number> = {
  initial: () => 0,
  step: (value, operation) => {
    if (!isAnswer(operation, value)) return null
    return operation.op === "register.set" ? (operation.input as { readonly value: number }).value : value
  },
}

const bareCounter: Model<number> = {
  initial: () => 0,
  step: (value, operation) => {
    if (operation.op === "counter?value") return isAnswer(operation, value) ? value : null
    const { by } = operation.input as { readonly by: number }
    const isRefused = operation.outcome === "refused"
    if (by > 100 || isRefused) return isRefused && by > 100 && operation.output === "too-big" ? value : null
    return isAnswer(operation, value + by) ? value + by : null
  },
}

const bareList: Model<ReadonlyArray<string>> = {
  initial: () => [],
  step: (items, operation) => {
    if (operation.op === "list?items") return isAnswer(operation, items) ? items : null
    const { item } = operation.input as { readonly item: string }
    return isAnswer(operation, items.length + 1) ? [...items, item] : null
  },
}

const bareModels: Readonly<Record<string, Model<unknown>>> = {
  register: bareRegister,
  counter: bareCounter,
  list: bareList,
}
