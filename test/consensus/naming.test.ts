// What does a change of members say of those who were there before? In which data directories their data is, once and for
// all: whoever comes in later has met none of them. (HAZARDS S6, M10)

import { describe, expect, test } from "bun:test"
import { naming } from "../../src/consensus/membership.ts"
import type { Change } from "../../src/consensus/types.ts"
import {
  appendReply,
  hears,
  heartbeatReply,
  NOW,
  configuration as ofMembers,
  persists,
  progressOf,
  reigning,
  replicates,
  when,
} from "./support.ts"

const at = (id: string) => ({ peer: `${id}:1`, client: "" })
const configuration = ofMembers({
  addresses: { a: at("a"), b: at("b"), c: { ...at("c"), incarnation: "c-1" } },
})
const met = { a: "a-1", b: "b-1", c: "c-9", d: "d-1" }
const add: Change = { kind: "add", id: "d", address: at("d"), as: "learner" }

const changing = (change: Change) => {
  const { node } = reigning({ configuration })
  persists(node)
  const before = progressOf(node, "b")
  const [judged] = when(node, { type: "ChangeAsked", change, force: false, met, origin: {} }).judged
  return { node, before, verdict: judged!.verdict }
}

describe("a change of members", () => {
  test("names the directories that the leader has met, and leaves what was named before", () => {
    const { node } = changing(add)
    expect(node.configurations.current).toMatchObject({
      voters: ["a", "b", "c"],
      learners: ["d"],
      addresses: { a: { incarnation: "a-1" }, b: { incarnation: "b-1" }, c: { incarnation: "c-1" } },
    })
    // Of a newcomer it says what was asked for.
    expect(node.configurations.current.addresses["d"]).toEqual(at("d"))
  })

  test("takes nobody for another because of that: what is known of their logs stays known", () => {
    const { node, before } = changing(add)
    expect(progressOf(node, "b")).toBe(before)
    expect(replicates(node, "b")).not.toEqual([])
  })

  test("lets who is named with another directory leave first, as one that lost its data", () => {
    const address = { ...at("b"), incarnation: "b-2" }
    const { node } = changing({ kind: "add", id: "b", address, as: "voter" })
    expect(node.configurations.current).toMatchObject({ voters: ["a", "c"], outgoing: ["a", "b", "c"] })
    expect(node.configurations.current.goal?.addresses["b"]).toEqual(address)
  })

  test("is one, where nothing but these names is new; and none when they stand there", () => {
    const set: Change = { kind: "set", voters: ["a", "b", "c"], learners: [], addresses: {} }
    const { node, verdict } = changing(set)
    expect(verdict).toMatchObject({ voters: ["a", "b", "c"] })
    expect(node.configurations.current.addresses["a"]).toEqual({ ...at("a"), incarnation: "a-1" })
    const named = reigning({ configuration: naming(configuration, met) }).node
    persists(named)
    const before = named.log.lastIndex
    when(named, { type: "ChangeAsked", change: set, force: false, met, origin: {} })
    expect(named.log.lastIndex).toBe(before)
  })

  test("names who comes to vote, by whom the leader has met by then (seed 462)", () => {
    const { node } = changing({ ...add, as: "voter" })
    expect(node.configurations.current.addresses["d"]).toEqual(at("d"))
    const agree = () => {
      persists(node)
      for (const id of "bcd") {
        const progress = progressOf(node, id)
        replicates(node, id)
        hears(
          node,
          id,
          appendReply({ term: node.term, index: node.log.lastIndex, session: progress.session }),
        )
      }
    }
    agree()
    for (let round = 0; round < 3 && node.configurations.current.goal !== undefined; round++) {
      for (const id of "bcd")
        hears(node, id, heartbeatReply({ term: node.term, lastIndex: node.log.lastIndex, sentAt: NOW }))
      when(node, { type: "HeartbeatDue", met })
      agree()
    }
    expect(node.configurations.current).toMatchObject({
      voters: ["a", "b", "c", "d"],
      addresses: { d: { incarnation: "d-1" } },
    })
  })

  test("names them in what is still to come as well", () => {
    const goal = {
      voters: ["a", "b", "c", "d"],
      learners: [],
      addresses: { ...configuration.addresses, d: at("d") },
    }
    expect(naming({ ...configuration, learners: ["d"], goal }, met).goal?.addresses).toMatchObject({
      a: { incarnation: "a-1" },
      c: { incarnation: "c-1" },
    })
  })
})
