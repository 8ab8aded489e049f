// Which bugs let two lead, or none? (Raft §5.2, §5.4.1; thesis §4.2.3, §9.6)

import type { Plant } from "./Plant.ts"

export const electionPlants: ReadonlyArray<Plant> = [
  {
    id: "vote-not-persisted",
    title: "A vote that is given to another node does not go to disk",
    hazard: "vote not persisted",
    edits: [
      {
        file: "src/consensus/election.ts",
        find: `    node.votedFor = from
    recordHardState(node)`,
        replace: "    node.votedFor = from",
      },
    ],
  },
  {
    id: "vote-before-persisted",
    title: "A vote is said before it is on disk",
    hazard: "vote persisted after reply",
    edits: [
      {
        file: "src/consensus/election.ts",
        find: `  say(node, from, { type: "VoteReply", term, preVote: request.preVote, granted })`,
        replace: `  const message = { type: "VoteReply", term, preVote: request.preVote, granted } as const
  node.turn.messages.push({ to: from, message })`,
      },
    ],
  },
  {
    id: "candidacy-before-persisted",
    title: "A candidate asks for votes before its term and its vote for itself are on disk",
    edits: [
      {
        file: "src/consensus/election.ts",
        find: "isVoter(node.configurations.current, id)) say(node, id, request)",
        replace:
          "isVoter(node.configurations.current, id)) node.turn.messages.push({ to: id, message: request })",
      },
    ],
  },
  {
    id: "term-keeps-vote",
    title: "A newer term does not clear the vote of the older one",
    hazard: "term bumped without clearing vote",
    edits: [
      {
        file: "src/consensus/election.ts",
        find: `    node.term = term
    node.votedFor = null`,
        replace: "    node.term = term",
      },
    ],
  },
  {
    id: "up-to-date-by-index",
    title: "The longer log counts as the more up-to-date one, whatever its last term",
    hazard: "up-to-date check by index only",
    edits: [
      {
        file: "src/consensus/election.ts",
        find: `  request.lastTerm > node.log.lastTerm ||
  (request.lastTerm === node.log.lastTerm && request.lastIndex >= node.log.lastIndex)`,
        replace: "  request.lastIndex >= node.log.lastIndex",
      },
    ],
  },
  {
    id: "up-to-date-by-term",
    title: "Of two logs with the same last term the shorter one is as good as the longer one",
    edits: [
      {
        file: "src/consensus/election.ts",
        find: `  request.lastTerm > node.log.lastTerm ||
  (request.lastTerm === node.log.lastTerm && request.lastIndex >= node.log.lastIndex)`,
        replace: "  request.lastTerm >= node.log.lastTerm",
      },
    ],
  },
  {
    id: "vote-counted-twice",
    title: "Replies are counted, not voters: a vote that comes twice counts twice",
    hazard: "vote counted twice",
    edits: [
      {
        file: "src/consensus/election.ts",
        find: "  if (!candidate.votes.has(from)) candidate.votes.set(from, reply.granted)",
        replace: "  candidate.votes.set(candidate.votes.has(from) ? `${from} again` : from, reply.granted)",
      },
      {
        file: "src/consensus/election.ts",
        find: "  return quorumVote(configuration, vote)",
        replace: `  const granted = [...candidate.votes.values()].filter((one) => one).length
  const isPlain = configuration.outgoing.length === 0
  if (isPlain && granted >= majoritySize(configuration.voters.length)) return "won"
  return quorumVote(configuration, vote)`,
      },
      {
        file: "src/consensus/election.ts",
        find: `import { quorumVote, type VoteResult } from "./quorum.ts"`,
        replace: `import { majoritySize, quorumVote, type VoteResult } from "./quorum.ts"`,
      },
    ],
  },
  {
    id: "pre-vote-counts-as-vote",
    title: "The word that somebody would vote counts as the vote",
    edits: [
      {
        file: "src/consensus/election.ts",
        find: `candidate.kind !== "candidate" || candidate.preVote !== reply.preVote) return
  const expected: Term = candidate.preVote ? node.term + 1 : node.term`,
        replace: `candidate.kind !== "candidate") return
  const expected: Term = candidate.preVote ? node.term + 1 : node.term`,
      },
    ],
  },
  {
    id: "pre-vote-ignores-log",
    title: "A pre-vote is given to a candidate whose log is behind",
    hazard: "candidate's log check skipped in pre-vote",
    note: "The vote itself is still refused: it costs terms and time, not entries.",
    edits: [
      {
        file: "src/consensus/election.ts",
        find: `  !leaderLives(node, now) &&
  isUpToDate(node, request)`,
        replace: "  !leaderLives(node, now)",
      },
    ],
  },
  {
    id: "pre-vote-ignores-leader",
    title: "A pre-vote is given while a leader lives",
    hazard: "pre-vote grants while leader alive",
    note: "A node that cannot hear the leader, but is heard, deposes it again and again.",
    edits: [
      {
        file: "src/consensus/election.ts",
        find: `  node.standing === "whole" &&
  !leaderLives(node, now) &&
  isUpToDate(node, request)`,
        replace: `  node.standing === "whole" &&
  isUpToDate(node, request)`,
      },
    ],
  },
  {
    id: "vote-within-lease",
    title: "A follower that has just heard its leader votes for another",
    note: "The leader's lease rests on it: it goes on serving reads while the other one commits.",
    edits: [
      {
        file: "src/consensus/election.ts",
        find: `  if (now < node.quietUntil) return true
  return node.role.kind === "follower" && now - node.role.leaderHeardAt < lease`,
        replace: "  return now < node.quietUntil",
      },
    ],
  },
  {
    id: "vote-after-restart",
    title: "A node that has restarted votes at once, whatever it promised to a leader before",
    edits: [
      {
        file: "src/consensus/node.ts",
        find: `    beginning.hardState.term === 0
      ? Number.NEGATIVE_INFINITY
      : beginning.now + beginning.limits.electionTimeoutMinMillis,`,
        replace: "    Number.NEGATIVE_INFINITY,",
      },
    ],
  },
  {
    id: "rumour-ends-promise",
    title: "The rumour of a newer term ends what a follower promised to its leader",
    edits: [
      {
        file: "src/consensus/election.ts",
        find: `    follower.timerBeganAt = before.timerBeganAt
    follower.leaderHeardAt = before.leaderHeardAt`,
        replace: "    follower.timerBeganAt = before.timerBeganAt",
      },
    ],
  },
  {
    id: "candidate-ignores-leader",
    title: "A candidate does not follow the leader of its own term",
    hazard: "equal-term leader does not step down",
    note: "One that lost waits for its timer, as in the paper, so that nothing else makes it follow.",
    edits: [
      {
        file: "src/consensus/step.ts",
        find: `  if (message.term < node.term) return onOlderTerm(node, from, message, now)
  switch (message.type) {`,
        replace: `  if (message.term < node.term) return onOlderTerm(node, from, message, now)
  const isLeadersWord =
    message.type === "AppendRequest" ||
    message.type === "HeartbeatRequest" ||
    message.type === "SnapshotChunk"
  if (node.role.kind === "candidate" && isLeadersWord) return
  switch (message.type) {`,
      },
      {
        file: "src/consensus/step.ts",
        find: `    if (result === "lost") becomeFollower(node, node.term, null, now)
    else if`,
        replace: `    if (result === "lost") return
    if`,
      },
    ],
  },
  {
    id: "suspect-votes",
    title: "A node whose disk lost something votes all the same",
    edits: [
      {
        file: "src/consensus/election.ts",
        find: `  request.term > node.term &&
  node.standing === "whole" &&`,
        replace: "  request.term > node.term &&",
      },
      {
        file: "src/consensus/election.ts",
        find: `  if (request.term !== node.term || node.standing !== "whole" || node.role.kind !== "follower") return false`,
        replace: `  if (request.term !== node.term || node.role.kind !== "follower") return false`,
      },
    ],
  },
  {
    id: "deposed-leader-speaks",
    title: "What a leader was about to send leaves in the term of its successor, as if it led there",
    edits: [
      {
        file: "src/consensus/replication.ts",
        find: `  if (node.role.kind !== "leader") return false
  for (const own of node.role.progress.values()) if (own === progress) return true
  return false`,
        replace: "  return true",
      },
    ],
  },
]
