// What does another version make of the same command? On the same state, brought to it as its migration does.

import type { Json } from "../machine/actor.ts"
import type { Reduce, Reduced, Reply } from "../machine/Executor.ts"
import { defaultLimits } from "../machine/limits.ts"
import { Runner } from "../machine/Runner.ts"
import type { Code, Codes } from "./Codes.ts"
import { type JsonDifference, jsonDifferences } from "./jsonDifferences.ts"

/** A place where two versions differ. */
export interface VersionDifference extends JsonDifference {
  readonly index: number
  readonly key: string
  readonly command: string
  /**
   * `outcome`: one executes what the other refuses, or refuses it otherwise. `state`: what the other version leaves, after,
   * against what its migration makes of what this one leaves, before.
   */
  readonly what: "outcome" | "result" | "state" | "timers" | "events"
}

export class Comparison {
  readonly #runner: Runner
  readonly #other: Code

  constructor(codes: Codes, other: Code) {
    this.#runner = new Runner(codes.open(), defaultLimits)
    this.#other = other
  }

  /** Runs the command by both. */
  differences(call: Reduce): ReadonlyArray<VersionDifference> {
    const { command, index, key } = call
    const { version } = this.#other
    const before = this.#run(call)
    const after = this.#run({ ...call, version })
    return this.#compare(before, after).flatMap(([what, one, other]) => {
      const found = jsonDifferences(one, other)
      // An outcome is read as a whole.
      const told = what === "outcome" && found.length > 0 ? [{ path: "", before: one, after: other }] : found
      return told.map((difference) => ({ index, key, command, what, ...difference }))
    })
  }

  #compare(before: Reply, after: Reply): ReadonlyArray<readonly [VersionDifference["what"], Json, Json]> {
    if (before.type !== "reduced" || after.type !== "reduced") {
      return [["outcome", outcomeOf(before), outcomeOf(after)]]
    }
    const brought = this.#bring(before)
    return [
      ["result", JSON.parse(before.result), JSON.parse(after.result)],
      brought === null
        ? ["state", "this does not come to the other version", after.instance!.json]
        : ["state", brought, after.instance!.json],
      ["timers", timersOf(before), timersOf(after)],
      ["events", eventsOf(before), eventsOf(after)],
    ]
  }

  /** What a version has left, as the other one would have it. Null when it cannot be brought there. */
  #bring({ instance }: Reduced): Json {
    const { actor, key } = instance!
    const reply = this.#run({ type: "show", actor, key, version: this.#other.version, instance: instance! })
    return reply.type === "answered" ? (JSON.parse(reply.text) as Json) : null
  }

  #run(call: Parameters<Runner["run"]>[0][number]): Reply {
    return this.#runner.run([call])[0]!
  }
}

const outcomeOf = (reply: Reply): Json => {
  switch (reply.type) {
    case "reduced":
      return { outcome: "executed", result: JSON.parse(reply.result) }
    case "rejected":
      return { outcome: "refused", code: reply.reason.code, detail: reply.reason.message }
    case "refused":
      return { outcome: "refused", code: reply.refused.code, detail: reply.refused.detail }
    case "faulted":
      return { outcome: "faulted", detail: reply.fault.detail }
    case "answered":
      throw new Error("a command was answered like a query")
  }
}

/** Without their ids: those carry chance that the timer's own command may never ask for. */
const timersOf = ({ timers }: Reduced): Json =>
  timers.map(({ dueAt, command, input }) => ({ dueAt, command, input: JSON.parse(input) }))

const eventsOf = ({ events }: Reduced): Json =>
  events.map(({ event, data }) => ({ event, data: JSON.parse(data) }))
