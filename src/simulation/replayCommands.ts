// What comes of commands that were recorded, when they are executed once more, and where does another version part?

import type { Actor, Json } from "../machine/actor.ts"
import type { StateOf } from "../machine/actorTypes.ts"
import { encodeLogged, type LoggedCommand } from "../machine/command.ts"
import type { Reduce } from "../machine/Executor.ts"
import { Instance } from "../machine/Instance.ts"
import { idOf } from "../machine/Instances.ts"
import { parseCanonical } from "../machine/json.ts"
import { defaultLimits } from "../machine/limits.ts"
import { type CommandAnswer, commandAnswer, readAnswer } from "./answers.ts"
import { whole } from "./arguments.ts"
import { Chance } from "./Chance.ts"
import { type ActorCode, type Code, Codes, presetOf } from "./Codes.ts"
import { Comparison, type VersionDifference } from "./Comparison.ts"
import { nodeId } from "./Replica.ts"
import { type Recorded, type Replayable, readRecorded, rowsOf, type Skipped } from "./recorded.ts"
import { NOW_MILLIS, type TestActorOptions } from "./TestActor.ts"
import { Twins } from "./Twins.ts"

export interface ReplayOptions<A extends Actor = Actor> extends TestActorOptions<StateOf<A>> {
  readonly recorded: Recorded
  /** Whose commands, where those of others were recorded as well. */
  readonly actor?: string
  /** What executes them. What `instances` hold it must have written. */
  readonly version: ActorCode<A>
  /** What executes each of them as well, on the state that the other one finds. */
  readonly compareWith?: ActorCode
}

/** What came of one command. */
export interface ReplayedCommand<State = Json> {
  readonly index: number
  readonly key: string
  readonly command: string
  readonly input: Json
  readonly answer: CommandAnswer
  /** Afterwards. */
  readonly state: State
}

export interface Replay<State = Json> {
  readonly commands: ReadonlyArray<ReplayedCommand<State>>
  /** Whatever the other version does otherwise. Each command is compared on its own: one difference entails no other. */
  readonly differences: ReadonlyArray<VersionDifference>
  /** Commands that the log does not show whole: what comes behind them may be otherwise than it was. */
  readonly skipped: ReadonlyArray<Skipped>
}

/**
 * Executes recorded commands in their order, at their indexes and times, by two replicas as {@link TestActor} does. The
 * timers that they set do not fire by themselves: those that did were recorded.
 */
export const replayCommands = <A extends Actor>(options: ReplayOptions<A>): Replay<StateOf<A>> => {
  const { actor, commands, skipped } = readRecorded(options.recorded, options.actor)
  const life = new Life(actor, commands[0], options)
  const replayed = commands.map((command) => life.execute(command))
  return { commands: replayed as Replay<StateOf<A>>["commands"], differences: life.differences, skipped }
}

class Life {
  readonly differences: Array<VersionDifference> = []
  readonly #code: Code
  readonly #chance: Chance
  readonly #twins: Twins
  readonly #comparison: Comparison | null
  readonly #fired = new Set<string>()
  #now: number
  #keys = 0

  constructor(actor: string, first: Replayable | undefined, options: ReplayOptions) {
    const { alwaysReplay = false, compareWith, instances = {}, version } = options
    const codes = new Codes()
    this.#code = codes.add(actor, version)
    this.#comparison = compareWith === undefined ? null : new Comparison(codes, codes.add(actor, compareWith))
    this.#chance = new Chance(whole("seed", options.seed ?? 1, 0))
    this.#now = whole("now", options.now ?? first?.time ?? NOW_MILLIS, 0)
    const rows = rowsOf(this.#code, codes, instances)
    const index = first?.index ?? (rows.length > 0 ? 2 : 1)
    if (rows.length > 0 && index === 1) throw new Error("instances: nothing was there before entry 1")
    this.#twins = new Twins({
      actor,
      codes,
      preset: presetOf([this.#code]),
      beginning: { index: index - 1, time: this.#now, instances: rows },
      chance: this.#chance,
      alwaysReplay,
    })
  }

  execute(replayable: Replayable): ReplayedCommand {
    const { command, input, key, term } = replayable
    this.#now = Math.max(this.#now, replayable.time ?? 0)
    // One that could not be executed has taken the next place, too.
    const index = Math.max(replayable.index ?? 0, this.#twins.index + 1)
    this.#twins.skipTo(index - 1, this.#now)
    const isFired = this.#fired.has(replayable.timer)
    const logged = this.#logged(replayable)
    const call = this.#callOf(logged, index, term)
    const [admission] = this.#twins.machine.admit([encodeLogged(logged)])
    const outcome =
      admission!._tag === "Settled"
        ? admission!.outcome
        : this.#twins.append({ data: admission!.command, time: this.#now, term })!
    const isMismatch = outcome._tag === "Refused" && outcome.code === "idempotency-mismatch"
    if (!outcome.replayed && !isMismatch && !isFired)
      this.differences.push(...(this.#comparison?.differences(call) ?? []))
    const answer = commandAnswer(outcome)
    return { index, key, command, input: JSON.parse(input), answer, state: this.#read(key).state as Json }
  }

  #logged({ timer, ...given }: Replayable): LoggedCommand {
    const isSet = this.#fired.has(timer) || (timer !== "" && this.#twins.hasTimer(timer))
    if (isSet) this.#fired.add(timer)
    const unnamed = timer === "" ? `unnamed ${++this.#keys}` : `timer:${timer}`
    return {
      actor: this.#code.name,
      key: given.key,
      command: given.command,
      input: given.input,
      idempotencyKey: given.idempotencyKey ?? unnamed,
      ifRevision: given.ifRevision,
      version: "",
      seed:
        given.seed === null
          ? Uint8Array.from({ length: 16 }, () => this.#chance.below(256))
          : Uint8Array.fromHex(given.seed),
      caller: given.caller,
      door: nodeId,
      // Who knows nothing of the timer, which was set before the recording began, executes a command like any other.
      timer: isSet ? timer : "",
    }
  }

  #callOf(logged: LoggedCommand, index: number, term: number): Reduce {
    const { actor, caller, command, idempotencyKey, ifRevision, input, key, seed } = logged
    return {
      type: "reduce",
      actor,
      version: this.#code.version,
      instance: this.#instance(key),
      key,
      command,
      input: parseCanonical(input),
      ifRevision,
      commandId: idempotencyKey,
      caller,
      seed,
      now: this.#now,
      index,
      term,
      timersMax: defaultLimits.timersPerCommandMax,
    }
  }

  #instance(key: string): Instance | undefined {
    const { revision, state } = this.#read(key)
    if (revision === 0) return undefined
    const { name: actor, version } = this.#code
    const head = { actor, key, revision: revision as number, version, index: this.#twins.index }
    return Instance.received(idOf(actor, key), head, JSON.stringify(state))
  }

  #read(key: string): { readonly [name: string]: Json } {
    const [answer] = this.#twins.machine.query([{ type: "state", actor: this.#code.name, key }])
    return readAnswer(answer!)
  }
}
