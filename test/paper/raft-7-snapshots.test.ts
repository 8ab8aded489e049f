// Raft §7: log compaction and snapshots.

import { describe, expect, test } from "bun:test"
import { applicableIndex } from "../../src/consensus/node.ts"
import { nextSending } from "../../src/consensus/replication.ts"
import type { SnapshotPosition } from "../../src/consensus/types.ts"
import {
  append,
  appendReply,
  chunkOf,
  configuration,
  elected,
  entry,
  given,
  hears,
  NOW,
  persists,
  progressOf,
  replicates,
  snapshotReply,
  timesOut,
  to,
  turnOf,
  when,
  writeOf,
} from "../consensus/support.ts"

const elsewhere = configuration({ voters: ["a", "b", "z"] })
const snapshot: SnapshotPosition = { index: 5, term: 2, configuration: elsewhere }
const chunk = chunkOf({ term: 3, snapshot, id: "s", totalBytes: 10, session: 4 })
const completed = { type: "SnapshotCompleted", from: "b", chunk } as const
const install = { ...snapshot, snapshotId: "s" }

describe("each server cuts its log by itself", () => {
  test("behind what its state holds: shape and configuration stay (§7)", () => {
    const node = given({ log: [1, 1, 2, 2], applied: 3 })
    const through = { index: 3, term: 2 }
    expect(when(node, { type: "Compacted", through })).toEqual(
      turnOf({ compacted: { through, configuration: configuration() } }),
    )
    expect(node.log).toMatchObject({ base: through, lastIndex: 4 })
    // An older cut that comes late does nothing.
    expect(when(node, { type: "Compacted", through: { index: 2, term: 1 } })).toEqual(turnOf())
  })

  test("never in front of it: then the code is broken (§7, S14)", () => {
    const node = given({ log: [1, 1, 1], applied: 2, commit: 3 })
    const through = { index: 3, term: 1 }
    expect(() => when(node, { type: "Compacted", through })).toThrow(
      "only what is applied is cut: 3 against 2",
    )
  })

  test("the machine never goes back, nor beyond what is committed (§5.4.3)", () => {
    const node = given({ log: [1, 1, 1], applied: 1, commit: 2 })
    expect(() => when(node, { type: "Applied", index: 0 })).toThrow("the machine never goes back")
    expect(() => when(node, { type: "Applied", index: 3 })).toThrow("only what is committed is applied")
    expect(when(node, { type: "Applied", index: 2 })).toEqual(turnOf())
  })

  test("what was applied leaves memory as far as it is on disk (R13)", () => {
    const node = given({ limits: { cacheBytesMax: 0 } })
    hears(node, "b", append({ entries: [entry(1, 1), entry(2, 1)], commit: 2 }))
    persists(node)
    hears(node, "b", append({ prevIndex: 2, prevTerm: 1, entries: [entry(3, 1)], commit: 3 }))
    when(node, { type: "Applied", index: 3 })
    expect(node.log.cachedFrom).toBe(3)
  })
})

describe("a piece of a snapshot arrives", () => {
  test("it is handed on to be kept; the sender is the leader (§7)", () => {
    const node = given({ term: 3 })
    expect(hears(node, "b", chunk)).toEqual(turnOf({ chunks: [{ from: "b", chunk }] }))
    expect(node.role).toMatchObject({ leader: "b", timerBeganAt: NOW })
  })

  test("what is kept is answered with how much there is (§7)", () => {
    const node = given({ term: 3 })
    expect(when(node, { type: "ChunkKept", from: "b", chunk, received: 7 })).toEqual(
      turnOf({ messages: [to("b", snapshotReply({ term: 3, received: 7, session: 4 }))] }),
    )
  })

  test("what was kept for a leader of an older term is not answered (N6)", () => {
    const node = given({ term: 4 })
    expect(when(node, { type: "ChunkKept", from: "b", chunk, received: 7 })).toEqual(turnOf())
    expect(when(node, completed)).toEqual(turnOf())
  })

  test("an older state than this node's own is answered at once: state never goes back (N5)", () => {
    const node = given({ term: 3, log: [1, 1, 2, 2, 2, 2], commit: 6 })
    const reply = to("b", snapshotReply({ term: 3, installedIndex: 6, session: 4 }))
    expect(hears(node, "b", chunk)).toEqual(turnOf({ messages: [reply] }))
    expect(when(node, completed)).toEqual(turnOf({ messages: [reply] }))
  })
})

describe("a snapshot is complete", () => {
  test("the follower discards its entire log, and what conflicts with it, in one write (§7, N3, N4)", () => {
    const node = given({ term: 3, log: [1, 1] })
    expect(when(node, completed)).toEqual(turnOf({ write: writeOf(1, { install }) }))
    expect(node).toMatchObject({
      commitIndex: 5,
      appliedIndex: 0,
      pendingInstall: { snapshotId: "s", index: 5 },
      log: { base: { index: 5, term: 2 }, lastIndex: 5, lastTerm: 2 },
    })
    expect(node.configurations.current).toEqual(elsewhere)
    // Nothing of it may be applied before the log on disk rests on it (N2).
    expect(applicableIndex(node)).toBe(0)
    expect(persists(node)).toEqual(
      turnOf({
        messages: [to("b", snapshotReply({ term: 3, received: 10, installedIndex: 5, session: 4 }))],
      }),
    )
    expect(applicableIndex(node)).toBe(5)
    when(node, { type: "Applied", index: 5 })
    expect(node.pendingInstall).toBeNull()
  })

  test("a log that ends in another term there goes as well (§7, N3)", () => {
    const node = given({ term: 3, log: [1, 1, 1, 1, 1, 1, 1] })
    when(node, completed)
    expect(node.log).toMatchObject({ base: { index: 5, term: 2 }, lastIndex: 5 })
    // The answer waits for the disk, which does not hold the new beginning yet.
    expect(node.log.persistedIndex).toBe(0)
  })

  test("a log that holds the snapshot's last entry keeps what follows: nothing is installed (§7)", () => {
    const node = given({ term: 3, log: [1, 1, 2, 2, 2, 2] })
    expect(when(node, completed)).toEqual(
      turnOf({
        messages: [to("b", snapshotReply({ term: 3, received: 10, installedIndex: 5, session: 4 }))],
      }),
    )
    expect(node).toMatchObject({ commitIndex: 5, pendingInstall: null, log: { lastIndex: 6 } })
    expect(node.configurations.current).toEqual(configuration())
  })

  test("a configuration that the snapshot does not know of is gone (N4)", () => {
    const node = given({ term: 3, log: [1, 1] })
    node.configurations.reset({ index: 2, configuration: configuration({ voters: ["a"] }) })
    when(node, completed)
    expect(node.configurations).toMatchObject({ currentIndex: 5, current: elsewhere })
  })

  test("entries that came before it in the same turn do not reach the disk, those that follow do (N2)", () => {
    const node = given({ term: 3, log: [1, 1] })
    const { write } = when(node, [
      {
        type: "Received",
        from: "b",
        message: append({ term: 3, prevIndex: 1, prevTerm: 1, entries: [entry(2, 3), entry(3, 3)] }),
      },
      completed,
      {
        type: "Received",
        from: "b",
        message: append({ term: 3, prevIndex: 5, prevTerm: 2, entries: [entry(6, 3)] }),
      },
    ])
    expect(write).toEqual(writeOf(1, { install, entries: [entry(6, 3)] }))
    expect(node.log).toMatchObject({ base: { index: 5, term: 2 }, lastIndex: 6, persistedIndex: 0 })
    persists(node)
    expect(node.log.persistedIndex).toBe(6)
  })

  test("a write that was under way does not vouch for the log that begins anew (R9, N2)", () => {
    const node = given({ term: 3, log: [1, 1], commit: 1 })
    const entries = [3, 4, 5, 6].map((index) => entry(index, 1))
    hears(node, "b", append({ term: 3, prevIndex: 2, prevTerm: 1, entries }))
    when(node, completed)
    when(node, { type: "Persisted", sequence: 1 })
    expect(node.log.persistedIndex).toBe(1)
    expect(applicableIndex(node)).toBe(1)
    persists(node)
    expect(applicableIndex(node)).toBe(5)
  })

  test("whoever waited for an entry of the old log learns that its outcome is unknown (R12)", () => {
    const node = given({ term: 2, log: [1] })
    const origin = {}
    hears(node, "b", append({ term: 3, prevIndex: 1, prevTerm: 1, entries: [entry(2, 3)] }))
    node.log.entryAt(2)!.origin = origin
    expect(when(node, completed).dismissed).toEqual([{ origin, reason: "lost" }])
  })

  test("one that does not follow any more leaves it (§7)", () => {
    const node = given({ term: 3, log: [1] })
    timesOut(node)
    expect(when(node, completed)).toEqual(turnOf())
    expect(node.log.lastIndex).toBe(1)
  })

  test("twice: the second time it is old news (N5, N9)", () => {
    const node = given({ term: 3 })
    when(node, completed)
    persists(node)
    expect(when(node, completed)).toEqual(
      turnOf({ messages: [to("b", snapshotReply({ term: 3, installedIndex: 5, session: 4 }))] }),
    )
  })
})

describe("the leader sends a snapshot", () => {
  const leading = () => {
    const node = given({ base: { index: 5, term: 2 }, log: [2, 2] })
    elected(node)
    hears(node, "b", appendReply({ term: 3, accepted: false, index: 7, hintIndex: 1, hintTerm: 1 }))
    return { node, progress: progressOf(node, "b") }
  }

  test("when it has already discarded what the follower needs, also in a quiet cluster (§7, N8)", () => {
    const { node, progress } = leading()
    expect(nextSending(node, progress, NOW)).toEqual({ type: "snapshot" })
  })

  test("and nothing else until it is installed; then the log behind it (§7)", () => {
    const { node, progress } = leading()
    progress.sendSnapshot("s", 6)
    expect(nextSending(node, progress, NOW)).toEqual({ type: "wait" })
    hears(node, "b", snapshotReply({ term: 3, id: "s", received: 4 }))
    expect(progress.snapshot).toEqual({ id: "s", index: 6, received: 4, replies: 1 })
    hears(node, "b", snapshotReply({ term: 3, id: "s", received: 10, installedIndex: 6 }))
    expect(progress).toMatchObject({ state: "replicate", match: 6, next: 7, snapshot: null })
    expect(replicates(node, "b")).toMatchObject([{ prevIndex: 6, entries: [{ index: 7 }, { index: 8 }] }])
  })

  test("replies about another snapshot or another session move nothing (N6, R6)", () => {
    const { node, progress } = leading()
    progress.sendSnapshot("s", 6)
    hears(node, "b", snapshotReply({ term: 3, id: "other", received: 9 }))
    hears(node, "b", snapshotReply({ term: 3, id: "s", installedIndex: 6, session: 0 }))
    hears(node, "x", snapshotReply({ term: 3, id: "s", installedIndex: 6 }))
    expect(progress).toMatchObject({ state: "snapshot", match: 0, snapshot: { received: 0 } })
  })

  test("a follower that has come along by itself gets the log again (§7)", () => {
    const { node, progress } = leading()
    progress.sendSnapshot("s", 6)
    hears(node, "b", appendReply({ term: 3, index: 7 }))
    expect(progress).toMatchObject({ state: "probe", match: 7, next: 8 })
  })

  test("an installed snapshot counts for the commit (§7, R7)", () => {
    const node = given({ base: { index: 5, term: 2 } })
    elected(node)
    hears(node, "b", snapshotReply({ term: 3, installedIndex: 6 }))
    expect(node.commitIndex).toBe(6)
  })
})
