// Thesis §3.10: leadership goes to another server without waiting for a timeout.

import { describe, expect, test } from "bun:test"
import type { Node } from "../../src/consensus/node.ts"
import { leaseHolds } from "../../src/consensus/reading.ts"
import type { NodeId } from "../../src/consensus/types.ts"
import {
  appendReply,
  configuration,
  given,
  hears,
  heartbeat,
  heartbeatReply,
  limits,
  NOW,
  type Outcome,
  persists,
  progressOf,
  proposes,
  reigning,
  replicates,
  timesOut,
  to,
  turnOf,
  voteReply,
  voteRequest,
  when,
  writeOf,
} from "../consensus/support.ts"

const addressesOf = Object.fromEntries([..."bc"].map((id) => [id, { peer: `${id}:1`, client: "" }]))
const longest = limits.electionTimeoutMaxMillis

describe("a leader that is to hand over", () => {
  const timeoutNow = (id: NodeId) => to(id, { type: "TimeoutNow", term: 1 })
  const asks = (node: Node, successor: NodeId | null, now = NOW): Outcome =>
    when(node, { type: "TransferAsked", to: successor, origin: {} }, now)
  const verdict = ({ judged }: Outcome) => judged[0]!.verdict
  const holds = (node: Node, id: NodeId, index: number, now = NOW) =>
    hears(node, id, appendReply({ term: 1, index }), now)
  const beat = (node: Node, now: number) => {
    for (const id of "bc")
      hears(node, id, heartbeatReply({ sentAt: now, lastIndex: node.log.lastIndex }), now)
    return when(node, { type: "HeartbeatDue" }, now)
  }

  test("tells a successor that has everything at once", () => {
    const { node } = reigning()
    const origin = {}
    expect(when(node, { type: "TransferAsked", to: "c", origin })).toEqual(
      turnOf({ judged: [{ origin, verdict: "c" }], messages: [timeoutNow("c")] }),
    )
    expect(node.role.kind).toBe("leader")
  })

  test("tells one that has not when it has everything, and once", () => {
    const { node } = reigning()
    proposes(node, [{}, {}])
    persists(node)
    expect(asks(node, "c").messages).toEqual([])
    expect(holds(node, "b", 3).messages).toEqual([])
    expect(holds(node, "c", 2).messages).toEqual([])
    expect(holds(node, "c", 3).messages).toEqual([timeoutNow("c")])
    expect(holds(node, "c", 3).messages).toEqual([])
    expect(beat(node, NOW + 1).messages.map(({ message }) => message.type)).not.toContain("TimeoutNow")
  })

  test("takes in nothing more: a successor that lacks an entry is not elected", () => {
    const { node } = reigning()
    asks(node, "b")
    const origin = {}
    expect(proposes(node, [origin])).toEqual(turnOf({ dismissed: [{ origin, reason: "not-leader" }] }))
    expect(node.log.lastIndex).toBe(1)
    beat(node, NOW + longest + 1)
    expect(proposes(node, [origin]).write).toMatchObject({ entries: [{ index: 2, origin }] })
  })

  test("leaves a joint configuration to its successor, or leaves it when it goes on", () => {
    const { node } = reigning()
    const remove = { kind: "set", voters: ["b", "c"], learners: [], addresses: addressesOf } as const
    when(node, { type: "ChangeAsked", change: remove, force: false, origin: {} })
    persists(node)
    asks(node, "b")
    holds(node, "c", 2)
    const turn = holds(node, "b", 2)
    expect([turn.write, turn.messages, node.commitIndex]).toEqual([null, [timeoutNow("b")], 2])
    beat(node, NOW + longest + 1)
    expect(node.configurations.current).toMatchObject({ voters: ["b", "c"], outgoing: [] })
  })

  test("chooses who is furthest when nobody is named", () => {
    const { node } = reigning()
    proposes(node, [{}])
    persists(node)
    holds(node, "c", 2)
    const turn = asks(node, null)
    expect([verdict(turn), turn.messages]).toEqual(["c", [timeoutNow("c")]])
  })

  test("serves no lease afterwards, in this term, whatever becomes of it (L5)", () => {
    const { node } = reigning()
    beat(node, NOW)
    expect(leaseHolds(node, NOW)).toBe(true)
    asks(node, "b")
    expect(leaseHolds(node, NOW)).toBe(false)
    // The word to stand may arrive at any time from now on.
    for (let now = NOW; now < NOW + 4 * longest; now += 50) beat(node, now)
    expect(node.role).toMatchObject({ kind: "leader", transfer: null })
    expect(leaseHolds(node, NOW + 4 * longest)).toBe(false)
  })

  test("still may while it has told nobody", () => {
    const { node } = reigning()
    beat(node, NOW)
    proposes(node, [{}])
    asks(node, "b")
    expect(leaseHolds(node, NOW)).toBe(true)
  })

  test("goes on leading when the successor does not take over in time", () => {
    const { node } = reigning()
    proposes(node, [{}])
    asks(node, "b")
    beat(node, NOW + longest)
    expect(node.role).toMatchObject({ transfer: { to: "b", isTold: false } })
    beat(node, NOW + longest + 1)
    expect(node.role).toMatchObject({ kind: "leader", transfer: null })
    // It has everything now, and is told nothing any more.
    persists(node)
    expect(holds(node, "b", 2, NOW + longest + 2).messages).toEqual([])
    expect(verdict(asks(node, "c", NOW + longest + 2))).toBe("c")
  })

  test("follows its successor when that is elected", () => {
    const { node } = reigning()
    asks(node, "b")
    hears(node, "b", voteRequest({ term: 2, lastIndex: 1, lastTerm: 1, transfer: true }))
    expect(persists(node).messages).toEqual([to("b", voteReply({ term: 2, granted: true }))])
    expect(node).toMatchObject({ term: 2, votedFor: "b", role: { kind: "follower" } })
  })

  test("is its own successor when it is named", () => {
    const { node } = reigning()
    const turn = asks(node, "a")
    expect([verdict(turn), turn.messages]).toEqual(["a", []])
    expect(node.role).toMatchObject({ transfer: null, isLeaseVoid: false })
  })

  const refused = (node: Node, successor: NodeId | null, code: string, now = NOW) => {
    const before = node.role
    const turn = asks(node, successor, now)
    expect(turn).toEqual(turnOf({ judged: [{ origin: {}, verdict: expect.objectContaining({ code }) }] }))
    expect(node.role).toBe(before)
    if (before.kind === "leader") expect(before).toMatchObject({ isLeaseVoid: false })
  }

  test("refuses when it does not lead", () => {
    refused(given(), "b", "not-leader")
    const candidate = given()
    timesOut(candidate)
    refused(candidate, null, "not-leader")
  })

  test("refuses a stranger and a learner", () => {
    const { node } = reigning({ configuration: configuration({ learners: ["l"] }) })
    refused(node, "x", "unknown-member")
    refused(node, "l", "unknown-member")
  })

  test("refuses a second one while the first is under way", () => {
    const { node } = reigning()
    proposes(node, [{}])
    asks(node, "b")
    const turn = asks(node, "c")
    expect(verdict(turn)).toMatchObject({ code: "change-in-progress" })
    expect(node.role).toMatchObject({ transfer: { to: "b" } })
  })

  test("refuses one that was not heard for so long, one that is suspect, one that needs a snapshot", () => {
    const late = reigning().node
    hears(late, "c", heartbeatReply({}), NOW + 1)
    refused(late, "b", "no-successor", NOW + longest + 1)
    expect(verdict(asks(late, null, NOW + longest + 1))).toBe("c")

    const suspect = reigning().node
    hears(suspect, "b", heartbeatReply({ lastIndex: 1, whole: false }))
    refused(suspect, "b", "no-successor")
    expect(verdict(asks(suspect, null))).toBe("c")

    const behind = reigning().node
    progressOf(behind, "b").sendSnapshot("s", 1)
    refused(behind, "b", "no-successor")
  })

  test("refuses when nobody else could lead", () => {
    const { node } = reigning({ configuration: configuration({ voters: ["a"], learners: ["b"] }) })
    refused(node, null, "no-successor")
  })

  test("gives it up when the successor stops being a member", () => {
    const { node, leader } = reigning()
    proposes(node, [{}])
    asks(node, "b")
    leader.progress.delete("b")
    beat(node, NOW + 1)
    expect(leader.transfer).toBeNull()
  })

  test("sends its successor what it lacks as to anybody else", () => {
    const { node } = reigning()
    proposes(node, [{}])
    asks(node, "b")
    expect(replicates(node, "b")).toMatchObject([{ entries: [{ index: 2 }] }])
  })
})

describe("the successor", () => {
  const timeoutNow = { type: "TimeoutNow", term: 5 } as const
  const following = (of: Parameters<typeof given>[0] = {}) => {
    const node = given({ term: 5, ...of })
    hears(node, "b", heartbeat({ term: 5 }))
    return node
  }

  test("the chosen server stands at once, without a pre-vote, and the lease guard does not apply to it", () => {
    const node = following()
    expect(hears(node, "b", timeoutNow).write).toEqual(writeOf(1, { hardState: { term: 6, votedFor: "a" } }))
    const request = voteRequest({ term: 6, transfer: true })
    expect(persists(node).messages).toEqual([to("b", request), to("c", request)])
    const other = given({ id: "c", term: 5 })
    hears(other, "b", heartbeat({ term: 5 }))
    hears(other, "a", request)
    expect(persists(other).messages).toEqual([to("a", voteReply({ term: 6, granted: true }))])
  })

  test("only its leader can choose it, and only one that may stand", () => {
    const strangers = following()
    expect(hears(strangers, "c", timeoutNow)).toEqual(turnOf())
    for (const of of [
      { standing: "suspect" as const },
      { configuration: configuration({ voters: ["b"], learners: ["a"] }) },
    ]) {
      const node = following(of)
      expect(hears(node, "b", timeoutNow)).toEqual(turnOf())
      expect(node.term).toBe(5)
    }
  })

  test("a word that comes twice or late makes no second election", () => {
    const node = following()
    hears(node, "b", timeoutNow)
    expect(hears(node, "b", timeoutNow)).toEqual(turnOf())
    expect(node.term).toBe(6)
  })

  test("a log that is behind gets no vote by it", () => {
    const node = given({ term: 5, log: [5] })
    hears(node, "b", heartbeat({ term: 5 }))
    hears(node, "c", voteRequest({ term: 6, transfer: true }))
    expect(persists(node).messages).toEqual([to("c", voteReply({ term: 6, granted: false }))])
  })
})
