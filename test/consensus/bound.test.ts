// What is bound to the members of a group: it never stands behind others, and no change passes what it has not looked at.

import { describe, expect, test } from "bun:test"
import type { Configuration } from "../../src/consensus/types.ts"
import {
  appendReply,
  configuration,
  hears,
  persists,
  progressOf,
  reigning,
  replicates,
  when,
} from "./support.ts"

const data = new Uint8Array([1])
const addresses = Object.fromEntries([..."abc"].map((id) => [id, { peer: `${id}:1`, client: "" }]))
const members = configuration({ addresses })
/** The same, with the data directories of those members. */
const named: Configuration = configuration({
  addresses: Object.fromEntries([..."abc"].map((id) => [id, { ...addresses[id]!, incarnation: `${id}-1` }])),
})

const leading = () => {
  const { node } = reigning({ configuration: members })
  const agrees = () => {
    persists(node)
    for (const id of "bc") {
      if (progressOf(node, id) === undefined) continue
      replicates(node, id)
      const { session } = progressOf(node, id)
      hears(node, id, appendReply({ term: node.term, index: node.log.lastIndex, session }))
    }
  }
  agrees()
  const propose = (...bound: ReadonlyArray<Configuration | null>) =>
    when(node, {
      type: "Proposed",
      time: 0,
      proposals: bound.map((each, at) => ({ kind: "command", data, origin: { at }, members: each })),
    }).dismissed.map(({ origin, reason }) => `${(origin as { at: number }).at} ${reason}`)
  const change = (seen: number | undefined) => {
    const asked = { change: { kind: "remove", id: "c" } as const, force: false, origin: {} }
    const [judged] = when(node, {
      type: "ChangeAsked",
      ...asked,
      ...(seen === undefined ? {} : { seen }),
    }).judged
    return judged!.verdict
  }
  return { node, agrees, propose, change }
}

describe("what is bound to members", () => {
  test("is appended where they are the members, also where it says more of them", () => {
    const { node, propose } = leading()
    const before = node.log.lastIndex
    expect(propose(members, named, null)).toEqual([])
    expect(node.log.lastIndex).toBe(before + 3)
  })

  test("is in no log where others are, or another data directory is meant", () => {
    const { node, propose } = leading()
    const before = node.log.lastIndex
    const fewer = configuration({ voters: ["a", "b"], addresses })
    const elsewhere = configuration({ addresses: { ...addresses, b: { peer: "b:2", client: "" } } })
    expect(propose(fewer, elsewhere)).toEqual(["0 members-changed", "1 members-changed"])
    expect(node.log.lastIndex).toBe(before)
  })

  test("is in no log behind a change that is not committed, whichever of the members it names", () => {
    const { node, agrees, propose, change } = leading()
    expect(change(undefined)).toMatchObject({ voters: ["a", "b"] })
    const before = node.log.lastIndex
    const fewer = configuration({ voters: ["a", "b"], addresses })
    expect(propose(members, fewer)).toEqual(["0 members-changed", "1 members-changed"])
    expect(node.log.lastIndex).toBe(before)
    agrees()
    expect(node.configurations.current).toMatchObject({ voters: ["a", "b"], outgoing: [] })
    expect(propose(members, fewer)).toEqual(["0 members-changed"])
  })
})

describe("a change of members", () => {
  test("waits for whoever asks for it to see what the log holds that is bound to them", () => {
    const { node, propose, change } = leading()
    propose(null, members)
    const bound = node.log.lastIndex
    expect(change(bound - 1)).toMatchObject({ code: "change-in-progress" })
    expect(change(bound)).toMatchObject({ voters: ["a", "b"] })
  })

  test("does not wait for anything else in the log", () => {
    const { node, propose, change } = leading()
    const before = node.log.lastIndex
    propose(null, null)
    expect(change(before)).toMatchObject({ voters: ["a", "b"] })
  })

  test("waits until what earlier leaders have left is seen: it may be bound", () => {
    const { node, change } = leading()
    const { role } = node
    if (role.kind !== "leader") throw new Error("it does not lead")
    expect(change(role.firstIndexOfTerm - 1)).toMatchObject({ code: "change-in-progress" })
    expect(change(undefined)).toMatchObject({ voters: ["a", "b"] })
  })
})
