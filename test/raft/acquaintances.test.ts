// Whom does a node keep connections to, and whom does a leader replicate to, as members come and go?

import { describe, expect, test } from "bun:test"
import { Effect, Exit, Scope } from "effect"
import { encodeConfiguration } from "../../src/consensus/configuration.ts"
import type { Leader } from "../../src/consensus/node.ts"
import { Progress } from "../../src/consensus/Progress.ts"
import type { Address, Configuration, NodeId } from "../../src/consensus/types.ts"
import { Acquaintances } from "../../src/raft/Acquaintances.ts"
import type { Group } from "../../src/raft/Group.ts"
import { Neighbours } from "../../src/raft/Neighbours.ts"
import type { Contact, RaftOptions } from "../../src/raft/options.ts"
import { areReplicating, replicateToMembers } from "../../src/raft/replicators.ts"
import { configuration, entry, given } from "../consensus/support.ts"

const at = (id: NodeId, of: Partial<Address> = {}): Address => ({ peer: `${id}:1`, client: "", ...of })
const addresses = (ids: string, others: Record<NodeId, Address> = {}) => ({
  ...Object.fromEntries([...ids].map((id) => [id, at(id)])),
  ...others,
})
const stands = (ids: string, others: Record<NodeId, Address> = {}): Configuration =>
  configuration({
    voters: [...new Set([...ids, ...Object.keys(others)])],
    addresses: addresses(ids, others),
  })

/** A group of which only that is there which acquaintances look at. */
const groupOf = (
  initial: Configuration,
  contacts: Record<NodeId, Contact> = {},
  more: Partial<RaftOptions> = {},
) => {
  const node = given({ configuration: initial })
  const connected: Array<{ named: Readonly<Record<NodeId, Address>>; asOf: number }> = []
  let outsiders: ReadonlyArray<NodeId> = []
  const transport = {
    connect: (
      named: Readonly<Record<NodeId, Address>>,
      asOf: number,
      _epoch: number,
      others: ReadonlySet<NodeId>,
    ) =>
      Effect.sync(() => {
        connected.push({ named, asOf })
        outsiders = [...others]
      }),
  }
  const group = { node, transport, options: { connects: true, contacts, ...more } } as unknown as Group
  const acquaintances = new Acquaintances(group)
  const append = (index: number, next: Configuration) => {
    node.configurations.append(entry(index, 1, { kind: "configuration", data: encodeConfiguration(next) }))
  }
  /** Whom it names now; null when it says nothing. */
  const follows = () => {
    const before = connected.length
    Effect.runSync(acquaintances.follow())
    return connected.length === before ? null : connected.at(-1)!
  }
  return { node, append, follows, outsiders: () => outsiders }
}

describe("acquaintances of other groups", () => {
  const both = () => {
    const neighbours = new Neighbours()
    const main = groupOf(stands("abc"), {}, { neighbours })
    const other = groupOf(stands("abx"), {}, { neighbours, connects: false })
    return { neighbours, main, other }
  }

  test("are kept by the one that decides about connections, until that group needs them no more", () => {
    const { main, other } = both()
    expect(main.follows()).toEqual({ named: addresses("abc"), asOf: 0 })
    expect(other.follows()).toBeNull()
    expect(main.follows()).toEqual({ named: { ...addresses("abc"), ...addresses("x") }, asOf: 0 })
    expect(main.follows()).toBeNull()
    other.append(5, stands("abc"))
    other.follows()
    // The newer one may still be cut away.
    expect(main.follows()?.named).toHaveProperty("x")
    other.node.commitIndex = 5
    other.follows()
    expect(main.follows()).toEqual({ named: addresses("abc"), asOf: 0 })
  })

  test("are let go with the group", () => {
    const { neighbours, main, other } = both()
    other.follows()
    expect(main.follows()?.named).toHaveProperty("x")
    neighbours.leaves(other.node.group)
    expect(main.follows()?.named).not.toHaveProperty("x")
  })

  test("are who and where main says, when it names them, and outsiders when a reset has given them up (M10, O7)", () => {
    const neighbours = new Neighbours()
    const moved = { c: { peer: "elsewhere:1", client: "", incarnation: "anew" } }
    const main = groupOf({ ...stands("ab", moved), epoch: 4 }, {}, { neighbours })
    const other = groupOf(stands("abcx"), {}, { neighbours, connects: false })
    other.follows()
    expect(main.follows()?.named).toMatchObject(moved)
    expect(main.outsiders()).toEqual(["x"])
  })

  test("are not this node itself, when main does not name it", () => {
    const neighbours = new Neighbours()
    const main = groupOf(stands("bc"), {}, { neighbours })
    const other = groupOf(stands(`${main.node.id}bc`), {}, { neighbours, connects: false })
    other.follows()
    expect(main.follows()?.named).not.toHaveProperty(main.node.id)
  })
})

describe("acquaintances", () => {
  test("are the members, and are named again only when something has changed", () => {
    const { follows } = groupOf(stands("abc"))
    expect(follows()).toEqual({ named: addresses("abc"), asOf: 0 })
    expect(follows()).toBeNull()
  })

  test("are those of both configurations until the newer one is committed (M3)", () => {
    const { node, append, follows } = groupOf(stands("abc"))
    follows()
    append(5, stands("abd"))
    expect(follows()).toEqual({ named: addresses("abcd"), asOf: 5 })
    expect(follows()).toBeNull()
    node.commitIndex = 5
    expect(follows()).toEqual({ named: addresses("abd"), asOf: 5 })
    expect(follows()).toBeNull()
  })

  test("are outsiders when only those who start this node, or a configuration from before a reset, name them (O7)", () => {
    const { node, append, follows, outsiders } = groupOf(stands("ab"), addresses("bx"))
    follows()
    expect(outsiders()).toEqual(["x"])
    append(5, { ...stands("ac"), epoch: 1 })
    expect(follows()).toEqual({ named: addresses("abc"), asOf: 5 })
    expect(outsiders()).toEqual(["b"])
    node.commitIndex = 5
    expect(follows()).toEqual({ named: addresses("ac"), asOf: 5 })
    expect(outsiders()).toEqual([])
  })

  test("are as before when the newer one is cut away (M3)", () => {
    const { node, append, follows } = groupOf(stands("abc"))
    follows()
    append(5, stands("abd"))
    follows()
    node.configurations.truncateFrom(5)
    expect(follows()).toEqual({ named: addresses("abc"), asOf: 0 })
  })

  test("are also those of whom a newcomer was told, until a configuration names itself", () => {
    const { node, append, follows } = groupOf(configuration({ voters: [] }), addresses("xy"))
    expect(follows()?.named).toEqual(addresses("xy"))
    append(5, stands("bc"))
    node.commitIndex = 5
    expect(follows()?.named).toEqual(addresses("bcxy"))
    append(6, stands("abc"))
    node.commitIndex = 6
    expect(follows()?.named).toEqual(addresses("abc"))
  })

  test("are where a node was told that they are, until a configuration says that they have moved", () => {
    const { node, append, follows } = groupOf(stands("abc"), { b: at("b", { peer: "b:2" }) })
    expect(follows()?.named).toEqual(addresses("abc", { b: at("b", { peer: "b:2" }) }))
    append(5, stands("abc", { b: at("b", { peer: "b:3" }) }))
    node.commitIndex = 5
    expect(follows()?.named).toEqual(addresses("abc", { b: at("b", { peer: "b:3" }) }))
  })

  test("are where a node was told at an earlier start, as long as the configuration says what it said then", () => {
    const told = { b: { ...at("b", { peer: "b:2" }), insteadOf: "b:1" } }
    const [moved, stale] = [
      groupOf(stands("abc"), told),
      groupOf(stands("abc", { b: at("b", { peer: "b:3" }) }), told),
    ]
    expect(moved.follows()?.named).toEqual(addresses("abc", { b: at("b", { peer: "b:2" }) }))
    expect(stale.follows()?.named).toEqual(addresses("abc", { b: at("b", { peer: "b:3" }) }))
    moved.append(5, stands("abc", { b: at("b", { peer: "b:4" }) }))
    moved.node.commitIndex = 5
    expect(moved.follows()?.named).toEqual(addresses("abc", { b: at("b", { peer: "b:4" }) }))
  })

  test("are nothing that every object has, whatever they are called", () => {
    const { follows } = groupOf(stands("ab", { constructor: at("c"), toString: at("d") } as never))
    expect(follows()?.named).toEqual(addresses("ab", { constructor: at("c"), toString: at("d") } as never))
  })

  test("are who the configuration says that they are, wherever they are (M10)", () => {
    const known = at("b", { incarnation: "1" })
    const { follows } = groupOf(stands("abc", { b: known }), {
      b: at("b", { peer: "b:2", incarnation: "9" }),
    })
    expect(follows()?.named.b).toEqual(at("b", { peer: "b:2", incarnation: "1" }))
  })
})

test("every progress has its replicator: one begins with it, and ends with it, and the others live on", () => {
  const progress = new Map(["b", "c"].map((id) => [id, new Progress(1, 0)]))
  const leader = { progress } as unknown as Leader
  const group = { replicators: new Map() } as unknown as Group
  const scope = Scope.makeUnsafe()
  const lives: Array<string> = []
  let begun = 0
  const run = (_: unknown, within: Scope.Scope) => {
    const life = `life ${++begun}`
    lives.push(life)
    const end = Effect.sync(() => void lives.splice(lives.indexOf(life), 1))
    Effect.runSync(Scope.addFinalizer(within, end))
    return true
  }
  const follow = () => Effect.runSync(replicateToMembers(group, leader, run, scope))
  expect(areReplicating(group, leader)).toBe(false)
  follow()
  expect([areReplicating(group, leader), lives]).toEqual([true, ["life 1", "life 2"]])
  progress.delete("b")
  progress.set("d", new Progress(1, 0))
  expect(areReplicating(group, leader)).toBe(false)
  follow()
  expect([areReplicating(group, leader), lives]).toEqual([true, ["life 2", "life 3"]])
  // Who came back without its data has a new one under the old name.
  progress.set("c", new Progress(1, 0))
  expect(areReplicating(group, leader)).toBe(false)
  follow()
  expect([areReplicating(group, leader), lives]).toEqual([true, ["life 3", "life 4"]])
  Effect.runSync(Scope.close(scope, Exit.void))
  expect(lives).toEqual([])
})
