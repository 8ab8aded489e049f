// Do two replicas come to the same, of which one forgets and starts again, and again? Of one group with one actor,
// without a cluster.

import type { Configuration, Entry, EntryKind, Index } from "../consensus/types.ts"
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
import type { StateStore, StoredInstance } from "../storage/StateStore.ts"
import type { Chance } from "./Chance.ts"
import type { Codes } from "./Codes.ts"
import { SimulatedDisk } from "./Disk.ts"
import { DoubleRunner, wherever } from "./DoubleRunner.ts"
import { tellDifference } from "./jsonDifferences.ts"
import { insist, Violation } from "./Violation.ts"

/** What a log begins behind: the state that a snapshot of there would hold. */
export interface Beginning {
  readonly index: Index
  /** Log time, ms since 1970. */
  readonly time: number
  readonly instances: ReadonlyArray<StoredInstance>
}

export interface TwinsOptions {
  readonly actor: string
  readonly codes: Codes
  readonly preset: Registry
  readonly beginning: Beginning
  readonly chance: Chance
  /** Every call is made twice, and the forgetful replica starts again before every entry. */
  readonly alwaysReplay: boolean
}

/** What came of an entry. */
interface Told {
  readonly outcome: Outcome | null
  readonly events: ReadonlyArray<Emitted>
}

export class Twins {
  readonly #actor: string
  readonly #chance: Chance
  readonly #alwaysReplay: boolean
  readonly #base: Index
  readonly #log: Array<Entry> = []
  readonly #told: Array<Told> = []
  readonly #steady: Replica
  readonly #forgetful: Replica

  constructor(options: TwinsOptions) {
    this.#actor = options.actor
    this.#chance = options.chance
    this.#alwaysReplay = options.alwaysReplay
    this.#base = options.beginning.index
    this.#steady = new Replica(options, this.#chance.fork("steady"))
    this.#forgetful = new Replica(options, this.#chance.fork("forgetful"))
  }

  /** The one that does not forget, to be asked. */
  get machine(): Machine {
    return this.#steady.machine
  }

  /** All that was applied, in order. */
  get entries(): ReadonlyArray<Entry> {
    return this.#log
  }

  get index(): Index {
    return this.#base + this.#log.length
  }

  /** What an entry made watchers hear. */
  eventsAt(index: Index): ReadonlyArray<Emitted> {
    return this.#told[index - this.#base - 1]?.events ?? []
  }

  /** Into the log, and out of it into both. */
  append(given: {
    readonly data: Uint8Array
    readonly time: number
    readonly term?: number
    readonly kind?: EntryKind
  }): Outcome | null {
    const { data, time, term = 1, kind = "command" } = given
    const entry: Entry = { index: this.index + 1, term, time, kind, data, origin: {} }
    this.#log.push(entry)
    const told = this.#steady.apply(entry, this.#keyOf(entry))
    this.#told.push(told)
    // A start reads all that is stored: with a long log it is rarer, else a test would take its square.
    const starts = this.#alwaysReplay || this.#chance.happens(Math.min(0.2, 20 / this.#log.length))
    if (starts) this.#forgetful.restart()
    this.#catchUp()
    return told.outcome
  }

  /** Entries that say nothing, up to there. */
  skipTo(index: Index, time: number): void {
    const filling: Array<Entry> = []
    while (this.index < index) {
      const entry: Entry = { index: this.index + 1, term: 1, time, kind: "noop", data: nothing, origin: null }
      this.#log.push(entry)
      this.#told.push({ outcome: null, events: [] })
      filling.push(entry)
    }
    if (filling.length > 0) for (const replica of [this.#steady, this.#forgetful]) replica.fill(filling)
  }

  /** Whether a timer waits. */
  hasTimer(id: string): boolean {
    return this.#steady.timers().some((timer) => timer.id === id)
  }

  /** The second replica executes what it has not executed, or has forgotten. */
  #catchUp(): void {
    for (let at = this.#forgetful.index - this.#base; at < this.#log.length; at++) {
      const entry = this.#log[at]!
      const [known, found] = [this.#told[at]!, this.#forgetful.apply(entry, this.#keyOf(entry))]
      const [outcomes, events] = [
        [known.outcome, found.outcome].map((outcome) => JSON.stringify(outcome)),
        [known.events, found.events].map(eventsText),
      ]
      insist(
        "determinism",
        outcomes[0] === outcomes[1],
        `${nameOf(entry)}: one outcome, ${wherever}`,
        ...outcomes.reverse(),
      )
      insist(
        "determinism",
        events[0] === events[1],
        `${nameOf(entry)}: the same events, ${wherever}`,
        ...events.reverse(),
      )
      if (this.#alwaysReplay || this.#chance.happens(0.1)) this.#forgetful.machine.flush()
    }
    this.#compareStates()
  }

  #compareStates(): void {
    const replicas = [this.#steady, this.#forgetful] as const
    const [known, found] = replicas.map(({ machine }) => machine.stateHash().hash)
    if (known === found) return
    const entry = this.#log.at(-1)!
    const key = this.#keyOf(entry)
    const told = (what: string, of: (replica: Replica) => Json) => {
      const difference = tellDifference(of(this.#steady), of(this.#forgetful))
      return difference === "" ? null : `${what}, ${wherever}: ${difference}`
    }
    const difference =
      told("one state", (replica) => replica.state(key)) ??
      told("the same timers", (replica) => replica.timers()) ??
      told("one state", ({ machine }) => machine.stateHash().hash)
    throw new Violation("determinism", `${nameOf(entry)}: ${difference}`)
  }

  /** Of the instance that an entry is for; empty when it is for none of the actor's. */
  #keyOf(entry: Entry): string {
    const command = entry.kind === "command" ? decodeCommand(entry.data) : null
    return command?.actor === this.#actor ? command.key : ""
  }
}

const nameOf = ({ data, index }: Entry): string => {
  const { command, key } = decodeCommand(data)!
  return `command ${index}, ${command} of ${key}`
}

const eventsText = (events: ReadonlyArray<Emitted>): string =>
  events.map(({ event, data }) => `${event} ${data}`).join(", ") || "none"

class Replica {
  machine: Machine
  /** Executed so far. */
  index: Index
  readonly #options: TwinsOptions
  readonly #disk: SimulatedDisk

  constructor(options: TwinsOptions, chance: Chance) {
    this.#options = options
    this.#disk = new SimulatedDisk({ clusterId: "test", nodeId: "n1", incarnation: "n1-1" }, chance)
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

  apply(entry: Entry, key: string): Told {
    const [outcome = null] = this.machine.apply([entry])
    this.index = entry.index
    return { outcome, events: key === "" ? [] : this.#emitted(key, entry.index) }
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

const configuration: Configuration = {
  voters: ["n1"],
  outgoing: [],
  learners: [],
  learnersNext: [],
  addresses: {},
}
const timersMax = defaultLimits.timersMax
const nothing = new Uint8Array()
