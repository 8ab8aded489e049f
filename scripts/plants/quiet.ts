// Which bugs leave a group asleep that must wake, or wake one that has nothing to do?

import type { NamedTest, Plant } from "./Plant.ts"

const decisions = (name: string): NamedTest => ({ file: "test/consensus/quiet.test.ts", name })
const lives = (name: string): NamedTest => ({ file: "test/raft/quiet.test.ts", name })

export const quietPlants: ReadonlyArray<Plant> = [
  {
    id: "rest-outlives-leader",
    title: "A resting follower takes its leader's next process for the one that led",
    note: "Nothing in the new process leads; its pulse keeps the follower asleep until that one's own timer has run out.",
    edits: [
      {
        file: "src/consensus/quiet.ts",
        find: "    const isSame = pulse !== undefined && pulse.process === role.rest.process",
        replace: "    const isSame = pulse !== undefined",
      },
      {
        file: "src/consensus/quiet.ts",
        find: `  if (role.kind === "follower") wakeFollower(node, role, now)
  else if (role.kind === "leader") wakeLeader`,
        replace: `  if (role.kind === "leader") wakeLeader`,
      },
    ],
    test: decisions("wakes when the turn finds its leader silent, or another process"),
  },
  {
    id: "rest-ignores-restarted-follower",
    title: "A resting leader does not care that a follower's process is another one",
    note: "It may lack everything, and as a learner it may not stand either.",
    edits: [
      {
        file: "src/consensus/quiet.ts",
        find: "      if (progress.process !== process) isAnother = true\n      else if",
        replace: "      if",
      },
      {
        file: "src/consensus/quiet.ts",
        find: `  else if (role.kind === "leader") wakeLeader(node, role, now)
}`,
        replace: "}",
      },
    ],
    test: decisions("for another process of a member"),
  },
  {
    id: "rest-leaves-one-behind",
    title: "A leader goes to rest though a follower lacks an entry",
    note: "The follower cannot know: it is told of a commit no further than it is known to have come.",
    edits: [
      {
        file: "src/consensus/quiet.ts",
        find: "whole && !isShort && match === node.log.lastIndex && inFlightCount === 0",
        replace: "whole && !isShort && match <= node.log.lastIndex && inFlightCount >= 0",
      },
    ],
    test: decisions("does not, while a member lacks an entry"),
  },
  {
    id: "rest-by-stale-answer",
    title: "An answer to a heartbeat from before the offer counts as rest",
    edits: [
      {
        file: "src/consensus/quiet.ts",
        find: "  if (leader.rest.offeredFrom === 0 || reply.round < leader.rest.offeredFrom) return\n",
        replace: "",
      },
    ],
    test: decisions("does not take an answer to an earlier heartbeat for one to its offer"),
  },
  {
    id: "wake-and-step-down",
    title: "A leader that wakes has heard nobody for as long as it rested",
    note: "Check-quorum deposes it at its first heartbeat, and every waking costs an election.",
    edits: [
      {
        file: "src/consensus/quiet.ts",
        find: "      else if (role.rest.isResting) progress.heardAt = Math.max(progress.heardAt, heardAt)\n",
        replace: "",
      },
      {
        file: "src/consensus/quiet.ts",
        find: "  giveTime(node, leader, now)\n",
        replace: "",
      },
      {
        file: "src/consensus/quiet.ts",
        find: "    if (isAnother || !hearsQuorum(node, role, null, now)) wakeLeader",
        replace: "    if (isAnother) wakeLeader",
      },
    ],
    test: decisions("has its quorum by the pulses that it has heard"),
  },
  {
    id: "woken-stands-at-once",
    title: "The election timer of a follower that wakes ran while it rested",
    note: "One that wakes alone asks all others for a vote at once, and so do a thousand groups of a node.",
    edits: [
      {
        file: "src/consensus/quiet.ts",
        find: "  follower.timerBeganAt = now\n",
        replace: "",
      },
    ],
    test: decisions("wakes when that falls silent, and its timer begins then"),
  },
  {
    id: "rest-breaks-promise",
    title: "A resting follower votes against a leader whose process lives",
    note: "Whoever alone does not hear the leader deposes it.",
    edits: [
      {
        file: "src/consensus/quiet.ts",
        find: "    if (isSame) role.leaderHeardAt = Math.max(role.leaderHeardAt, pulse.heardAt)\n    if (!isSame || isSilent(node, role.leaderHeardAt, now)) wakeFollower",
        replace: "    if (!isSame || isSilent(node, pulse.heardAt, now)) wakeFollower",
      },
    ],
    test: decisions("gives its vote to nobody while its leader's process lives"),
  },
  {
    id: "rest-without-doubt",
    title: "A resting follower never asks whether its leader still leads",
    note: "Where the leader's group has ended and its process lives on, it sleeps for ever.",
    edits: [
      {
        file: "src/raft/Night.ts",
        find: `      post(this.#group, { type: "RestDoubted" })\n`,
        replace: "",
      },
    ],
    test: lives("does not sleep for ever when the group in it has ended"),
  },
  {
    id: "rest-at-an-open-door",
    title: "A proposal that is forwarded does not wake the follower that it waits at",
    note: "Nobody looks at its deadline.",
    edits: [
      {
        file: "src/raft/Proposals.ts",
        find: `    this.#clientBytes += bytes
    this.#group.rest.stir()
`,
        replace: "    this.#clientBytes += bytes\n",
      },
    ],
    test: lives("keeps the deadlines of those who wait at it"),
  },
  {
    id: "rest-as-fresh-as-anybody",
    title: "A resting follower takes any pulse under its leader's name for a sign that it is up to date",
    edits: [
      {
        file: "src/consensus/quiet.ts",
        find: "    return pulse !== undefined && pulse.process === process ? pulse.heardAt",
        replace: "    return pulse !== undefined && process !== undefined ? pulse.heardAt",
      },
    ],
    test: decisions("follows from the leader's pulse"),
  },
  {
    id: "rest-ends-no-day",
    title: "What works for a group by day stays when it rests",
    note: "Nothing is wrong, but that a thousand groups cost twice as much.",
    edits: [
      {
        file: "src/raft/Turns.ts",
        find: "      if (day?.isOver) {",
        replace: "      if (day?.isOver && group.node.isShort) {",
      },
    ],
    test: lives("has no day while it rests"),
  },
  {
    id: "rest-unseen-by-looks",
    title: "A group that wakes is no news to those who look at all groups of their node",
    note: "Leaders are even, and members follow `main`, a minute later than they could be.",
    edits: [
      {
        file: "src/raft/Rest.ts",
        find: "    if (!this.#isNight || !this.isResting) unrest?.note()\n",
        replace: "",
      },
    ],
    test: lives("is no news to who looks at all groups"),
  },
  {
    id: "looks-trust-for-ever",
    title: "Who looks at all groups of a node never looks unless one of them has told of something",
    edits: [
      {
        file: "src/raft/Unrest.ts",
        find: " || now - this.#lookedAt >= BOUND_MILLIS",
        replace: "",
      },
    ],
    test: {
      file: "test/groups/rebalancer.test.ts",
      name: "what nobody has told of is found within a minute",
    },
  },
  {
    id: "alarm-not-taken-back",
    title: "An alarm of the night rings though it was taken back while another one rang",
    edits: [
      {
        file: "src/raft/Alarms.ts",
        find: "if (this.#set.delete(alarm)) alarm.ring()",
        replace: "{ this.#set.delete(alarm); alarm.ring() }",
      },
    ],
    test: { file: "test/raft/alarms.test.ts", name: "one that was taken back does not" },
  },
]
