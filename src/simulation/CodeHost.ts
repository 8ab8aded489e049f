// Where does users' code run in a simulated process, and what goes wrong there? It takes its time, while all else goes
// on; and calls fail their host, as an endless loop would in a real one.

import { Effect } from "effect"
import type { Call, CallRunner, Executor, Lane, Reply } from "../machine/Executor.ts"
import type { Fault } from "../machine/fault.ts"
import type { Chance } from "./Chance.ts"

/** What it is like at one node. It belongs to the machine that the process runs on, and outlives it. */
export interface CodeWeather {
  /** How long the calls of a batch may take, by lane. */
  millisMax: Record<Lane, number>
  /**
   * What fails each time: nothing; everything, for want of a place to run in; or, as on a machine that is far too busy,
   * every command that is applied.
   */
  failing: "no" | "host" | "log"
}

export const calmCode = (): CodeWeather => ({ millisMax: { log: 0, door: 0 }, failing: "no" })

/** What code does to whoever runs it, whatever the weather; null: it comes to its end. */
export type Faults = (call: Call, lane: Lane) => Fault | null

/** Of one process. */
export class CodeHost implements Executor {
  readonly #runner: CallRunner
  readonly #chance: Chance
  readonly #weather: CodeWeather
  readonly #faults: Faults

  constructor(options: {
    readonly runner: CallRunner
    readonly chance: Chance
    readonly weather: CodeWeather
    readonly faults: Faults
  }) {
    this.#runner = options.runner
    this.#chance = options.chance
    this.#weather = options.weather
    this.#faults = options.faults
  }

  run(calls: ReadonlyArray<Call>, lane: Lane): Effect.Effect<ReadonlyArray<Reply>> {
    return Effect.suspend(() => {
      const millisMax = this.#weather.millisMax[lane]
      const millis = millisMax === 0 ? 0 : this.#chance.between(0, millisMax)
      const replies = Effect.sync(() => this.#runAll(calls, lane))
      return millis === 0 ? replies : Effect.andThen(Effect.sleep(millis), replies)
    })
  }

  /** Behind a command that fails its host none is run: what comes there rests on it. */
  #runAll(calls: ReadonlyArray<Call>, lane: Lane): ReadonlyArray<Reply> {
    const at = calls.findIndex((call) => this.#faultOf(call, lane) !== null)
    if (at === -1) return this.#runner.run(calls)
    const before = at === 0 ? [] : this.#runner.run(calls.slice(0, at))
    if (before.length < at) return before
    const failed = calls[at]!
    const reply: Reply = { type: "faulted", fault: this.#faultOf(failed, lane)! }
    if (failed.type === "reduce") return [...before, reply]
    return [...before, reply, ...this.#runAll(calls.slice(at + 1), lane)]
  }

  #faultOf(call: Call, lane: Lane): Fault | null {
    const { failing } = this.#weather
    if (failing === "host") return { kind: "host", detail: "there is no place where it could run" }
    if (failing === "log" && lane === "log" && call.type === "reduce") {
      return { kind: "deadline", detail: "the machine is too busy" }
    }
    return this.#faults(call, lane)
  }
}
