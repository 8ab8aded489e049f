// Do two replicas come to the same, of which one forgets and starts again, and again? Of one group with one actor,
// without a cluster.

import type { Entry, Index } from "../consensus/types.ts"
import type { Json } from "../machine/actor.ts"
import { decodeCommand } from "../machine/command.ts"
import type { Emitted } from "../machine/Emissions.ts"
import type { Guilt } from "../machine/fault.ts"
import type { Machine } from "../machine/Machine.ts"
import type { Outcome } from "../machine/outcome.ts"
import { voidingFor } from "../machine/system/voiding.ts"
import type { Chance } from "./Chance.ts"
import { wherever } from "./DoubleRunner.ts"
import { tellDifference } from "./jsonDifferences.ts"
import { nodeId, Replica, type ReplicaOptions, type Told } from "./Replica.ts"
import { insist, Violation } from "./Violation.ts"

export class Twins {
  readonly #actor: string
  readonly #chance: Chance
  readonly #alwaysReplay: boolean
  readonly #base: Index
  readonly #log: Array<Entry> = []
  readonly #told: Array<Told> = []
  readonly #steady: Replica
  readonly #forgetful: Replica

  constructor(options: ReplicaOptions & { readonly chance: Chance }) {
    this.#actor = options.actor
    this.#chance = options.chance.fork("replicas")
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
  }): Outcome | null {
    const { data, time, term = 1 } = given
    const entry: Entry = { index: this.index + 1, term, time, kind: "command", data, origin: {} }
    this.#log.push(entry)
    const told = this.#apply(entry)
    this.#told.push(told)
    if (this.index > entry.index) this.#told.push(this.#apply(this.#log.at(-1)!))
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

  /** What it cannot execute, because the host fails, is made void by the next entry, as a group does it (HAZARDS D5). */
  #apply(entry: Entry): Told {
    const told = this.#steady.apply(entry, this.#keyOf(entry), [])
    if (told !== "stuck") return told
    const stuck = this.#steady.machine.stuck!
    const data = voidingFor(stuck, stuck.fault as Guilt, entry, nodeId)
    const voiding: Entry = { ...entry, index: entry.index + 1, data }
    this.#log.push(voiding)
    return this.#steady.apply(entry, this.#keyOf(entry), [voiding]) as Told
  }

  /** The second replica executes what it has not executed, or has forgotten. */
  #catchUp(): void {
    for (let at = this.#forgetful.index - this.#base; at < this.#log.length; at++) {
      const entry = this.#log[at]!
      const known = this.#told[at]!
      const found = this.#forgetful.apply(entry, this.#keyOf(entry), this.#log.slice(at + 1))
      insist(
        "host",
        found !== "stuck",
        `${nameOf(entry)}: executed by one of two replicas, and not by the other`,
      )
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
      told("the same timers", ({ machine }) => ({ nextAt: machine.nextTimer() })) ??
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

const nothing = new Uint8Array()
