// Which bugs have a watcher miss an event, see one twice, or wait for ever? (HAZARDS L10, H7)

import type { Plant } from "./Plant.ts"

const watchTest = "test/http/watch.test.ts"

export const eventPlants: ReadonlyArray<Plant> = [
  {
    id: "gap-without-reset",
    title: "A cursor from before all events that are kept gets those that are left",
    edits: [
      {
        file: "src/machine/watching.ts",
        find: "  return writtenBefore <= after\n",
        replace: "  return writtenBefore >= 0\n",
      },
    ],
  },
  {
    id: "restart-complete",
    title:
      "A node that has restarted, or taken over a snapshot, passes for one that knows all events since the first",
    edits: [
      {
        file: "src/machine/Events.ts",
        find: "    this.completeFrom = from\n",
        replace: "    this.completeFrom = from * 0\n",
      },
    ],
  },
  {
    id: "silent-write-forgotten",
    title: "Where no event is kept nothing is missing, though the instance was written behind the cursor",
    edits: [
      {
        file: "src/machine/watching.ts",
        find: "state.instances.get(actor, key)?.index ?? 0",
        replace: "Math.min(after, state.instances.get(actor, key)?.index ?? 0)",
      },
    ],
  },
  {
    id: "state-without-need",
    title: "Every cursor that is older than the oldest event is told the state, though nothing was missed",
    edits: [
      {
        file: "src/machine/watching.ts",
        find: "  return writtenBefore <= after\n",
        replace: "  return writtenBefore < 0\n",
      },
    ],
  },
  {
    id: "cursor-goes-back",
    title: "A cursor that is ahead of a node that is behind goes back to what that node has",
    edits: [
      {
        file: "src/machine/watching.ts",
        find: "pageOf(unseen, Math.max(after, index))",
        replace: "pageOf(unseen, index)",
      },
    ],
  },
  {
    id: "gone-entry-counts-as-kept",
    title: "The entry whose events have just made room passes for one that is kept",
    edits: [
      {
        file: "src/machine/Events.ts",
        find: "    const { index, events, bytes } = this.#kept[this.#gone++]!\n    this.completeFrom = index\n",
        replace:
          "    const { index, events, bytes } = this.#kept[this.#gone++]!\n    this.completeFrom = index - 1\n",
      },
    ],
  },
  {
    id: "cursor-passes-entry",
    title: "The first of several events of an entry moves the cursor behind all of them",
    edits: [
      {
        file: "src/http/eventFrames.ts",
        find: "{ index: index - 1, seen: count }",
        replace: "{ index: index - 1 + Math.min(count, 1), seen: 0 }",
      },
    ],
    test: { file: watchTest, name: "cut at any byte and resumed there tells every event once" },
  },
  {
    id: "alive-word-eats-events",
    title: "What the machine says is lost when the client was just told that the node lives",
    edits: [
      {
        file: "src/http/Watchers.ts",
        find: `    if (!watcher.isWaiting || outcome._tag === "Postponed") return\n`,
        replace: `    if (outcome._tag === "Postponed") return\n`,
      },
    ],
    test: { file: watchTest, name: "between a question and its answer, costs no event" },
  },
  {
    id: "news-while-asking-lost",
    title: "What is applied while the machine is being asked counts as asked for",
    edits: [
      {
        file: "src/http/Watchers.ts",
        find: "watcher.askedAt = news\n",
        replace: "watcher.askedAt = Math.max(news, this.#news)\n",
      },
    ],
    test: { file: watchTest, name: "are one question to the machine, and one at a time" },
  },
  {
    id: "stalled-client-kept",
    title: "A client that takes nothing keeps its place for ever",
    edits: [
      {
        file: "src/http/Watchers.ts",
        find: "millis >= stalledMillisMax",
        replace: "millis >= stalledMillisMax * 1e9",
      },
    ],
    test: { file: watchTest, name: "comes to who takes nothing, with nothing more held for it" },
  },
]
