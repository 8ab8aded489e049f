// Thesis §9.6: preventing disruptions when a server rejoins the cluster.

import { describe, expect, test } from "bun:test"
import {
  append,
  appendReply,
  elected,
  given,
  hears,
  heartbeat,
  NOW,
  persists,
  timesOut,
  to,
  turnOf,
  voteReply,
  voteRequest,
} from "../consensus/support.ts"

const preVote = true

describe("in the Pre-Vote phase (§9.6)", () => {
  test("a candidate only increments its term if a majority would be willing to vote for it", () => {
    const node = given({ term: 4 })
    for (let round = 0; round < 20; round++) {
      timesOut(node, NOW + round * 300)
      hears(node, "b", voteReply({ term: 4, preVote, granted: false }), NOW + round * 300)
      expect(node.term).toBe(4)
    }
    timesOut(node, NOW * 2)
    hears(node, "b", voteReply({ term: 5, preVote, granted: true }), NOW * 2)
    expect(node.term).toBe(5)
  })

  test("a voter is willing if the log is up-to-date and no leader has been heard for an election timeout", () => {
    const ask = (of: { lastIndex?: number; heardAt?: number; term?: number; now?: number }) => {
      const node = given({ log: [1, 1], term: 1 })
      if (of.heardAt !== undefined) hears(node, "c", heartbeat({ term: 1 }), of.heardAt)
      const request = voteRequest({
        term: of.term ?? 2,
        preVote,
        lastIndex: of.lastIndex ?? 2,
        lastTerm: 1,
      })
      return hears(node, "b", request, of.now ?? NOW)
    }
    const willing = turnOf({ messages: [to("b", voteReply({ term: 2, preVote, granted: true }))] })
    const unwilling = turnOf({ messages: [to("b", voteReply({ term: 1, preVote, granted: false }))] })
    expect(ask({})).toEqual(willing)
    expect(ask({ lastIndex: 1 })).toEqual(unwilling)
    expect(ask({ heardAt: NOW, now: NOW + 149 })).toEqual(unwilling)
    expect(ask({ heardAt: NOW, now: NOW + 150 })).toEqual(willing)
    expect(ask({ term: 1 })).toEqual(unwilling)
  })

  test("it may be willing towards many, for it gives nothing away (E1)", () => {
    const node = given({ term: 1, votedFor: "a" })
    for (const from of ["b", "c", "b"])
      expect(hears(node, from, voteRequest({ term: 2, preVote })).messages).toEqual([
        to(from, voteReply({ term: 2, preVote, granted: true })),
      ])
    expect(node).toMatchObject({ term: 1, votedFor: "a", role: { kind: "follower", timerBeganAt: 0 } })
  })

  test("its answer needs no disk, but says nothing before what was said (E2)", () => {
    const node = given({ term: 1 })
    hears(node, "c", voteRequest({ term: 2 }))
    expect(hears(node, "b", voteRequest({ term: 3, preVote }))).toEqual(turnOf())
    expect(persists(node).messages.at(-1)).toEqual(to("b", voteReply({ term: 3, preVote, granted: true })))
  })

  test("what is granted belongs to one candidacy: a grant for another term is none (E6)", () => {
    const node = given({ term: 4 })
    timesOut(node)
    for (const term of [4, 6, 9]) hears(node, "b", voteReply({ term, preVote, granted: true }))
    expect(node).toMatchObject({ term: 4, role: { kind: "candidate", preVote: true } })
    // And a vote is no pre-vote.
    hears(node, "b", voteReply({ term: 4, granted: true }))
    expect(node).toMatchObject({ term: 4, role: { preVote: true } })
  })

  test("a candidate that hears of a newer term follows in it, and asks for the next (E8)", () => {
    const node = given({ log: [1, 1, 1], term: 3 })
    timesOut(node)
    hears(node, "b", voteReply({ term: 7, preVote, granted: false }), NOW + 5)
    expect(node).toMatchObject({ term: 7, role: { kind: "follower", timerBeganAt: NOW + 5 } })
    persists(node)
    expect(timesOut(node, NOW + 155).messages[0]!.message).toMatchObject({ term: 8, preVote })
  })

  test("a candidate that hears its leader again follows it (E7)", () => {
    const node = given({ term: 3 })
    hears(node, "b", heartbeat({ term: 3 }))
    timesOut(node, NOW + 200)
    hears(node, "b", append({ term: 3 }), NOW + 201)
    expect(node.role).toMatchObject({ kind: "follower", leader: "b" })
    // The answers that come now elect nobody.
    hears(node, "c", voteReply({ term: 4, preVote, granted: true }), NOW + 202)
    expect(node).toMatchObject({ term: 3, role: { kind: "follower" } })
  })
})

describe("a partitioned server rejoins (§9.6, E7)", () => {
  test("its term has not grown, and the leader goes on leading", () => {
    const away = given({ id: "c", term: 1 })
    for (let now = NOW; now < 2 * NOW; now += 200) timesOut(away, now)
    expect(away.term).toBe(1)
    const leader = given()
    elected(leader)
    hears(leader, "b", appendReply({ index: 1 }))
    for (const { message } of timesOut(away, 3 * NOW).messages) {
      expect(hears(leader, "c", message)).toEqual(
        turnOf({ messages: [to("c", voteReply({ term: 1, preVote, granted: false }))] }),
      )
    }
    hears(away, "a", heartbeat({ term: 1 }), 3 * NOW)
    expect(away.role).toMatchObject({ kind: "follower", leader: "a" })
    expect(leader.role.kind).toBe("leader")
  })

  test("if its term has grown all the same, the leader follows it up: nobody is stuck (E8, E9)", () => {
    const away = given({ id: "c", term: 9 })
    const leader = given()
    elected(leader)
    const [answer] = hears(away, "a", heartbeat({ term: 1 })).messages
    hears(leader, "c", answer!.message)
    expect(leader).toMatchObject({ term: 9, role: { kind: "follower" } })
    persists(leader)
    expect(timesOut(leader, NOW + 300).messages[0]!.message).toMatchObject({ term: 10, preVote })
  })

  test("the longer log in the lower term and the shorter in the higher elect a leader together (E8)", () => {
    const long = given({ id: "a", log: [1, 1, 1], term: 2 })
    const short = given({ id: "b", log: [1], term: 5 })
    // The short one asks: refused for its log. The long one asks: refused for its term, which it learns.
    const refusal = hears(long, "b", timesOut(short).messages[0]!.message).messages[0]!
    expect(refusal.message).toMatchObject({ granted: false, term: 2 })
    const second = hears(short, "a", timesOut(long).messages[0]!.message).messages[0]!
    expect(second.message).toMatchObject({ granted: false, term: 5 })
    hears(long, "b", second.message)
    persists(long)
    const third = hears(short, "a", timesOut(long, NOW + 300).messages[0]!.message, NOW + 300).messages[0]!
    expect(third.message).toMatchObject({ granted: true, term: 6, preVote })
    hears(long, "b", third.message, NOW + 300)
    const [request] = persists(long, NOW + 300).messages
    hears(short, "a", request!.message, NOW + 300)
    hears(long, "b", persists(short, NOW + 300).messages.at(-1)!.message, NOW + 300)
    expect(long).toMatchObject({ term: 6, role: { kind: "leader" } })
  })
})
