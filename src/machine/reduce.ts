// What does one reducer make of one command? Same state, input and entry: same answer, on every replica.

import { Result } from "effect"
import type { CommandContext, InputOf, Json } from "./actor.ts"
import type { Issue } from "./Coder.ts"
import { Emissions, type Emitted } from "./Emissions.ts"
import type { Reduce, Scheduled } from "./Executor.ts"
import { rethrowFault } from "./HostFault.ts"
import { type Canonical, canonicalise, NotJson } from "./json.ts"
import type { MachineLimits } from "./limits.ts"
import type { LoadedActor, LoadedCommand } from "./Registry.ts"
import { SeededRandom } from "./random.ts"
import { type Reason, thrown } from "./refusals.ts"
import { messageLengthMax } from "./thrown.ts"
import { utf8Length } from "./utf8.ts"

/** What an accepted command comes to. */
export interface Reduction {
  readonly state: Canonical
  readonly resultText: string
  readonly timers: ReadonlyArray<Scheduled>
  readonly events: ReadonlyArray<Emitted>
}

/** A call with all that it needs at hand. */
interface Execution {
  readonly actor: LoadedActor
  readonly definition: LoadedCommand
  readonly call: Omit<Reduce, "type" | "instance" | "input" | "ifRevision">
  /** Decoded and frozen, or the reducer's to spoil. */
  readonly state: unknown
  readonly input: unknown
  readonly limits: MachineLimits
}

export const reduce = (execution: Execution): Result.Result<Reduction, Reason> => {
  const { actor, definition, limits } = execution
  const context = new Context(execution)
  let returned: { readonly state: unknown; readonly result: unknown }
  try {
    const given = (definition.reduce as Run)(execution.state, execution.input, context.view)
    if (isThenable(given)) return Result.fail(asynchronous(given, "reducer"))
    if (!isReduction(given)) {
      return fail("invalid-reduction", "The reducer must return { state, result } and nothing else.")
    }
    returned = { state: given.state, result: given.result }
  } catch (error) {
    return Result.fail(reasonOf(error, execution))
  } finally {
    // What the reducer left behind, a promise or a closure, can no longer reach the entry.
    context.close()
  }
  const state = actor.state.encode(returned.state)
  if (Result.isFailure(state)) return fail("invalid-state", "The new state is not valid.", state.failure)
  const result = definition.output.encode(returned.result)
  if (Result.isFailure(result)) return fail("invalid-result", "The result is not valid.", result.failure)
  const stateBytes = textBytesOf(state.success, limits.stateBytesMax)
  if (stateBytes > limits.stateBytesMax) {
    return fail(
      "state-too-large",
      `The new state has ${stateBytes} bytes; ${limits.stateBytesMax} are allowed.`,
    )
  }
  const resultText = JSON.stringify(result.success.json)
  const resultBytes = utf8Length(resultText)
  if (resultBytes > limits.resultBytesMax) {
    return fail(
      "result-too-large",
      `The result has ${resultBytes} bytes; ${limits.resultBytesMax} are allowed.`,
    )
  }
  return Result.succeed({ state: state.success, resultText, timers: context.timers, events: context.events })
}

/** Exact where it matters: a text that cannot reach the limit is not made to be measured. */
const textBytesOf = ({ json, textBytesMax }: Canonical, limit: number): number =>
  textBytesMax <= limit ? textBytesMax : utf8Length(JSON.stringify(json))

/** What a throw says. A stack that ran over is the host's own affair: its depth differs from node to node. */
const reasonOf = (error: unknown, { call: { actor, key, command }, limits }: Execution): Reason => {
  if (error instanceof Rejection) return boundedReason(error.reason, limits)
  rethrowFault(error, `${actor}/${key}/${command}`)
  return thrown("reducer-threw", error)
}

/** It is remembered as an outcome is, and bounded as a result is. */
const boundedReason = (reason: Reason, { resultBytesMax }: MachineLimits): Reason => {
  const code = reason.code.slice(0, codeLengthMax).toWellFormed()
  const message = reason.message.slice(0, messageLengthMax).toWellFormed()
  const bytes = utf8Length(JSON.stringify(reason.data))
  if (bytes <= resultBytesMax) return { code, message, data: reason.data }
  const detail = `reject: its data have ${bytes} bytes; ${resultBytesMax} are allowed`
  return { code: "rejection-too-large", message: detail, data: null }
}

/** Keeps a returned promise from failing unseen, which would end the thread. In a closed realm no fiber can begin. */
export const asynchronous = (returned: PromiseLike<unknown>, what: "reducer" | "query"): Reason => {
  if (returned instanceof Promise) Reflect.apply(then, returned, [undefined, () => {}])
  return {
    code: `${what}-async`,
    message: `The ${what} returned a promise: it must be synchronous.`,
    data: null,
  }
}

export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && typeof Reflect.get(value, "then") === "function"

/** How `ctx.reject` leaves the reducer. */
class Rejection extends Error {
  readonly reason: Reason
  constructor(reason: Reason) {
    super(reason.message)
    this.reason = reason
  }
}

/** What reducers get at by way of `ctx`, and must not change for each other. */
export const reachedThroughContext: ReadonlyArray<unknown> = [Rejection, NotJson]

/** The reducer's window on its entry. Closed when the reducer has returned. */
class Context {
  readonly timers: Array<Scheduled> = []
  readonly view: CommandContext
  readonly #execution: Execution
  #emissions: Emissions | null = null
  #random: SeededRandom | null = null
  #isOpen = true

  constructor(execution: Execution) {
    this.#execution = execution
    const { key, now, index, term, commandId, caller } = execution.call
    this.view = Object.freeze<CommandContext>({
      key,
      now,
      index,
      term,
      commandId,
      caller,
      random: () => this.#chance().nextDouble(),
      uuid: () => this.#chance().nextUuid(),
      reject: (code, message, data) => {
        throw new Rejection({ code: `${code}`, message: `${message}`, data: canonicalise(data ?? null).json })
      },
      schedule: (afterMillis, name, input) => this.#schedule(afterMillis, name, input),
      emit: (event, data) => this.#emit(event, data),
    })
  }

  get events(): ReadonlyArray<Emitted> {
    return this.#emissions?.events ?? noEvents
  }

  close(): void {
    this.#isOpen = false
  }

  #chance(): SeededRandom {
    this.#assertOpen()
    this.#random ??= new SeededRandom(this.#execution.call.seed, this.#execution.call.index)
    return this.#random
  }

  #schedule(afterMillis: number, name: string, input: InputOf<unknown>): void {
    this.#assertOpen()
    const { actor, limits } = this.#execution
    const { index, now, timersMax } = this.#execution.call
    const dueAt = now + afterMillis
    if (!(afterMillis >= 0 && Number.isSafeInteger(dueAt))) {
      throw new Error(`schedule: expected whole milliseconds from 0, got ${afterMillis}`)
    }
    const definition = actor.commands.get(name)
    if (definition === undefined) throw new Error(`schedule: there is no command "${name}"`)
    const encoded = definition.input.encode(input)
    if (Result.isFailure(encoded)) {
      const { path, message } = encoded.failure[0]!
      throw new Error(`schedule: not an input of "${name}": ${path} ${message}`)
    }
    if (this.timers.length === timersMax) {
      throw new Error(
        `schedule: one command may set ${limits.timersPerCommandMax} timers, a group ${limits.timersMax}`,
      )
    }
    // The id carries the chance that the timer's own command will see.
    const id = `${index}.${this.timers.length}.${this.#chance().nextHex128()}`
    this.timers.push({ id, dueAt, command: name, input: JSON.stringify(encoded.success.json) })
  }

  #emit(event: string, data: Json | undefined): void {
    this.#assertOpen()
    this.#emissions ??= new Emissions(this.#execution.limits)
    this.#emissions.add(event, data)
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw new Error("the reducer has returned: its ctx is no longer valid")
  }
}

const { then } = Promise.prototype
const noEvents: ReadonlyArray<Emitted> = []

type Run = (state: unknown, input: unknown, ctx: CommandContext) => unknown

const isReduction = (value: unknown): value is { readonly state: unknown; readonly result: unknown } =>
  typeof value === "object" &&
  value !== null &&
  Object.keys(value).length === 2 &&
  "state" in value &&
  "result" in value

const fail = (code: string, message: string, issues?: ReadonlyArray<Issue>): Result.Result<never, Reason> =>
  Result.fail({
    code,
    message,
    data: issues === undefined ? null : { issues: issues.map((issue) => ({ ...issue })) },
  })

const codeLengthMax = 128
