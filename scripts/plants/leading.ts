// Which bugs have what runs beside a leader begin too early, stay too long, or be heard when nobody should? (HAZARDS C8)

import type { Plant } from "./Plant.ts"

const tenureTest = "test/raft/tenure.test.ts"

export const leadingPlants: ReadonlyArray<Plant> = [
  {
    id: "leading-before-serving",
    title: "What runs where a group leads begins before the leader has applied its own term's first entry",
    edits: [
      {
        file: "src/raft/Tenure.ts",
        find: "return !isOver && !isUnwished && isServing(node)",
        replace: "return !isOver && !isUnwished && (isServing(node) || true)",
      },
    ],
  },
  {
    id: "leading-proposal-handed-on",
    title: "What was proposed beside a leader is handed on to the next one when it leads no more",
    edits: [
      {
        file: "src/raft/Tenure.ts",
        find: "forward: false, term",
        replace: "forward: true, term",
      },
    ],
  },
  {
    id: "fence-ignored",
    title: "A proposal that was meant for one term gets into an entry of another one",
    note: "The node must lead again before the proposal has reached the turn.",
    edits: [
      {
        file: "src/consensus/leader.ts",
        find: "if (term != null && term !== node.term)",
        replace: "if (term != null && term > node.term)",
      },
    ],
    test: {
      file: tenureTest,
      name: "is executed by no later leader, nor by the same node when it leads again",
    },
  },
  {
    id: "hand-over-does-not-wait",
    title: "Leadership is handed on while what runs beside the leader has not ended",
    edits: [
      {
        file: "src/raft/Tenure.ts",
        find: "    if (this.#isBusy) this.#errand?.raise()\n    else this.#tell()\n",
        replace: "    if (this.#isBusy) this.#errand?.raise()\n    this.#tell()\n",
      },
    ],
    test: { file: tenureTest, name: "before leadership is handed on, and the leader works on meanwhile" },
  },
  {
    id: "vote-gone-before-end",
    title: "A leader that removes itself is without a vote while what runs beside it has not ended",
    edits: [
      {
        file: "src/consensus/reconfiguration.ts",
        find: "if (leader.isHeld && isLeaving(node)) return",
        replace: "if (leader.isHeld && isLeaving(node) && now < 0) return",
      },
    ],
    test: { file: tenureTest, name: "before a leader that removes itself is without a vote" },
  },
  {
    id: "state-gone-before-end",
    title: "A state is given up while what runs beside the leader has not ended, where nobody can take over",
    edits: [
      {
        file: "src/raft/Lives.ts",
        find: "  yield* tenure.close()\n",
        replace: "",
      },
    ],
    test: { file: tenureTest, name: "before a state is given up, where others can take over" },
  },
  {
    id: "leading-outlives-leadership",
    title: "What runs beside a leader goes on when leadership was taken away",
    edits: [
      {
        file: "src/raft/Tenure.ts",
        find: "      yield* Scope.addFinalizer(scope, this.#abandon())\n",
        replace: "      yield* Scope.addFinalizer(scope, Effect.void)\n",
      },
    ],
    test: { file: tenureTest, name: "at once when leadership is lost, and nobody waits for it" },
  },
]
