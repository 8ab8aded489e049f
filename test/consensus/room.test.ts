// What does a node decide when disks are full? (HAZARDS S7)

import { describe, expect, test } from "bun:test"
import { takesCommands } from "../../src/consensus/room.ts"
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
  progressOf,
  proposes,
  reigning,
  to,
  turnOf,
  voteReply,
  voteRequest,
  when,
} from "./support.ts"

const patience = 2 * limits.electionTimeoutMaxMillis

/** A leader of a, b and c whose disk is short of room since `NOW`. */
const short = () => {
  const reign = reigning({ log: [1, 1], term: 1 })
  when(reign.node, { type: "RoomChanged", isShort: true })
  return reign
}

/** What a follower's disk says of itself. */
const says = (node: Parameters<typeof hears>[0], id: string, isShort: boolean, now = NOW) =>
  hears(node, id, heartbeatReply({ term: node.term, lastIndex: node.log.lastIndex, isShort }), now)

const beats = (node: Parameters<typeof hears>[0], now: number) => when(node, { type: "HeartbeatDue" }, now)

describe("commands are taken", () => {
  test("while the leader's disk and those of a quorum have room", () => {
    const { node } = reigning({ term: 1 })
    expect(takesCommands(node)).toBe(true)
    says(node, "b", true)
    expect(takesCommands(node)).toBe(true)
    says(node, "c", true)
    expect(takesCommands(node)).toBe(false)
    says(node, "b", false)
    expect(takesCommands(node)).toBe(true)
    when(node, { type: "RoomChanged", isShort: true })
    expect(takesCommands(node)).toBe(false)
    when(node, { type: "RoomChanged", isShort: false })
    expect(takesCommands(node)).toBe(true)
  })

  test("in a joint configuration by both quorums", () => {
    const joint = configuration({ voters: ["a", "b", "c"], outgoing: ["a", "d", "e"] })
    const node = given({ term: 1, configuration: joint })
    elected(node, { by: ["b", "c", "d", "e"] })
    says(node, "d", true)
    says(node, "e", true)
    expect(takesCommands(node)).toBe(false)
  })

  test("by a leader alone as its own disk has it", () => {
    const { node } = reigning({ term: 1, configuration: configuration({ voters: ["a"] }) })
    expect(takesCommands(node)).toBe(true)
    when(node, { type: "RoomChanged", isShort: true })
    expect(takesCommands(node)).toBe(false)
  })

  test("as far as anybody but a leader can tell", () => {
    const node = given({ term: 1 })
    when(node, { type: "RoomChanged", isShort: true })
    expect(takesCommands(node)).toBe(true)
  })
})

describe("a leader short of room", () => {
  test("gives way when it has not helped itself in time, and one of a quorum with room has everything", () => {
    const { node } = short()
    for (const id of ["b", "c"]) says(node, id, false, NOW + patience)
    beats(node, NOW + patience - 1)
    expect(node.role.kind).toBe("leader")
    beats(node, NOW + patience)
    expect(node).toMatchObject({ term: 2, role: { kind: "follower", leader: null } })
  })

  test("stays when it has room again meanwhile, and counts anew", () => {
    const { node } = short()
    when(node, { type: "RoomChanged", isShort: false }, NOW + 10)
    when(node, { type: "RoomChanged", isShort: true }, NOW + 20)
    for (const id of ["b", "c"]) says(node, id, false, NOW + patience)
    beats(node, NOW + patience + 10)
    expect(node.role.kind).toBe("leader")
    beats(node, NOW + patience + 20)
    expect(node.role.kind).toBe("follower")
  })

  test("stays while a quorum without it has no room, or is not there", () => {
    const full = short().node
    says(full, "b", false, NOW + patience)
    says(full, "c", true, NOW + patience)
    beats(full, NOW + patience)
    expect(full.role.kind).toBe("leader")
    const silent = short().node
    says(silent, "b", false, NOW + patience)
    beats(silent, NOW + patience)
    expect(silent.role.kind).toBe("leader")
  })

  test("stays while nobody else has all that it has taken: nothing is lost on the way", () => {
    const { node } = short()
    proposes(node, [{}])
    for (const id of ["b", "c"]) says(node, id, false, NOW + patience)
    beats(node, NOW + patience)
    expect(node.role.kind).toBe("leader")
    // Committed or not: a full disk may be what keeps the others from it.
    hears(node, "c", appendReply({ term: node.term, index: node.log.lastIndex }), NOW + patience)
    beats(node, NOW + patience)
    expect(node.role.kind).toBe("follower")
  })

  test("asks one of those with room to stand at once, whoever is further among the others", () => {
    const five = configuration({ voters: ["a", "b", "c", "d", "e"] })
    const { node } = reigning({ log: [1, 1], term: 1, configuration: five })
    when(node, { type: "RoomChanged", isShort: true })
    for (const id of ["b", "c", "d", "e"]) says(node, id, id === "b", NOW + patience)
    expect(beats(node, NOW + patience).messages).toEqual([to("c", { type: "TimeoutNow", term: 2 })])
  })

  test("gives way though one of the others is far behind: who has everything can help it", () => {
    const { node } = reigning({ log: [1, 1], term: 1 })
    proposes(node, [{}])
    when(node, { type: "Persisted", sequence: node.nextSequence - 1 })
    hears(node, "b", appendReply({ term: node.term, index: node.log.lastIndex }))
    when(node, { type: "RoomChanged", isShort: true })
    for (const id of ["b", "c"]) says(node, id, false, NOW + patience)
    expect(progressOf(node, "c").match).toBeLessThan(node.log.lastIndex)
    beats(node, NOW + patience)
    expect(node.role.kind).toBe("follower")
  })
})

describe("term and vote that are durable ahead of entries", () => {
  test("let the vote leave, and what waits for entries wait (E2, R8)", () => {
    const node = given({ term: 1 })
    hears(node, "b", append({ term: 1, entries: [entry(1, 1)] }))
    const request = voteRequest({ term: 2, lastIndex: 1, lastTerm: 1 })
    const later = NOW + limits.electionTimeoutMaxMillis
    expect(hears(node, "c", request, later).messages).toEqual([])
    expect(when(node, { type: "HardStatePersisted", sequence: 2 }, later)).toEqual(
      turnOf({ messages: [to("c", voteReply({ term: 2, granted: true }))] }),
    )
    expect(node.log).toMatchObject({ lastIndex: 1, persistedIndex: 0 })
    // What is said now waits for no fact any more.
    const beat = hears(node, "c", heartbeat({ term: 2 }), later)
    expect(beat.messages).toEqual([to("c", heartbeatReply({ term: 2, lastIndex: 1 }))])
    // And with the entry its acknowledgement leaves, though it is for a leader of the past.
    expect(when(node, { type: "Persisted", sequence: 2 }, later).messages).toEqual([
      to("b", appendReply({ term: 1, index: 1 })),
    ])
  })

  test("let nothing leave that rests on a later write's facts", () => {
    const node = given({ term: 1 })
    hears(node, "b", voteRequest({ term: 2 }))
    hears(node, "c", voteRequest({ term: 3 }))
    const { messages } = when(node, { type: "HardStatePersisted", sequence: 1 })
    expect(messages).toEqual([to("b", voteReply({ term: 2, granted: true }))])
    expect(when(node, { type: "HardStatePersisted", sequence: 2 }).messages).toEqual([
      to("c", voteReply({ term: 3, granted: true })),
    ])
  })

  test("do not make a node whole whose repair is not durable (S4)", () => {
    const node = given({ log: [1], term: 2, standing: "suspect" })
    const asked = (session: number) =>
      append({ term: 2, prevIndex: 1, prevTerm: 1, entries: [entry(2, 2)], repairThrough: 2, session })
    hears(node, "b", asked(1))
    hears(node, "b", asked(2))
    expect(node.standing).toBe("whole")
    expect(when(node, { type: "HardStatePersisted", sequence: node.nextSequence - 1 }).messages).toEqual([])
    expect(hears(node, "b", heartbeat({ term: 2 })).messages).toEqual([])
  })

  test("count as the own vote of a candidate", () => {
    const node = given({ term: 1, configuration: configuration({ voters: ["a"] }) })
    when(node, { type: "ElectionTimedOut", after: limits.electionTimeoutMinMillis })
    expect(node.role.kind).toBe("candidate")
    when(node, { type: "HardStatePersisted", sequence: 1 })
    expect(node.role.kind).toBe("leader")
  })
})

test("a follower tells its leader that it is short of room, in every heartbeat", () => {
  const node = given({ term: 1 })
  const replies = [true, false].map((isShort) => {
    when(node, { type: "RoomChanged", isShort })
    return hears(node, "b", heartbeat({ term: 1 })).messages
  })
  expect(replies).toEqual([
    [to("b", heartbeatReply({ term: 1, isShort: true }))],
    [to("b", heartbeatReply({ term: 1, isShort: false }))],
  ])
})
