// Raft §5.2: leader election.

import { describe, expect, test } from "bun:test"
import type { VoteReply } from "../../src/consensus/message.ts"
import {
  append,
  configuration,
  elected,
  fromDisk,
  given,
  hears,
  heartbeat,
  heartbeatReply,
  NOW,
  noop,
  persists,
  timesOut,
  to,
  turnOf,
  voteReply,
  voteRequest,
  when,
  writeOf,
} from "../consensus/support.ts"

const granted = (term: number): VoteReply => voteReply({ term, granted: true })
const preGranted = (term: number): VoteReply => voteReply({ term, preVote: true, granted: true })

/** Stands in earnest; its term and own vote are on disk. */
const candidate = (of: Parameters<typeof given>[0] = {}) => {
  const node = given(of)
  timesOut(node)
  const { voters, outgoing } = node.configurations.current
  for (const id of [...voters, ...outgoing]) if (id !== node.id) hears(node, id, preGranted(node.term + 1))
  persists(node)
  if (node.role.kind !== "candidate" || node.role.preVote) throw new Error("it does not stand")
  return node
}

describe("a server that starts", () => {
  test("is a follower that knows no leader, with the term and vote of its disk (§5.2)", () => {
    const node = given({ term: 4, votedFor: "c", log: [1, 2] })
    expect(node).toMatchObject({
      term: 4,
      votedFor: "c",
      commitIndex: 0,
      role: { kind: "follower", leader: null },
    })
  })

  test("remains a follower as long as it hears a leader (§5.2)", () => {
    const node = given({ term: 1 })
    for (let now = NOW; now < NOW + 1000; now += 100) {
      hears(node, "b", heartbeat({ term: 1 }), now)
      expect(timesOut(node, now + 99)).toEqual(turnOf())
      expect(node.role).toMatchObject({ kind: "follower", leader: "b" })
    }
  })

  test("is not hurried by a timer that began anew since (§5.2)", () => {
    const node = given({ term: 1 })
    hears(node, "b", heartbeat({ term: 1 }))
    expect(when(node, { type: "ElectionTimedOut", after: 200 }, NOW + 199)).toEqual(turnOf())
    expect(node.role.kind).toBe("follower")
    when(node, { type: "ElectionTimedOut", after: 200 }, NOW + 200)
    expect(node.role.kind).toBe("candidate")
  })
})

describe("to begin an election", () => {
  test("a server asks all voters whether they would elect it, and changes nothing (thesis §9.6)", () => {
    const node = given({ log: [1, 2] })
    const request = voteRequest({ term: 3, preVote: true, lastIndex: 2, lastTerm: 2 })
    expect(timesOut(node)).toEqual(turnOf({ messages: [to("b", request), to("c", request)] }))
    expect(node).toMatchObject({ term: 2, votedFor: null })
  })

  test("it increments its term, votes for itself, and asks when both are on disk (§5.2, E3)", () => {
    const node = given({ log: [1, 2] })
    timesOut(node)
    expect(hears(node, "c", preGranted(3))).toEqual(
      turnOf({ write: writeOf(1, { hardState: { term: 3, votedFor: "a" } }) }),
    )
    const request = voteRequest({ term: 3, lastIndex: 2, lastTerm: 2 })
    expect(persists(node)).toEqual(turnOf({ messages: [to("b", request), to("c", request)] }))
  })

  test("learners are not asked, voters of both halves are, each once (§6)", () => {
    const joint = configuration({ voters: ["a", "b"], outgoing: ["b", "c"], learners: ["d"] })
    const { messages } = timesOut(given({ configuration: joint }))
    expect(messages.map((message) => message.to)).toEqual(["b", "c"])
  })

  test("a learner, a stranger, a suspect and a node whose state is still to come do not stand (§6, S4, N2)", () => {
    const learner = configuration({ voters: ["b", "c"], learners: ["a"] })
    for (const of of [
      { configuration: learner },
      { configuration: configuration({ voters: ["b", "c"] }) },
      { configuration: configuration({ voters: [] }) },
      { standing: "suspect" as const },
      { pendingInstall: { snapshotId: "s", index: 0 } },
    ]) {
      const node = given(of)
      expect(timesOut(node)).toEqual(turnOf())
      expect(node.role.kind).toBe("follower")
    }
  })

  test("alone, a server elects itself, but not before its vote is on disk (§5.2, R8)", () => {
    const node = given({ configuration: configuration({ voters: ["a"] }) })
    expect(timesOut(node).write).toEqual(writeOf(1, { hardState: { term: 1, votedFor: "a" } }))
    expect(node.role.kind).toBe("candidate")
    expect(persists(node)).toEqual(turnOf({ write: writeOf(2, { entries: [noop(1, 1)] }) }))
    expect(node).toMatchObject({ role: { kind: "leader" }, commitIndex: 0 })
    persists(node)
    expect(node.commitIndex).toBe(1)
  })
})

describe("a candidate wins", () => {
  test("with the votes of a majority; it tells all at once and opens its term (§5.2, §5.4.2)", () => {
    const node = candidate({ log: [1, 1] })
    const won = hears(node, "c", granted(2))
    // What the one before acknowledged may reach up to the no-op.
    const beat = heartbeat({ term: 2, round: 1, commit: 0, acknowledged: 3 })
    expect(won).toEqual(
      turnOf({
        messages: [to("b", beat), to("c", beat)],
        write: writeOf(2, { entries: [noop(3, 2)] }),
      }),
    )
    expect(node.role).toMatchObject({ kind: "leader", firstIndexOfTerm: 3, since: NOW })
  })

  test("not by its own vote before that is on disk, however many others grant theirs (§5.2, R8)", () => {
    const node = given({ configuration: configuration({ voters: ["a", "b"] }) })
    timesOut(node)
    hears(node, "b", preGranted(1))
    hears(node, "b", granted(1))
    expect(node.role.kind).toBe("candidate")
    persists(node)
    expect(node.role.kind).toBe("leader")
  })

  test("only once: one voter counts once, how often its reply may come (E6)", () => {
    const node = candidate({ configuration: configuration({ voters: ["a", "b", "c", "d", "e"] }) })
    for (let time = 0; time < 5; time++) hears(node, "b", granted(1))
    expect(node.role.kind).toBe("candidate")
    hears(node, "e", granted(1))
    expect(node.role.kind).toBe("leader")
  })

  for (const [who, reply] of [
    ["an earlier term", granted(1)],
    ["a pre-vote", preGranted(2)],
    ["a pre-vote for the next term", preGranted(3)],
  ] as const) {
    test(`not by a late reply of ${who} (E6)`, () => {
      const node = candidate({ log: [1, 1] })
      expect(hears(node, "b", reply)).toEqual(turnOf())
      expect(node).toMatchObject({ term: 2, role: { kind: "candidate", preVote: false } })
    })
  }

  test("not by what learners and strangers say (E6, M8, M12)", () => {
    const learner = configuration({ learners: ["d"] })
    const node = candidate({ configuration: learner })
    hears(node, "d", granted(1))
    hears(node, "x", granted(1))
    expect(node.role.kind).toBe("candidate")
  })

  test("a refusal first and a grant later from one voter is a refusal (E6)", () => {
    const node = candidate()
    hears(node, "b", voteReply({ term: 1, granted: false }))
    hears(node, "b", granted(1))
    expect(node.role.kind).toBe("candidate")
  })

  test("votes that come after the election is over change nothing (E6)", () => {
    const node = given()
    elected(node, { by: ["b"] })
    expect(hears(node, "c", granted(1))).toEqual(turnOf())
    expect(node.role.kind).toBe("leader")
  })
})

describe("another server establishes itself as leader", () => {
  for (const word of [append({ term: 1 }), heartbeat({ term: 1 })]) {
    test(`a candidate that hears its ${word.type} of the same term is its follower (§5.2)`, () => {
      const node = candidate()
      hears(node, "b", word)
      expect(node).toMatchObject({ term: 1, role: { kind: "follower", leader: "b", leaderHeardAt: NOW } })
    })
  }

  test("a candidate that hears one of an older term rejects it and stands on (§5.2)", () => {
    const node = candidate({ log: [1, 1] })
    expect(hears(node, "b", append({ term: 1 }))).toEqual(
      turnOf({ messages: [to("b", heartbeatReply({ term: 2, round: 0, sentAt: 0, lastIndex: 2 }))] }),
    )
    expect(node.role.kind).toBe("candidate")
  })

  test("two leaders of one term are broken code, and the node stops (E1)", () => {
    const leading = given()
    elected(leading)
    expect(() => hears(leading, "b", heartbeat({ term: 1 }))).toThrow("one leader per term (§5.2)")
    const following = given({ term: 1 })
    hears(following, "b", heartbeat({ term: 1 }))
    expect(() => hears(following, "c", heartbeat({ term: 1 }))).toThrow("one leader per term (§5.2)")
  })
})

describe("nobody wins", () => {
  test("a candidate that a majority refused follows until its timer runs out again (§5.2)", () => {
    const node = candidate()
    hears(node, "b", voteReply({ term: 1, granted: false }))
    expect(node.role.kind).toBe("candidate")
    hears(node, "c", voteReply({ term: 1, granted: false }), NOW + 20)
    expect(node.role).toMatchObject({ kind: "follower", leader: null, timerBeganAt: NOW + 20 })
    expect(timesOut(node, NOW + 169)).toEqual(turnOf())
  })

  test("a candidate whose timer runs out asks again, for a term above its own (§5.2, E14)", () => {
    const node = candidate()
    const request = voteRequest({ term: 2, preVote: true })
    expect(timesOut(node, NOW + 150)).toEqual(turnOf({ messages: [to("b", request), to("c", request)] }))
    expect(node.role).toMatchObject({ preVote: true, timerBeganAt: NOW + 150 })
    // What was granted in the term before counts no more.
    hears(node, "b", granted(1), NOW + 150)
    expect(node).toMatchObject({ term: 1, role: { kind: "candidate", preVote: true } })
  })
})

describe("each server votes for at most one candidate in a term, first come, first served", () => {
  for (const { votedFor, from, grants } of [
    { votedFor: null, from: "b", grants: true },
    { votedFor: "b", from: "b", grants: true },
    { votedFor: "c", from: "b", grants: false },
    { votedFor: "a", from: "b", grants: false },
  ]) {
    test(`voted for ${votedFor ?? "nobody"}, asked by ${from}: ${grants ? "granted" : "refused"} (§5.2, E1, E5)`, () => {
      const node = given({ term: 2, votedFor })
      const turn = hears(node, from, voteRequest({ term: 2 }))
      const reply = to(from, voteReply({ term: 2, granted: grants }))
      // A new vote is on disk before it is given; one that is there already is only repeated.
      expect(turn).toEqual(
        votedFor === null
          ? turnOf({ write: writeOf(1, { hardState: { term: 2, votedFor: from } }) })
          : turnOf({ messages: [reply] }),
      )
      if (votedFor === null) expect(persists(node)).toEqual(turnOf({ messages: [reply] }))
    })
  }

  test("a vote that is asked for again while it is on its way to the disk is given once it is there (E2, E5)", () => {
    const node = given({ term: 2 })
    hears(node, "b", voteRequest({ term: 2 }))
    expect(hears(node, "b", voteRequest({ term: 2 }))).toEqual(turnOf())
    expect(hears(node, "c", voteRequest({ term: 2 }))).toEqual(turnOf())
    expect(persists(node).messages.map(({ message }) => message)).toEqual([
      voteReply({ term: 2, granted: true }),
      voteReply({ term: 2, granted: true }),
      voteReply({ term: 2, granted: false }),
    ])
  })

  test("term and vote of a newer term go to disk in one write (§5.2, E2)", () => {
    const node = given({ term: 2, votedFor: "c" })
    expect(hears(node, "b", voteRequest({ term: 5 }))).toEqual(
      turnOf({ write: writeOf(1, { hardState: { term: 5, votedFor: "b" } }) }),
    )
    expect(persists(node)).toEqual(turnOf({ messages: [to("b", voteReply({ term: 5, granted: true }))] }))
  })

  test("a newer term without a vote clears the vote of the older (§5.2)", () => {
    const node = given({ term: 2, votedFor: "c", log: [1, 2] })
    expect(hears(node, "b", voteRequest({ term: 5, lastTerm: 1, lastIndex: 9 })).write).toEqual(
      writeOf(1, { hardState: { term: 5, votedFor: null } }),
    )
    expect(persists(node).messages).toEqual([to("b", voteReply({ term: 5, granted: false }))])
  })

  test("after power was lost the vote stands, and so does the refusal to others (E2)", () => {
    const before = given({ term: 2 })
    const { hardState } = hears(before, "b", voteRequest({ term: 3 })).write!
    const after = fromDisk({ hardState: hardState!, base: { index: 0, term: 0 }, entries: [] })
    expect(hears(after, "c", voteRequest({ term: 3 })).messages).toEqual([
      to("c", voteReply({ term: 3, granted: false })),
    ])
    expect(hears(after, "b", voteRequest({ term: 3 })).messages).toEqual([
      to("b", voteReply({ term: 3, granted: true })),
    ])
  })

  test("a suspect node gives neither vote nor pre-vote (S4)", () => {
    for (const preVote of [false, true]) {
      const node = given({ term: 2, standing: "suspect" })
      const request = voteRequest({ term: preVote ? 3 : 2, preVote, lastTerm: 9, lastIndex: 9 })
      expect(hears(node, "b", request)).toEqual(
        turnOf({ messages: [to("b", voteReply({ term: 2, preVote, granted: false }))] }),
      )
    }
  })

  test("a server that is no voter, as far as it knows, votes all the same (M8)", () => {
    const node = given({ term: 1, configuration: configuration({ voters: ["b", "c"], learners: ["a"] }) })
    hears(node, "b", voteRequest({ term: 2 }))
    expect(persists(node).messages).toEqual([to("b", voteReply({ term: 2, granted: true }))])
  })

  test("a granted vote begins the voter's timer anew, a refused one does not (§5.2)", () => {
    const node = given({ log: [1], term: 1 })
    const began = () => (node.role.kind === "follower" ? node.role.timerBeganAt : null)
    hears(node, "b", voteRequest({ term: 2, lastTerm: 0 }), NOW)
    expect(began()).toBe(0)
    hears(node, "b", voteRequest({ term: 3, lastTerm: 1, lastIndex: 1 }), NOW)
    expect(began()).toBe(NOW)
  })
})
