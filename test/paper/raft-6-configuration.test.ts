// Raft §6: configurations, as far as they rule the decisions: joint majorities everywhere, learners nowhere,
// and the latest configuration in the log, committed or not.

import { describe, expect, test } from "bun:test"
import { encodeConfiguration } from "../../src/consensus/configuration.ts"
import { leaseHolds } from "../../src/consensus/reading.ts"
import {
  append,
  appendReply,
  configuration,
  elected,
  entry,
  fromDisk,
  given,
  hears,
  heartbeatReply,
  limits,
  NOW,
  persists,
  progressOf,
  reads,
  replicates,
  timesOut,
  voteReply,
  when,
} from "../consensus/support.ts"

const joint = configuration({ voters: [..."abc"], outgoing: [..."ade"], learners: ["f"] })
const base = { index: 0, term: 0 }
const configurationEntry = (index: number, term: number, of: Parameters<typeof configuration>[0]) =>
  entry(index, term, { kind: "configuration", data: encodeConfiguration(configuration(of)) })

describe("a joint configuration needs both majorities (§6, M5)", () => {
  test("for a pre-vote and for a vote", () => {
    const node = given({ configuration: joint })
    timesOut(node)
    for (const preVote of [true, false]) {
      const grants = (id: string) => hears(node, id, voteReply({ term: 1, preVote, granted: true }))
      grants("b")
      grants("c")
      grants("f")
      expect(node.role).toMatchObject({ kind: "candidate", preVote })
      grants("e")
      persists(node)
    }
    expect(node.role.kind).toBe("leader")
  })

  test("and either majority can refuse", () => {
    const node = given({ configuration: joint })
    timesOut(node)
    for (const id of ["d", "e"]) hears(node, id, voteReply({ term: 0, preVote: true, granted: false }))
    expect(node.role.kind).toBe("follower")
  })

  const leading = () => {
    const node = given({ configuration: joint })
    elected(node, { by: [..."bcde"] })
    // It is left as soon as it is committed: here it is not.
    node.configurations.reset({ index: 99, configuration: joint })
    for (const id of [..."bd"]) hears(node, id, appendReply({ term: 1, index: 1 }))
    expect(node.commitIndex).toBe(1)
    return node
  }

  test("for a commit", () => {
    const node = given({ configuration: joint })
    elected(node, { by: [..."bcde"] })
    for (const id of [..."bcf"]) hears(node, id, appendReply({ term: 1, index: 1 }))
    expect(node.commitIndex).toBe(0)
    hears(node, "e", appendReply({ term: 1, index: 1 }))
    expect(node.commitIndex).toBe(1)
  })

  test("to confirm a read", () => {
    const node = leading()
    const origin = {}
    reads(node, [origin])
    const answers = (id: string) => hears(node, id, heartbeatReply({ round: 2 }))
    for (const id of [..."bcf"]) expect(answers(id).reads).toEqual([])
    expect(answers("d").reads).toEqual([{ origin, index: 1 }])
  })

  test("for a lease", () => {
    const node = leading()
    for (const id of [..."bcf"]) hears(node, id, heartbeatReply({ sentAt: NOW }))
    expect(leaseHolds(node, NOW)).toBe(false)
    hears(node, "e", heartbeatReply({ sentAt: NOW }))
    expect(leaseHolds(node, NOW)).toBe(true)
  })

  test("to go on leading", () => {
    const node = leading()
    const later = NOW + limits.electionTimeoutMaxMillis + 1
    for (const id of [..."bcf"]) hears(node, id, heartbeatReply({}), later)
    when(node, { type: "HeartbeatDue" }, later)
    expect(node.role.kind).toBe("follower")
  })
})

describe("learners (§6, M8)", () => {
  test("receive the log and heartbeats, and everybody who counts still does", () => {
    const node = given({ configuration: configuration({ learners: ["f"] }) })
    const leader = elected(node)
    expect([...leader.progress.keys()]).toEqual(["b", "c", "f"])
    expect(replicates(node, "f")).toHaveLength(1)
    expect(when(node, { type: "HeartbeatDue" }).messages.map(({ to }) => to)).toEqual(["b", "c", "f"])
  })

  test("do not keep a leader that has lost its voters", () => {
    const node = given({ configuration: configuration({ learners: ["f"] }) })
    elected(node)
    const later = NOW + limits.electionTimeoutMaxMillis + 1
    hears(node, "f", heartbeatReply({}), later)
    when(node, { type: "HeartbeatDue" }, later)
    expect(node.role.kind).toBe("follower")
  })
})

describe("a server uses the latest configuration in its log, committed or not (§6, M2)", () => {
  const ab = { voters: ["a", "b"] }
  const two = [configurationEntry(2, 1, ab)]

  test("from the moment in which it is appended", () => {
    const node = given({ log: [1] })
    hears(node, "b", append({ prevIndex: 1, prevTerm: 1, entries: two }))
    expect(node.configurations.current).toEqual(configuration(ab))
    expect(node.commitIndex).toBe(0)
    elected(node, { now: 2 * NOW })
    expect([...(node.role.kind === "leader" ? node.role.progress.keys() : [])]).toEqual(["b"])
  })

  test("and the one before when it is cut away, also after a restart (M3)", () => {
    const entries = [entry(1, 1), ...two]
    const restarted = fromDisk({ hardState: { term: 1, votedFor: null }, base, entries })
    expect(restarted.configurations.current).toEqual(configuration(ab))
    hears(restarted, "c", append({ term: 2, prevIndex: 1, prevTerm: 1, entries: [entry(2, 2)] }))
    expect(restarted.configurations.current).toEqual(configuration())
  })

  test("what is cut off behind it changes nothing (M3)", () => {
    const node = given({ log: [1] })
    const entries = [...two, entry(3, 1)]
    hears(node, "b", append({ prevIndex: 1, prevTerm: 1, entries }))
    hears(node, "b", append({ term: 2, prevIndex: 2, prevTerm: 1, entries: [entry(3, 2)] }))
    expect(node.configurations.current).toEqual(configuration(ab))
  })

  test("a cut log begins with the configuration as of the cut (§7, N4)", () => {
    const node = given({ log: [1] })
    hears(node, "b", append({ prevIndex: 1, prevTerm: 1, entries: two, commit: 2 }))
    persists(node)
    when(node, { type: "Applied", index: 2 })
    const { compacted } = when(node, { type: "Compacted", through: { index: 2, term: 1 } })
    expect(compacted).toEqual({ through: { index: 2, term: 1 }, configuration: configuration(ab) })
    expect(progressAfter(node)).toEqual(["b"])
  })

  test("and not with one that comes behind it (§7, N4)", () => {
    const node = given({ log: [1] })
    const entries = [...two, configurationEntry(3, 1, {})]
    hears(node, "b", append({ prevIndex: 1, prevTerm: 1, entries, commit: 2 }))
    persists(node)
    when(node, { type: "Applied", index: 2 })
    const { compacted } = when(node, { type: "Compacted", through: { index: 2, term: 1 } })
    expect(compacted?.configuration).toEqual(configuration(ab))
    expect(node.configurations.current).toEqual(configuration())
  })
})

const progressAfter = (node: ReturnType<typeof given>): ReadonlyArray<string> => {
  const leader = elected(node, { now: 2 * NOW })
  expect(progressOf(node, "b").next).toBe(3)
  return [...leader.progress.keys()]
}
