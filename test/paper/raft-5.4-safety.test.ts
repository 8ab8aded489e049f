// Raft §5.4: safety. Who may lead, and what is committed?

import { describe, expect, test } from "bun:test"
import {
  append,
  appendReply,
  configuration,
  elected,
  entry,
  given,
  hears,
  heartbeat,
  NOW,
  noop,
  persists,
  progressOf,
  proposes,
  reigning,
  timesOut,
  to,
  turnOf,
  voteReply,
  voteRequest,
  when,
} from "../consensus/support.ts"

describe("the voter denies its vote if its own log is more up-to-date (§5.4.1)", () => {
  // The voter's log ends in (2, term 2).
  for (const [lastTerm, lastIndex, grants] of [
    [1, 1, false],
    [1, 2, false],
    [1, 9, false],
    [2, 1, false],
    [2, 2, true],
    [2, 3, true],
    [3, 1, true],
    [3, 2, true],
  ] as const) {
    const outcome = grants ? "granted" : "denied"
    test(`a candidate whose log ends at ${lastIndex} in term ${lastTerm}: ${outcome} (§5.4.1, E4)`, () => {
      const node = given({ log: [1, 2] })
      const pre = hears(node, "b", voteRequest({ term: 4, preVote: true, lastTerm, lastIndex }))
      expect(pre).toEqual(
        turnOf({
          messages: [to("b", voteReply({ term: grants ? 4 : 2, preVote: true, granted: grants }))],
        }),
      )
      hears(node, "b", voteRequest({ term: 4, lastTerm, lastIndex }))
      expect(persists(node).messages).toEqual([to("b", voteReply({ term: 4, granted: grants }))])
    })
  }

  test("what stands in memory counts as the voter's log, on disk or not (§5.4.1)", () => {
    const node = given({ term: 2 })
    hears(node, "c", append({ term: 2, entries: [entry(1, 2)] }))
    hears(node, "b", voteRequest({ term: 3 }), 20_000)
    expect(persists(node).messages.at(-1)).toEqual(to("b", voteReply({ term: 3, granted: false })))
  })

  test("a log that a snapshot begins is as up-to-date as the snapshot (§5.4.1, §7)", () => {
    const node = given({ base: { index: 5, term: 2 }, term: 2 })
    hears(node, "b", voteRequest({ term: 3, lastIndex: 4, lastTerm: 2 }))
    expect(persists(node).messages).toEqual([to("b", voteReply({ term: 3, granted: false }))])
    hears(node, "b", voteRequest({ term: 4, lastIndex: 5, lastTerm: 2 }))
    expect(persists(node).messages).toEqual([to("b", voteReply({ term: 4, granted: true }))])
  })
})

describe("a leader commits", () => {
  test("when a majority has an entry of its own term on disk, and all before with it (§5.3, §5.4.2)", () => {
    const node = given({ log: [1, 1] })
    elected(node)
    expect(node.commitIndex).toBe(0)
    hears(node, "b", appendReply({ term: 2, index: 2 }))
    expect(node.commitIndex).toBe(0)
    hears(node, "b", appendReply({ term: 2, index: 3 }))
    expect(node.commitIndex).toBe(3)
  })

  test("no entry of an earlier term by counting copies, though all have it (§5.4.2, figure 8, R4)", () => {
    // (c) of the figure: the entry of term 2 is on a majority, and may still be replaced by (d).
    const node = given({ log: [1, 2], term: 3, configuration: configuration({ voters: [..."abcde"] }) })
    elected(node, { by: ["b", "c"], unsynced: true })
    for (const id of "bcde") hears(node, id, appendReply({ term: 4, index: 2 }))
    expect(node.commitIndex).toBe(0)
    // (e): an entry of its own term on a majority settles it.
    for (const id of "bcd") hears(node, id, appendReply({ term: 4, index: 3 }))
    expect(node.commitIndex).toBe(3)
  })

  test("and does not count itself before its own disk has the entry (R8)", () => {
    const node = given()
    elected(node, { unsynced: true })
    hears(node, "b", appendReply({ term: 1, index: 1 }))
    expect(node.commitIndex).toBe(0)
    persists(node)
    expect(node.commitIndex).toBe(1)
  })

  test("nor alone (R8)", () => {
    const node = given({ configuration: configuration({ voters: ["a"] }) })
    elected(node, { by: [] })
    proposes(node, [{}])
    expect(node.commitIndex).toBe(1)
    persists(node)
    expect(node.commitIndex).toBe(2)
  })

  test("by its followers alone while its own disk is still busy (R8)", () => {
    const node = given()
    elected(node, { unsynced: true })
    hears(node, "b", appendReply({ term: 1, index: 1 }))
    hears(node, "c", appendReply({ term: 1, index: 1 }))
    expect(node).toMatchObject({ commitIndex: 1, log: { persistedIndex: 0 } })
  })

  test("with both majorities when the configuration is joint (§6, M5)", () => {
    const joint = configuration({ voters: [..."abc"], outgoing: [..."cde"] })
    const node = given({ configuration: joint })
    elected(node, { by: [..."bcd"] })
    hears(node, "b", appendReply({ term: 1, index: 1 }))
    expect(node.commitIndex).toBe(0)
    hears(node, "d", appendReply({ term: 1, index: 1 }))
    expect(node.commitIndex).toBe(0)
    hears(node, "e", appendReply({ term: 1, index: 1 }))
    expect(node.commitIndex).toBe(1)
  })

  test("without what learners, suspects and strangers hold (M8, S4)", () => {
    const node = given({ configuration: configuration({ voters: [..."abc"], learners: ["d"] }) })
    elected(node)
    hears(node, "d", appendReply({ term: 1, index: 1 }))
    hears(node, "x", appendReply({ term: 1, index: 1 }))
    hears(node, "b", appendReply({ term: 1, index: 1, whole: false }))
    hears(node, "b", appendReply({ term: 1, index: 1, whole: false, session: progressOf(node, "b").session }))
    expect(node.commitIndex).toBe(0)
    hears(node, "c", appendReply({ term: 1, index: 1 }))
    expect(node.commitIndex).toBe(1)
  })

  test("a leader that is no voter counts only the others (M7, M12)", () => {
    const node = given({ configuration: configuration({ voters: ["a", "b"], outgoing: [] }) })
    elected(node)
    hears(node, "b", appendReply({ term: 1, index: 1 }))
    node.configurations.reset({ index: 2, configuration: configuration({ voters: ["b"] }) })
    proposes(node, [{}])
    persists(node)
    expect(node.commitIndex).toBe(1)
    hears(node, "b", appendReply({ term: 1, index: 2 }))
    expect(node.commitIndex).toBe(2)
  })

  test("nor does it stand in for a voter (M7, M12)", () => {
    const node = given()
    elected(node)
    node.configurations.reset({ index: 1, configuration: configuration({ voters: ["b", "c"] }) })
    hears(node, "b", appendReply({ term: 1, index: 1 }))
    expect(node.commitIndex).toBe(0)
    hears(node, "c", appendReply({ term: 1, index: 1 }))
    expect(node.commitIndex).toBe(1)
  })

  test("an index once, and never goes back to a smaller one (§5.4.3)", () => {
    const node = given()
    elected(node)
    proposes(node, [{}, {}])
    persists(node)
    hears(node, "b", appendReply({ term: 1, index: 3 }))
    expect(node.commitIndex).toBe(3)
    hears(node, "c", appendReply({ term: 1, index: 1 }))
    hears(node, "b", appendReply({ term: 1, index: 2 }))
    expect(node.commitIndex).toBe(3)
  })

  test("nothing when nobody is a voter (R7)", () => {
    const node = given({ configuration: configuration({ voters: ["a"] }) })
    elected(node, { by: [] })
    node.configurations.reset({ index: 1, configuration: configuration({ voters: [] }) })
    proposes(node, [{}])
    persists(node)
    expect(node.commitIndex).toBe(1)
  })
})

describe("a follower learns what is committed", () => {
  const cases = [
    { what: "up to the leader's commit index", commit: 2, entries: [1, 1, 1], expected: 2 },
    { what: "not beyond what this message verified", commit: 9, entries: [1], expected: 1 },
    { what: "not its own further entries", commit: 3, entries: [], expected: 0 },
  ]
  for (const { what, commit, entries, expected } of cases) {
    test(`${what} (§5.3, R5)`, () => {
      const node = given({ log: [1, 1, 1] })
      const sent = entries.map((term, at) => entry(at + 1, term))
      hears(node, "b", append({ term: 1, entries: sent, commit }))
      expect(node.commitIndex).toBe(expected)
    })
  }

  test("entries of another leader behind the verified ones are not committed by its word (R5)", () => {
    // a: 1 1 1 (term 1, never replicated)   b: 1 2 …, asks first where they agree.
    const node = given({ log: [1, 1, 1], term: 2 })
    hears(node, "b", append({ term: 2, prevIndex: 1, prevTerm: 1, commit: 3 }))
    expect(node.commitIndex).toBe(1)
  })

  test("an older commit index takes nothing back (§5.4.3)", () => {
    const node = given({ log: [1, 1, 1], commit: 3 })
    hears(node, "b", append({ term: 1, prevIndex: 3, prevTerm: 1, commit: 1 }))
    hears(node, "b", heartbeat({ term: 1, commit: 2 }))
    expect(node.commitIndex).toBe(3)
  })

  test("a heartbeat that speaks of more than is there finds a log that has lost something: it commits nothing (R10, S6)", () => {
    const node = given({ log: [1, 1] })
    const { messages, write } = hears(node, "b", heartbeat({ term: 1, commit: 9 }))
    expect([node.standing, node.commitIndex, write?.standing, messages]).toEqual([
      "suspect",
      0,
      "suspect",
      [],
    ])
    expect(persists(node).messages).toMatchObject([{ to: "b", message: { lastIndex: 2, whole: false } }])
  })

  test("a node of which others know that its log was longer neither leads nor stands, nor votes (S6)", () => {
    const { node } = reigning()
    const { write } = when(node, { type: "LossFound" })
    expect([node.role.kind, node.standing, write?.standing]).toEqual(["follower", "suspect", "suspect"])
    persists(node)
    expect(timesOut(node, NOW + 10_000).messages).toEqual([])
    const asks = voteRequest({ term: node.term + 1, lastIndex: 99, lastTerm: node.term })
    expect(hears(node, "b", asks, NOW + 10_000).messages).not.toMatchObject([{ message: { granted: true } }])
  })

  test("a heartbeat commits nothing on a suspect node: what it holds is not known (R10, S4)", () => {
    const node = given({ log: [1, 1], standing: "suspect" })
    hears(node, "b", heartbeat({ term: 1, commit: 2 }))
    expect(node.commitIndex).toBe(0)
  })

  test("a leader's heartbeat never speaks of more than the follower is known to hold (R10)", () => {
    const node = given()
    elected(node)
    hears(node, "b", appendReply({ term: 1, index: 1 }))
    const { messages } = when(node, { type: "HeartbeatDue" })
    expect(messages).toEqual([
      to("b", heartbeat({ term: 1, commit: 1, round: 2 })),
      to("c", heartbeat({ term: 1, commit: 0, round: 2 })),
    ])
  })
})

describe("the new leader of figure 8", () => {
  test("replaces an entry of an older term that was on a majority, if that was not committed (§5.4.2)", () => {
    // a held term 2's entry from the leader that fell; e is elected in term 5 with term 3's.
    const node = given({ log: [1, 2], term: 4 })
    hears(node, "b", append({ term: 5, prevIndex: 1, prevTerm: 1, entries: [entry(2, 3), noop(3, 5)] }))
    expect([1, 2, 3].map((index) => node.log.termAt(index))).toEqual([1, 3, 5])
  })
})
