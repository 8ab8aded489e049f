// Which bugs does a node have that runs more than one group, and one that runs one alone has not?

import type { Plant } from "./Plant.ts"

export const groupPlants: ReadonlyArray<Plant> = [
  {
    id: "anybody-founds",
    title: "Whoever opens a group begins with the founding configuration, whatever its data directory",
    note: "A founder that comes back without its data votes once more. No other group hears it, so that the simulation sees nothing: two things keep the same promise.",
    edits: [
      {
        file: "src/groups/founding.ts",
        find: "isFounder && named?.incarnation === self.incarnation ? founding : nobody",
        replace: "isFounder && named !== self ? founding : nobody",
      },
    ],
    test: {
      file: "test/groups/founding.test.ts",
      name: "with nobody on a node that has lost the data that was meant",
    },
  },
  {
    id: "anybody-speaks",
    title: "A group hears whoever the connection lets in, also in place of a voter that had other data",
    note: "A founder that was wiped is taken in anew by main, and its vote counts in groups that do not know it yet.",
    edits: [
      {
        file: "src/raft/admission.ts",
        find: "return named === undefined || named === incarnation",
        replace: "return named === undefined || named !== from || named === incarnation",
      },
    ],
    test: { file: "test/raft/admission.test.ts", name: "another directory under a voter's name" },
  },
  {
    id: "groups-never-follow",
    title: "The members of a group stay what they were founded with",
    edits: [
      {
        file: "src/groups/follower.ts",
        find: "if (behind().length === 0) continue",
        replace: "if (behind().length >= 0) continue",
      },
    ],
  },
  {
    id: "group-opened-with-others",
    title: "A group may be opened with members that `main` has no more",
    test: { file: "test/consensus/bound.test.ts", name: "is in no log where others are" },
    edits: [
      {
        file: "src/consensus/leader.ts",
        find: "if (members != null && !(isSettled(current) && hasMembersOf(current, members))) {",
        replace: "if (members === current && !hasMembersOf(current, members)) {",
      },
    ],
  },
  {
    id: "change-overtakes-group",
    title: "Members may be changed past a group that the door has not seen",
    test: { file: "test/consensus/bound.test.ts", name: "waits for whoever asks" },
    edits: [
      {
        file: "src/consensus/reconfiguration.ts",
        find: "if (seen < role.boundThrough)",
        replace: "if (seen < 0)",
      },
    ],
  },
  {
    id: "giver-goes-on",
    title: "A group that lets keys go has them still",
    edits: [
      {
        file: "src/machine/system/shards.ts",
        find: "ranges: without(shard.ranges, slots),",
        replace: "ranges: shard.ranges,",
      },
    ],
  },
  {
    id: "drop-skipped",
    title: "A move is over before the first group has forgotten what it gave",
    edits: [
      {
        file: "src/groups/moving.ts",
        find: 'return givingOf(giver, id) === null ? { type: "finish" } : { type: "drop" }',
        replace: 'return giver !== null ? { type: "finish" } : { type: "drop" }',
      },
    ],
  },
  {
    id: "answers-stay",
    title: "What was answered does not go with the keys",
    note: "Who asks again in the other group is executed a second time.",
    edits: [
      {
        file: "src/machine/system/belongings.ts",
        find: "= [code, instances, timers, reruns, outcomes]",
        replace: "= [code, instances, timers, reruns]",
      },
    ],
  },
  {
    id: "timers-stay",
    title: "Timers do not go with the keys",
    edits: [
      {
        file: "src/machine/system/belongings.ts",
        find: "= [code, instances, timers, reruns, outcomes]",
        replace: "= [code, instances, reruns, outcomes]",
      },
    ],
  },
  {
    id: "empty-move-stands",
    title: "A move of keys to which nothing belongs never ends",
    note: "The group that is to take them is never told of it. Found so.",
    edits: [
      {
        file: "src/groups/mover.ts",
        find: "if (next.items.length > 0 || portion === 0) {",
        replace: "if (next.items.length > 0) {",
      },
    ],
  },
  {
    id: "elsewhere-though-executed",
    title:
      "A group that has let a key go says of a command that it executed that it is to be asked elsewhere",
    note: "A copy that a node has sent a second time is answered so, and the client is told that nothing has happened.",
    test: { file: "test/machine/split.test.ts", name: "answers late copies of what it has executed" },
    edits: [
      {
        file: "src/machine/admission.ts",
        find: `  const earlier = recall(state, slot, canonical)
  if (earlier !== null) return settled(earlier)
  if (!state.whereabouts.owns(actor, key)) return settled(refusals.elsewhere(actor))`,
        replace: `  if (!state.whereabouts.owns(actor, key)) return settled(refusals.elsewhere(actor))
  const earlier = recall(state, slot, canonical)
  if (earlier !== null) return settled(earlier)`,
      },
    ],
  },
]
