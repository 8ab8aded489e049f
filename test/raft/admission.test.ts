// Who may speak for a group, by its own configuration?

import { expect, test } from "bun:test"
import type { Configuration } from "../../src/consensus/types.ts"
import { admits, admitsPeer } from "../../src/raft/admission.ts"

const address = (incarnation?: string) => ({
  peer: "h:1",
  client: "",
  ...(incarnation === undefined ? {} : { incarnation }),
})

const configuration: Configuration = {
  voters: ["n1", "n2"],
  outgoing: [],
  learners: ["n3"],
  learnersNext: [],
  addresses: { n1: address(), n2: address("i-2"), n3: address("i-3") },
  goal: { voters: ["n4"], learners: [], addresses: { n4: address("i-4") } },
}

test.each([
  ["a member of which no directory is named", "n1", "any", true],
  ["the directory that is named, of a voter", "n2", "i-2", true],
  ["the directory that is named, of a learner", "n3", "i-3", true],
  ["another directory under a voter's name (S6)", "n2", "i-9", false],
  ["another directory under a learner's name (S6)", "n3", "i-2", false],
  ["a directory that nobody has told", "n2", "", false],
  ["a node that the configuration does not know", "n9", "i-9", true],
  ["a node that only a goal names", "n4", "i-9", true],
  ["a node whose name every object knows", "constructor", "i-9", true],
  ["a node whose name is that of all prototypes", "__proto__", "i-9", true],
] as const)("a group admits whom its configuration lets: %s", (_, from, incarnation, isAdmitted) => {
  expect(admitsPeer(configuration, from, incarnation)).toBe(isAdmitted)
})

test.each([
  ["AppendRequest", true],
  ["HeartbeatRequest", true],
  ["SnapshotChunk", true],
  ["AppendReply", false],
  ["HeartbeatReply", false],
  ["SnapshotReply", false],
  ["VoteRequest", false],
  ["VoteReply", false],
  ["ReadIndexReply", false],
  ["TimeoutNow", false],
  ["StateReport", false],
] as const)("of another directory than is known: %s counts: %p", (type, counts) => {
  expect(admits(configuration, "n2", "i-9", type)).toBe(counts)
  expect(admits(configuration, "n2", "i-2", type)).toBe(true)
})
