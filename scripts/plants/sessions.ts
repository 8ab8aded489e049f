// Which bugs execute a command twice, lie about what became of it, or make two machines differ? (Raft §8)

import type { Plant } from "./Plant.ts"

export const sessionPlants: ReadonlyArray<Plant> = [
  {
    id: "dedupe-by-key-alone",
    title: "The same idempotency key on another instance gets the first one's answer",
    hazard: "dedupe by seq only",
    edits: [
      {
        file: "src/machine/Outcomes.ts",
        find: "  hash: Bun.hash.xxHash32(`${actor}/${key}\\u0000${idempotencyKey}`),",
        replace: "  hash: Bun.hash.xxHash32(idempotencyKey),",
      },
      {
        file: "src/machine/Outcomes.ts",
        find: "      row.actor === actor && row.key === key && row.idempotencyKey === idempotencyKey",
        replace: "      row.idempotencyKey === idempotencyKey",
      },
    ],
  },
  {
    id: "dedupe-at-door-only",
    title: "A retry is recognised when it is admitted, and not when its entry is executed",
    edits: [
      {
        file: "src/machine/execution.ts",
        find: "  if (earlier !== null) return settled(earlier)\n",
        replace: "",
      },
    ],
  },
  {
    id: "refusals-forgotten",
    title: "Only accepted commands are remembered: a copy of a refused one is executed when it fits later",
    edits: [
      {
        file: "src/machine/MachineCore.ts",
        find: "    if (slot !== null) outcomes.add(slot, command, entry, outcome)",
        replace: `    if (slot !== null && outcome._tag === "Accepted") outcomes.add(slot, command, entry, outcome)`,
      },
    ],
  },
  {
    id: "retried-under-new-key",
    title: "A command that is forwarded again carries another idempotency key",
    edits: [
      {
        file: "src/raft/Proposals.ts",
        find: "      const commands = clients.map((client) => client.command)",
        replace: `      const commands = clients.map((client) => {
        const command = client.isOut ? decodeCommand(client.command) : null
        if (command === null) return client.command
        return encodeCommand({ ...command, idempotencyKey: \`\${command.idempotencyKey}'\` })
      })`,
      },
      {
        file: "src/raft/Proposals.ts",
        find: `import { decodeCommand } from "../machine/command.ts"`,
        replace: `import { decodeCommand, encodeCommand } from "../machine/command.ts"`,
      },
    ],
  },
  {
    id: "rejected-though-out",
    title: "A command is called rejected although an earlier attempt may still be executed",
    edits: [
      {
        file: "src/raft/Proposals.ts",
        find: `  !wasOut && refused.code !== "not-leader" && refused.code !== "leadership-lost"`,
        replace: `  wasOut || (refused.code !== "not-leader" && refused.code !== "leadership-lost")`,
      },
      {
        file: "src/raft/Proposals.ts",
        find: "      else if (!isGivenUp && isFinal(answer, client.wasOut)) client.settle(answer)",
        replace: `      else if (!isGivenUp && isFinal(answer, client.wasOut))
        client.settle({ ...answer, outcome: "rejected" })`,
      },
    ],
  },
  {
    id: "refused-though-out",
    title: "What a later attempt is refused for is told although an earlier one may still be executed",
    test: { file: "test/raft/refusals.test.ts", name: "while an earlier one may still be executed" },
    edits: [
      {
        file: "src/raft/waiters.ts",
        find: "if (this.doubts === 0 || isLasting",
        replace: "if (this.doubts >= 0 || isLasting",
      },
    ],
  },
  {
    id: "answered-before-commit",
    title: "A leader executes and answers what only its own disk holds",
    hazard: "reply cached before commit",
    edits: [
      {
        file: "src/consensus/node.ts",
        find: "export const applicableIndex = (node: Node): Index => Math.min(node.commitIndex, node.log.persistedIndex)",
        replace: `export const applicableIndex = (node: Node): Index =>
  node.role.kind === "leader"
    ? node.log.persistedIndex
    : Math.min(Math.max(node.commitIndex, node.appliedIndex), node.log.persistedIndex)`,
      },
      {
        file: "src/consensus/step.ts",
        find: `  assert(index <= node.commitIndex, "only what is committed is applied", index, node.commitIndex)
`,
        replace: "",
      },
    ],
  },
  {
    id: "revision-checked-at-door-only",
    title: "The expected revision is compared when a command is admitted, and not when it is executed",
    edits: [
      {
        file: "src/machine/Runner.ts",
        find: "    if (call.ifRevision !== null && call.ifRevision !== revision) {",
        replace: "    if (call.ifRevision !== null && call.ifRevision > revision) {",
      },
    ],
  },
  {
    id: "outcomes-forgotten-at-flush",
    title: "When outcomes are forgotten depends on when this node flushes",
    hazard: "expiry by local clock",
    edits: [
      {
        file: "src/machine/Outcomes.ts",
        find: `    this.#unflushed.clear()
`,
        replace: `    this.#unflushed.clear()
    while (this.#ring.count > 4) {
      const oldest = this.#ring.removeOldest()
      this.#digest.remove(oldest.digest)
      this.#forgetBelow = oldest.index + 1
    }
`,
      },
    ],
  },
  {
    id: "time-of-the-node",
    title: "A reducer sees the time of the node that executes it, not that of the entry",
    hazard: "Date.now in reducer",
    note: "How many commands the node has executed since it started stands for its clock: the same for the same seed.",
    edits: [
      {
        file: "src/machine/reduce.ts",
        find: "    const { key, now, index, term, commandId, caller } = execution.call\n",
        replace: `    const { key, index, term, commandId, caller } = execution.call
    const now = nowHere(execution)
`,
      },
      {
        file: "src/machine/reduce.ts",
        find: "/** The reducer's window on its entry.",
        replace: `const executed = new WeakMap<MachineLimits, number>()

const nowHere = ({ call, limits }: Execution): number => {
  const count = (executed.get(limits) ?? 0) + 1
  executed.set(limits, count)
  return call.now + (count % 7)
}

/** The reducer's window on its entry.`,
      },
    ],
  },
  {
    id: "rejection-leaves-trace",
    title: "A command that its reducer rejects or throws at counts as a change of the instance",
    hazard: "throw leaves partial state",
    edits: [
      {
        file: "src/machine/MachineCore.ts",
        find: `      case "rejected":
        return refusals.rejected(reply.reason)
`,
        replace: `      case "rejected": {
        const { instances } = this.#state
        const instance = instances.get(actor, key)
        if (instance !== undefined) {
          const { revision, version } = instance
          const head = { actor, key, revision: revision + 1, version, index: entry.index }
          instances.put(instance, Instance.written(instance.id, head, canonicalise(instance.json)))
        }
        return refusals.rejected(reply.reason)
      }
`,
      },
      {
        file: "src/machine/MachineCore.ts",
        find: `import { idOf } from "./Instances.ts"`,
        replace: `import { Instance } from "./Instance.ts"
import { idOf } from "./Instances.ts"
import { canonicalise } from "./json.ts"`,
      },
    ],
  },
  {
    id: "timer-fires-twice",
    title: "A timer that has fired fires again when it was proposed twice",
    note: "It needs a second attempt beside the first, so the leader that makes one is planted with it.",
    edits: [
      {
        file: "src/machine/execution.ts",
        find: `  if (timer === undefined) return timerRefused("timer-gone", "The timer has fired already.")`,
        replace: `  if (timer === undefined) {
    const again = weighRun(state, command, entry)
    return again.type === "runs" ? { ...again, slot: null, timer: null } : settled(again.outcome)
  }`,
      },
      {
        file: "src/raft/leader.ts",
        find: "      if ((underWay.get(actor) ?? 0) > 0) continue\n",
        replace: "",
      },
    ],
  },
  {
    id: "flush-misses-instance",
    title: "A flush leaves out the instance that was written last",
    note: "It shows when the node starts again from that flush.",
    edits: [
      {
        file: "src/machine/Instances.ts",
        find: "    return Array.from(this.#dirty.values(), ({ actor",
        replace: "    return Array.from([...this.#dirty.values()].slice(0, -1), ({ actor",
      },
    ],
  },
]
