// Who leads by decree, and in which term, when it is asked of more than one? (HAZARDS E1, O7)

import { expect, test } from "bun:test"
import { step } from "../../src/consensus/step.ts"
import { takeTurn } from "../../src/consensus/turn.ts"
import { configuration, given, NOW } from "./support.ts"

const addresses = Object.fromEntries(
  ["a", "b", "c", "d", "e"].map((id) => [id, { peer: `${id}:1`, client: "" }]),
)
const five = configuration({ voters: ["a", "b", "c", "d", "e"], addresses })

const byDecree = (id: string, voters: ReadonlyArray<string>) => {
  const node = given({ id, configuration: five })
  step(node, { type: "ResetAsked", voters, origin: {} }, NOW)
  const { write } = takeTurn(node)
  step(node, { type: "Persisted", sequence: write!.sequence }, NOW)
  return node
}

test("two nodes that are asked at the same time never lead in the same term", () => {
  const [a, b] = [byDecree("a", ["a", "b"]), byDecree("b", ["a", "b"])]
  expect([a.role.kind, b.role.kind]).toEqual(["leader", "leader"])
  expect(a.term).not.toBe(b.term)
})

test("a node that is about to lead by one word takes no other", () => {
  const node = given({ id: "a", configuration: five })
  step(node, { type: "ResetAsked", voters: ["a", "b"], origin: {} }, NOW)
  step(node, { type: "ResetAsked", voters: ["a"], origin: {} }, NOW)
  const { judged } = takeTurn(node)
  expect(judged.map(({ verdict }) => verdict)).toMatchObject([
    { voters: ["a", "b"] },
    { code: "change-in-progress" },
  ])
})
