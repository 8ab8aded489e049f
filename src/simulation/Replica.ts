// What is one replica that no cluster is around? A machine and its disk, which starts again as a process does.

import type { Configuration, Entry, Index } from "../consensus/types.ts"
import type { Json } from "../machine/actor.ts"
import { decodeCommand } from "../machine/command.ts"
import type { Emitted } from "../machine/Emissions.ts"
import type { CallRunner } from "../machine/Executor.ts"
import { Instance } from "../machine/Instance.ts"
import { idOf } from "../machine/Instances.ts"
import { defaultLimits } from "../machine/limits.ts"
import { Machine } from "../machine/Machine.ts"
import { MachineCore } from "../machine/MachineCore.ts"
import type { Outcome } from "../machine/outcome.ts"
import type { Registry } from "../machine/Registry.ts"
import { Runner } from "../machine/Runner.ts"
import { voidingOf } from "../machine/system/voiding.ts"
import type { StateStore, StoredInstance } from "../storage/StateStore.ts"
import type { Chance } from "./Chance.ts"
import type { Codes } from "./Codes.ts"
import { SimulatedDisk } from "./Disk.ts"
import { DoubleRunner } from "./DoubleRunner.ts"
import type { Violation } from "./Violation.ts"

/** What a log begins behind: the state that a snapshot of there would hold. */
export interface Beginning {
  readonly index: Index
  /** Log time, ms since 1970. */
  readonly time: number
  readonly instances: ReadonlyArray<StoredInstance>
}

export interface ReplicaOptions {
  readonly actor: string
  readonly codes: Codes
  readonly preset: Registry
  readonly beginning: Beginning
  /** Every call is made twice. */
  readonly alwaysReplay: boolean
}

/** What came of an entry. */
export interface Told {
  readonly outcome: Outcome | null
  readonly events: ReadonlyArray<Emitted>
}

export class Replica {
  machine: Machine
  /** Executed so far. */
  index: Index
  readonly #options: ReplicaOptions
  readonly #disk: SimulatedDisk

  constructor(options: ReplicaOptions, chance: Chance) {
    this.#options = options
    this.#disk = new SimulatedDisk({ clusterId: "test", nodeId, incarnation: "n1-1" }, chance)
    if (options.beginning.index > 0) begin(this.#openStore(), options.beginning)
    this.machine = this.#open()
    this.index = this.machine.position().index
  }

  /** As a process that has just started: with what was flushed, and code that was loaded anew. */
  restart(): void {
    this.machine.close()
    this.machine = this.#open()
    this.index = this.machine.position().index
  }

  /** `key`: whose events are asked for. `behind`: what follows in the log, and may make it void. */
  apply(entry: Entry, key: string, behind: ReadonlyArray<Entry>): Told | "stuck" {
    const [outcome = null] = this.#past(entry, behind)
    if (this.machine.stuck !== null) return "stuck"
    this.index = entry.index
    return { outcome, events: key === "" ? [] : this.#emitted(key, entry.index) }
  }

  #past(entry: Entry, behind: ReadonlyArray<Entry>): ReadonlyArray<Outcome | null> {
    const outcomes = this.machine.apply([entry])
    const { stuck } = this.machine
    const voided = stuck === null ? null : voidingOf(stuck, behind)
    if (voided === null) return outcomes
    this.machine.foresee(voided)
    return this.machine.apply([entry])
  }

  /** Entries without commands. */
  fill(entries: ReadonlyArray<Entry>): void {
    this.machine.apply(entries)
    this.index += entries.length
  }

  /** As it is stored; null when its version cannot be shown. */
  state(key: string): Json {
    const [answer] = this.machine.query([{ type: "state", actor: this.#options.actor, key }])
    return answer?._tag === "Answered" ? (JSON.parse(answer.body).state as Json) : null
  }

  /** All that wait. */
  timers(): ReadonlyArray<{
    readonly key: string
    readonly command: string
    readonly input: Json
    readonly id: string
  }> {
    return this.machine.due(Number.MAX_SAFE_INTEGER, timersMax).map((bytes) => {
      const { command, input, key, timer } = decodeCommand(bytes)!
      return { key, command, input: JSON.parse(input) as Json, id: timer }
    })
  }

  /** By the entry that was applied last. */
  #emitted(key: string, index: Index): ReadonlyArray<Emitted> {
    const { outcomes } = this.machine.events([{ actor: this.#options.actor, key, after: index - 1 }])
    const [outcome] = outcomes
    return outcome?._tag === "Events" ? outcome.entries.flatMap(({ events }) => events) : []
  }

  #open(): Machine {
    const { preset: registry } = this.#options
    return new Machine({ store: this.#openStore(), registry, runner: this.#runner() })
  }

  #openStore(): StateStore {
    return this.#disk.layers("main", configuration).openState()
  }

  #runner(): CallRunner {
    const { alwaysReplay, codes } = this.#options
    if (!alwaysReplay) return new Runner(codes.open(), defaultLimits)
    const found = (violation: Violation) => {
      throw violation
    }
    return new DoubleRunner({ open: () => codes.open(), limits: defaultLimits, found })
  }
}

/** Instances that no entry has written: they are put where a snapshot would bring them. */
const begin = (store: StateStore, { index, time, instances }: Beginning): void => {
  store.flush({
    position: { index: index - 1, term: 0, time, configuration },
    instances: [],
    outcomes: [],
    forgetOutcomesBelow: 0,
    timersSet: [],
    timersCleared: [],
    digest: "",
  })
  const core = new MachineCore({ store, preset: null })
  for (const { state, ...head } of instances) {
    core.state.instances.put(undefined, Instance.received(idOf(head.actor, head.key), head, state))
  }
  // Only behind an entry is there something to flush.
  const entry: Entry = { index, term: 0, time, kind: "noop", data: nothing, origin: null }
  core.advance(core.apply([entry]), [])
  core.flush()
  core.close()
}

export const nodeId = "n1"
const configuration: Configuration = {
  voters: [nodeId],
  outgoing: [],
  learners: [],
  learnersNext: [],
  addresses: {},
}
const timersMax = defaultLimits.timersMax
const nothing = new Uint8Array()
