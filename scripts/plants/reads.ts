// Which bugs show a client an older state than it may see? (thesis §6.4)

import type { Plant } from "./Plant.ts"

export const readPlants: ReadonlyArray<Plant> = [
  {
    id: "read-before-own-term",
    title: "A fresh leader confirms reads before it has committed in its own term",
    hazard: "no own-term barrier",
    edits: [
      {
        file: "src/consensus/reading.ts",
        find: `  if (node.commitIndex < leader.firstIndexOfTerm) return
  const readers`,
        replace: "  const readers",
      },
    ],
  },
  {
    id: "lease-before-own-term",
    title: "A fresh leader serves by its lease before it has committed in its own term",
    hazard: "no own-term barrier",
    edits: [
      {
        file: "src/consensus/reading.ts",
        find: `  if (leader.kind !== "leader" || leader.isLeaseVoid || node.commitIndex < leader.firstIndexOfTerm)
    return false`,
        replace: `  if (leader.kind !== "leader" || leader.isLeaseVoid) return false`,
      },
    ],
  },
  {
    id: "round-of-before",
    title: "Answers to the round of heartbeats before the read confirm it",
    hazard: "acks of earlier heartbeats reused",
    edits: [
      {
        file: "src/consensus/reading.ts",
        find: "  reads.confirming = { round: leader.round, index",
        replace: "  reads.confirming = { round: leader.round - 1, index",
      },
    ],
  },
  {
    id: "late-read-answer",
    title: "A follower takes the leader's answer to an earlier question for the one to its latest",
    edits: [
      {
        file: "src/consensus/reading.ts",
        find: `role.leader !== from || role.reads.asked?.id !== reply.id) return`,
        replace: `role.leader !== from || role.reads.asked === null) return`,
      },
    ],
  },
  {
    id: "follower-reads-at-own-commit",
    title: "A follower serves reads at its own commit index once the leader has answered",
    edits: [
      {
        file: "src/consensus/reading.ts",
        find: "    else node.turn.reads.push({ origin, index: reply.index })",
        replace: "    else node.turn.reads.push({ origin, index: node.commitIndex })",
      },
    ],
  },
  {
    id: "deposed-leader-serves",
    title: "A leader that falls serves the reads that it could not confirm",
    edits: [
      {
        file: "src/consensus/election.ts",
        find: `      if (reader.kind === "local") node.turn.dismissed.push({ origin: reader.origin, reason: "not-leader" })`,
        replace: `      if (reader.kind === "local") node.turn.reads.push({ origin: reader.origin, index: node.commitIndex })`,
      },
    ],
  },
  {
    id: "lease-from-answer",
    title: "A lease counts from the answer of a heartbeat, not from its sending",
    hazard: "lease from ack time",
    edits: [
      {
        file: "src/consensus/reading.ts",
        find: "  progress.confirmedAt = Math.max(progress.confirmedAt, reply.sentAt)",
        replace: "  progress.confirmedAt = Math.max(progress.confirmedAt, now)",
      },
    ],
  },
  {
    id: "lease-without-drift",
    title: "A lease lasts for the whole shortest election timeout, whatever the drift of clocks",
    edits: [
      {
        file: "src/consensus/reading.ts",
        find: "since + node.limits.electionTimeoutMinMillis - node.limits.clockDriftMillis",
        replace: "since + node.limits.electionTimeoutMinMillis",
      },
    ],
  },
  {
    id: "lease-kept-on-transfer",
    title: "A leader keeps its lease after it has told its successor to stand",
    hazard: "lease kept on transfer",
    edits: [
      {
        file: "src/consensus/handover.ts",
        find: "  leader.isLeaseVoid = true\n",
        replace: "",
      },
    ],
  },
  {
    id: "read-does-not-wait",
    title: "A confirmed read does not wait for the machine to come to its index",
    hazard: "apply wait skipped",
    edits: [
      {
        file: "src/raft/Reads.ts",
        find: "      index <= this.#applied.index && !this.#busy.has(read.query.actor)",
        replace: "      index >= 0 && !this.#busy.has(read.query.actor)",
      },
    ],
  },
  {
    id: "lease-not-looked-at-again",
    title: "After the state was read by a lease, nobody looks whether the lease still held",
    hazard: "pause TOCTOU",
    edits: [
      {
        file: "src/raft/Reads.ts",
        find: "    if (waiting.leaseTerm !== 0 && (waiting.leaseTerm !== node.term || !leaseHolds(node, nowOf(clock)))) {",
        replace:
          "    if (waiting.leaseTerm !== 0 && waiting.leaseTerm > node.term && !leaseHolds(node, nowOf(clock))) {",
      },
    ],
  },
  {
    id: "min-index-ignored",
    title: "A read does not wait for the index that its client has already seen",
    edits: [
      {
        file: "src/raft/Reads.ts",
        find: "    this.index = read.minIndex",
        replace: "    this.index = 0",
      },
    ],
  },
]
