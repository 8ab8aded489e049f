// With what does a group begin on a node, and with whom is one founded? (S6, M10)

import { describe, expect, test } from "bun:test"
import type { Configuration } from "../../src/consensus/types.ts"
import { beginning, foundingOf, nobody } from "../../src/groups/founding.ts"

const address = (id: string, incarnation?: string) => ({
  peer: `${id}:1`,
  client: `http://${id}`,
  ...(incarnation === undefined ? {} : { incarnation }),
})

const founding: Configuration = {
  ...nobody,
  voters: ["n1", "n2"],
  learners: ["n3"],
  addresses: { n1: address("n1", "a"), n2: address("n2", "b"), n3: address("n3", "c") },
}

test("while members are being changed it is said who is waited for, and what ends that", () => {
  const aim = { voters: ["n1", "n2", "n4"], learners: ["n3"], addresses: {} }
  const waiting = foundingOf({ ...founding, learners: ["n3", "n4"], goal: aim }, new Map())
  expect(waiting).toBe(
    "The members of the cluster are being changed: n4 has to catch up before voting. Wait for that, or give it up: `raftlet remove n4`.",
  )
  const joint = foundingOf({ ...founding, outgoing: ["n5"] }, new Map())
  expect(joint).toBe("The members of the cluster are being changed: wait until that is done.")
})

describe("a group begins", () => {
  test("with its founders, on each of them", () => {
    expect(beginning({ configuration: founding, founded: 1 }, { id: "n1", incarnation: "a" })).toEqual(
      founding,
    )
    expect(beginning({ configuration: founding, founded: 1 }, { id: "n3", incarnation: "c" })).toEqual(
      founding,
    )
  })

  test("with nobody on a node that has lost the data that was meant", () => {
    expect(beginning({ configuration: founding, founded: 1 }, { id: "n1", incarnation: "another" })).toEqual(
      nobody,
    )
  })

  test("with nobody on a node that was no founder, whatever it is called", () => {
    expect(beginning({ configuration: founding, founded: 1 }, { id: "n4", incarnation: "a" })).toEqual(nobody)
    expect(
      beginning({ configuration: founding, founded: 1 }, { id: "constructor", incarnation: "a" }),
    ).toEqual(nobody)
  })

  test("with nobody on a founder whose seat went to another in the meantime, and came back: it may have voted since", () => {
    const seating = {
      replicas: 3,
      like: "g",
      step: 4,
      seats: [{ id: "n1", incarnation: "a" }],
      leaving: [],
      isReached: true,
    }
    const self = { id: "n1", incarnation: "a" }
    expect(beginning({ configuration: founding, founded: 1, seating }, self)).toEqual(nobody)
    const first = { ...seating, step: 1 }
    expect(beginning({ configuration: founding, founded: 1, seating: first }, self)).toEqual(founding)
  })

  test("with nobody where a founder's data directory is not named: it could be any", () => {
    const unnamed = { ...founding, addresses: { ...founding.addresses, n1: address("n1") } }
    expect(beginning({ configuration: unnamed, founded: 1 }, { id: "n1", incarnation: "a" })).toEqual(nobody)
  })
})

describe("a group is founded", () => {
  const main: Configuration = {
    ...nobody,
    voters: ["n1", "n2"],
    learners: ["n3"],
    addresses: { n1: address("n1"), n2: address("n2", "b"), n3: address("n3") },
  }
  const known = new Map([
    ["n1", "a"],
    ["n2", "an earlier one"],
    ["n3", "c"],
  ])

  test("with the members of main, each with the data directory that it has: main's word counts first", () => {
    expect(foundingOf(main, known)).toEqual(founding)
  })

  test("not while somebody has never been heard of, and not while members change", () => {
    expect(foundingOf(main, new Map([["n1", "a"]]))).toContain("n3")
    expect(typeof foundingOf({ ...main, outgoing: ["n9"] }, known)).toBe("string")
    const goal = { voters: ["n1"], learners: [], addresses: {} }
    expect(typeof foundingOf({ ...main, goal }, known)).toBe("string")
  })

  test("without what a configuration says besides", () => {
    expect(foundingOf({ ...main, epoch: 7, resetFrom: ["n9"] }, known)).toEqual(founding)
  })
})
