// Which bugs let the wrong ones decide? (Raft §6, thesis §4)

import type { Plant } from "./Plant.ts"

export const membershipPlants: ReadonlyArray<Plant> = [
  {
    id: "configuration-at-commit",
    title: "A configuration rules only once it is committed",
    hazard: "config at commit only",
    edits: [
      {
        file: "src/consensus/turn.ts",
        find: `  node.log.append(entry)
  node.configurations.append(entry)`,
        replace: "  node.log.append(entry)",
      },
      {
        file: "src/consensus/step.ts",
        find: `  node.appliedIndex = index
`,
        replace: `  for (let applied = node.appliedIndex + 1; applied <= index; applied++) {
    const entry = node.log.entryAt(applied)
    if (entry !== undefined) node.configurations.append(entry)
  }
  node.appliedIndex = index
`,
      },
    ],
  },
  {
    id: "configuration-not-rolled-back",
    title: "A configuration goes on ruling when its entry is cut off the log",
    hazard: "uncommitted config not rolled back",
    edits: [
      {
        file: "src/consensus/turn.ts",
        find: `  node.configurations.truncateFrom(from)
`,
        replace: "",
      },
    ],
  },
  {
    id: "joint-commits-with-one-half",
    title: "While joint, the incoming half alone commits, confirms reads and keeps a leader",
    edits: [
      {
        file: "src/consensus/quorum.ts",
        find: "  Math.min(majorityReached(configuration.voters, reached), majorityReached(configuration.outgoing, reached))",
        replace: "  majorityReached(configuration.voters, reached)",
      },
    ],
  },
  {
    id: "joint-elects-with-one-half",
    title: "While joint, the incoming half alone elects",
    edits: [
      {
        file: "src/consensus/quorum.ts",
        find: `  const outgoing = majorityVote(configuration.outgoing, vote)
`,
        replace: `  const outgoing = majorityVote([], vote)
`,
      },
    ],
  },
  {
    id: "learner-counted",
    title: "A copy on a learner counts like one on a voter",
    hazard: "learner counted",
    edits: [
      {
        file: "src/consensus/replication.ts",
        find: "  const index = quorumReached(node.configurations.current, onDisk)",
        replace: `  const { voters, learners, outgoing } = node.configurations.current
  const copies = [...voters, ...learners].map(onDisk).sort((one, other) => other - one)
  const index =
    outgoing.length === 0
      ? (copies[majoritySize(voters.length) - 1] ?? 0)
      : quorumReached(node.configurations.current, onDisk)`,
      },
      {
        file: "src/consensus/replication.ts",
        find: `import { quorumReached } from "./quorum.ts"`,
        replace: `import { majoritySize, quorumReached } from "./quorum.ts"`,
      },
    ],
  },
  {
    id: "removed-leader-counts-itself",
    title: "A leader that is no voter counts itself",
    hazard: "removed leader counts itself",
    edits: [
      {
        file: "src/consensus/replication.ts",
        find: "  const index = quorumReached(node.configurations.current, onDisk)",
        replace: `  const { voters, outgoing } = node.configurations.current
  const counted = voters.includes(node.id) ? voters : [...voters, node.id]
  const index = quorumReached({ voters: counted, outgoing }, onDisk)`,
      },
    ],
  },
  {
    id: "compacted-configuration-now",
    title: "A log that is cut begins with the newest configuration, not with the one as of the cut",
    note: "It shows when a later configuration is cut off again, after a restart.",
    edits: [
      {
        file: "src/consensus/step.ts",
        find: "configuration: node.configurations.asOf(through.index) }",
        replace: "configuration: node.configurations.current }",
      },
    ],
  },
  {
    id: "change-before-no-op",
    title: "A leader begins a change before it has committed anything in its term",
    hazard: "change before no-op",
    note: "It may not know yet of a change that an earlier leader has committed.",
    edits: [
      {
        file: "src/consensus/reconfiguration.ts",
        find: `  if (node.commitIndex < leader.firstIndexOfTerm) return busy("this leader has not committed anything yet")
`,
        replace: "",
      },
    ],
  },
  {
    id: "change-while-pending",
    title: "A leader begins a change while another one is not committed, or joint",
    edits: [
      {
        file: "src/consensus/reconfiguration.ts",
        find: `  if (isJoint(current) || node.commitIndex < currentIndex) return busy("another change is under way")
`,
        replace: "",
      },
    ],
  },
  {
    id: "joint-left-too-early",
    title: "A joint configuration is left before it is committed",
    hazard: "joint exit before commit",
    edits: [
      {
        file: "src/consensus/reconfiguration.ts",
        find: "  if (!isJoint(current) || !mayGoOn(node, leader, currentIndex)) return\n",
        replace: "  if (!isJoint(current) || currentIndex === 0) return\n",
      },
    ],
  },
  {
    id: "retired-leader-leads",
    title: "A leader that has removed itself leads on",
    edits: [
      {
        file: "src/consensus/reconfiguration.ts",
        find: "  commitIndex >= configurations.currentIndex && !isVoter(configurations.current, id)",
        replace: "  commitIndex > Number.MAX_SAFE_INTEGER && !isVoter(configurations.current, id)",
      },
    ],
  },
  {
    id: "left-out-does-not-stand",
    title: "A voter that its newest configuration leaves out never stands, committed or not",
    note: "Where it alone holds that configuration nobody can be elected any more.",
    edits: [
      {
        file: "src/consensus/election.ts",
        find: "  node.configurations.from(node.commitIndex).some((configuration) => isVoter(configuration, node.id))",
        replace: "  isVoter(node.configurations.current, node.id)",
      },
    ],
  },
  {
    id: "decrees-share-a-term",
    title: "A survivor that is to lead by decree goes a thousand terms ahead, as any other does",
    note: "Nobody votes for it: two that are asked at once lead in one term.",
    edits: [
      {
        file: "src/consensus/reset.ts",
        find: "  node.term = (Math.floor(node.term / TERM_LEAP) + 2) * TERM_LEAP + place",
        replace: "  node.term += TERM_LEAP + place * 0",
      },
    ],
  },
  {
    id: "given-up-let-in",
    title: "A node that a reset gave up is let in, where a flag or an older configuration still names it",
    edits: [
      {
        file: "src/transport/handshake.ts",
        find: "  const isGivenUp = self.outsiders.has(hello.nodeId) && hello.epoch < self.epoch",
        replace: "  const isGivenUp = self.outsiders.has(hello.nodeId) && hello.epoch < 0",
      },
    ],
  },
  {
    id: "reused-id-let-in",
    title: "A node that comes back under its old id, without its data, is let in as the one that it was",
    hazard: "id reuse",
    edits: [
      {
        file: "src/transport/Acceptor.ts",
        find: `    if (known !== "known") return incoming.refuse(known, describe(hello))
`,
        replace: `    if (known === "unavailable") return incoming.refuse(known, describe(hello))
`,
      },
    ],
    test: {
      file: "test/transport/handshake.test.ts",
      name: "of a node that came back without its data, for ever",
    },
  },
]
