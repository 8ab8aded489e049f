// Does an actor do what its author thinks, on every replica alike, from one version to the next? One actor type on its
// own, without a cluster.

import type { Actor, Json } from "../machine/actor.ts"
import type {
  CommandInput,
  CommandName,
  CommandResult,
  QueryInput,
  QueryName,
  QueryResult,
  StateOf,
  WithInput,
} from "../machine/actorTypes.ts"
import { decodeCommand, encodeCommand } from "../machine/command.ts"
import type { Outcome } from "../machine/outcome.ts"
import type { Plan } from "../machine/system/plan.ts"
import { type CommandAnswer, commandAnswer, readAnswer } from "./answers.ts"
import { jsonOf, text, whole } from "./arguments.ts"
import { Chance } from "./Chance.ts"
import { type ActorCode, Codes, presetOf } from "./Codes.ts"
import { nodeId } from "./Replica.ts"
import { type RecordedInstance, rowsOf } from "./recorded.ts"
import { Twins } from "./Twins.ts"
import { Versions } from "./Versions.ts"
import { insist } from "./Violation.ts"

const actorName = "actor"
/** A reducer that schedules its own command after 0 ms keeps a cluster busy for ever, and a test as well. */
const atOnceMax = 10_000
/** The first of January 2026. */
export const NOW_MILLIS = 1_767_225_600_000

export interface TestActorOptions<State = Json> {
  /** Of all chance: what `ctx.random()` gives, and when the second replica restarts. 1 when not given. */
  readonly seed?: number
  /** The log's time at the beginning, ms since 1970; the first of January 2026 when not given. */
  readonly now?: number
  /**
   * Every command is executed twice by each replica, the second time by code that was loaded anew, and the second replica
   * restarts before each. Slower by a factor, and finds what a module keeps in its variables.
   */
  readonly alwaysReplay?: boolean
  /** What is there at the beginning, by key: as `GET /read/{actor}/{key}` answers it. */
  readonly instances?: Readonly<Record<string, RecordedInstance<State>>>
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
export class TestActor<A extends Actor = Actor> {
  readonly #chance: Chance
  readonly #twins: Twins
  readonly #versions: Versions
  #now: number
  #keys = 0

  constructor(actor: ActorCode<A>, options: TestActorOptions<StateOf<A>> = {}) {
    const { alwaysReplay = false, instances = {} } = options
    const codes = new Codes()
    const first = codes.add(actorName, actor)
    this.#chance = new Chance(whole("seed", options.seed ?? 1, 0))
    this.#now = whole("now", options.now ?? NOW_MILLIS, 0)
    const rows = rowsOf(first, codes, instances)
    this.#twins = new Twins({
      actor: actorName,
      codes,
      preset: presetOf([first]),
      beginning: { index: rows.length === 0 ? 0 : 1, time: this.#now, instances: rows },
      chance: this.#chance,
      alwaysReplay,
    })
    this.#versions = new Versions(codes, first, this.#twins)
  }

  /** The log's time, ms since 1970. */
  get now(): number {
    return this.#now
  }

  /** Executes a command, with its input as it stands in JSON. */
  execute<Name extends CommandName<A>>(
    key: string,
    command: Name,
    ...[input = null as never, options = {}]: WithInput<CommandInput<A, Name>, [options: CommandOptions]>
  ): CommandAnswer<CommandResult<A, Name>> {
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
      door: nodeId,
    })
    return commandAnswer(this.#propose(bytes))
  }

  /** The result of a query. What the query throws is thrown. */
  query<Name extends QueryName<A>>(
    key: string,
    query: Name,
    ...[input = null as never]: WithInput<QueryInput<A, Name>>
  ): QueryResult<A, Name> {
    const [answer] = this.#twins.machine.query([
      {
        type: "query",
        actor: actorName,
        key: text("key", key),
        query: text("query", query),
        input: jsonOf("input", input),
      },
    ])
    return (readAnswer(answer!).result ?? null) as QueryResult<A, Name>
  }

  /** The state of an instance as it is stored, or as its next command would find it after another version has come. */
  state(key: string): StateOf<A> {
    const [answer] = this.#twins.machine.query([{ type: "state", actor: actorName, key: text("key", key) }])
    return (readAnswer(answer!).state ?? null) as StateOf<A>
  }

  /** All that the commands of an instance have emitted so far, as its watchers are told. */
  events(key: string): ReadonlyArray<{ readonly event: string; readonly data: Json }> {
    text("key", key)
    return this.#twins.entries.flatMap(({ data, index }) => {
      const command = decodeCommand(data)
      return command?.actor === actorName && command.key === key
        ? this.#twins.eventsAt(index).map(({ event, data }) => ({ event, data: JSON.parse(data) as Json }))
        : []
    })
  }

  /** Lets the log's time pass; commands that were scheduled are executed when they are due. */
  advance(millis: number): void {
    const until = this.#now + whole("millis", millis, 0)
    const { machine } = this.#twins
    let atOnce = 0
    for (let next = machine.nextTimer(); next !== null && next <= until; next = machine.nextTimer()) {
      atOnce = next > this.#now ? 0 : atOnce + 1
      insist(
        "liveness",
        atOnce <= atOnceMax,
        `time passes: ${atOnceMax} scheduled commands in a row came due at once`,
      )
      this.#now = Math.max(this.#now, next)
      for (const bytes of machine.due(this.#now, 1)) this.#propose(bytes)
    }
    this.#now = until
  }

  /** What another version would change: what an operator reads before it is switched on. */
  plan(version: ActorCode): Plan {
    return this.#versions.plan(version, this.#now)
  }

  /**
   * Switches to another version, as a cluster does: from the next command on. Throws why not, when stored states do not
   * fit it. What it gives back is this very subject, with the types of its new version.
   */
  activate<B extends Actor>(version: ActorCode<B>): TestActor<B> {
    this.#versions.activate(version, this.#now)
    return this as unknown as TestActor<B>
  }

  /** Back to the version that was active before. Throws why not, when instances have no way down. */
  rollback(): void {
    this.#versions.rollBack(this.#now)
  }

  /** Through the door and through the log. */
  #propose(bytes: Uint8Array): Outcome {
    const [admission] = this.#twins.machine.admit([bytes])
    return admission!._tag === "Settled"
      ? admission!.outcome
      : this.#twins.append({ data: admission!.command, time: this.#now })!
  }
}
