// Which bugs run a command with other code than the log says, or let code that does not end take the cluster down?
// (HAZARDS D5 to D7)

import type { Plant } from "./Plant.ts"

export const codePlants: ReadonlyArray<Plant> = [
  {
    id: "moved-executed",
    title:
      "A command that was admitted for another version than the active one is executed all the same, by that",
    edits: [
      {
        file: "src/machine/Catalogue.ts",
        find: `    if (isStored) return "moved"`,
        replace: `    if (isStored) return this.#read(name, version) ?? "moved"`,
      },
    ],
  },
  {
    id: "moved-forgotten",
    title: "What was not executed because a switch came first is remembered as refused, and never asked anew",
    edits: [
      {
        file: "src/machine/execution.ts",
        find: "isMoved(run.outcome) ? null : { slot, command }",
        replace: "{ slot, command }",
      },
    ],
    // To its client it looks like an answer that was lost.
    test: {
      file: "test/machine/versions.test.ts",
      name: "does not run what was admitted for the one before",
    },
  },
  {
    id: "switch-passed-over",
    title: "A switch that stands behind other entries of a batch ends no wave, and is passed over",
    edits: [
      {
        file: "src/machine/Wave.ts",
        find: `    if (weighed.type === "system") return isEmpty ? weighed : "full"`,
        replace: `    if (weighed.type === "system") {
      if (isEmpty) return weighed
      return weighed.command.command === "activate" ? this.#push({ entry, now, weighed: null }) : "full"
    }`,
      },
    ],
  },
  {
    id: "register-unread",
    title: "Pieces of code are registered under a name without a look whether they are what it names",
    edits: [
      {
        file: "src/machine/system/versions.ts",
        find: "  if (versionOf(code) !== version) {",
        replace: "  if (versionOf(code) === code) {",
      },
    ],
  },
  {
    id: "rollback-one-way",
    title: "A rollback does not ask whether a way leads down from what has been written",
    edits: [
      {
        file: "src/machine/system/versions.ts",
        find: "  const hindrance = hindranceTo(state, name, target)\n",
        replace: "  const hindrance: string | null = null\n",
      },
    ],
  },
  {
    id: "down-unmigrated",
    title: "A state of a later version is taken as it is by an earlier one",
    edits: [
      {
        file: "src/machine/views.ts",
        find: "    const down = writer.migrations.get(from)?.down ?? null\n",
        replace: "    const down = writer.migrations.get(-from)?.down ?? null\n",
      },
    ],
  },
  {
    id: "trial-skipped",
    title: "Code that nobody vouches for gets into the log without a trial",
    edits: [
      {
        file: "src/machine/admission.ts",
        find: "  if (actor.isTried) {",
        replace: "  if (actor.isTried && bytes.length === 0) {",
      },
    ],
  },
  {
    id: "host-blamed",
    title: "For want of a place to run in, code is called guilty",
    edits: [
      {
        file: "src/machine/fault.ts",
        find: `fault.kind !== "host"`,
        replace: `fault.detail !== ""`,
      },
    ],
  },
  {
    id: "void-alone",
    title: "A leader that cannot get past an entry makes it void, whatever the others make of it",
    edits: [
      {
        file: "src/raft/Stuckness.ts",
        find: "    if (further !== undefined) return this.#handOver(further, now)\n",
        replace: "",
      },
      {
        file: "src/raft/Stuckness.ts",
        find: "    if (!this.#mayVoid(stuck, (id) => fresh(id)?.stuckAt ?? 0, now)) return\n",
        replace: "",
      },
    ],
  },
  {
    id: "never-void",
    title: "Nobody makes void what no replica can get past",
    edits: [
      {
        file: "src/raft/Stuckness.ts",
        find: "    this.#today().proposals.addOwn([voidingFor(stuck, fault, this.#current!.entry, node.id)], settled)\n",
        replace: "",
      },
    ],
  },
  {
    id: "stuck-for-ever",
    title: "Who alone cannot get past an entry waits there for ever",
    edits: [
      {
        file: "src/raft/Stuckness.ts",
        find: "this.#current.attempts >= attemptsMax",
        replace: "this.#current.attempts >= 1e9",
      },
    ],
  },
  {
    id: "quarantine-at-door-only",
    title: "A quarantine is looked at when a command is admitted, and not when it is executed",
    edits: [
      {
        file: "src/machine/execution.ts",
        find: "  if (barred !== null) return refuse(barred)\n",
        replace: "",
      },
    ],
  },
  {
    id: "voided-executed",
    title: "A command that was made void is executed by who can",
    edits: [
      {
        file: "src/machine/execution.ts",
        find: "  if (voided !== null) return refuse(refusals.voided(voided))\n",
        replace: "",
      },
    ],
  },
  {
    id: "answered-and-proposed",
    title:
      "A command whose client was told that it did not happen, while the machine looked at it, is proposed",
    edits: [
      {
        file: "src/raft/Proposals.ts",
        find: `      if (waiter.isSettled) waiter.dismissed("not-leader")
      else if (admission._tag`,
        replace: "      if (admission._tag",
      },
    ],
  },
  {
    id: "refused-by-old-state",
    title: "A leader refuses by a state that has not come to what was committed when it was asked",
    edits: [
      {
        file: "src/raft/doubt.ts",
        find: "    if (asOf >= index || waiter.triedIn === node.term) settle(waiter, outcome)",
        replace: "    if (asOf <= index) settle(waiter, outcome)",
      },
    ],
  },
  {
    id: "refused-at-once",
    title: "A leader that leads nobody any more refuses by what it knows",
    edits: [
      {
        file: "src/raft/Proposals.ts",
        find: "        if (isLasting(outcome) || asOf >= waiter.readIndex) settle(waiter, outcome)\n",
        replace: "        if (isLasting(outcome) || asOf <= waiter.readIndex) settle(waiter, outcome)\n",
      },
    ],
    test: {
      file: "test/raft/refusals.test.ts",
      name: "a leader that nobody follows any more refuses nothing",
    },
  },
]
