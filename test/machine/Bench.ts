// A group's machine for tests, with a memory disk that outlives it, and a log that writes itself.

import { encodeConfiguration } from "../../src/consensus/configuration.ts"
import { mainGroup } from "../../src/consensus/groups.ts"
import type { Configuration, Entry, EntryKind, GroupId } from "../../src/consensus/types.ts"
import { type Command, encodeCommand } from "../../src/machine/command.ts"
import type { MachineLimits } from "../../src/machine/limits.ts"
import { Machine } from "../../src/machine/Machine.ts"
import type { Admission } from "../../src/machine/MachineHost.ts"
import type { Outcome } from "../../src/machine/outcome.ts"
import type { Registry } from "../../src/machine/Registry.ts"
import { MemoryDisk } from "../../src/storage/MemoryDisk.ts"
import { openMemoryStateStore } from "../../src/storage/stateStoreMemory.ts"

export const initial: Configuration = {
  voters: ["n1"],
  outgoing: [],
  learners: [],
  learnersNext: [],
  addresses: {},
}

/** A command with everything that a test does not care about. */
export const command = (given: Partial<Command> & { readonly json?: unknown } = {}): Command => {
  const { json, ...fields } = given
  return {
    actor: "counter",
    key: "a",
    command: "add",
    input: JSON.stringify(json ?? null),
    idempotencyKey: `key-${++keys}`,
    ifRevision: null,
    version: "v1",
    seed: Uint8Array.from({ length: 16 }, (_, at) => at),
    caller: "",
    door: "n1",
    ...fields,
  }
}

let keys = 0

/** One entry, and somebody waits for it. */
export const entry = (
  index: number,
  data: Uint8Array,
  time = 1_000 + index,
  kind: EntryKind = "command",
): Entry => ({
  index,
  term: 1,
  time,
  kind,
  data,
  origin: {},
})

export const configurationEntry = (index: number, configuration: Configuration): Entry =>
  entry(index, encodeConfiguration(configuration), 1_000 + index, "configuration")

/** One node's machine and its log. */
export class Bench {
  readonly disk = new MemoryDisk({ clusterId: "c", nodeId: "n1", incarnation: "i" })
  machine: Machine
  index = 0
  readonly #registry: Registry
  readonly #limits: Partial<MachineLimits>
  readonly #group: GroupId

  constructor(registry: Registry, limits: Partial<MachineLimits> = {}, group: GroupId = mainGroup) {
    this.#registry = registry
    this.#limits = limits
    this.#group = group
    this.machine = this.#open(registry)
  }

  /** Forgets what was not flushed; the log must be applied again from `position()` on. */
  restart(registry: Registry = this.#registry): void {
    this.machine.close()
    this.machine = this.#open(registry)
    this.index = this.machine.position().index
  }

  /** Straight into the log, as if a door had let it pass. */
  apply(given: Command, time?: number): Outcome {
    return this.applyBytes(encodeCommand(given), time)
  }

  applyBytes(bytes: Uint8Array, time?: number): Outcome {
    return this.machine.apply([entry(++this.index, bytes, time)])[0]!
  }

  admit(given: Command): Admission {
    return this.machine.admit([encodeCommand(given)])[0]!
  }

  /** Through the door and through the log. */
  propose(given: Command, time?: number): Outcome {
    const admission = this.admit(given)
    return admission._tag === "Settled" ? admission.outcome : this.applyBytes(admission.command, time)
  }

  /** Body of a read. */
  read(query: string, json: unknown = null, key = "a", actor = "counter"): unknown {
    const outcome = this.machine.query([
      { type: "query", actor, key, query, input: JSON.stringify(json) },
    ])[0]!
    return outcome._tag === "Answered" ? JSON.parse(outcome.body) : outcome
  }

  state(key = "a", actor = "counter"): unknown {
    const outcome = this.machine.query([{ type: "state", actor, key }])[0]!
    return outcome._tag === "Answered" ? JSON.parse(outcome.body) : outcome
  }

  #open(registry: Registry): Machine {
    return new Machine({
      store: openMemoryStateStore(this.disk, { group: this.#group, initial }),
      group: this.#group,
      registry,
      limits: this.#limits,
    })
  }
}

/** A refusal with its texts read. */
export const refusalOf = (outcome: Outcome | { readonly _tag: string }) => {
  if (!("code" in outcome)) throw new Error(`not refused: ${JSON.stringify(outcome)}`)
  return { code: outcome.code, replayed: outcome.replayed, ...(JSON.parse(outcome.extra) as object) }
}
