// Which changes of `main` can other groups follow?

import { expect, test } from "bun:test"
import type { Change, Configuration, NodeId } from "../../src/consensus/types.ts"
import { canBeFollowed } from "../../src/groups/following.ts"

const addressOf = (id: NodeId) => ({ peer: `${id}:1`, client: "" })
const main = (...voters: ReadonlyArray<NodeId>): Configuration => ({
  voters,
  outgoing: [],
  learners: [],
  learnersNext: [],
  addresses: Object.fromEntries(voters.map((id) => [id, addressOf(id)])),
})
const set = (voters: ReadonlyArray<NodeId>, learners: ReadonlyArray<NodeId> = []): Change => ({
  kind: "set",
  voters,
  learners,
  addresses: Object.fromEntries([...voters, ...learners].map((id) => [id, addressOf(id)])),
})

test("a change can be followed while a majority of the voters stay members", () => {
  const three = main("n1", "n2", "n3")
  expect(canBeFollowed(three, { kind: "remove", id: "n3" })).toBe(true)
  expect(canBeFollowed(three, { kind: "replace", id: "n3", by: "n4", address: addressOf("n4") })).toBe(true)
  expect(canBeFollowed(three, set(["n1", "n4", "n5"], ["n2"]))).toBe(true)
  expect(canBeFollowed(three, set(["n1", "n2", "n3", "n4", "n5"]))).toBe(true)
})

test("one that lets go of half of them or more cannot", () => {
  expect(canBeFollowed(main("n1", "n2", "n3"), set(["n1"]))).toBe(false)
  expect(canBeFollowed(main("n1", "n2", "n3"), set(["n1", "n4", "n5"]))).toBe(false)
  expect(canBeFollowed(main("n1", "n2"), { kind: "remove", id: "n2" })).toBe(false)
})

test("what makes no sense is refused by others", () => {
  expect(canBeFollowed(main("n1", "n2"), { kind: "remove", id: "n9" })).toBe(true)
})
