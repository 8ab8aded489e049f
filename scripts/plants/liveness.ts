// Which bugs leave a cluster standing still although a majority could go on? (thesis §6.2)

import type { Plant } from "./Plant.ts"

export const livenessPlants: ReadonlyArray<Plant> = [
  {
    id: "no-check-quorum",
    title: "A leader that hears no quorum leads on",
    hazard: "no check-quorum",
    note: "One that can send but not hear keeps the others from electing another, for ever.",
    edits: [
      {
        file: "src/consensus/leader.ts",
        find: "  if (now - quorumHeardAt > node.limits.electionTimeoutMaxMillis + patienceMillis) {",
        replace: "  if (now - quorumHeardAt > Number.MAX_SAFE_INTEGER) {",
      },
    ],
  },
  {
    id: "stuck-disk-leads",
    title: "A leader whose disk hangs leads on",
    edits: [
      {
        file: "src/consensus/leader.ts",
        find: "  return leader.diskBusy !== null && now - leader.diskBusy.since > node.limits.electionTimeoutMaxMillis",
        replace: "  return leader.diskBusy !== null && now < leader.diskBusy.since",
      },
    ],
  },
  {
    id: "fixed-timeouts",
    title: "All nodes have the same election timeout, every time",
    hazard: "fixed timeouts",
    edits: [
      {
        file: "src/raft/Group.ts",
        find: "  return min + Math.floor(group.random.nextDoubleUnsafe() * (max - min + 1))",
        replace: "  return Math.floor((min + max) / 2)",
      },
    ],
  },
  {
    id: "lost-append-not-resent",
    title: "Appends that were lost are not sent again",
    hazard: "wedge after follower stall",
    edits: [
      {
        file: "src/consensus/replication.ts",
        find: "  if ((isLost || isUnheard) && quietMillis > graceMillis) {",
        replace: "  if ((isLost || isUnheard) && quietMillis > Number.MAX_SAFE_INTEGER) {",
      },
    ],
  },
  {
    id: "lost-piece-not-resent",
    title: "A piece of a snapshot that was lost is not sent again",
    edits: [
      {
        file: "src/raft/replicator.ts",
        find: "      yield* waitUntil(errand, isAnswered, options.limits.electionTimeoutMaxMillis)",
        replace:
          "      yield* waitUntil(errand, isAnswered, options.limits.electionTimeoutMaxMillis * 1_000_000)",
      },
    ],
  },
  {
    id: "forwarded-again",
    title: "A follower hands on what another follower has handed to it",
    hazard: "redirect loop",
    note: "Two nodes that each take the other for the leader send a command back and forth until its deadline.",
    edits: [
      {
        file: "src/raft/Proposals.ts",
        find: `      if (unit.kind === "leader") for (const waiter of unit.waiters) waiter.dismissed("not-leader")`,
        replace: `      if (unit.kind === "leader") {
        const deadline = nowOf(this.#group.clock) + 10_000
        const askAgain = (waiter: Waiter): Proposal => ({
          command: waiter.command,
          deadline,
          forward: true,
          answer: (answer) => waiter.settle(answer),
        })
        this.add(unit.waiters.map(askAgain))
      }`,
      },
    ],
  },
  {
    id: "beat-lost-from-frame",
    title: "Of the heartbeats in one frame the last one is left behind",
    note: "The same group again and again, as groups beat in the same order: its followers elect another leader.",
    edits: [
      {
        file: "src/transport/codec.ts",
        find: "beats: beats.map(beatFrame)",
        replace: "beats: (beats.length > 1 ? beats.slice(0, -1) : beats).map(beatFrame)",
      },
    ],
    test: {
      file: "test/transport/beats.test.ts",
      name: "are answered by groups that wake one by one, and no answer is lost",
    },
  },
  {
    id: "due-timer-proposed-again",
    title: "A leader proposes a due timer again while the last attempt is still under way",
    note: "A slow disk gets slower with each.",
    edits: [
      {
        file: "src/raft/leader.ts",
        find: "      if ((underWay.get(actor) ?? 0) > 0) continue\n",
        replace: "",
      },
    ],
  },
]
