// Which bugs lose an entry that was acknowledged, or make two logs differ? (Raft §5.3, §5.4.2)

import type { Plant } from "./Plant.ts"

export const replicationPlants: ReadonlyArray<Plant> = [
  {
    id: "truncate-unconditionally",
    title: "A late append cuts off what lies behind it, also where nothing conflicts",
    hazard: "unconditional truncate",
    edits: [
      {
        file: "src/consensus/follower.ts",
        find: `  const isNew = (entry: Entry) => log.termAt(entry.index) !== entry.term
  const position = entries.findIndex(isNew)`,
        replace: "  const position = entries.findIndex((entry) => entry.index > node.commitIndex)",
      },
    ],
  },
  {
    id: "previous-term-not-checked",
    title: "An append is taken wherever there is an entry before it, of whatever term",
    edits: [
      {
        file: "src/consensus/follower.ts",
        find: "  if (log.termAt(prevIndex) !== prevTerm) return refuse(node, from, request)",
        replace: "  if (log.termAt(prevIndex) === undefined) return refuse(node, from, request)",
      },
    ],
  },
  {
    id: "commit-older-term",
    title: "Entries of an older term are committed by counting",
    hazard: "commit prior-term by count",
    note: "Figure 8 of the paper.",
    edits: [
      {
        file: "src/consensus/replication.ts",
        find: "  if (index < leader.firstIndexOfTerm || index <= node.commitIndex",
        replace: "  if (index <= node.commitIndex",
      },
    ],
  },
  {
    id: "commit-to-last-index",
    title: "A follower commits up to the end of its log, not up to what the message has verified",
    hazard: "commit to last index",
    edits: [
      {
        file: "src/consensus/follower.ts",
        find: "Math.min(request.commit, verified))",
        replace: "Math.min(request.commit, node.log.lastIndex))",
      },
    ],
  },
  {
    id: "match-from-stale-reply",
    title: "A reply from before the follower's damage still says what is on its disk",
    hazard: "matchIndex from stale ack",
    edits: [
      {
        file: "src/consensus/replication.ts",
        find: `  if (reply.session !== progress.session) return false
`,
        replace: "",
      },
    ],
  },
  {
    id: "quorum-of-half",
    title: "Half of the voters, rounded down, are a majority",
    hazard: "quorum n/2",
    edits: [
      {
        file: "src/consensus/quorum.ts",
        find: "Math.floor(voterCount / 2) + 1",
        replace: "Math.max(1, Math.floor(voterCount / 2))",
      },
    ],
  },
  {
    id: "quorum-of-even",
    title: "Of an even number of voters, exactly half are a majority",
    hazard: "quorum n/2",
    note: "Nothing is wrong with three or five voters.",
    edits: [
      {
        file: "src/consensus/quorum.ts",
        find: "Math.floor(voterCount / 2) + 1",
        replace: "Math.ceil(voterCount / 2)",
      },
    ],
  },
  {
    id: "leader-counts-unsynced",
    title: "A leader counts itself for entries that its own disk does not hold yet",
    hazard: "leader counts unsynced self",
    edits: [
      {
        file: "src/consensus/replication.ts",
        find: "    id === node.id ? node.log.persistedIndex :",
        replace: "    id === node.id ? node.log.lastIndex :",
      },
    ],
  },
  {
    id: "ack-before-sync",
    title: "A follower acknowledges entries before they are on its disk",
    hazard: "follower acks before sync",
    edits: [
      {
        file: "src/consensus/follower.ts",
        find: `    },
    verified,
  )`,
        replace: `    },
  )`,
      },
    ],
  },
  {
    id: "write-vouches-for-successors",
    title: "A write that was on its way vouches for the entries that have replaced its own since",
    hazard: "async-append ABA",
    edits: [
      {
        file: "src/consensus/turn.ts",
        find: `  for (const write of node.pendingWrites) write.lastIndex = Math.min(write.lastIndex, from - 1)
`,
        replace: "",
      },
    ],
  },
  {
    id: "cut-log-counts-as-persisted",
    title: "When the log is cut, what is appended in its place counts as being on disk",
    edits: [
      {
        file: "src/consensus/Log.ts",
        find: "    this.persistedIndex = Math.min(this.persistedIndex, this.lastIndex)\n",
        replace: "",
      },
    ],
  },
  {
    id: "next-never-backs-off",
    title: "The leader does not go back where a follower's log disagrees",
    hazard: "next index never backs off",
    edits: [
      {
        file: "src/consensus/replication.ts",
        find: "  progress.probeFrom(Math.min(agreed + 1, reply.index))",
        replace: `  if (progress.state === "replicate" && agreed < progress.next) progress.probeFrom(progress.next)`,
      },
    ],
  },
  {
    id: "heartbeat-commits-past-match",
    title: "A heartbeat commits what the follower is not known to hold",
    hazard: "heartbeat commits past match",
    edits: [
      {
        file: "src/consensus/reading.ts",
        find: "      commit: Math.min(progress.match, node.commitIndex),",
        replace: "      commit: node.commitIndex,",
      },
    ],
  },
  {
    id: "answer-by-index",
    title: "Who waits for an entry gets the outcome of whatever comes to stand at its index",
    hazard: "proposal future resolved by index only",
    edits: [
      {
        file: "src/consensus/election.ts",
        find: `    for (const origin of node.log.takeOrigins(applicableIndex(node) + 1)) {
      node.turn.dismissed.push({ origin, reason: "lost" })
    }
`,
        replace: "",
      },
      {
        file: "src/consensus/turn.ts",
        find: `  for (const origin of node.log.takeOrigins(from)) node.turn.dismissed.push({ origin, reason: "lost" })`,
        replace: `  const waiting = waitingAt.get(node) ?? new Map<Index, object>()
  waitingAt.set(node, waiting)
  for (let index = from; index <= node.log.lastIndex; index++) {
    const origin = node.log.entryAt(index)?.origin ?? null
    if (origin !== null) waiting.set(index, origin)
  }`,
      },
      {
        file: "src/consensus/turn.ts",
        find: "  node.log.append(entry)",
        replace: `  entry.origin ??= waitingAt.get(node)?.get(entry.index) ?? null
  waitingAt.get(node)?.delete(entry.index)
  node.log.append(entry)`,
      },
      {
        file: "src/consensus/turn.ts",
        find: "/** Term or vote changed:",
        replace: `const waitingAt = new WeakMap<Node, Map<Index, object>>()

/** Term or vote changed:`,
      },
    ],
  },
  {
    id: "whole-too-early",
    title: "A suspect node is whole again with the first entries that it gets",
    edits: [
      {
        file: "src/consensus/follower.ts",
        find: " || repairThrough === 0 || verified < repairThrough) return",
        replace: " || repairThrough === 0) return",
      },
    ],
  },
  {
    id: "whole-by-older-repair",
    title: "A repair that was begun for an earlier damage makes a node whole after a later one",
    edits: [
      {
        file: "src/consensus/follower.ts",
        find: "  if (session <= node.firstHeard.session || repairThrough === 0",
        replace: "  if (repairThrough === 0",
      },
    ],
  },
  {
    id: "forward-ids-from-one",
    title:
      "A node that has restarted numbers its requests from 1 again: an answer to an older one passes for its own",
    edits: [
      {
        file: "src/raft/Proposals.ts",
        find: "    this.#nextForwardId = Math.floor(group.random.nextDoubleUnsafe() * 2 ** 48)",
        replace: "    this.#nextForwardId = 1",
      },
    ],
  },
]
