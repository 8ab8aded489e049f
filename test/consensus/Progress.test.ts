// Does what the leader knows of a follower stay within its bounds, and does it find where their logs agree?

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { Progress } from "../../src/consensus/Progress.ts"
import type { Term } from "../../src/consensus/types.ts"
import {
  appendReply,
  elected,
  given,
  hears,
  heartbeatReply,
  limits,
  NOW,
  persists,
  progressOf,
  proposes,
  replicates,
} from "./support.ts"

describe("a window against the list of what is on its way (R13)", () => {
  test("counts and bytes are those of the messages that no acknowledgement covers", () => {
    const acts = fc.oneof(
      fc.record({
        act: fc.constant("sent" as const),
        count: fc.integer({ min: 1, max: 4 }),
        bytes: fc.nat(500),
      }),
      fc.record({ act: fc.constant("acknowledged" as const), part: fc.nat(100) }),
      fc.record({ act: fc.constantFrom("probe" as const, "repair" as const) }),
    )
    fc.assert(
      fc.property(fc.array(acts, { maxLength: 60 }), (performed) => {
        const progress = new Progress(1, NOW)
        progress.replicate()
        let window: Array<{ last: number; bytes: number }> = []
        let match = 0
        let sent = 0
        for (const done of performed) {
          if (done.act === "sent") {
            if (progress.isWindowFull(limits.inFlightMessagesMax, limits.inFlightBytesMax)) continue
            const last = progress.next + done.count - 1
            progress.sent(last, done.bytes, NOW)
            window.push({ last, bytes: done.bytes })
            sent = Math.max(sent, last)
          } else if (done.act === "acknowledged") {
            const index = done.part % (sent + 1)
            expect(progress.acknowledged(index)).toBe(index > match)
            match = Math.max(match, index)
            window = window.filter(({ last }) => last > index)
          } else {
            if (done.act === "probe") progress.probeFrom(match + 1)
            else progress.beginRepair(sent)
            if (done.act === "repair") match = 0
            progress.replicate()
            window = []
          }
          expect(progress.match).toBe(match)
          expect(progress.next).toBeGreaterThan(match)
          expect(progress.inFlightCount).toBe(window.length)
          expect(progress.inFlightBytes).toBe(window.reduce((sum, { bytes }) => sum + bytes, 0))
          expect(window.length).toBeLessThanOrEqual(limits.inFlightMessagesMax)
          expect(progress.isWindowFull(limits.inFlightMessagesMax, limits.inFlightBytesMax)).toBe(
            window.length === limits.inFlightMessagesMax || progress.inFlightBytes >= limits.inFlightBytesMax,
          )
        }
      }),
    )
  })

  test("only a follower that is known to agree gets messages ahead of its answers", () => {
    const progress = new Progress(1, NOW)
    expect(() => progress.sent(1, 1, NOW)).toThrow("only replication is pipelined: probe against 1")
  })
})

describe("two logs that parted (§5.3, R11)", () => {
  /** Terms along a log: ascending, as elections leave them. */
  const terms = (most: number) =>
    fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: most }).map((some) => some.sort((a, b) => a - b))

  /** Rounds until the leader knows where they agree. */
  const roundsOf = (shared: ReadonlyArray<Term>, own: ReadonlyArray<Term>, other: ReadonlyArray<Term>) => {
    const from = shared.at(-1) ?? 0
    // Two leaders never write the same term: odd ones on one side, even ones on the other.
    const leaderLog = [...shared, ...own.map((term) => from + term * 2)]
    const followerLog = [...shared, ...other.map((term) => from + term * 2 - 1)]
    const node = given({ log: leaderLog, term: 99, limits: { appendEntriesMax: 100, appendBytesMax: 1e6 } })
    elected(node)
    const follower = given({ id: "b", log: followerLog, term: 99 })
    const talk = () => {
      const messages = replicates(node, "b")
      for (const message of messages) {
        const now = hears(follower, "a", message).messages
        for (const { message: reply } of [...now, ...persists(follower).messages]) hears(node, "b", reply)
      }
      return messages.length > 0
    }
    let rounds = 0
    while (progressOf(node, "b").state === "probe" && rounds < 100) {
      rounds++
      talk()
    }
    while (talk());
    for (let index = 1; index <= node.log.lastIndex; index++)
      expect(follower.log.termAt(index)).toBe(node.log.termAt(index))
    return { rounds, terms: new Set([0, ...followerLog]).size }
  }

  test("agree after a round per term of the follower (before its first entry is one as well) and one more", () => {
    fc.assert(
      fc.property(terms(10), terms(30), terms(30), (shared, own, other) => {
        const { rounds, terms: distinct } = roundsOf(shared, own, other)
        expect(rounds).toBeLessThanOrEqual(distinct + 1)
      }),
    )
  })

  test("long divergence in few terms costs few rounds", () => {
    const many = (term: Term) => Array.from({ length: 200 }, () => term)
    expect(roundsOf(many(1), many(3), [...many(1), ...many(2)]).rounds).toBeLessThanOrEqual(3)
  })
})

describe("a follower whose disk lost something (S4)", () => {
  const leading = () => {
    const node = given({ log: [1, 1, 1] })
    elected(node)
    for (const id of ["b", "c"]) {
      replicates(node, id)
      hears(node, id, appendReply({ term: 2, index: 4 }))
    }
    return { node, progress: progressOf(node, "b") }
  }
  const suspect = { term: 2, whole: false } as const

  for (const [how, reply] of [
    ["by a heartbeat's answer", heartbeatReply({ ...suspect, lastIndex: 2 })],
    ["by an acknowledgement", appendReply({ ...suspect, index: 2 })],
    ["by a refusal", appendReply({ ...suspect, accepted: false, index: 4, hintIndex: 2, hintTerm: 1 })],
    [
      "by a snapshot's receipt",
      {
        type: "SnapshotReply",
        ...suspect,
        id: "s",
        received: 0,
        installedIndex: 2,
        session: 1,
      } as const,
    ],
  ] as const) {
    test(`is known ${how}: nothing that it said before counts, and all that the leader has is to repair it`, () => {
      const { node, progress } = leading()
      hears(node, "b", reply)
      expect(progress).toMatchObject({
        whole: false,
        counted: 0,
        match: 0,
        session: 2,
        repairThrough: 4,
        state: "probe",
      })
      expect(replicates(node, "b")).toMatchObject([{ repairThrough: 4, session: 2 }])
    })
  }

  test("counts again when it says that it is whole, and no sooner (R6)", () => {
    const { node, progress } = leading()
    hears(node, "b", heartbeatReply({ ...suspect, lastIndex: 2 }))
    proposes(node, [{}])
    persists(node)
    replicates(node, "b")
    hears(node, "b", appendReply({ term: 2, index: 5, session: 1 }))
    hears(node, "b", appendReply({ ...suspect, index: 3, session: 2 }))
    expect(progress).toMatchObject({ match: 3, counted: 0 })
    expect(node.commitIndex).toBe(4)
    hears(node, "b", appendReply({ term: 2, index: 5, session: 2 }))
    expect(progress).toMatchObject({ whole: true, counted: 5, match: 5 })
    expect(node.commitIndex).toBe(5)
    expect(replicates(node, "b")).toEqual([])
    proposes(node, [{}])
    expect(replicates(node, "b")).toMatchObject([{ repairThrough: 0 }])
  })

  test("and did not take up the promise gets a new one: it may have been damaged since", () => {
    const { node, progress } = leading()
    hears(node, "b", heartbeatReply({ ...suspect, lastIndex: 2 }))
    proposes(node, [{}])
    hears(node, "b", appendReply({ ...suspect, index: 4, session: 2 }))
    expect(progress).toMatchObject({ session: 3, repairThrough: 5, match: 0, whole: false })
  })

  test("again, and refuses what it had acknowledged since, gets a new promise", () => {
    const { node, progress } = leading()
    hears(node, "b", heartbeatReply({ ...suspect, lastIndex: 2 }))
    hears(node, "b", appendReply({ ...suspect, index: 3, session: 2 }))
    replicates(node, "b")
    hears(
      node,
      "b",
      appendReply({ ...suspect, accepted: false, index: 3, hintIndex: 1, hintTerm: 1, session: 2 }),
    )
    expect(progress).toMatchObject({ session: 3, match: 0, state: "probe" })
  })

  test("and is whole, but whose word was lost, is asked (R14)", () => {
    const { node, progress } = leading()
    hears(node, "b", heartbeatReply({ ...suspect, lastIndex: 4 }))
    replicates(node, "b")
    hears(node, "b", appendReply({ ...suspect, index: 3, session: 2 }))
    replicates(node, "b")
    const sentAt = NOW + 2 * limits.heartbeatMillis + 1
    hears(node, "b", heartbeatReply({ term: 2, lastIndex: 4, sentAt }))
    expect(progress.state).toBe("probe")
    expect(replicates(node, "b")).toMatchObject([{ repairThrough: 4, session: 2 }])
  })
})

describe("a newcomer catches up in rounds (thesis §4.2.1)", () => {
  const holding = (index: number) => {
    const progress = new Progress(1, 0)
    progress.acknowledged(index)
    return progress
  }

  test("the first look begins a round, even for one that has everything", () => {
    const progress = holding(5)
    expect(progress.catchesUp(5, 0, 100)).toBe(false)
    expect(progress.catchesUp(5, 0, 100)).toBe(true)
  })

  test("a round is what was there when it began, however much comes meanwhile", () => {
    const progress = holding(0)
    progress.catchesUp(5, 0, 100)
    progress.acknowledged(4)
    expect(progress.catchesUp(50, 50, 100)).toBe(false)
    progress.acknowledged(5)
    expect(progress.catchesUp(50, 100, 100)).toBe(true)
    // The next one is for all of that: short so far.
    expect(progress.catchesUp(60, 200, 100)).toBe(true)
    expect(progress.catchesUp(60, 201, 100)).toBe(false)
    progress.acknowledged(50)
    expect(progress.catchesUp(60, 201, 100)).toBe(false)
    progress.acknowledged(60)
    expect(progress.catchesUp(60, 202, 100)).toBe(true)
  })

  test("a disk that lost something has not caught up, nor by what it held before (S4)", () => {
    const progress = holding(5)
    progress.catchesUp(5, 0, 100)
    expect(progress.catchesUp(5, 1, 100)).toBe(true)
    progress.beginRepair(5)
    expect(progress.catchesUp(5, 2, 100)).toBe(false)
    progress.acknowledged(5)
    expect(progress.catchesUp(5, 3, 100)).toBe(false)
  })
})
