// Thesis §6.4: reads that do not write to the log: ReadIndex, on leaders and followers, and leases.

import { describe, expect, test } from "bun:test"
import { leaseHolds } from "../../src/consensus/reading.ts"
import {
  append,
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
  readIndexReply,
  readIndexRequest,
  reads,
  timesOut,
  to,
  turnOf,
  voteReply,
  voteRequest,
  when,
} from "../consensus/support.ts"

const leading = () => {
  const node = given()
  const leader = elected(node)
  hears(node, "b", appendReply({ index: 1 }))
  return { node, leader }
}

const following = (now = NOW) => {
  const node = given({ term: 1 })
  hears(node, "b", heartbeat({ term: 1 }), now)
  return node
}

describe("the leader serves a read (§6.4)", () => {
  test("at its commit index, after a majority has answered heartbeats that left after the read came (L2)", () => {
    const { node } = leading()
    const origin = {}
    const beat = (commit: number) => heartbeat({ round: 2, commit })
    expect(reads(node, [origin])).toEqual(turnOf({ messages: [to("b", beat(1)), to("c", beat(0))] }))
    // The answer to the heartbeat before proves nothing about now.
    expect(hears(node, "b", heartbeatReply({ round: 1 })).reads).toEqual([])
    expect(hears(node, "c", heartbeatReply({ round: 2 }))).toEqual(turnOf({ reads: [{ origin, index: 1 }] }))
    expect(hears(node, "b", heartbeatReply({ round: 2 })).reads).toEqual([])
  })

  test("at the index of when it came, not of when it was confirmed (§6.4)", () => {
    const { node } = leading()
    const origin = {}
    reads(node, [origin])
    proposes(node, [{}])
    persists(node)
    hears(node, "b", appendReply({ index: 2 }))
    expect(node.commitIndex).toBe(2)
    expect(hears(node, "b", heartbeatReply({ round: 2 })).reads).toEqual([{ origin, index: 1 }])
  })

  test("with one round for all that came before it, and the next for those that came meanwhile (L2)", () => {
    const { node } = leading()
    const [first, second, third] = [{ of: 1 }, { of: 2 }, { of: 3 }]
    expect(reads(node, [first]).messages).toHaveLength(2)
    expect(reads(node, [second])).toEqual(turnOf())
    expect(reads(node, [third])).toEqual(turnOf())
    const answered = hears(node, "b", heartbeatReply({ round: 2 }))
    expect(answered.reads).toEqual([{ origin: first, index: 1 }])
    expect(answered.messages.map(({ message }) => message)).toMatchObject([{ round: 3 }, { round: 3 }])
    expect(hears(node, "b", heartbeatReply({ round: 3 })).reads).toEqual([
      { origin: second, index: 1 },
      { origin: third, index: 1 },
    ])
  })

  test("also when the round's own heartbeats were lost: any later one will do (§6.4)", () => {
    const { node } = leading()
    const origin = {}
    reads(node, [origin])
    when(node, { type: "HeartbeatDue" })
    expect(hears(node, "c", heartbeatReply({ round: 3 })).reads).toEqual([{ origin, index: 1 }])
  })

  test("not by the word of learners, suspects, strangers, or of one in another term (L2, S4)", () => {
    const node = given({ configuration: configuration({ learners: ["d"] }) })
    elected(node)
    hears(node, "b", appendReply({ index: 1 }))
    reads(node, [{}])
    for (const [from, reply] of [
      ["d", heartbeatReply({ round: 2 })],
      ["x", heartbeatReply({ round: 2 })],
      ["b", heartbeatReply({ round: 2, whole: false })],
      ["c", heartbeatReply({ round: 2, term: 0 })],
    ] as const) {
      expect(hears(node, from, reply).reads).toEqual([])
    }
  })

  test("alone at once (§6.4)", () => {
    const node = given({ configuration: configuration({ voters: ["a"] }) })
    elected(node, { by: [] })
    const origin = {}
    expect(reads(node, [origin])).toEqual(turnOf({ reads: [{ origin, index: 1 }] }))
  })

  test("never when it falls before the round is confirmed (L3)", () => {
    const { node } = leading()
    const origin = {}
    reads(node, [origin])
    hears(node, "b", heartbeat({ term: 2 }))
    expect(hears(node, "c", heartbeatReply({ term: 1, round: 2 }))).toEqual(turnOf())
    expect(hears(node, "c", heartbeatReply({ term: 2, round: 2 }))).toEqual(turnOf())
  })
})

describe("a follower asks its leader (§6.4, L7)", () => {
  test("once for all that wait, and serves at the index that it is told", () => {
    const node = following()
    const [first, second] = [{ of: 1 }, { of: 2 }]
    expect(reads(node, [first, second])).toEqual(
      turnOf({ messages: [to("b", readIndexRequest({ id: NOW }))] }),
    )
    expect(hears(node, "b", readIndexReply({ id: NOW, index: 7 }))).toEqual(
      turnOf({
        reads: [
          { origin: first, index: 7 },
          { origin: second, index: 7 },
        ],
      }),
    )
  })

  test("a second time for those that came after the first question left (L2)", () => {
    const node = following()
    const [first, second] = [{ of: 1 }, { of: 2 }]
    reads(node, [first])
    expect(reads(node, [second])).toEqual(turnOf())
    expect(hears(node, "b", readIndexReply({ id: NOW, index: 7 }))).toEqual(
      turnOf({
        reads: [{ origin: first, index: 7 }],
        messages: [to("b", readIndexRequest({ id: NOW + 1 }))],
      }),
    )
  })

  test("and learns by the answer what is committed, as far as its log is known to be the leader's (R5)", () => {
    // Entries 1 and 2 are the leader's; 3 and 4 came from another and were never compared.
    const node = given({ term: 2, log: [1, 1, 1, 1] })
    hears(node, "b", append({ term: 2, prevIndex: 2, prevTerm: 1, commit: 1 }))
    reads(node, [{}])
    hears(node, "b", readIndexReply({ term: 2, id: NOW, index: 4 }))
    expect(node.commitIndex).toBe(2)
    // What it matched with a leader before proves nothing about the next.
    hears(node, "c", heartbeat({ term: 3 }))
    persists(node)
    reads(node, [{}], false, NOW + 1)
    hears(node, "c", readIndexReply({ term: 3, id: NOW + 1, index: 4 }))
    expect(node.commitIndex).toBe(2)
  })

  test("again when the answer stays out: question and answer may be lost (R14)", () => {
    const node = following()
    const origin = {}
    reads(node, [origin])
    const patience = 2 * limits.heartbeatMillis
    const beats = (now: number) =>
      hears(node, "b", heartbeat({}), now).messages.map(({ message }) => message.type)
    expect(beats(NOW + patience - 1)).toEqual(["HeartbeatReply"])
    expect(beats(NOW + patience)).toEqual(["HeartbeatReply", "ReadIndexRequest"])
    expect(beats(NOW + patience + 1)).toEqual(["HeartbeatReply"])
    // Either answer was given after the read came.
    expect(hears(node, "b", readIndexReply({ id: NOW, index: 3 })).reads).toEqual([{ origin, index: 3 }])
    expect(hears(node, "b", readIndexReply({ id: NOW, index: 3 }))).toEqual(turnOf())
  })

  test("an answer to an older question, of whichever life or role, is not an answer to this one (L3, L4)", () => {
    const node = following()
    reads(node, [{}])
    // It loses sight of its leader, and finds it again in the same term.
    timesOut(node, NOW + 200)
    hears(node, "b", heartbeat({}), NOW + 201)
    reads(node, [{}], false, NOW + 201)
    expect(hears(node, "b", readIndexReply({ id: NOW, index: 3 }), NOW + 202).reads).toEqual([])
    // After a restart the clock has gone on.
    const restarted = following(NOW + 400)
    reads(restarted, [{}], false, NOW + 400)
    expect(hears(restarted, "b", readIndexReply({ id: NOW, index: 3 }), NOW + 401).reads).toEqual([])
    expect(hears(restarted, "c", readIndexReply({ id: NOW + 400, index: 3 }), NOW + 401).reads).toEqual([])
  })

  test("those who wait hear at once that the leader refused, or is gone (L3)", () => {
    const [asked, waiting] = [{ of: 1 }, { of: 2 }]
    const refused = following()
    reads(refused, [asked])
    expect(hears(refused, "b", readIndexReply({ id: NOW, index: 0 })).dismissed).toEqual([
      { origin: asked, reason: "not-leader" },
    ])
    const orphan = following()
    reads(orphan, [asked])
    reads(orphan, [waiting])
    expect(timesOut(orphan, NOW + 200).dismissed).toEqual([
      { origin: asked, reason: "not-leader" },
      { origin: waiting, reason: "not-leader" },
    ])
  })

  test("not while it knows no leader, stands for election, or cannot trust its disk (L7, S4)", () => {
    const standing = given()
    timesOut(standing)
    const suspect = given({ term: 1, standing: "suspect" })
    hears(suspect, "b", heartbeat({ term: 1 }))
    for (const node of [given(), standing, suspect]) {
      const origin = {}
      expect(reads(node, [origin])).toEqual(turnOf({ dismissed: [{ origin, reason: "not-leader" }] }))
    }
  })

  test("and a learner asks like any other (§6.4)", () => {
    const node = given({ term: 1, configuration: configuration({ voters: ["b", "c"], learners: ["a"] }) })
    hears(node, "b", heartbeat({}))
    expect(reads(node, [{}]).messages).toEqual([to("b", readIndexRequest({ id: NOW }))])
  })
})

describe("the leader is asked by a follower (§6.4, L7)", () => {
  test("it answers when a round has confirmed it, as for its own reads (L2)", () => {
    const { node } = leading()
    expect(hears(node, "c", readIndexRequest({ id: 9 })).messages.map(({ message }) => message.type)).toEqual(
      ["HeartbeatRequest", "HeartbeatRequest"],
    )
    expect(hears(node, "b", heartbeatReply({ round: 2 }))).toEqual(
      turnOf({ messages: [to("c", readIndexReply({ id: 9, index: 1 }))] }),
    )
  })

  test("a question that is repeated takes one place, however long nothing can be confirmed (H5)", () => {
    const node = given()
    const leader = elected(node)
    const origin = {}
    reads(node, [origin])
    for (let id = 1; id <= 100; id++) {
      hears(node, "c", readIndexRequest({ id }))
      hears(node, "b", readIndexRequest({ id: 7 }))
    }
    expect(leader.reads.waiting).toEqual([
      { kind: "local", origin },
      { kind: "peer", from: "c", id: 100 },
      { kind: "peer", from: "b", id: 7 },
    ])
  })

  test("who does not lead says no (L3)", () => {
    for (const node of [given({ term: 1 }), following()]) {
      expect(hears(node, "c", readIndexRequest({ id: 9 }))).toEqual(
        turnOf({ messages: [to("c", readIndexReply({ id: 9, index: 0 }))] }),
      )
    }
  })
})

describe("leases (§6.4.1, L5)", () => {
  const lease = limits.electionTimeoutMinMillis - limits.clockDriftMillis

  test("a lease holds from the sending of a heartbeat that a majority answered, less the drift", () => {
    const { node } = leading()
    expect(leaseHolds(node, NOW)).toBe(false)
    // The answer takes 100 ms: they are gone from the lease.
    hears(node, "b", heartbeatReply({ sentAt: NOW }), NOW + 100)
    expect(leaseHolds(node, NOW + lease - 1)).toBe(true)
    expect(leaseHolds(node, NOW + lease)).toBe(false)
  })

  test("a read under it is served at once, one without it waits for a round", () => {
    const { node } = leading()
    hears(node, "b", heartbeatReply({ sentAt: NOW }))
    const origin = {}
    expect(reads(node, [origin], true, NOW + lease - 1)).toEqual(turnOf({ reads: [{ origin, index: 1 }] }))
    expect(reads(node, [origin], true, NOW + lease).messages).toHaveLength(2)
    expect(reads(node, [origin], false, NOW).reads).toEqual([])
  })

  test("an older answer that comes late does not shorten it, nor does a repeated one lengthen it", () => {
    const { node } = leading()
    hears(node, "b", heartbeatReply({ sentAt: NOW + 50 }), NOW + 60)
    hears(node, "b", heartbeatReply({ sentAt: NOW }), NOW + 70)
    hears(node, "b", heartbeatReply({ sentAt: NOW + 50 }), NOW + 80)
    expect(leaseHolds(node, NOW + 50 + lease - 1)).toBe(true)
    expect(leaseHolds(node, NOW + 50 + lease)).toBe(false)
  })

  test("it begins only with the first commit of the term (L1)", () => {
    const node = given({ log: [1] })
    elected(node)
    hears(node, "b", heartbeatReply({ term: 2, sentAt: NOW }))
    expect(leaseHolds(node, NOW)).toBe(false)
    hears(node, "b", appendReply({ term: 2, index: 2 }))
    expect(leaseHolds(node, NOW)).toBe(true)
  })

  test("it ends with the leadership (L5)", () => {
    const { node } = leading()
    hears(node, "b", heartbeatReply({ sentAt: NOW }))
    hears(node, "b", heartbeat({ term: 2 }))
    expect(leaseHolds(node, NOW)).toBe(false)
  })

  test("no answer of a suspect, and none to an older term's message, gives one (L5, S4)", () => {
    const { node, leader } = leading()
    hears(node, "b", heartbeatReply({ sentAt: NOW, whole: false }))
    hears(node, "c", heartbeatReply({ round: 0, sentAt: 0 }))
    expect(leaseHolds(node, NOW)).toBe(false)
    for (const progress of leader.progress.values())
      expect(progress).toMatchObject({ confirmedAt: Number.NEGATIVE_INFINITY, round: 0 })
  })

  test("while a leader may rely on it, its follower elects nobody: the two clocks' drift is taken off", () => {
    const { node } = leading()
    const follower = given({ id: "b", term: 1, startedAt: 0 })
    hears(follower, "a", heartbeat({ sentAt: NOW }), NOW + 1)
    hears(node, "b", heartbeatReply({ sentAt: NOW }), NOW + 2)
    for (let now = NOW + 2; leaseHolds(node, now); now++) {
      const request = voteRequest({ term: 2, preVote: true, lastIndex: 9, lastTerm: 9 })
      const drifted = now + limits.clockDriftMillis
      expect(hears(follower, "c", request, drifted).messages).toEqual([
        to("c", voteReply({ term: 1, preVote: true, granted: false })),
      ])
    }
    expect(timesOut(follower, NOW + 150)).toEqual(turnOf())
  })

  test("a heartbeat's time comes back as it went, and a read round's is as good (L5)", () => {
    const { node } = leading()
    reads(node, [{}], false, NOW + 20)
    const follower = given({ id: "b", term: 1 })
    const [asked] = hears(follower, "a", heartbeat({ round: 2, sentAt: NOW + 20 })).messages
    expect(asked).toEqual(to("a", heartbeatReply({ round: 2, sentAt: NOW + 20 })))
    hears(node, "b", asked!.message, NOW + 30)
    expect(leaseHolds(node, NOW + 20 + lease - 1)).toBe(true)
  })
})

test("a read waits for the machine, not for the log: its index says so (L4)", () => {
  const node = following()
  hears(node, "b", append({ commit: 0 }))
  const origin = {}
  reads(node, [origin])
  const { reads: served } = hears(node, "b", readIndexReply({ id: NOW, index: 12 }))
  expect(served).toEqual([{ origin, index: 12 }])
  expect(node.appliedIndex).toBe(0)
})

test("a follower knows how far acknowledgements go, also while it has nothing of it (L7)", () => {
  const { node: leader } = leading()
  hears(leader, "b", appendReply({ index: 1 }))
  const told = when(leader, { type: "HeartbeatDue" }).messages.find(({ to: id }) => id === "c")!
  expect(told.message).toMatchObject({ commit: 0, acknowledged: 1 })
  const node = given({ id: "c" })
  hears(node, "a", told.message, NOW + 5)
  expect(node).toMatchObject({ commitIndex: 0, role: { acknowledged: { at: NOW + 5, index: 1 } } })
})

test("what a heartbeat says was true when it was sent, however long it waited to be read (L6, L7)", () => {
  const node = following(NOW + 5)
  const later = heartbeat({ term: 1, sentAt: NOW + 50, acknowledged: 7 })
  hears(node, "b", later, NOW + 2000)
  expect(node.role).toMatchObject({ acknowledged: { at: NOW + 55, index: 7 } })
  hears(node, "b", heartbeat({ term: 1, sentAt: NOW + 2000, acknowledged: 9 }), NOW + 2001)
  expect(node.role).toMatchObject({ acknowledged: { at: NOW + 2001, index: 9 } })
})
