// Who runs a group that not all members run? `main` knows, step after step, on every replica alike.

import { describe, expect, test } from "bun:test"
import type { Configuration, NodeId } from "../../src/consensus/types.ts"
import { encodeSystem } from "../../src/machine/system/commands.ts"
import { foundersIn } from "../../src/machine/system/founders.ts"
import type { GroupRow } from "../../src/machine/system/GroupDirectory.ts"
import { SystemBench } from "./SystemBench.ts"

const main: Configuration = {
  voters: ["a", "b", "c", "d", "e"],
  outgoing: [],
  learners: ["l"],
  learnersNext: [],
  addresses: Object.fromEntries(
    [..."abcdel"].map((id) => [id, { peer: `${id}:1`, client: `http://${id}`, incarnation: `of ${id}` }]),
  ),
}

const open = (at: SystemBench, seats: ReadonlyArray<NodeId>, replicas = 3) =>
  at.system("$group/open", "orders", { configuration: main, seating: { replicas, like: "orders", seats } })
const seat = (at: SystemBench, seats: ReadonlyArray<NodeId>, after: number, configuration = main) =>
  at.system("$group/seat", "orders", { configuration, seats, after })
const row = (at: SystemBench): GroupRow => at.machine.groups().groups[0]!
const seats = (at: SystemBench) =>
  row(at)
    .seating!.seats.map(({ id }) => id)
    .join("")

describe("a group with seats", () => {
  test("begins with those who have one, each in the data directory that it has, and no others", () => {
    const at = new SystemBench([])
    expect(open(at, ["a", "c", "d"])).toEqual({ group: "orders", founded: 1, isNew: true })
    expect(row(at).configuration).toMatchObject({ voters: ["a", "c", "d"], learners: [] })
    expect(Object.keys(row(at).configuration.addresses)).toEqual(["a", "c", "d"])
    expect(row(at).seating).toEqual({
      replicas: 3,
      like: "orders",
      step: 1,
      seats: ["a", "c", "d"].map((id) => ({ id, incarnation: `of ${id}` })),
      leaving: [],
      // Until its leader says that it is led.
      isReached: false,
    })
  })

  test("is not opened with seats that are too many, of no voter, of nobody, or twice the same", () => {
    for (const wrong of [["a", "b", "c", "d"], ["a", "b", "l"], ["a", "b", "x"], [], ["a", "a", "b"]]) {
      expect(open(new SystemBench([]), wrong)).toMatchObject({ code: "invalid-input" })
    }
    const unnamed = { ...main, addresses: { ...main.addresses, a: { peer: "a:1", client: "" } } }
    const given = { configuration: unnamed, seating: { replicas: 3, like: "orders", seats: ["a", "b", "c"] } }
    expect(new SystemBench([]).system("$group/open", "orders", given)).toMatchObject({
      code: "invalid-input",
    })
  })

  test("gets other seats by a step that builds on the newest, and whoever leaves counts until that is reached", () => {
    const at = new SystemBench([])
    open(at, ["a", "b", "c"])
    expect(seat(at, ["a", "b", "d"], 1)).toEqual({ group: "orders", step: 2, isNew: true })
    expect(seats(at)).toBe("abd")
    expect(row(at).seating).toMatchObject({ leaving: ["c"], isReached: false })
    // A late copy, and one who has not seen it.
    expect(seat(at, ["a", "b", "e"], 1)).toEqual({ group: "orders", step: 2, isNew: false })
    expect(seats(at)).toBe("abd")
    expect(seat(at, ["a", "e", "d"], 2)).toMatchObject({ step: 4, isNew: true })
    expect(row(at).seating).toMatchObject({ leaving: ["c", "b"], isReached: false })
    expect(at.system("$group/seated", "orders", { step: 2 })).toMatchObject({ isReached: false })
    expect(row(at).seating).toMatchObject({ isReached: false })
    expect(at.system("$group/seated", "orders", { step: 4 })).toMatchObject({ isReached: true })
    expect(row(at).seating).toMatchObject({ leaving: [], isReached: true })
    expect(row(at).configuration.voters).toEqual(["a", "b", "c"])
  })

  test("says whether a step is the newest", () => {
    const at = new SystemBench([])
    open(at, ["a", "b", "c"])
    seat(at, ["a", "b", "d"], 1)
    expect(at.system("$group/follow", "orders", { step: 1 })).toMatchObject({ isNewest: false, step: 2 })
    expect(at.system("$group/follow", "orders", { step: 2 })).toMatchObject({ isNewest: true })
  })

  test("takes no step to wrong seats, and none when it is closed or all members run it", () => {
    const at = new SystemBench([])
    expect(seat(at, ["a"], 0)).toMatchObject({ code: "not-found" })
    open(at, ["a", "b", "c"])
    expect(seat(at, ["a", "b", "l"], 2)).toMatchObject({ code: "invalid-input" })
    expect(seats(at)).toBe("abc")
    at.system("$group/close", "orders", {})
    for (const name of ["$group/follow", "$group/seated"] as const) {
      expect(at.system(name, "orders", { step: 2 })).toMatchObject({ code: "not-found" })
    }
    at.system("$group/open", "bills", { configuration: main })
    expect(at.system("$group/seated", "bills", { step: 4 })).toMatchObject({ code: "not-found" })
  })

  test("has seats of members that main has where the entry stands: both kinds of entries are bound to them", () => {
    const encode = (name: "$group/open" | "$group/seat", input: never) =>
      encodeSystem(name, { key: "orders", input, id: "1", door: "a" })
    const bound = { configuration: main, seats: ["a", "b", "c"], after: 1 }
    expect(foundersIn(encode("$group/seat", bound as never))).toEqual(main)
    const opening = { configuration: main, seating: { replicas: 3, like: "orders", seats: ["a", "b", "c"] } }
    expect(foundersIn(encode("$group/open", opening as never))).toEqual(main)
    expect(
      foundersIn(encodeSystem("$group/seated", { key: "orders", input: { step: 1 }, id: "1", door: "a" })),
    ).toBe(null)
  })

  test("has them in the state: in its hash, and there again after a restart", () => {
    const at = new SystemBench([])
    open(at, ["a", "b", "c"])
    const before = at.machine.stateHash().hash
    seat(at, ["a", "b", "d"], 1)
    at.system("$node/zone", "a", { zone: "eu-1" })
    const { hash } = at.machine.stateHash()
    expect(hash).not.toBe(before)
    const groups = at.machine.groups()
    at.machine.flush()
    at.restart()
    expect(at.machine.groups()).toEqual(groups)
    expect(at.machine.stateHash().hash).toBe(hash)
  })
})

describe("the zone of a node", () => {
  test("is what it says itself, until it says something else", () => {
    const at = new SystemBench([])
    expect(at.machine.groups().zones).toBe(undefined)
    at.system("$node/zone", "a", { zone: "eu-1" })
    at.system("$node/zone", "b", { zone: "eu-2" })
    expect(at.machine.groups().zones).toEqual({ a: "eu-1", b: "eu-2" })
    at.system("$node/zone", "a", { zone: null })
    expect(at.machine.groups().zones).toEqual({ b: "eu-2" })
    expect(at.system("$node/zone", "a", { zone: "a zone" })).toMatchObject({ code: "invalid-input" })
  })
})
