// Does an actor do what its author thinks, on every replica alike? One actor type on its own, without a cluster.

import type { Configuration, Entry } from "../consensus/types.ts"
import type { Actor, Json } from "../machine/actor.ts"
import { encodeCommand } from "../machine/command.ts"
import { Machine } from "../machine/Machine.ts"
import type { Outcome } from "../machine/outcome.ts"
import { type Registry, registryOf } from "../machine/Registry.ts"
import { type CommandAnswer, commandAnswer, readAnswer } from "./answers.ts"
import { Chance } from "./Chance.ts"
import { SimulatedDisk } from "./Disk.ts"
import { insist } from "./Violation.ts"

const configuration: Configuration = {
  voters: ["n1"],
  outgoing: [],
  learners: [],
  learnersNext: [],
  addresses: {},
}
const actorName = "actor"
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
  readonly #steady: Replica
  readonly #forgetful: Replica
  #now: number
  #keys = 0

  constructor(actor: Actor, options: TestActorOptions = {}) {
    this.#registry = registryOf({ [actorName]: actor })
    this.#chance = new Chance(options.seed ?? 1)
    this.#now = options.now ?? NOW_MILLIS
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
      key,
      command,
      input: JSON.stringify(input),
      idempotencyKey: options.idempotencyKey ?? `request-${++this.#keys}`,
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
      { type: "query", actor: actorName, key, query, input: JSON.stringify(input) },
    ])
    return readAnswer(answer!).result ?? null
  }

  /** The state of an instance, as it is stored. */
  state(key: string): Json {
    const [answer] = this.#steady.machine.query([{ type: "state", actor: actorName, key }])
    return readAnswer(answer!).state ?? null
  }

  /** Lets the log's time pass; commands that were scheduled are executed when they are due. */
  advance(millis: number): void {
    const until = this.#now + millis
    for (let next = this.#steady.machine.nextTimer(); next !== null && next <= until; ) {
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
    if (this.#chance.happens(0.2)) this.#forgetful.restart()
    this.#catchUp()
    return outcome!
  }

  /** The second replica executes what it has not executed, or has forgotten. */
  #catchUp(): void {
    for (let at = this.#forgetful.index; at < this.#log.length; at++) {
      const [outcome] = this.#forgetful.machine.apply([this.#log[at]!])
      const [known, found] = [JSON.stringify(this.#outcomes[at]), JSON.stringify(outcome)]
      insist("determinism", known === found, `command ${at + 1} has one outcome (D1)`, found, known)
      this.#forgetful.index = at + 1
      if (this.#chance.happens(0.1)) this.#forgetful.machine.flush()
    }
    const [known, found] = [this.#steady.machine.stateHash().hash, this.#forgetful.machine.stateHash().hash]
    insist("determinism", known === found, `one state after ${this.#log.length} commands (D1)`, found, known)
  }
}

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

  #open(): Machine {
    const { openState } = this.#disk.layers("main", configuration)
    return new Machine({ store: openState(), registry: this.#registry })
  }
}
