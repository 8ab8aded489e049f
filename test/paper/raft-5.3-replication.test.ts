// Raft §5.3: log replication.

import { describe, expect, test } from "bun:test"
import { entryBytes } from "../../src/consensus/Log.ts"
import { appendFrom, nextSending } from "../../src/consensus/replication.ts"
import {
  append,
  appendReply,
  configuration,
  elected,
  entry,
  given,
  hears,
  heartbeat,
  heartbeatReply,
  limits,
  NOW,
  noop,
  persists,
  progressOf,
  proposes,
  reigning,
  replicates,
  replicatesFrom,
  to,
  turnOf,
  voteRequest,
  when,
  writeOf,
} from "../consensus/support.ts"

describe("the leader takes proposals", () => {
  test("appends them in order, with term and origin, to its disk and to all others at once (§5.3)", () => {
    const { node } = reigning()
    const origins = [{ name: "first" }, { name: "second" }]
    const entries = [
      entry(2, 1, { time: 70, origin: origins[0]! }),
      entry(3, 1, { time: 70, origin: origins[1]! }),
    ]
    expect(proposes(node, origins, NOW, 70)).toEqual(turnOf({ write: writeOf(3, { entries }) }))
    for (const id of ["b", "c"]) {
      expect(replicates(node, id)).toEqual([
        append({ term: 1, prevIndex: 1, prevTerm: 1, entries, commit: 1 }),
      ])
    }
  })

  test("gives them a time that never goes back, whatever the clocks say (§5.3)", () => {
    const { node } = reigning()
    for (const time of [50, 20, 60]) proposes(node, [{}], NOW, time)
    expect([2, 3, 4].map((index) => node.log.entryAt(index)!.time)).toEqual([50, 50, 60])
    // Nor in the terms that follow.
    const next = given()
    hears(next, "b", append({ term: 1, entries: [entry(1, 1, { time: 90 })] }))
    elected(next, { now: 2 * NOW })
    expect(next.log.entryAt(2)).toEqual(noop(2, 2, 90))
    proposes(next, [{}], 2 * NOW, 80)
    expect(next.log.entryAt(3)!.time).toBe(90)
  })

  test("whoever does not lead sends them away, untouched (§5.3, C3)", () => {
    const origin = {}
    for (const node of [given(), given({ standing: "suspect" })]) {
      expect(proposes(node, [origin])).toEqual(turnOf({ dismissed: [{ origin, reason: "not-leader" }] }))
      expect(node.log.lastIndex).toBe(0)
    }
  })
})

describe("the consistency check: a follower refuses unless it holds the entry before (§5.3)", () => {
  // The follower's log:  1 1 4 4   (index 1 to 4)
  for (const { what, prevIndex, prevTerm, hintIndex, hintTerm } of [
    { what: "ends before it", prevIndex: 6, prevTerm: 4, hintIndex: 4, hintTerm: 4 },
    { what: "ends before it, in a newer term", prevIndex: 6, prevTerm: 3, hintIndex: 2, hintTerm: 1 },
    { what: "has another term there", prevIndex: 4, prevTerm: 5, hintIndex: 4, hintTerm: 4 },
    { what: "has a newer term there", prevIndex: 4, prevTerm: 2, hintIndex: 2, hintTerm: 1 },
    { what: "has nothing as old", prevIndex: 4, prevTerm: 0, hintIndex: 0, hintTerm: 0 },
  ]) {
    test(`its log ${what}: refused, with the last place that can still match (R11)`, () => {
      const node = given({ log: [1, 1, 4, 4], term: 6 })
      const request = append({ term: 6, prevIndex, prevTerm, entries: [entry(prevIndex + 1, 6)], commit: 4 })
      expect(hears(node, "b", request)).toEqual(
        turnOf({
          messages: [
            to("b", appendReply({ term: 6, accepted: false, index: prevIndex, hintIndex, hintTerm })),
          ],
        }),
      )
      expect(node).toMatchObject({ commitIndex: 0, log: { lastIndex: 4 } })
    })
  }

  test("a cut log says no less than where it was cut (§5.3, §7)", () => {
    const node = given({ base: { index: 3, term: 2 }, log: [5], term: 6 })
    for (const prevTerm of [3, 1])
      expect(hears(node, "b", append({ term: 6, prevIndex: 4, prevTerm })).messages).toEqual([
        to("b", appendReply({ term: 6, accepted: false, index: 4, hintIndex: 3, hintTerm: 2 })),
      ])
  })
})

describe("a follower accepts", () => {
  test("new entries; it says so when they are on its disk (§5.3, R8)", () => {
    const node = given({ log: [1] })
    const entries = [entry(2, 1), entry(3, 1)]
    const request = append({ prevIndex: 1, prevTerm: 1, entries, commit: 2, session: 4 })
    expect(hears(node, "b", request)).toEqual(turnOf({ write: writeOf(1, { entries }) }))
    expect(node.commitIndex).toBe(2)
    expect(persists(node)).toEqual(turnOf({ messages: [to("b", appendReply({ index: 3, session: 4 }))] }))
  })

  test("an empty append at once: nothing has to reach the disk (§5.3)", () => {
    const node = given({ log: [1] })
    expect(hears(node, "b", append({ prevIndex: 1, prevTerm: 1 }))).toEqual(
      turnOf({ messages: [to("b", appendReply({ index: 1 }))] }),
    )
  })

  test("the same message twice: the second answer waits for the first write, which is the only one (R8)", () => {
    const node = given()
    const request = append({ entries: [entry(1, 1)] })
    hears(node, "b", request)
    hears(node, "b", request)
    expect(persists(node).messages).toEqual([
      to("b", appendReply({ index: 1 })),
      to("b", appendReply({ index: 1 })),
    ])
    expect(hears(node, "b", request)).toEqual(turnOf({ messages: [to("b", appendReply({ index: 1 }))] }))
  })

  test("a late message whose entries all match, and cuts nothing behind them (R2)", () => {
    const node = given({ log: [1, 1, 1, 1] })
    const late = append({ prevIndex: 1, prevTerm: 1, entries: [entry(2, 1), entry(3, 1)] })
    expect(hears(node, "b", late)).toEqual(turnOf({ messages: [to("b", appendReply({ index: 3 }))] }))
    expect(node.log.lastIndex).toBe(4)
    // Nor does one that overlaps the end write again what is there.
    const overlapping = append({ prevIndex: 3, prevTerm: 1, entries: [entry(4, 1), entry(5, 1)] })
    expect(hears(node, "b", overlapping).write).toEqual(writeOf(1, { entries: [entry(5, 1)] }))
  })

  test("and replaces what conflicts: the cut and the new entries are one write (§5.3, S8)", () => {
    const node = given({ log: [1, 2, 2, 2], term: 3 })
    const entries = [entry(2, 2), entry(3, 3), entry(4, 3)]
    const request = append({ term: 3, prevIndex: 1, prevTerm: 1, entries })
    expect(hears(node, "b", request)).toEqual(
      turnOf({ write: writeOf(1, { truncateFrom: 3, entries: entries.slice(1) }) }),
    )
    expect(node.log).toMatchObject({ lastIndex: 4, persistedIndex: 2 })
    expect(persists(node).messages).toEqual([to("b", appendReply({ term: 3, index: 4 }))])
  })

  test("two cuts of one turn as the deeper one (§5.3, S8)", () => {
    const node = given({ log: [1, 2, 2], term: 2 })
    const { write } = when(node, [
      {
        type: "Received",
        from: "b",
        message: append({ term: 3, prevIndex: 2, prevTerm: 2, entries: [entry(3, 3)] }),
      },
      {
        type: "Received",
        from: "c",
        message: append({ term: 4, prevIndex: 1, prevTerm: 1, entries: [entry(2, 4), entry(3, 4)] }),
      },
    ])
    expect(write).toEqual(
      writeOf(1, {
        hardState: { term: 4, votedFor: null },
        truncateFrom: 2,
        entries: [entry(2, 4), entry(3, 4)],
      }),
    )
  })

  test("what reaches back behind the cut of its own log, from there on (§7)", () => {
    const node = given({ base: { index: 3, term: 1 }, log: [1] })
    const entries = [entry(2, 1), entry(3, 1), entry(4, 1), entry(5, 1)]
    const first = hears(node, "b", append({ prevIndex: 1, prevTerm: 1, entries }))
    expect(first.write).toEqual(writeOf(1, { entries: [entry(5, 1)] }))
    // What it covers altogether is committed, so the leader has all of it up to the cut.
    expect(hears(node, "b", append({ prevIndex: 0, entries: [entry(1, 1)] })).messages).toEqual([
      to("b", appendReply({ index: 3 })),
    ])
    expect(hears(node, "b", append({ prevIndex: 1, prevTerm: 1 })).messages).toEqual([
      to("b", appendReply({ index: 3 })),
    ])
  })

  test("never what conflicts with a committed entry: then the code is broken, and it stops (R3)", () => {
    const node = given({ log: [1, 1, 1], commit: 2, term: 2 })
    const request = append({ term: 2, prevIndex: 1, prevTerm: 1, entries: [entry(2, 2)] })
    expect(() => hears(node, "b", request)).toThrow("what is committed is never cut (§5.4.3): 2 against 2")
  })
})

describe("a write that ends late", () => {
  test("does not vouch for entries that took the place of those it wrote (R9)", () => {
    const node = given({ log: [1], term: 2 })
    hears(node, "b", append({ term: 2, prevIndex: 1, prevTerm: 1, entries: [entry(2, 2), entry(3, 2)] }))
    hears(node, "c", append({ term: 3, prevIndex: 1, prevTerm: 1, entries: [entry(2, 3), entry(3, 3)] }))
    // The first write wrote 2 and 3 of term 2, which are no longer in the log.
    const first = when(node, { type: "Persisted", sequence: 1 })
    expect(node.log.persistedIndex).toBe(1)
    expect(first.messages).toEqual([to("b", appendReply({ term: 2, index: 3 }))])
    expect(when(node, { type: "Persisted", sequence: 2 }).messages).toEqual([
      to("c", appendReply({ term: 3, index: 3 })),
    ])
    expect(node.log.persistedIndex).toBe(3)
  })

  test("confirms all before it (S8)", () => {
    const node = given()
    for (const index of [1, 2, 3])
      hears(
        node,
        "b",
        append({ prevIndex: index - 1, prevTerm: index === 1 ? 0 : 1, entries: [entry(index, 1)] }),
      )
    expect(when(node, { type: "Persisted", sequence: 2 }).messages).toHaveLength(2)
    expect(node.log.persistedIndex).toBe(2)
    // Said again it means nothing.
    expect(when(node, { type: "Persisted", sequence: 2 })).toEqual(turnOf())
    expect(persists(node).messages).toEqual([to("b", appendReply({ index: 3 }))])
  })
})

describe("the leader of a new term", () => {
  test("begins with each follower behind its own last entry (§5.3)", () => {
    const node = given({ log: [1, 1] })
    const leader = elected(node)
    for (const progress of leader.progress.values())
      expect(progress).toMatchObject({ next: 3, match: 0, state: "probe" })
  })

  test("asks one question at a time while it does not know where the logs agree (§5.3)", () => {
    const node = given({ log: [1, 1] })
    elected(node)
    expect(replicates(node, "b")).toEqual([
      append({ term: 2, prevIndex: 2, prevTerm: 1, entries: [node.log.entryAt(3)!] }),
    ])
    proposes(node, [{}])
    expect(replicates(node, "b")).toEqual([])
  })

  test("goes back by terms, not by entries, and never behind what is known to match (§5.3, R11)", () => {
    const node = given({ log: [1, 1, 1, 4, 4, 5] })
    elected(node)
    replicates(node, "b")
    // The follower:  1 1 1 2 2 2
    const refusal = appendReply({ term: 6, accepted: false, index: 6, hintIndex: 6, hintTerm: 2 })
    hears(node, "b", refusal)
    expect(progressOf(node, "b")).toMatchObject({ next: 4, state: "probe" })
    expect(replicates(node, "b")[0]).toMatchObject({ prevIndex: 3, prevTerm: 1 })
    // The refusal once more says nothing new (R6).
    hears(node, "b", refusal)
    expect(progressOf(node, "b")).toMatchObject({ next: 4 })
  })

  test("sends a snapshot when the follower's log parts from its own before the cut (§7)", () => {
    const node = given({ base: { index: 4, term: 2 }, log: [3] })
    elected(node)
    replicates(node, "b")
    hears(node, "b", appendReply({ term: 4, accepted: false, index: 5, hintIndex: 2, hintTerm: 1 }))
    expect(nextSending(node, progressOf(node, "b"), NOW)).toEqual({ type: "snapshot" })
  })

  test("once they agree, sends ahead of the answers, within the window (§5.3, R13)", () => {
    const { node } = reigning()
    proposes(
      node,
      Array.from({ length: 20 }, () => ({})),
    )
    const sent = replicates(node, "b")
    expect(sent.map(({ prevIndex, entries }) => [prevIndex, entries.length])).toEqual([
      [1, 4],
      [5, 4],
      [9, 4],
    ])
    hears(node, "b", appendReply({ index: 5 }))
    expect(replicates(node, "b").map(({ prevIndex }) => prevIndex)).toEqual([13])
    // One follower's full window stops nobody else.
    expect(replicates(node, "c")).toHaveLength(3)
  })

  test("and within the window's bytes (R13)", () => {
    const { node } = reigning({ limits: { inFlightBytesMax: 300, appendBytesMax: 150 } })
    proposes(
      node,
      Array.from({ length: 9 }, () => ({})),
    )
    expect(entryBytes(entry(1, 1))).toBe(64)
    expect(replicates(node, "b").map(({ entries }) => entries.length)).toEqual([2, 2, 2])
  })

  test("reads from disk what has left its memory, and only that (R13)", () => {
    const node = given({ log: [1, 1, 1, 1, 1, 1], cached: 3 })
    elected(node)
    hears(node, "b", appendReply({ term: 2, index: 1 }))
    const sending = nextSending(node, progressOf(node, "b"), NOW)
    expect(sending).toEqual({ type: "read", from: 2, to: 3 })
    expect(replicatesFrom(node, "b", [entry(2, 1), entry(3, 1)])).toEqual({
      type: "append",
      message: append({ term: 2, prevIndex: 1, prevTerm: 1, entries: [entry(2, 1), entry(3, 1)] }),
    })
    // Entries that were asked for before the world moved on are not sent.
    expect(replicatesFrom(node, "b", [entry(2, 1)])).toEqual({ type: "wait" })
  })

  test("spends no message on a new commit index alone: the next append says it (§5.3)", () => {
    const { node } = reigning()
    proposes(node, [{}])
    persists(node)
    replicates(node, "b")
    replicates(node, "c")
    hears(node, "b", appendReply({ index: 2 }))
    expect(node.commitIndex).toBe(2)
    expect(replicates(node, "b")).toEqual([])
    proposes(node, [{}])
    expect(replicates(node, "b")).toMatchObject([{ prevIndex: 2, commit: 2 }])
  })
})

describe("a leader that has fallen", () => {
  test("says nothing more, though its replicators live a little longer (E1, E16)", () => {
    const { node } = reigning()
    const progress = progressOf(node, "b")
    proposes(node, [{}])
    hears(node, "c", heartbeat({ term: 2 }))
    expect(nextSending(node, progress, NOW)).toEqual({ type: "wait" })
    expect(appendFrom(node, progress, [entry(2, 1)], NOW)).toEqual({ type: "wait" })
    // Nor when it leads again: that leadership has its own.
    elected(node, { now: 2 * NOW })
    expect(nextSending(node, progress, NOW)).toEqual({ type: "wait" })
  })
})

describe("what a follower's answers prove", () => {
  test("an answer of an earlier session proves nothing about its disk, but that it lives (R6)", () => {
    const { node } = reigning()
    const progress = progressOf(node, "b")
    progress.beginRepair(1)
    hears(node, "b", appendReply({ index: 1, session: 1 }), NOW + 5)
    expect(progress).toMatchObject({ match: 0, whole: false, heardAt: NOW + 5 })
  })

  test("a late refusal takes nothing back (R6)", () => {
    const { node } = reigning()
    hears(node, "b", appendReply({ accepted: false, index: 1, hintIndex: 0 }))
    expect(progressOf(node, "b")).toMatchObject({ match: 1, next: 2, state: "replicate" })
  })

  test("one from a node that is no member is not heard (R15)", () => {
    const { node } = reigning()
    const before = JSON.stringify(node)
    for (const reply of [appendReply({ index: 1 }), heartbeatReply({})])
      expect(hears(node, "x", reply)).toEqual(turnOf())
    expect(JSON.stringify(node)).toBe(before)
  })
})

describe("messages that are lost", () => {
  test("entries that did not arrive are sent again when a heartbeat's answer shows it (§5.3, R14)", () => {
    const { node } = reigning()
    proposes(node, [{}])
    replicates(node, "b")
    const answer = (sentAt: number) => heartbeatReply({ sentAt, lastIndex: 1 })
    // Heartbeats overtake appends: one that left just behind proves nothing yet.
    hears(node, "b", answer(NOW + limits.heartbeatMillis))
    expect(replicates(node, "b")).toEqual([])
    hears(node, "b", answer(NOW + limits.heartbeatMillis + 1))
    expect(replicates(node, "b")).toMatchObject([{ prevIndex: 1, entries: [{ index: 2 }] }])
  })

  test("an acknowledgement that did not arrive is asked for in a quiet cluster (R14)", () => {
    const { node } = reigning()
    proposes(node, [{}])
    replicates(node, "b")
    const answer = (sentAt: number) => heartbeatReply({ sentAt, lastIndex: 2 })
    hears(node, "b", answer(NOW + 2 * limits.heartbeatMillis))
    expect(replicates(node, "b")).toEqual([])
    hears(node, "b", answer(NOW + 2 * limits.heartbeatMillis + 1))
    expect(replicates(node, "b")).toEqual([append({ prevIndex: 2, prevTerm: 1, commit: 1 })])
  })

  test("a question that was lost is asked again, without entries (§5.3, R14)", () => {
    const node = given({ log: [1] })
    elected(node)
    expect(replicates(node, "b")).toMatchObject([{ prevIndex: 1, entries: [{ index: 2 }] }])
    hears(node, "b", heartbeatReply({ term: 2, sentAt: NOW, lastIndex: 1 }))
    expect(replicates(node, "b")).toEqual([])
    hears(node, "b", heartbeatReply({ term: 2, sentAt: NOW + 1, lastIndex: 1 }))
    expect(replicates(node, "b")).toMatchObject([{ prevIndex: 1, entries: [] }])
  })
})

describe("proposals that are overwritten", () => {
  test("their clients learn that the outcome is unknown, never another's (§5.4, R12)", () => {
    const { node } = reigning()
    const [first, second] = [{}, {}]
    proposes(node, [first, second])
    const turn = hears(node, "b", append({ term: 2, prevIndex: 1, prevTerm: 1, entries: [entry(2, 2)] }))
    expect(turn.dismissed).toEqual([
      { origin: first, reason: "lost" },
      { origin: second, reason: "lost" },
    ])
    expect(node.log.entryAt(2)).toEqual(entry(2, 2))
  })

  test("those that are committed keep their place when the leader falls (§5.4.3, E16)", () => {
    const { node } = reigning()
    const [committed, open] = [{}, {}]
    proposes(node, [committed])
    persists(node)
    hears(node, "b", appendReply({ index: 2 }))
    proposes(node, [open])
    const { dismissed } = hears(node, "b", voteRequest({ term: 2, transfer: true }))
    expect(dismissed).toEqual([{ origin: open, reason: "lost" }])
    expect(node.log.entryAt(2)!.origin).toBe(committed)
  })
})

describe("followers of figure 7", () => {
  // The leader of term 8, and what its followers may hold; index 1 to 12.
  const leaderLog = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]
  for (const [name, log] of Object.entries({
    a: [1, 1, 1, 4, 4, 5, 5, 6, 6],
    b: [1, 1, 1, 4],
    c: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    d: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    e: [1, 1, 1, 4, 4, 4, 4],
    f: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
  })) {
    test(`(${name}) ends with the leader's log after a round per term at the most (§5.3, R11)`, () => {
      const node = given({ log: leaderLog, term: 7, limits: { appendEntriesMax: 20 } })
      elected(node)
      const follower = given({ id: "b", log, term: 7, configuration: configuration() })
      let rounds = 0
      while (follower.log.lastIndex !== node.log.lastIndex || progressOf(node, "b").match !== 11) {
        expect(++rounds).toBeLessThanOrEqual(new Set(log).size + 2)
        for (const message of replicates(node, "b")) {
          const outcome = hears(follower, "a", message)
          for (const reply of [...outcome.messages, ...persists(follower).messages])
            hears(node, "b", reply.message)
        }
      }
      for (let index = 1; index <= 11; index++)
        expect(follower.log.termAt(index)).toBe(node.log.termAt(index))
    })
  }

  test("a heartbeat and entries of one turn leave in the order of what they rest on (R8)", () => {
    const node = given({ log: [1] })
    const turn = when(node, [
      {
        type: "Received",
        from: "b",
        message: append({ prevIndex: 1, prevTerm: 1, entries: [entry(2, 1)] }),
      },
      { type: "Received", from: "b", message: heartbeat({ round: 3 }) },
    ])
    // The heartbeat's answer speaks of no disk: it leaves now, and tells of the entry that is still to sync.
    expect(turn.messages).toEqual([to("b", heartbeatReply({ round: 3, lastIndex: 2 }))])
    expect(persists(node).messages).toEqual([to("b", appendReply({ index: 2 }))])
  })
})
