// Raft §5.5: followers and candidates crash. "RPCs are idempotent": what comes again changes nothing.

import { describe, expect, test } from "bun:test"
import type { Message } from "../../src/consensus/message.ts"
import {
  append,
  appendReply,
  chunkOf,
  elected,
  entry,
  given,
  hears,
  heartbeat,
  heartbeatReply,
  persists,
  proposes,
  readIndexReply,
  readIndexRequest,
  replicates,
  snapshotReply,
  timesOut,
  voteReply,
  voteRequest,
} from "../consensus/support.ts"

/** All that would be different if the message had done anything. The clock and who was heard may move. */
const stateOf = (node: ReturnType<typeof given>): string =>
  JSON.stringify({ ...node, turn: null, lastReadId: 0 }, (key, value) =>
    key === "heardAt" || key === "pendingWrites" || key === "nextSequence" ? null : value,
  )

const follower = () => given({ log: [1, 1, 2], term: 2 })
const asked: ReadonlyArray<readonly [string, Message]> = [
  ["an append", append({ term: 2, prevIndex: 3, prevTerm: 2, entries: [entry(4, 2)], commit: 2 })],
  ["an append that replaces entries", append({ term: 3, prevIndex: 2, prevTerm: 1, entries: [entry(3, 3)] })],
  ["an append that is refused", append({ term: 2, prevIndex: 9, prevTerm: 2 })],
  ["a heartbeat", heartbeat({ term: 3, commit: 3 })],
  ["a vote request", voteRequest({ term: 3, lastIndex: 9, lastTerm: 2 })],
  ["a vote request that is refused", voteRequest({ term: 3 })],
  ["a pre-vote request", voteRequest({ term: 3, preVote: true, lastIndex: 9, lastTerm: 2 })],
  ["a piece of a snapshot", chunkOf({ term: 3, snapshot: { ...chunkOf({}).snapshot, index: 9 } })],
  ["a read question to one that does not lead", readIndexRequest({ term: 2 })],
]

describe("a request that comes again", () => {
  for (const [what, request] of asked) {
    test(`${what}: leaves the follower as it was, and is answered the same (§5.5)`, () => {
      const node = follower()
      const first = hears(node, "b", request)
      const firstAnswer = [...first.messages, ...persists(node).messages]
      const before = stateOf(node)
      const again = hears(node, "b", request)
      expect(again.write).toBeNull()
      expect([...again.messages, ...persists(node).messages]).toEqual(firstAnswer)
      expect(stateOf(node)).toBe(before)
    })
  }
})

describe("a reply that comes again", () => {
  const replies: ReadonlyArray<readonly [string, Message]> = [
    ["an acknowledgement", appendReply({ term: 3, index: 4 })],
    ["a refusal", appendReply({ term: 3, accepted: false, index: 3, hintIndex: 2, hintTerm: 1 })],
    ["a heartbeat's answer", heartbeatReply({ term: 3, lastIndex: 4, sentAt: 0 })],
    ["a vote", voteReply({ term: 3, granted: true })],
    ["a snapshot's receipt", snapshotReply({ term: 3, installedIndex: 4 })],
    ["an answer to a read question", readIndexReply({ term: 3, index: 4 })],
  ]
  for (const [what, reply] of replies) {
    test(`${what}: leaves the leader as it was (§5.5)`, () => {
      const node = follower()
      elected(node)
      replicates(node, "b")
      hears(node, "b", reply)
      const before = stateOf(node)
      expect(hears(node, "b", reply)).toMatchObject({ messages: [], reads: [], dismissed: [], write: null })
      expect(stateOf(node)).toBe(before)
    })
  }

  test("to a candidate: the vote counts once (§5.5, E6)", () => {
    const node = follower()
    timesOut(node)
    const reply = voteReply({ term: 3, preVote: true, granted: false })
    hears(node, "b", reply)
    const before = stateOf(node)
    hears(node, "b", reply)
    expect(stateOf(node)).toBe(before)
  })
})

describe("a leader whose follower crashed", () => {
  test("asks again for ever, and goes on as soon as it is back (§5.5, R14)", () => {
    const node = follower()
    elected(node)
    replicates(node, "b")
    proposes(node, [{}])
    for (let round = 1; round < 50; round++) expect(replicates(node, "b")).toEqual([])
    hears(node, "b", heartbeatReply({ term: 3, sentAt: 99_999, lastIndex: 3 }), 100_000)
    const [question] = replicates(node, "b")
    expect(question).toMatchObject({ prevIndex: 3, entries: [] })
    hears(node, "b", appendReply({ term: 3, index: 3 }), 100_000)
    expect(replicates(node, "b")).toMatchObject([{ prevIndex: 3, entries: [{ index: 4 }, { index: 5 }] }])
  })
})
