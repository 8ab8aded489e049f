// Which groups does the cluster have? `main` knows, on every replica alike.

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { mainGroup } from "../../src/consensus/groups.ts"
import type { Address, Configuration } from "../../src/consensus/types.ts"
import type { SystemInput } from "../../src/machine/system/commands.ts"
import { groupsMax } from "../../src/machine/system/groups.ts"
import { SystemBench } from "./SystemBench.ts"

// A busy machine may take long for as many groups as there may be.
setDefaultTimeout(60_000)

const address = (id: string, more: Partial<Address> = {}): Address => ({
  peer: `${id}:7000`,
  client: `http://${id}:8000`,
  incarnation: `of ${id}`,
  ...more,
})

const three: Configuration = {
  voters: ["n1", "n2"],
  outgoing: [],
  learners: ["n3"],
  learnersNext: [],
  addresses: { n1: address("n1", { priority: 2 }), n2: address("n2"), n3: address("n3") },
}

const open = (at: SystemBench, group: string, configuration: unknown = three): unknown =>
  at.system("$group/open", group, { configuration } as SystemInput<"$group/open">)

const close = (at: SystemBench, group: string): unknown => at.system("$group/close", group, {})

const names = (at: SystemBench) =>
  at.machine.groups().groups.flatMap(({ group, isClosed }) => (isClosed ? [] : [group]))

describe("a group", () => {
  test("is there from the entry on that opens it, with the configuration that this entry holds", () => {
    const at = new SystemBench([])
    expect(at.machine.groups()).toEqual({ index: 0, groups: [] })
    expect(open(at, "orders")).toEqual({ group: "orders", founded: 1, isNew: true })
    expect(at.machine.groups()).toEqual({
      index: 1,
      groups: [{ group: "orders", founded: 1, configuration: three, isClosed: false }],
    })
  })

  test("is founded once: who opens it again is answered what stands there", () => {
    const at = new SystemBench([])
    open(at, "orders")
    const other = { ...three, voters: ["n2"], learners: [] }
    expect(open(at, "orders", other)).toEqual({ group: "orders", founded: 1, isNew: false })
    expect(at.machine.groups().groups).toMatchObject([{ configuration: three }])
  })

  test("begins without what a configuration says of changes under way, decrees, and nodes that are no members", () => {
    const at = new SystemBench([])
    const aim = { voters: ["n1"], learners: [], addresses: { n1: address("n1") } }
    open(at, "orders", {
      ...three,
      addresses: { ...three.addresses, n9: address("n9") },
      outgoing: ["n9"],
      learnersNext: ["n9"],
      goal: aim,
      epoch: 7,
      resetFrom: ["n9"],
    })
    expect(at.machine.groups().groups).toMatchObject([{ group: "orders" }])
    expect(at.machine.groups().groups[0]!.configuration).toEqual(three)
  })

  test("is gone from the entry on that closes it, and no other one is ever called so", () => {
    const at = new SystemBench([])
    open(at, "orders")
    open(at, "bills")
    expect(names(at)).toEqual(["bills", "orders"])
    expect(close(at, "orders")).toEqual({ group: "orders", isClosed: true })
    expect(names(at)).toEqual(["bills"])
    expect(at.machine.groups().groups).toMatchObject([
      { isClosed: false },
      { group: "orders", isClosed: true },
    ])
    expect(close(at, "orders")).toEqual({ group: "orders", isClosed: true })
    expect(close(at, "never")).toMatchObject({ code: "not-found" })
    expect(open(at, "orders")).toMatchObject({ code: "invalid-input" })
  })

  test("is in the state: in its hash, and there again after a restart", () => {
    const at = new SystemBench([])
    const before = at.machine.stateHash().hash
    open(at, "orders")
    open(at, "bills")
    close(at, "bills")
    const { hash } = at.machine.stateHash()
    expect(hash).not.toBe(before)
    const groups = at.machine.groups()
    at.machine.flush()
    at.restart()
    expect(at.machine.groups()).toEqual(groups)
    expect(at.machine.stateHash().hash).toBe(hash)
  })
})

describe("is refused, and changes nothing:", () => {
  const refusedWith = (group: string, configuration: unknown = three): void => {
    const at = new SystemBench([])
    expect(open(at, group, configuration)).toMatchObject({ code: "invalid-input" })
    expect(at.machine.groups().groups).toEqual([])
  }

  test("a name that is taken for ever, or is none", () => {
    for (const name of [mainGroup, "$orders", "1st", "a/b", "a.b", "é", "a".repeat(64)]) refusedWith(name)
    expect(open(new SystemBench([]), "a".repeat(63))).toMatchObject({ isNew: true })
  })

  test("members that could never elect a leader, or of whom nobody knows where they are", () => {
    refusedWith("orders", { ...three, voters: [] })
    refusedWith("orders", { ...three, voters: ["n1", "n1"] })
    refusedWith("orders", { ...three, learners: ["n1"] })
    refusedWith("orders", { ...three, voters: ["n1", "constructor"] })
    refusedWith("orders", {
      ...three,
      voters: ["n1"],
      addresses: { ...three.addresses, n1: address("n1", { priority: 0 }) },
    })
    const many = Array.from({ length: 101 }, (_, at) => `m${at}`)
    const addresses = Object.fromEntries(many.map((id) => [id, address(id)]))
    refusedWith("orders", { voters: many, learners: [], addresses })
  })

  test("what is no configuration at all", () => {
    for (const given of [null, [], {}, { voters: ["n1"] }, { ...three, voters: "n1" }])
      refusedWith("orders", given)
    refusedWith("orders", { ...three, voters: [""] })
    for (const broken of [
      { peer: 7 },
      { peer: "" },
      { incarnation: 1 },
      { priority: -1 },
      { priority: 0.5 },
    ]) {
      const n1 = { ...address("n1"), ...broken }
      refusedWith("orders", { ...three, addresses: { ...three.addresses, n1 } })
    }
  })

  test("one more than a cluster may have, until another is closed", () => {
    const at = new SystemBench([])
    for (let count = 0; count < groupsMax; count++) open(at, `g${count}`)
    expect(open(at, "more")).toMatchObject({ code: "invalid-input" })
    expect(open(at, "g7")).toMatchObject({ isNew: false })
    close(at, "g7")
    expect(open(at, "more")).toMatchObject({ isNew: true })
    expect(names(at)).toHaveLength(groupsMax)
  })

  test("in any other group than main", () => {
    const at = new SystemBench([], {}, "orders")
    expect(open(at, "bills")).toMatchObject({ code: "invalid-input" })
    expect(close(at, "bills")).toMatchObject({ code: "invalid-input" })
    expect(at.machine.groups()).toEqual({ index: 2, groups: [] })
  })
})
