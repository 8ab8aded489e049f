// Can a user write a model as the documentation says, and do the models that ship answer as their actors do?

import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { Json } from "../../src/machine/actor.ts"
import { actorModel } from "../../src/simulation/actorModel.ts"
import { checkHistory } from "../../src/simulation/checkHistory.ts"
import type { Operation } from "../../src/simulation/history.ts"
import { linearize } from "../../src/simulation/linearizability.ts"
import type { Model } from "../../src/simulation/Model.ts"
import { models } from "../../src/simulation/models.ts"

const ok = (op: string, input: Json, output: Json, start: number, end: number): Operation => ({
  client: "a",
  op,
  instance: `${op.split(/[.?]/)[0]}/x`,
  input,
  output,
  start,
  end,
  outcome: "ok",
})

describe("the examples of the documentation", () => {
  // The example of Model.ts.
  const lamp: Model<boolean> = {
    initial: () => false,
    step: (isLit, { op, output, outcome }) => {
      if (op === "lamp?isLit") return output === isLit ? isLit : null
      // A toggle answers what it made of it, where its answer is known.
      return outcome === "unknown" || output === !isLit ? !isLit : null
    },
  }
  // The end of the example.

  test("a lamp is as it was left", () => {
    const toggled = ok("lamp.toggle", null, true, 0, 1)
    expect(linearize(lamp, [toggled, ok("lamp?isLit", null, true, 2, 3)]).kind).toBe("linearizable")
    expect(linearize(lamp, [toggled, ok("lamp?isLit", null, false, 2, 3)]).kind).toBe("violation")
    const unknown: Operation = { ...toggled, output: null, end: null, outcome: "unknown" }
    expect(linearize(lamp, [unknown, ok("lamp?isLit", null, true, 2, 3)]).kind).toBe("linearizable")
    expect(linearize(lamp, [unknown, ok("lamp.toggle", null, true, 2, 3)]).kind).toBe("linearizable")
    expect(linearize(lamp, [unknown, ok("lamp.toggle", null, false, 2, 3)]).kind).toBe("linearizable")
  })

  const violationsOfGate = (operations: ReadonlyArray<Operation>) => {
    // The example of actorModel.ts.
    const gate = actorModel<number>({
      initial: () => 0,
      commands: {
        enter: (inside, { people }: { people: number }) =>
          inside + people > 10 ? { refused: "full" } : { state: inside + people, result: null },
      },
      queries: { inside: (inside) => inside },
    })
    const violations = checkHistory(operations, { models: { ...models, gate } })
    // The end of the example.
    return violations
  }

  test("a gate lets ten people in", () => {
    const first = ok("gate.enter", { people: 7 }, { result: null, revision: 1 }, 0, 1)
    const second = ok("gate.enter", { people: 4 }, { result: null, revision: 2 }, 2, 3)
    const full: Operation = { ...second, output: "full", outcome: "refused" }
    const inside = ok("gate?inside", null, { result: 7, revision: 1 }, 4, 5)
    expect(violationsOfGate([first, full, inside])).toEqual([])
    expect(violationsOfGate([first, second])).toHaveLength(1)
    expect(violationsOfGate([full, { ...first, start: 4, end: 5 }])).toHaveLength(1)
  })

  test.each(["Model.ts", "actorModel.ts"])("the one in %s is the one above", (file) => {
    const source = readFileSync(join(import.meta.dir, "../../src/simulation", file), "utf8")
    const documented = /```ts\n([^`]*)```/.exec(source)![1]!.replace(/^ \* ?/gm, "")
    const here = readFileSync(import.meta.path, "utf8")
    const [, tested] = new RegExp(`// The example of ${file}.\n([^]*?)\n *// The end`).exec(here)!
    const indentation = /^ */.exec(tested!)![0]
    expect(tested!.replaceAll(new RegExp(`^${indentation}`, "gm"), "")).toBe(documented.trim())
  })
})

describe("what is no history", () => {
  test.each<[string, Json]>([
    ["nothing", null],
    ["no object", 3],
    ["no revision", { result: 0 }],
    ["a revision that is no number", { result: 0, revision: "0" }],
    ["a revision that is no whole number", { result: 0, revision: 0.5 }],
    ["a revision below zero", { result: 0, revision: -1 }],
    ["no result", { revision: 0 }],
    ["a result of another kind", { result: { value: 0 }, revision: 0 }],
    ["no list", { result: null, revision: 0 }],
  ])("an answer with %s is explained by nothing", (_what, output) => {
    for (const op of ["register?value", "counter?value", "list?items"]) {
      expect(checkHistory([ok(op, null, output, 0, 1)])).toHaveLength(1)
    }
    for (const command of [
      ok("register.set", { value: 1 }, output, 0, 1),
      ok("list.append", { item: "x" }, output, 0, 1),
    ]) {
      expect(checkHistory([command])).toHaveLength(1)
    }
  })

  test.each(["register.reset", "register?all", "register.toString", "register?hasOwnProperty", "register"])(
    "%s, of which the model does not know, is explained by nothing",
    (op) => {
      const output = { result: 0, revision: op.includes("?") ? 0 : 1 }
      expect(checkHistory([{ ...ok(op, null, output, 0, 1), instance: "register/x" }])).toHaveLength(1)
    },
  )

  test("a list that becomes something else is explained by nothing", () => {
    const appends = [1, 2].map((at) => ok("list.append", { item: "x" }, { result: at, revision: at }, at, at))
    const read = ok("list?items", null, { result: null, revision: 2 }, 3, 4)
    expect(checkHistory([...appends, read])).toHaveLength(1)
  })

  test("an operation that ends before it starts is broken code, and so is an answer without an end", () => {
    const read = ok("register?value", null, { result: 0, revision: 0 }, 5, 4)
    expect(() => checkHistory([read])).toThrow("ends when it has started: 4 against 5")
    expect(() => checkHistory([{ ...read, end: null }])).toThrow("ends when it has started: null against 5")
  })

  test("a model whose revision stands still is broken code", () => {
    const still: Model<number> = {
      initial: () => 0,
      step: (state, { op }) => (op.includes("?") ? state : state + 1),
      revisions: { of: () => 0, seenBy: () => null },
    }
    expect(() => linearize(still, [ok("register.set", { value: 1 }, 0, 0, 1)])).toThrow("raises the revision")
  })
})

describe("what a model is asked", () => {
  const read = ok("set?has", { item: "x" }, true, 0, 1)
  const unknown = { output: null, end: null, outcome: "unknown" } as const

  test("nothing about a query that nobody answered, and no revision of what was refused", () => {
    const asked: Array<Operation> = []
    const model: Model<number> = {
      initial: () => 0,
      step: (state, operation) => {
        asked.push(operation)
        return operation === read ? null : state
      },
      revisions: {
        of: (state) => state,
        seenBy: (operation) => {
          expect(operation.outcome).toBe("ok")
          return null
        },
      },
    }
    const refused: Operation = { ...read, op: "set.add", output: "full", outcome: "refused" }
    const unheard: Operation = { ...read, ...unknown }
    expect(linearize(model, [unheard, refused, read]).kind).toBe("violation")
    expect(asked).not.toContain(unheard)
    expect(asked).toContain(refused)
  })

  test("an unknown operation that changes nothing is not tried in every order", () => {
    const model: Model<ReadonlyArray<Json>> = {
      initial: () => [],
      step: (items, { op, input }) => {
        if (op === "set?has") return items.includes(input) ? items : null
        return items.filter((item) => item !== input)
      },
    }
    const removals = Array.from({ length: 12 }, (_, item) => ({
      ...ok("set.remove", item, null, 0, 1),
      ...unknown,
    }))
    expect(linearize(model, [...removals, read])).toMatchObject({ kind: "violation", deadEnds: 1 })
  })
})
