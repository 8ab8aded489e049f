// Thesis §3.8: persisted state and server restarts.

import { describe, expect, test } from "bun:test"
import {
  append,
  appendReply,
  chunkOf,
  entry,
  fromDisk,
  given,
  hears,
  heartbeat,
  heartbeatReply,
  NOW,
  persists,
  timesOut,
  to,
  turnOf,
  voteReply,
  voteRequest,
  when,
  writeOf,
} from "../consensus/support.ts"

const base = { index: 0, term: 0 }
const hardState = { term: 3, votedFor: "c" }

describe("a server that restarts", () => {
  test("goes on with the term, the vote and the log of its disk (§3.8)", () => {
    const entries = [entry(1, 1), entry(2, 3)]
    const node = fromDisk({ hardState, base, entries })
    expect(node).toMatchObject({ term: 3, votedFor: "c", commitIndex: 0, appliedIndex: 0 })
    expect(node.log).toMatchObject({ lastIndex: 2, lastTerm: 3, persistedIndex: 2 })
    // Any part of it: no vote to another in the term, no older term, no log that is less up-to-date.
    expect(hears(node, "b", voteRequest({ term: 3, lastIndex: 9, lastTerm: 3 })).messages).toEqual([
      to("b", voteReply({ term: 3, granted: false })),
    ])
    expect(hears(node, "b", append({ term: 2 })).messages[0]!.message.term).toBe(3)
  })

  test("finds out anew what is committed: what it had applied is (§3.8)", () => {
    const entries = [entry(1, 1), entry(2, 1), entry(3, 1)]
    expect(fromDisk({ hardState, base, entries, applied: 2 })).toMatchObject({
      commitIndex: 2,
      appliedIndex: 2,
    })
    // And so is what a snapshot covers, though the state has still to take it over.
    const install = { snapshotId: "s", index: 7 }
    const installing = fromDisk({
      hardState,
      base: { index: 7, term: 1 },
      entries: [],
      applied: 2,
      pendingInstall: install,
    })
    expect(installing).toMatchObject({ commitIndex: 7, appliedIndex: 2, pendingInstall: install })
  })

  test("keeps quiet for a minimum election timeout: it may have promised that to a leader (§4.2.3, L5)", () => {
    const ask = (now: number, of: { term?: number; asked?: number; transfer?: boolean } = {}) => {
      const node = fromDisk({
        hardState: { term: of.term ?? 3, votedFor: null },
        base,
        entries: [],
        startedAt: NOW,
      })
      hears(node, "b", voteRequest({ term: of.asked ?? 4, transfer: of.transfer ?? false }), now)
      return node.votedFor
    }
    expect(ask(NOW + 149)).toBeNull()
    expect(ask(NOW + 150)).toBe("b")
    // The term it was in gives no way around that, a leader that hands over does.
    expect(ask(NOW + 149, { asked: 3 })).toBeNull()
    expect(ask(NOW + 149, { transfer: true })).toBe("b")
    // One that never took part in a term promised nothing.
    expect(ask(NOW, { term: 0, asked: 1 })).toBe("b")
  })

  test("does not hear replies to its life before: late votes, acknowledgements, confirmations (R6, E6)", () => {
    const node = fromDisk({ hardState: { term: 3, votedFor: "a" }, base, entries: [entry(1, 3)] })
    for (const reply of [
      voteReply({ term: 3, granted: true }),
      voteReply({ term: 4, preVote: true, granted: true }),
      appendReply({ term: 3, index: 1 }),
      heartbeatReply({ term: 3 }),
    ]) {
      expect(hears(node, "b", reply)).toEqual(turnOf())
    }
    expect(node).toMatchObject({ term: 3, role: { kind: "follower" }, commitIndex: 0 })
  })
})

describe("nothing is said before the disk holds what it rests on", () => {
  test("one write that fails to come holds back all that came after a fact (§3.8, E2, E3)", () => {
    const node = given({ term: 1 })
    hears(node, "b", voteRequest({ term: 2 }))
    hears(node, "c", voteRequest({ term: 2 }))
    expect(hears(node, "b", heartbeat({ term: 2, round: 4 }))).toEqual(turnOf())
    expect(hears(node, "b", append({ term: 2, entries: [entry(1, 2)] })).messages).toEqual([])
    // The first write frees what rests on term and vote, the second what rests on the entry.
    expect(
      when(node, { type: "Persisted", sequence: 1 }).messages.map(({ message }) => message.type),
    ).toEqual(["VoteReply", "VoteReply", "HeartbeatReply"])
    expect(when(node, { type: "Persisted", sequence: 2 }).messages).toEqual([
      to("b", appendReply({ term: 2, index: 1 })),
    ])
  })

  test("a candidate that is outrun on its way to the disk asks for no votes that it no longer wants (E3)", () => {
    const node = given({ term: 1 })
    timesOut(node)
    hears(node, "b", voteReply({ term: 2, preVote: true, granted: true }))
    hears(node, "b", heartbeat({ term: 5 }))
    // Its vote requests of term 2 may leave: they were true, and nobody in term 5 minds them.
    const { messages } = persists(node)
    expect(messages.at(-1)).toEqual(to("b", heartbeatReply({ term: 5 })))
    expect(node).toMatchObject({ term: 5, votedFor: null, role: { kind: "follower", leader: "b" } })
  })

  test("writes are numbered without a gap, and a turn that changes nothing has none (§3.8)", () => {
    const node = given({ term: 1 })
    expect(hears(node, "b", heartbeat({ term: 1 })).write).toBeNull()
    const sequences = [1, 2, 3].map((index) => {
      const prevTerm = index === 1 ? 0 : 1
      return hears(node, "b", append({ prevIndex: index - 1, prevTerm, entries: [entry(index, 1)] })).write!
        .sequence
    })
    expect(sequences).toEqual([1, 2, 3])
  })
})

describe("a server whose disk lost something is suspect (S4)", () => {
  const suspect = () => given({ log: [1, 1, 1], term: 2, standing: "suspect" })
  // With the damage it may have lost the vote of this term: its leader counts as having got it.
  const whole = { standing: "whole", hardState: { term: 2, votedFor: "b" } } as const
  const asked = (session: number, of: Parameters<typeof append>[0] = {}) =>
    append({ term: 2, prevIndex: 3, prevTerm: 1, repairThrough: 3, session, ...of })

  test("it receives and answers, and says what it is", () => {
    const node = suspect()
    const entries = [entry(4, 2)]
    hears(node, "b", append({ term: 2, prevIndex: 3, prevTerm: 1, entries, commit: 4 }))
    expect(persists(node).messages).toEqual([to("b", appendReply({ term: 2, index: 4, whole: false }))])
    expect(hears(node, "b", heartbeat({ term: 2 })).messages).toEqual([
      to("b", heartbeatReply({ term: 2, lastIndex: 4, whole: false })),
    ])
    expect(node).toMatchObject({ commitIndex: 4, standing: "suspect" })
  })

  test("it is whole when it has all that the leader had when it learned of the damage, on disk", () => {
    const node = suspect()
    hears(node, "b", append({ term: 2, prevIndex: 3, prevTerm: 1, session: 1 }))
    const entries = [entry(4, 2), entry(5, 2)]
    // Not yet all of it:
    hears(node, "b", asked(2, { entries: entries.slice(0, 1), repairThrough: 5 }))
    expect(persists(node).messages).toEqual([
      to("b", appendReply({ term: 2, index: 4, session: 2, whole: false })),
    ])
    // All of it; it says so when the disk holds the entries and the standing.
    const turn = hears(
      node,
      "b",
      asked(2, { prevIndex: 4, prevTerm: 2, entries: entries.slice(1), repairThrough: 5 }),
    )
    expect(turn).toEqual(turnOf({ write: writeOf(2, { entries: entries.slice(1), ...whole }) }))
    expect(persists(node).messages).toEqual([to("b", appendReply({ term: 2, index: 5, session: 2 }))])
    expect(hears(node, "b", voteRequest({ term: 2 })).messages).toEqual([
      to("b", voteReply({ term: 2, granted: false })),
    ])
  })

  test("it takes up no promise of a session that may have begun before its damage", () => {
    const node = suspect()
    expect(hears(node, "b", asked(2)).messages).toEqual([
      to("b", appendReply({ term: 2, index: 3, session: 2, whole: false })),
    ])
    expect(hears(node, "b", asked(2)).write).toBeNull()
    expect(hears(node, "b", asked(3)).write).toEqual(writeOf(1, { ...whole }))
  })

  test("nor one that a leader of another term made: that one knows nothing of this damage", () => {
    const node = suspect()
    hears(node, "b", asked(2))
    hears(node, "c", asked(3, { term: 3 }))
    persists(node)
    expect(node.standing).toBe("suspect")
    hears(node, "c", asked(4, { term: 3 }))
    expect(node.standing).toBe("whole")
  })

  test("a snapshot repairs it as well, if it reaches far enough (§7)", () => {
    for (const repairThrough of [9, 10]) {
      const node = suspect()
      hears(node, "b", append({ term: 2, prevIndex: 3, prevTerm: 1 }))
      const snapshot = { ...chunkOf({}).snapshot, index: 9, term: 2 }
      const chunk = chunkOf({ term: 2, snapshot, repairThrough, session: 2 })
      const { write } = when(node, { type: "SnapshotCompleted", from: "b", chunk })
      expect(write!.standing).toBe(repairThrough === 9 ? "whole" : null)
    }
  })

  test("and so does one that it need not install (§7)", () => {
    const node = suspect()
    hears(node, "b", append({ term: 2, prevIndex: 3, prevTerm: 1 }))
    const snapshot = { ...chunkOf({}).snapshot, index: 2, term: 1 }
    const chunk = chunkOf({ term: 2, snapshot, repairThrough: 2, session: 2 })
    expect(when(node, { type: "SnapshotCompleted", from: "b", chunk })).toEqual(
      turnOf({ write: writeOf(1, { ...whole }) }),
    )
  })
})
