// Does a call come to the same when it is made again, by code that has just been loaded, on a state that was just read?

import type { Json } from "../machine/actor.ts"
import type { Call, CallRunner, Reduced, Reply } from "../machine/Executor.ts"
import { Instance } from "../machine/Instance.ts"
import { idOf } from "../machine/Instances.ts"
import type { MachineLimits } from "../machine/limits.ts"
import type { Actors } from "../machine/Registry.ts"
import { Runner } from "../machine/Runner.ts"
import { tellDifference } from "./jsonDifferences.ts"
import { Violation } from "./Violation.ts"

/**
 * Makes every call twice: for the machine, with code that lives as long as its process does, and again, each time with
 * code that has just been loaded. What a reducer, a query or a migration keeps in variables, closures and caches, the
 * second one does not find as the first one does.
 */
export class DoubleRunner implements CallRunner {
  readonly #open: () => Actors
  readonly #limits: MachineLimits
  readonly #found: (violation: Violation) => void
  readonly #runner: Runner

  /** `open`: code as a process has it that has just started. `found` must not return. */
  constructor(options: {
    readonly open: () => Actors
    readonly limits: MachineLimits
    readonly found: (violation: Violation) => void
  }) {
    this.#open = options.open
    this.#limits = options.limits
    this.#found = options.found
    this.#runner = new Runner(options.open(), options.limits)
  }

  run(calls: ReadonlyArray<Call>): ReadonlyArray<Reply> {
    const replies = this.#runner.run(calls)
    const left = new Map<string, Instance>()
    for (const [at, reply] of replies.entries()) {
      const call = afresh(calls[at]!, left)
      const [again] = new Runner(this.#open(), this.#limits).run([call])
      const difference = differenceOf(reply, again!)
      if (difference !== null) {
        this.#found(
          new Violation(
            "determinism",
            `${nameOf(call)}: ${difference.what}, ${wherever}: ${difference.told}`,
          ),
        )
      }
      if (again!.type === "reduced" && call.type === "reduce") {
        left.set(idOf(call.actor, call.key), again!.instance!)
      }
    }
    return replies
  }
}

export const wherever = "wherever and whenever it is executed (D1)"

/** On the state as it would be read from disk, or as the calls before it have left it. */
const afresh = (call: Call, left: ReadonlyMap<string, Instance>): Call => {
  if (!("key" in call)) return call
  const id = idOf(call.actor, call.key)
  const instance = (call.type === "reduce" ? left.get(id) : undefined) ?? call.instance
  return {
    ...call,
    instance: instance === undefined ? undefined : Instance.received(id, instance, instance.text),
  }
}

const differenceOf = (
  known: Reply,
  again: Reply,
): { readonly what: string; readonly told: string } | null => {
  // How deep a stack reaches, and what else a host cannot do, says nothing of the code.
  if (known.type === "faulted" || again.type === "faulted") return null
  if (known.type === "answered" && again.type === "answered") {
    return difference("one result", JSON.parse(known.text), JSON.parse(again.text))
  }
  if (known.type !== "reduced" || again.type !== "reduced") {
    return difference("one outcome", known as unknown as Json, again as unknown as Json)
  }
  return (
    difference("one result", JSON.parse(known.result), JSON.parse(again.result)) ??
    stateDifference(known, again) ??
    difference("the same timers", timersOf(known), timersOf(again)) ??
    difference("the same events", eventsOf(known), eventsOf(again))
  )
}

/** What stands between two commands of one batch nobody keeps. */
const stateDifference = (known: Reduced, again: Reduced) =>
  known.instance === null || again.instance === null
    ? null
    : difference("one state", known.instance.json, again.instance.json)

const difference = (what: string, known: Json, again: Json) => {
  const told = tellDifference(known, again)
  return told === "" ? null : { what, told }
}

/** With their ids: they carry the chance of the timers' own commands. */
const timersOf = ({ timers }: Reduced): Json =>
  timers.map(({ id, dueAt, command, input }) => ({ id, dueAt, command, input: JSON.parse(input) }))

const eventsOf = ({ events }: Reduced): Json =>
  events.map(({ event, data }) => ({ event, data: JSON.parse(data) }))

const nameOf = (call: Call): string => {
  switch (call.type) {
    case "reduce":
      return `command ${call.index}, ${call.command} of ${call.key}`
    case "ask":
      return `query ${call.query} of ${call.key}`
    case "show":
      return `${call.key}, as its version has it`
    case "check":
      return `the input of ${call.command}`
    case "adopt":
      return "a state that was given"
  }
}
