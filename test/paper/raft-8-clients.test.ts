// Raft §8: client interaction. What does a leader do before it serves, and what do clients hear?

import { describe, expect, test } from "bun:test"
import { isServing, knownLeader } from "../../src/consensus/node.ts"
import {
  appendReply,
  elected,
  given,
  hears,
  heartbeat,
  heartbeatReply,
  NOW,
  noop,
  persists,
  proposes,
  reads,
  timesOut,
  to,
  turnOf,
  voteReply,
  when,
} from "../consensus/support.ts"

describe("a leader commits a blank no-op at the start of its term (§8)", () => {
  test("which is the first entry of its term, behind all that it has", () => {
    const node = given({ log: [1, 2], term: 4 })
    elected(node)
    expect(node.log.entryAt(3)).toEqual(noop(3, 5))
    expect(node.role).toMatchObject({ firstIndexOfTerm: 3 })
  })

  test("and until that is applied it does not serve (R17, L1)", () => {
    const node = given({ log: [1] })
    expect(isServing(node)).toBe(false)
    elected(node)
    hears(node, "b", appendReply({ term: 2, index: 2 }))
    when(node, { type: "Applied", index: 1 })
    expect(isServing(node)).toBe(false)
    when(node, { type: "Applied", index: 2 })
    expect(isServing(node)).toBe(true)
  })

  test("a read that comes before that waits for it, and for a round that begins after it (§8, L1)", () => {
    const node = given({ log: [1] })
    elected(node)
    const origin = {}
    expect(reads(node, [origin])).toEqual(turnOf())
    hears(node, "b", heartbeatReply({ term: 2, round: 1 }))
    hears(node, "c", heartbeatReply({ term: 2, round: 1 }))
    const { messages } = hears(node, "b", appendReply({ term: 2, index: 2 }))
    expect(messages).toEqual([
      to("b", heartbeat({ term: 2, round: 2, commit: 2, acknowledged: 2 })),
      to("c", heartbeat({ term: 2, round: 2, commit: 0, acknowledged: 2 })),
    ])
    expect(hears(node, "c", heartbeatReply({ term: 2, round: 1 })).reads).toEqual([])
    expect(hears(node, "c", heartbeatReply({ term: 2, round: 2 })).reads).toEqual([{ origin, index: 2 }])
  })
})

describe("clients of a leader that falls (§8)", () => {
  test("proposals may or may not survive, reads were not served: both hear it at once (E11, C2)", () => {
    const node = given()
    elected(node)
    hears(node, "b", appendReply({ term: 1, index: 1 }))
    const [proposal, confirming, waiting] = [{ of: 1 }, { of: 2 }, { of: 3 }]
    proposes(node, [proposal])
    reads(node, [confirming])
    reads(node, [waiting])
    hears(node, "c", { type: "ReadIndexRequest", term: 1, id: 8 })
    const turn = hears(node, "b", heartbeat({ term: 3 }))
    expect(turn.dismissed).toEqual([
      { origin: proposal, reason: "lost" },
      { origin: confirming, reason: "not-leader" },
      { origin: waiting, reason: "not-leader" },
    ])
    expect(persists(node).messages).toEqual([
      to("c", { type: "ReadIndexReply", term: 3, id: 8, index: 0 }),
      to("b", heartbeatReply({ term: 3, lastIndex: 2 })),
    ])
  })

  test("a leader cut off from its quorum falls within two election timeouts, and says so (§8, E11)", () => {
    const node = given()
    elected(node)
    const origin = {}
    proposes(node, [origin])
    expect(when(node, { type: "HeartbeatDue" }, NOW + 300).messages).toHaveLength(2)
    expect(when(node, { type: "HeartbeatDue" }, NOW + 301)).toEqual(
      turnOf({ dismissed: [{ origin, reason: "lost" }] }),
    )
  })
})

describe("clients of a node that does not lead (§8)", () => {
  test("are told who does, as soon as that is known", () => {
    const node = given({ term: 2 })
    expect(knownLeader(node)).toBeNull()
    hears(node, "b", heartbeat({ term: 2 }))
    expect(knownLeader(node)).toBe("b")
    timesOut(node, NOW + 200)
    expect(knownLeader(node)).toBeNull()
    hears(node, "c", voteReply({ term: 3, preVote: true, granted: true }), NOW + 200)
    elected(given(), {})
    expect(knownLeader(node)).toBeNull()
  })

  test("a leader knows itself", () => {
    const node = given()
    elected(node)
    expect(knownLeader(node)).toBe("a")
  })

  test("leaders are counted, each once per term (§5.2)", () => {
    const node = given({ term: 1 })
    for (let round = 0; round < 3; round++) hears(node, "b", heartbeat({ term: 1 }))
    expect(node.leaderChanges).toBe(1)
    hears(node, "c", heartbeat({ term: 2 }))
    expect(node.leaderChanges).toBe(2)
    elected(node, { now: NOW + 1000 })
    expect(node.leaderChanges).toBe(3)
  })
})
