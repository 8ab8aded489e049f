// What does the leader of a group change to follow the members of main?

import { describe, expect, test } from "bun:test"
import type { Change, Configuration, NodeId } from "../../src/consensus/types.ts"
import {
  behind,
  canBeFollowed,
  changeTowards,
  hasFollowed,
  heirsOf,
  namingOf,
  obstacleTo,
} from "../../src/groups/following.ts"
import { nobody } from "../../src/groups/founding.ts"

const of = (voters: ReadonlyArray<string>, learners: ReadonlyArray<string> = []): Configuration => ({
  ...nobody,
  voters,
  learners,
  addresses: Object.fromEntries(
    [...voters, ...learners].map((id) => [id, { peer: `${id}:1`, client: `http://${id}` }]),
  ),
})

const withAddress = (configuration: Configuration, id: string, more: object): Configuration => ({
  ...configuration,
  addresses: { ...configuration.addresses, [id]: { ...configuration.addresses[id]!, ...more } },
})

const three = of(["n1", "n2", "n3"])

describe("a group", () => {
  test("that has the members of main has nothing to follow, in whatever order they stand", () => {
    expect(changeTowards(three, of(["n3", "n1", "n2"]))).toBe(null)
    expect(hasFollowed(three, of(["n3", "n1", "n2"]))).toBe(true)
  })

  test("changes to exactly those, and where they are", () => {
    for (const own of [of(["n1", "n2"]), of(["n1", "n2", "n3", "n4"]), of(["n1", "n2"], ["n3"])]) {
      expect(changeTowards(three, own)).toEqual({
        kind: "set",
        voters: three.voters,
        learners: [],
        addresses: three.addresses,
      })
      expect(hasFollowed(three, own)).toBe(false)
    }
    const moved = withAddress(three, "n2", { peer: "elsewhere:1" })
    expect(changeTowards(moved, three)).toMatchObject({ addresses: { n2: { peer: "elsewhere:1" } } })
  })

  test("takes a member in anew that came back without its data, and keeps what main does not say", () => {
    const anew = withAddress(three, "n2", { incarnation: "second" })
    const own = withAddress(three, "n2", { incarnation: "first" })
    expect(changeTowards(anew, own)).toMatchObject({ addresses: { n2: { incarnation: "second" } } })
    expect(changeTowards(three, own)).toBe(null)
  })

  test("waits while main changes, and while it changes itself: that is not followed yet", () => {
    const own = of(["n1", "n2"])
    expect(changeTowards({ ...three, outgoing: ["n9"] }, own)).toBe(null)
    const goal = { voters: ["n1"], learners: [], addresses: {} }
    expect(changeTowards({ ...three, goal }, own)).toBe(null)
    expect(changeTowards(three, { ...own, outgoing: ["n9"] })).toBe(null)
    expect(changeTowards(three, { ...own, goal })).toBe(null)
    expect(hasFollowed(three, { ...three, goal })).toBe(false)
    expect(hasFollowed(three, { ...three, outgoing: ["n9"] })).toBe(false)
  })

  test("is named when it is behind", () => {
    const groups = [
      { group: "a", configuration: three },
      { group: "b", configuration: of(["n1"]) },
    ]
    expect(behind(three, groups)).toEqual(["b"])
  })
})

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

const canFollow = (main: Configuration, change: Change) => canBeFollowed(main, change, main)

test("a change can be followed while a majority of the voters stay members", () => {
  const three = main("n1", "n2", "n3")
  expect(canFollow(three, { kind: "remove", id: "n3" })).toBe(true)
  expect(canFollow(three, { kind: "replace", id: "n3", by: "n4", address: addressOf("n4") })).toBe(true)
  expect(canFollow(three, set(["n1", "n4", "n5"], ["n2"]))).toBe(true)
  expect(canFollow(three, set(["n1", "n2", "n3", "n4", "n5"]))).toBe(true)
})

test("one that lets go of half of them or more cannot", () => {
  expect(canFollow(main("n1", "n2", "n3"), set(["n1"]))).toBe(false)
  expect(canFollow(main("n1", "n2", "n3"), set(["n1", "n4", "n5"]))).toBe(false)
  expect(canFollow(main("n1", "n2"), { kind: "remove", id: "n2" })).toBe(false)
})

test("one that names another data directory for a voter lets go of the one that the group counts", () => {
  const own = withAddress(withAddress(main("n1", "n2", "n3"), "n1", { incarnation: "first" }), "n2", {
    incarnation: "of n2",
  })
  const address = { ...addressOf("n1"), incarnation: "second" }
  const voters = ["n1", "n2", "n4"]
  const change = { ...set(voters), addresses: { n1: address, n4: addressOf("n4") } } as Change
  expect(canBeFollowed(main("n1", "n2", "n3"), change, own)).toBe(false)
  expect(canBeFollowed(main("n1", "n2", "n3"), { kind: "add", id: "n1", address, as: "voter" }, own)).toBe(
    true,
  )
})

describe("a group that does not say whose data directories it counts on", () => {
  const own = main("n1", "n2", "n3")
  const known = new Map([
    ["n1", "first"],
    ["n2", "second"],
  ])
  const toAdd = (id: NodeId): Change => ({
    kind: "add",
    id,
    address: { ...addressOf(id), incarnation: "new" },
    as: "voter",
  })
  const obstacle = (change: Change, configuration: Configuration) =>
    obstacleTo(change, { main: own, running: [{ group: "a", configuration }], awaited: [] })

  test("says so of those whom its leader hears, and no more", () => {
    const heard = (...ids: ReadonlyArray<NodeId>) => namingOf(own, known, (id) => ids.includes(id))
    expect(heard("n1", "n3")).toEqual({
      kind: "set",
      voters: own.voters,
      learners: [],
      addresses: { ...own.addresses, n1: { ...addressOf("n1"), incarnation: "first" } },
    })
    expect(heard("n3")).toBe(null)
    const named = withAddress(own, "n1", { incarnation: "first" })
    expect(namingOf(named, known, (id) => id === "n1")).toBe(null)
    expect(namingOf({ ...own, outgoing: ["n9"] }, known, () => true)).toBe(null)
  })

  test("keeps main from taking another one for its voter (S6)", () => {
    expect(obstacle(toAdd("n3"), own)).toEqual({
      code: "change-in-progress",
      detail:
        "The group a does not say yet which data directory of n3 it counts on. Start that one, or remove n3 first.",
    })
    expect(obstacle(toAdd("n3"), withAddress(own, "n3", { incarnation: "old" }))).toBe(null)
    // Whom it does not count on it cannot mistake, and who goes is nobody's.
    const learning = { ...own, voters: ["n1", "n2"], learners: ["n3"] }
    const running = [{ group: "a", configuration: learning }]
    expect(obstacleTo(toAdd("n3"), { main: learning, running, awaited: [] })).toBe(null)
    expect(obstacle(toAdd("n4"), own)).toBe(null)
    expect(obstacle({ kind: "remove", id: "n3" }, own)).toBe(null)
    const leaving = { ...addressOf("n3"), incarnation: "new" }
    const without = { kind: "set", voters: ["n1", "n2"], learners: [], addresses: { n3: leaving } } as const
    expect(obstacle(without, own)).toBe(null)
  })
})

test("what makes no sense is refused by others", () => {
  expect(canFollow(main("n1", "n2"), { kind: "remove", id: "n9" })).toBe(true)
})

describe("who hears nothing of main hands over", () => {
  const among = (voters: string, goal?: string): Configuration => ({
    ...nobody,
    voters: [...voters],
    ...(goal === undefined ? {} : { goal: { voters: [...goal], learners: [], addresses: {} } }),
  })

  test("to those who stay, the next after itself first, and never to itself", () => {
    expect(heirsOf(among("cbda"), "b")).toEqual(["c", "d", "a"])
    expect(heirsOf(among("cda"), "b")).toEqual(["c", "d", "a"])
    expect(heirsOf(among("ab"), "b")).toEqual(["a"])
    expect(heirsOf(among("abcd", "acd"), "b")).toEqual(["c", "d", "a"])
  })

  test("so that the lead comes to one who stays, whoever was let go and knows nothing of it (seed 124)", () => {
    const all = among("abcde")
    for (const stays of "abcde") {
      for (let holder of "abcde") {
        for (let step = 0; step < 4 && holder !== stays; step++) holder = heirsOf(all, holder)[0]!
        expect(holder).toBe(stays)
      }
    }
  })
})
