// Thesis §4.2: what keeps a cluster available while servers come, go and misbehave.

import { describe, expect, test } from "bun:test"
import { leaderLives } from "../../src/consensus/election.ts"
import {
  appendReply,
  configuration,
  elected,
  given,
  hears,
  heartbeat,
  heartbeatReply,
  limits,
  NOW,
  persists,
  proposes,
  timesOut,
  to,
  turnOf,
  voteReply,
  voteRequest,
  when,
  writeOf,
} from "../consensus/support.ts"

describe("disruptive servers (§4.2.3, E7)", () => {
  const following = () => {
    const node = given({ term: 5 })
    hears(node, "b", heartbeat({ term: 5 }))
    return node
  }
  const asks = voteRequest({ term: 9, lastIndex: 9, lastTerm: 9 })

  test("a follower that hears its leader does not grant its vote, nor take the candidate's term", () => {
    const node = following()
    expect(hears(node, "c", asks, NOW + 149)).toEqual(
      turnOf({ messages: [to("c", voteReply({ term: 5, granted: false }))] }),
    )
    expect(node).toMatchObject({ term: 5, role: { leader: "b" } })
  })

  test("nor a pre-vote", () => {
    const node = following()
    expect(hears(node, "c", { ...asks, preVote: true }, NOW + 149)).toEqual(
      turnOf({ messages: [to("c", voteReply({ term: 5, preVote: true, granted: false }))] }),
    )
  })

  test("after a minimum election timeout without the leader's word it grants both", () => {
    const node = following()
    expect(hears(node, "c", { ...asks, preVote: true }, NOW + 150).messages).toEqual([
      to("c", voteReply({ term: 9, preVote: true, granted: true })),
    ])
    hears(node, "c", asks, NOW + 150)
    expect(persists(node).messages).toEqual([to("c", voteReply({ term: 9, granted: true }))])
  })

  test("a leader that leads does not step down for a candidate, however high its term", () => {
    const node = given()
    elected(node)
    for (const preVote of [true, false]) {
      expect(hears(node, "c", { ...asks, preVote })).toEqual(
        turnOf({ messages: [to("c", voteReply({ term: 1, preVote, granted: false }))] }),
      )
    }
    expect(node.role.kind).toBe("leader")
  })

  test("a removed server that knows no better cannot depose anybody (M9)", () => {
    const node = following()
    hears(node, "removed", asks)
    hears(node, "removed", { ...asks, preVote: true })
    expect(node).toMatchObject({ term: 5, role: { kind: "follower", leader: "b" } })
  })

  test("the rumour of a newer term does not end what was promised to the leader (L5)", () => {
    // a heard b at NOW and so b may serve leases; then c's term reaches a, but not b.
    for (const rumour of [
      voteReply({ term: 6, preVote: true, granted: false }),
      heartbeatReply({ term: 6 }),
      { type: "ReadIndexReply", term: 6, id: 1, index: 0 } as const,
    ]) {
      const node = following()
      hears(node, "c", rumour, NOW + 1)
      expect(node).toMatchObject({ term: 6, role: { kind: "follower", leader: null } })
      persists(node, NOW + 1)
      const request = voteRequest({ term: 6, lastIndex: 9, lastTerm: 5 })
      expect(hears(node, "c", request, NOW + 149)).toEqual(
        turnOf({ messages: [to("c", voteReply({ term: 6, granted: false }))] }),
      )
      // Nor for another term, nor by a second rumour.
      hears(node, "c", heartbeatReply({ term: 7 }), NOW + 149)
      expect(leaderLives(node, NOW + 149)).toBe(true)
      expect(hears(node, "c", { ...request, term: 7 }, NOW + 150).write).toEqual(
        writeOf(3, { hardState: { term: 7, votedFor: "c" } }),
      )
    }
  })

  test("a vote that was given is given again, whoever lives since (E5)", () => {
    const node = given({ term: 5, votedFor: "c", startedAt: NOW })
    expect(hears(node, "c", voteRequest({ term: 5 }), NOW + 1).messages).toEqual([
      to("c", voteReply({ term: 5, granted: true })),
    ])
  })
})

describe("check quorum (§6.2, E10, E11)", () => {
  const beat = (node: ReturnType<typeof given>, now: number) => when(node, { type: "HeartbeatDue" }, now)
  const longest = limits.electionTimeoutMaxMillis

  test("a leader that hears a majority goes on", () => {
    const node = given()
    elected(node)
    for (let now = NOW; now < NOW + 2000; now += 100) {
      hears(node, "c", heartbeatReply({}), now)
      beat(node, now)
    }
    expect(node.role.kind).toBe("leader")
  })

  test("any answer is a sign of life, also a refusal or a stale one", () => {
    for (const sign of [
      appendReply({ accepted: false, index: 7 }),
      appendReply({ index: 0, session: 0 }),
      {
        type: "SnapshotReply",
        term: 1,
        id: "x",
        received: 0,
        installedIndex: 0,
        whole: true,
        session: 0,
      } as const,
    ]) {
      const node = given()
      elected(node)
      hears(node, "b", sign, NOW + longest)
      beat(node, NOW + longest + 1)
      expect(node.role.kind).toBe("leader")
    }
  })

  test("one that hears nobody steps down in its term, and may vote again in the next", () => {
    const node = given()
    elected(node)
    expect(beat(node, NOW + longest).messages).toHaveLength(2)
    expect(beat(node, NOW + longest + 1)).toEqual(turnOf())
    expect(node).toMatchObject({ term: 1, votedFor: "a", role: { kind: "follower", leader: null } })
    hears(node, "b", voteRequest({ term: 2, lastIndex: 1, lastTerm: 1 }), NOW + longest + 2)
    expect(node.votedFor).toBe("b")
  })

  test("a cluster of one needs nobody", () => {
    const node = given({ configuration: configuration({ voters: ["a"] }) })
    elected(node, { by: [] })
    beat(node, NOW + 10 * longest)
    expect(node.role.kind).toBe("leader")
  })

  test("a leader whose disk takes nothing in steps down, though its network lives (E12)", () => {
    const node = given()
    elected(node)
    const alive = (now: number) => {
      for (const id of ["b", "c"]) hears(node, id, heartbeatReply({}), now)
      beat(node, now)
    }
    proposes(node, [{}])
    alive(NOW)
    alive(NOW + longest)
    expect(node.role.kind).toBe("leader")
    // A slow disk that gets on is no reason.
    persists(node, NOW + longest)
    proposes(node, [{}], NOW + longest)
    alive(NOW + longest + 1)
    alive(NOW + 2 * longest + 1)
    expect(node.role.kind).toBe("leader")
    alive(NOW + 2 * longest + 2)
    expect(node.role.kind).toBe("follower")
  })

  test("who does not lead has no heartbeat (E16)", () => {
    const node = given()
    expect(beat(node, NOW)).toEqual(turnOf())
    timesOut(node)
    expect(beat(node, NOW)).toEqual(turnOf())
  })
})
