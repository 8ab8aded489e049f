// What may stand in the log behind a leader that is none any more, and what must have ended before a leader loses its
// vote? (HAZARDS C8, M7)

import { describe, expect, test } from "bun:test"
import {
  appendReply,
  configuration,
  hears,
  NOW,
  persists,
  progressOf,
  reigning,
  replicates,
  turnOf,
  when,
} from "./support.ts"

const data = new Uint8Array([1])

describe("a proposal that is meant for one term", () => {
  const proposed = (terms: ReadonlyArray<number | null>) => {
    const { node } = reigning({ term: 3, log: [1, 3] })
    const origins = terms.map((term) => ({ term }))
    const before = node.log.lastIndex
    const turn = when(node, {
      type: "Proposed",
      time: 0,
      proposals: terms.map((term, at) => ({ kind: "command", data, origin: origins[at]!, term })),
    })
    const dismissed = turn.dismissed.map(
      ({ origin, reason }) => `${(origin as { term: number }).term} ${reason}`,
    )
    return { node, dismissed, appended: node.log.lastIndex - before }
  }

  test("gets into an entry of that term alone; who waits for another learns that it is in none", () => {
    const { node, dismissed, appended } = proposed([4, 3, 5, null])
    expect(node.term).toBe(4)
    expect(dismissed).toEqual(["3 not-leader", "5 not-leader"])
    expect(appended).toBe(2)
    expect(node.log.slice(node.log.lastIndex - 1, 2, 1000)!.map(({ term }) => term)).toEqual([4, 4])
  })

  test("leaves nothing in the log when none of them is meant for now", () => {
    const { dismissed, appended } = proposed([3])
    expect([dismissed, appended]).toEqual([["3 not-leader"], 0])
  })
})

describe("a leader that is to lose its vote by a change of members", () => {
  const addresses = Object.fromEntries([..."abc"].map((id) => [id, { peer: `${id}:1`, client: "" }]))

  /** It leads by a joint configuration that leaves it out, which is committed. */
  const leaving = (isHeld: boolean) => {
    const { node } = reigning({ configuration: configuration({ addresses }) })
    when(node, { type: "HoldChanged", term: node.term, isHeld })
    when(node, { type: "ChangeAsked", change: { kind: "remove", id: "a" }, force: false, origin: {} })
    persists(node)
    for (const id of "bc") {
      replicates(node, id)
      const { session } = progressOf(node, id)
      hears(node, id, appendReply({ term: node.term, index: node.log.lastIndex, session }))
    }
    return node
  }

  test("goes on at once when nothing runs beside it", () => {
    const node = leaving(false)
    expect(node.configurations.current).toMatchObject({ voters: ["b", "c"], outgoing: [] })
  })

  test("does not before what runs beside it has ended, and leads on meanwhile", () => {
    const node = leaving(true)
    expect(node.configurations.current).toMatchObject({ voters: ["b", "c"], outgoing: ["a", "b", "c"] })
    expect(node.commitIndex).toBe(node.log.lastIndex)
    expect(node.role.kind).toBe("leader")
    // What another leadership says of itself means nothing to this one.
    when(node, { type: "HoldChanged", term: node.term - 1, isHeld: false })
    expect(node.configurations.current.outgoing).toEqual(["a", "b", "c"])
    when(node, { type: "HoldChanged", term: node.term, isHeld: false })
    expect(node.configurations.current).toMatchObject({ voters: ["b", "c"], outgoing: [] })
  })

  test("is not held up in any change that leaves it its vote", () => {
    const { node } = reigning({ configuration: configuration({ addresses }) })
    when(node, { type: "HoldChanged", term: node.term, isHeld: true })
    when(node, { type: "ChangeAsked", change: { kind: "remove", id: "c" }, force: false, origin: {} })
    persists(node)
    replicates(node, "b")
    const { session } = progressOf(node, "b")
    hears(node, "b", appendReply({ term: node.term, index: node.log.lastIndex, session }))
    expect(node.configurations.current).toMatchObject({ voters: ["a", "b"], outgoing: [] })
  })

  test("hears nothing of it once it is none", () => {
    const { node } = reigning()
    const before = node.term
    hears(node, "b", appendReply({ term: node.term + 1, index: 0 }), NOW)
    expect(node.role.kind).toBe("follower")
    expect(when(node, { type: "HoldChanged", term: before, isHeld: true })).toEqual(turnOf())
  })
})
