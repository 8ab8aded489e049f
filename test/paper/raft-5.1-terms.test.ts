// Raft §5.1: terms are a logical clock that tells old information from new.

import { describe, expect, test } from "bun:test"
import type { Message } from "../../src/consensus/message.ts"
import {
  append,
  appendReply,
  chunkOf,
  elected,
  given,
  hears,
  heartbeat,
  heartbeatReply,
  persists,
  readIndexReply,
  readIndexRequest,
  snapshotReply,
  timesOut,
  to,
  turnOf,
  voteReply,
  voteRequest,
  writeOf,
} from "../consensus/support.ts"

/** Every kind of message, in a term. */
const spoken = (term: number): ReadonlyArray<Message> => [
  voteRequest({ term, transfer: true }),
  voteReply({ term, granted: false }),
  append({ term, prevIndex: 9, prevTerm: 1 }),
  appendReply({ term }),
  heartbeat({ term }),
  heartbeatReply({ term }),
  chunkOf({ term }),
  snapshotReply({ term }),
  readIndexRequest({ term }),
  readIndexReply({ term }),
  { type: "TimeoutNow", term },
]

describe("one server's current term is smaller than the other's", () => {
  for (const message of spoken(7)) {
    test(`it updates its own to the larger value: ${message.type} (§5.1)`, () => {
      const node = given({ term: 3, votedFor: "c" })
      const { write } = hears(node, "b", message)
      const votedFor = message.type === "VoteRequest" ? "b" : null
      expect(write).toEqual(writeOf(1, { hardState: { term: 7, votedFor } }))
      expect(node).toMatchObject({ term: 7, votedFor })
    })

    test(`a leader or candidate that discovers this is a follower at once: ${message.type} (§5.1, E16)`, () => {
      for (const role of ["candidate", "leader"]) {
        const node = given({ term: 3 })
        if (role === "leader") elected(node)
        else timesOut(node)
        expect(node.role.kind as string).toBe(role)
        hears(node, "b", message)
        // Without knowing who leads, unless a leader said it.
        const isLeadersWord = ["AppendRequest", "HeartbeatRequest", "SnapshotChunk"].includes(message.type)
        expect(node).toMatchObject({
          term: 7,
          role: { kind: "follower", leader: isLeadersWord ? "b" : null },
        })
      }
    })
  }

  test("a pre-vote that is asked for or granted belongs to a term that nobody has begun (thesis §9.6)", () => {
    for (const message of [
      voteRequest({ term: 7, preVote: true, lastTerm: 9 }),
      voteReply({ term: 7, preVote: true, granted: true }),
    ]) {
      const node = given({ term: 3 })
      expect(hears(node, "b", message).write).toBeNull()
      expect(node.term).toBe(3)
    }
  })
})

describe("a server receives a request with a stale term", () => {
  const asked = spoken(2).filter(({ type }) =>
    ["AppendRequest", "HeartbeatRequest", "SnapshotChunk"].includes(type),
  )
  for (const message of asked) {
    test(`it rejects the ${message.type}, tells its own term, and nothing else happens (§5.1)`, () => {
      const node = given({ log: [1, 3], term: 3 })
      expect(hears(node, "b", message)).toEqual(
        turnOf({
          messages: [to("b", heartbeatReply({ term: 3, round: 0, sentAt: 0, lastIndex: 2 }))],
        }),
      )
      expect(node).toMatchObject({ term: 3, role: { kind: "follower", leader: null } })
    })
  }

  test("it refuses the vote and the pre-vote (§5.1)", () => {
    for (const preVote of [false, true]) {
      const node = given({ term: 3 })
      expect(hears(node, "b", voteRequest({ term: 2, preVote, lastTerm: 9, lastIndex: 9 }))).toEqual(
        turnOf({ messages: [to("b", voteReply({ term: 3, preVote, granted: false }))] }),
      )
    }
  })

  test("it refuses to say where to read (§5.1, L3)", () => {
    const node = given({ term: 3 })
    expect(hears(node, "b", readIndexRequest({ term: 2, id: 4 }))).toEqual(
      turnOf({ messages: [to("b", readIndexReply({ term: 3, id: 4, index: 0 }))] }),
    )
  })

  test("replies in a stale term change nothing, whoever hears them (§5.1, R6, E6)", () => {
    for (const role of ["follower", "candidate", "leader"]) {
      const node = given({ log: [1], term: 3 })
      if (role === "leader") elected(node)
      if (role === "candidate") timesOut(node)
      const before = JSON.stringify(node)
      const replies = [
        voteReply({ term: 2, granted: true }),
        appendReply({ term: 2, index: 9 }),
        heartbeatReply({ term: 2 }),
        snapshotReply({ term: 2, installedIndex: 9 }),
        readIndexReply({ term: 2, index: 9 }),
        { type: "TimeoutNow", term: 2 } as const,
      ]
      for (const reply of replies) expect(hears(node, "b", reply)).toEqual(turnOf())
      expect(JSON.stringify(node)).toBe(before)
    }
  })
})

describe("the current term never goes back", () => {
  test("and what is said in a term leaves after the term is on disk (§5.1, E2)", () => {
    const node = given({ term: 3 })
    const first = hears(node, "b", heartbeat({ term: 5, round: 8 }))
    expect(first).toEqual(turnOf({ write: writeOf(1, { hardState: { term: 5, votedFor: null } }) }))
    // Nor does anything that is said after it, however little it has to do with the term.
    expect(hears(node, "c", voteRequest({ term: 4 }))).toEqual(turnOf())
    expect(persists(node)).toEqual(
      turnOf({
        messages: [
          to("b", heartbeatReply({ term: 5, round: 8 })),
          to("c", voteReply({ term: 5, granted: false })),
        ],
      }),
    )
  })
})
