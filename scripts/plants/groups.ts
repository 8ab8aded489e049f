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
]
