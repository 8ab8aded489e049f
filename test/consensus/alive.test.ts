// Whom does a change of members count as alive? Nobody who has not answered this leader yet. (HAZARDS M13)

import { describe, expect, test } from "bun:test"
import type { Node } from "../../src/consensus/node.ts"
import type { Change } from "../../src/consensus/types.ts"
import {
  appendReply,
  configuration,
  elected,
  given,
  hears,
  heartbeatReply,
  persists,
  progressOf,
  replicates,
  when,
} from "./support.ts"

const acknowledges = (node: Node, id: string): void => {
  replicates(node, id)
  const { session } = progressOf(node, id)
  hears(node, id, appendReply({ term: node.term, index: node.log.lastIndex, session }))
}

const removes = (node: Node, id: string) => {
  const change: Change = { kind: "remove", id }
  const [judged] = when(node, { type: "ChangeAsked", change, force: false, met: {}, origin: {} }).judged
  return judged!.verdict
}

const at = (id: string) => ({ peer: `${id}:1`, client: "" })
const ofThree = configuration({ addresses: { a: at("a"), b: at("b"), c: at("c") } })

/** Leads by the vote of `b`, and `b` has what the leader has; of `c` nothing was heard. */
const justElected = (): Node => {
  const node = given({ configuration: ofThree })
  elected(node, { by: ["b"] })
  acknowledges(node, "b")
  persists(node)
  return node
}

describe("who has just begun to lead", () => {
  test("lets nobody go for whom one would have to vote that has not answered (seed 150)", () => {
    const node = justElected()
    expect(removes(node, "b")).toMatchObject({
      code: "would-lose-quorum",
      detail: "of the voters a, c only a would be there",
    })
    expect(removes(node, "c")).toMatchObject({ voters: ["a", "b"] })
  })

  test("knows by a heartbeat's answer, too, that one is there", () => {
    const node = justElected()
    hears(node, "c", heartbeatReply({ term: node.term, lastIndex: 0 }))
    expect(removes(node, "b")).toMatchObject({ voters: ["a", "c"] })
  })
})
