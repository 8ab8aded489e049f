// Does the smallest actor count?

import { expect, test } from "bun:test"
import { testActor } from "raftlet/testing"
import counter from "../../actors/counter.ts"
import { registryOf } from "../../src/machine/Registry.ts"
import { Bench, command, refusalOf } from "../machine/Bench.ts"

const bench = () => new Bench(registryOf({ counter }))

test("a counter adds, and tells its value", () => {
  const at = bench()
  for (const by of [3, 0, -5]) at.propose(command({ json: { by } }))
  expect(at.read("value")).toEqual({ result: -2, revision: 3, index: 3 })
})

test("a counter tells those who watch it", () => {
  const subject = testActor(counter)
  for (const by of [3, -5]) subject.execute("a", "add", { by })
  expect(subject.events("a")).toEqual([
    { event: "added", data: { by: 3, value: 3 } },
    { event: "added", data: { by: -5, value: -2 } },
  ])
})

test("a counter that would leave the exact numbers refuses", () => {
  const at = bench()
  at.propose(command({ json: { by: Number.MAX_SAFE_INTEGER } }))
  expect(refusalOf(at.propose(command({ json: { by: 1 } })))).toMatchObject({
    code: "rejected",
    reason: { code: "out-of-range" },
  })
  expect(at.read("value")).toMatchObject({ result: Number.MAX_SAFE_INTEGER })
})
