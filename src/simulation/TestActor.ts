// Does an actor do what its author thinks, on every replica alike? One actor type on its own, without a cluster.

import type { Configuration, Entry, Index } from "../consensus/types.ts"
import type { Actor, Json } from "../machine/actor.ts"
import { decodeCommand, encodeCommand } from "../machine/command.ts"
import type { Emitted } from "../machine/Emissions.ts"
import { Machine } from "../machine/Machine.ts"
import type { Outcome } from "../machine/outcome.ts"
import { type Registry, registryOf } from "../machine/Registry.ts"
import { type CommandAnswer, commandAnswer, readAnswer } from "./answers.ts"
import { jsonOf, text, whole } from "./arguments.ts"
import { Chance } from "./Chance.ts"
import { SimulatedDisk } from "./Disk.ts"
import { withRestlessClock } from "./restlessClock.ts"
import { insist } from "./Violation.ts"

const configuration: Configuration = {
  voters: ["n1"],
  outgoing: [],
  learners: [],
  learnersNext: [],
  addresses: {},
}
const actorName = "actor"
/** A reducer that schedules its own command after 0 ms keeps a cluster busy for ever, and a test as well. */
const atOnceMax = 10_000
/** The first of January 2026. */
const NOW_MILLIS = 1_767_225_600_000

export interface TestActorOptions {
  /** Of all chance: what `ctx.random()` gives, and when the second replica restarts. 1 when not given. */
  readonly seed?: number
  /** The log's time at the beginning, ms since 1970; the first of January 2026 when not given. */
  readonly now?: number
}

/** Which request it is, as the headers of the same names say. */
export interface CommandOptions {
  readonly idempotencyKey?: string
  readonly ifRevision?: number
}

/**
 * An actor under test. Every command is executed by two replicas, of which one forgets and replays what was not
 * flushed at times that the seed draws: a reducer that depends on anything but its state, its input and `ctx` is
 * found, as a {@link Violation}.
 */
export class TestActor {
  readonly #registry: Registry
  readonly #chance: Chance
  readonly #log: Array<Entry> = []
  readonly #outcomes: Array<Outcome | null> = []
  /** What each command has emitted. */
  readonly #events: Array<ReadonlyArray<Emitted>> = []
  readonly #steady: Replica
  readonly #forgetful: Replica
  #now: number
  #keys = 0

  constructor(actor: Actor, options: TestActorOptions = {}) {
    this.#registry = withRestlessClock(registryOf({ [actorName]: actor }))
    this.#chance = new Chance(whole("seed", options.seed ?? 1, 0))
    this.#now = whole("now", options.now ?? NOW_MILLIS, 0)
    this.#steady = new Replica(this.#registry, this.#chance.fork("steady"))
    this.#forgetful = new Replica(this.#registry, this.#chance.fork("forgetful"))
  }

  /** The log's time, ms since 1970. */
  get now(): number {
    return this.#now
  }

  /** Executes a command, with its input as it stands in JSON. */
  execute(key: string, command: string, input: Json = null, options: CommandOptions = {}): CommandAnswer {
    const bytes = encodeCommand({
      actor: actorName,
      key: text("key", key),
      command: text("command", command),
      input: jsonOf("input", input),
      idempotencyKey: options.idempotencyKey ?? `unnamed ${++this.#keys}`,
      ifRevision: options.ifRevision ?? null,
      version: "",
      seed: Uint8Array.from({ length: 16 }, () => this.#chance.below(256)),
      caller: "",
      door: "n1",
    })
    return commandAnswer(this.#propose(bytes))
  }

  /** The result of a query. What the query throws is thrown. */
  query(key: string, query: string, input: Json = null): Json {
    const [answer] = this.#steady.machine.query([
      {
        type: "query",
        actor: actorName,
        key: text("key", key),
        query: text("query", query),
        input: jsonOf("input", input),
      },
    ])
    return readAnswer(answer!).result ?? null
  }

  /** The state of an instance, as it is stored. */
  state(key: string): Json {
    return this.#steady.state(text("key", key))
  }

  /** All that the commands of an instance have emitted so far, as its watchers are told. */
  events(key: string): ReadonlyArray<{ readonly event: string; readonly data: Json }> {
    text("key", key)
    return this.#events.flatMap((events, at) =>
      this.#keyOf(at) === key
        ? events.map(({ event, data }) => ({ event, data: JSON.parse(data) as Json }))
        : [],
    )
  }

  /** Lets the log's time pass; commands that were scheduled are executed when they are due. */
  advance(millis: number): void {
    const until = this.#now + whole("millis", millis, 0)
    let atOnce = 0
    for (let next = this.#steady.machine.nextTimer(); next !== null && next <= until; ) {
      atOnce = next > this.#now ? 0 : atOnce + 1
      insist(
        "liveness",
        atOnce <= atOnceMax,
        `time passes: ${atOnceMax} scheduled commands in a row came due at once`,
      )
      this.#now = Math.max(this.#now, next)
      for (const bytes of this.#steady.machine.due(this.#now, 1)) this.#propose(bytes)
      next = this.#steady.machine.nextTimer()
    }
    this.#now = until
  }

  /** Through the door and through the log. */
  #propose(bytes: Uint8Array): Outcome {
    const [admission] = this.#steady.machine.admit([bytes])
    if (admission!._tag === "Settled") return admission!.outcome
    const index = this.#log.length + 1
    const entry: Entry = {
      index,
      term: 1,
      time: this.#now,
      kind: "command",
      data: admission!.command,
      origin: {},
    }
    this.#log.push(entry)
    const [outcome] = this.#steady.machine.apply([entry])
    this.#outcomes.push(outcome ?? null)
    this.#events.push(this.#steady.emitted(this.#keyOf(index - 1), index))
    // A start reads all that is stored: with a long log it is rarer, else a test would take its square.
    if (this.#chance.happens(Math.min(0.2, 20 / index))) this.#forgetful.restart()
    this.#catchUp()
    return outcome!
  }

  /** The second replica executes what it has not executed, or has forgotten. */
  #catchUp(): void {
    for (let at = this.#forgetful.index; at < this.#log.length; at++) {
      const [outcome] = this.#forgetful.machine.apply([this.#log[at]!])
      const [known, found] = [JSON.stringify(this.#outcomes[at]), JSON.stringify(outcome)]
      insist("determinism", known === found, `${this.#name(at)}: one outcome, ${wherever}`, found, known)
      const events = [this.#forgetful.emitted(this.#keyOf(at), at + 1), this.#events[at]!].map(eventsText)
      insist(
        "determinism",
        events[0] === events[1],
        `${this.#name(at)}: the same events, ${wherever}`,
        ...events,
      )
      this.#forgetful.index = at + 1
      if (this.#chance.happens(0.1)) this.#forgetful.machine.flush()
    }
    const replicas = [this.#steady, this.#forgetful]
    const [known, found] = replicas.map(({ machine }) => machine.stateHash().hash)
    if (known === found) return
    const key = this.#keyOf(this.#log.length - 1)
    const states = replicas.map((replica) => JSON.stringify(replica.state(key)))
    insist("determinism", false, `${this.#name(this.#log.length - 1)}: one state, ${wherever}`, ...states)
  }

  #name(at: number): string {
    const { command, key } = decodeCommand(this.#log[at]!.data)!
    return `command ${at + 1}, ${command} of ${key}`
  }

  #keyOf(at: number): string {
    return decodeCommand(this.#log[at]!.data)!.key
  }
}

const eventsText = (events: ReadonlyArray<Emitted>): string =>
  events.map(({ event, data }) => `${event} ${data}`).join(", ") || "none"

const wherever = "wherever and whenever it is executed (D1)"

class Replica {
  machine: Machine
  /** Executed so far. */
  index = 0
  readonly #registry: Registry
  readonly #disk: SimulatedDisk

  constructor(registry: Registry, chance: Chance) {
    this.#registry = registry
    this.#disk = new SimulatedDisk({ clusterId: "test", nodeId: "n1", incarnation: "n1-1" }, chance)
    this.machine = this.#open()
  }

  restart(): void {
    this.machine.close()
    this.machine = this.#open()
    this.index = this.machine.position().index
  }

  state(key: string): Json {
    const [answer] = this.machine.query([{ type: "state", actor: actorName, key }])
    return readAnswer(answer!).state ?? null
  }

  /** By the entry that was applied last. */
  emitted(key: string, index: Index): ReadonlyArray<Emitted> {
    const { outcomes } = this.machine.events([{ actor: actorName, key, after: index - 1 }])
    const [outcome] = outcomes
    return outcome?._tag === "Events" ? outcome.entries.flatMap(({ events }) => events) : []
  }

  #open(): Machine {
    const { openState } = this.#disk.layers("main", configuration)
    return new Machine({ store: openState(), registry: this.#registry })
  }
}
