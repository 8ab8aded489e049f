// What comes of a batch of calls? The one place where code of users runs: in this thread, or inside a compartment.

import { Result } from "effect"
import type { Json } from "./actor.ts"
import { freezeDeep } from "./Coder.ts"
import type { Adopt, Ask, Call, Check, Reduce, Reply, Show } from "./Executor.ts"
import { HostFault, isOutOfMemory, refusalsOfMemory } from "./HostFault.ts"
import { Instance } from "./Instance.ts"
import { idOf } from "./Instances.ts"
import type { MachineLimits } from "./limits.ts"
import type { Refused } from "./outcome.ts"
import type { Actors, LoadedActor, LoadedCommand } from "./Registry.ts"
import { countFibersAnew } from "./realm/fiberNumbers.ts"
import { inClosedRealm } from "./realm/inClosedRealm.ts"
import { asynchronous, isThenable, reduce } from "./reduce.ts"
import type { Reason } from "./refusals.ts"
import * as refusals from "./refusals.ts"
import { messageOf } from "./thrown.ts"
import { utf8Length } from "./utf8.ts"
import { viewState } from "./views.ts"

/** What code counts of the stack, by running over it and catching that, comes to something else a second time. */
const framesOfAgain = 300

/** On a stack that so many frames more are on. `finally`: without it there would be none, the engine calls in tail position. */
const deeper = <A>(frames: number, run: () => A): A => {
  if (frames === 0) return run()
  try {
    return deeper(frames - 1, run)
  } finally {
    // Nothing is left to do.
  }
}

/** Runs calls with the code that its registry has. Keeps nothing between batches but what instances keep. */
export class Runner {
  readonly #actors: Actors
  readonly #limits: MachineLimits

  constructor(actors: Actors, limits: MachineLimits) {
    this.#actors = actors
    this.#limits = limits
  }

  /**
   * In order. After a command whose host fails none is run: what comes behind rests on it. In a thread that others
   * share the realm is closed meanwhile, as it always is in a compartment.
   */
  run(calls: ReadonlyArray<Call>): ReadonlyArray<Reply> {
    const isAgain = calls[0]?.type === "reduce" && calls[0].isAgain === true
    return inClosedRealm(() =>
      isAgain ? deeper(framesOfAgain, () => this.#runAll(calls)) : this.#runAll(calls),
    )
  }

  #runAll(calls: ReadonlyArray<Call>): ReadonlyArray<Reply> {
    const left = new Map<string, { readonly instance: Instance; readonly at: number }>()
    const replies: Array<Reply> = []
    for (const call of calls) {
      countFibersAnew()
      const refusals = refusalsOfMemory()
      const given = this.#attempt(call, left)
      // Also when it was caught: what came of it depends on how much memory there was.
      const wasRefused = refusalsOfMemory() !== refusals
      const reply = wasRefused ? faulted("memory", "it was refused memory") : given
      if (reply.type === "reduced") {
        const id = idOf(call.actor, (call as Reduce).key)
        const before = left.get(id)
        // Nobody will ask for what stood in between.
        if (before !== undefined) {
          replies[before.at] = { ...(replies[before.at] as typeof reply), instance: null }
        }
        left.set(id, { instance: reply.instance!, at: replies.length })
      }
      replies.push(reply)
      if (reply.type === "faulted" && call.type === "reduce") break
    }
    return replies
  }

  #attempt(call: Call, left: ReadonlyMap<string, { readonly instance: Instance }>): Reply {
    const actor = this.#actors.find(call.actor, call.version)
    if (actor === undefined) {
      return faulted("load", `the code ${call.version} of the actor "${call.actor}" is not here`)
    }
    try {
      switch (call.type) {
        case "check":
          return this.#check(actor, call)
        case "reduce":
          return this.#reduce(actor, call, left.get(idOf(call.actor, call.key))?.instance ?? call.instance)
        case "ask":
          return this.#ask(actor, call)
        case "show":
          return this.#show(actor, call)
        case "adopt":
          return this.#adopt(actor, call)
      }
    } catch (error) {
      if (error instanceof HostFault) return faulted(error.kind, error.message)
      throw error
    }
  }

  #check(actor: LoadedActor, { command, input }: Check): Reply {
    const definition = actor.commands.get(command)
    if (definition === undefined) return refusal(refusals.unknownCommand(actor.name, command))
    const decoded = decodeInput(definition, input)
    return Result.isFailure(decoded) ? refusal(decoded.failure) : nothing
  }

  #reduce(actor: LoadedActor, call: Reduce, instance: Instance | undefined): Reply {
    const definition = actor.commands.get(call.command)
    if (definition === undefined) return refusal(refusals.unknownCommand(actor.name, call.command))
    const input = decodeInput(definition, call.input)
    if (Result.isFailure(input)) return refusal(input.failure)
    const revision = instance?.revision ?? 0
    if (call.ifRevision !== null && call.ifRevision !== revision) {
      return refusal(refusals.revisionMismatch(call.ifRevision, revision))
    }
    const view = viewState(this.#actors, actor, instance)
    if (Result.isFailure(view)) return rejection(view.failure)
    const reduced = reduce({
      actor,
      definition,
      call,
      state: view.success,
      input: input.success,
      limits: this.#limits,
    })
    if (Result.isFailure(reduced)) return rejection(reduced.failure)
    const { state, resultText, timers, events } = reduced.success
    const { key, index } = call
    const head = { actor: actor.name, key, revision: revision + 1, version: actor.version, index }
    const next = Instance.written(instance?.id ?? idOf(actor.name, key), head, state)
    if (actor.state.isPlain) next.view = { of: actor, value: state.json }
    return { type: "reduced", revision: revision + 1, instance: next, result: resultText, timers, events }
  }

  #ask(actor: LoadedActor, call: Ask): Reply {
    const definition = actor.queries.get(call.query)
    if (definition === undefined) return refusal(refusals.unknownQuery(actor.name, call.query))
    const input = decodeInput(definition, call.input)
    if (Result.isFailure(input)) return refusal(input.failure)
    const view = viewState(this.#actors, actor, call.instance)
    if (Result.isFailure(view)) return rejection(view.failure)
    const context = Object.freeze({ key: call.key, revision: call.instance?.revision ?? 0, now: call.now })
    let value: unknown
    try {
      value = (definition.read as Read)(view.success, input.success, context)
      if (isThenable(value)) return rejection(asynchronous(value, "query"))
    } catch (error) {
      if (isOutOfMemory(error)) throw new HostFault("memory", `${actor.name}/${call.key}/${call.query}`)
      // Nothing follows from a query, so that a stack that ran over is only this caller's bad luck.
      return rejection({ code: "query-threw", message: messageOf(error), data: null })
    }
    const encoded = definition.output.encode(value)
    if (Result.isFailure(encoded)) {
      const issues = encoded.failure.map((issue) => ({ ...issue }))
      return rejection({ code: "invalid-result", message: "The result is not valid.", data: { issues } })
    }
    const text = JSON.stringify(encoded.success.json)
    const bytes = utf8Length(text)
    const { resultBytesMax } = this.#limits
    if (bytes <= resultBytesMax) return { type: "answered", text }
    const message = `The result has ${bytes} bytes; ${resultBytesMax} are allowed.`
    return rejection({ code: "result-too-large", message, data: null })
  }

  #show(actor: LoadedActor, { instance }: Show): Reply {
    const view = viewState(this.#actors, actor, instance)
    return Result.isFailure(view) ? rejection(view.failure) : this.#encoded(actor, view.success)
  }

  #adopt(actor: LoadedActor, { state }: Adopt): Reply {
    const decoded = actor.state.decode(state)
    return Result.isFailure(decoded)
      ? refusal(refusals.noState(decoded.failure))
      : this.#encoded(actor, decoded.success)
  }

  #encoded(actor: LoadedActor, state: unknown): Reply {
    const encoded = actor.state.encode(state)
    if (Result.isFailure(encoded)) return refusal(refusals.noState(encoded.failure))
    const text = JSON.stringify(encoded.success.json)
    const { stateBytesMax } = this.#limits
    return utf8Length(text) <= stateBytesMax
      ? { type: "answered", text }
      : refusal(refusals.tooLarge(utf8Length(text), stateBytesMax))
  }
}

/** The input as the reducer or query sees it: decoded, and frozen as far as it can be. */
const decodeInput = (
  definition: Pick<LoadedCommand, "input">,
  input: Json,
): Result.Result<unknown, Refused> => {
  const decoded = definition.input.decode(input)
  if (Result.isFailure(decoded)) {
    return Result.fail(refusals.invalidInput("The input does not fit the schema.", decoded.failure))
  }
  if (!definition.input.isPlain) freezeDeep(decoded.success)
  return Result.succeed(decoded.success)
}

type Read = (state: unknown, input: unknown, ctx: object) => unknown

const rejection = (reason: Reason): Reply => ({ type: "rejected", reason })
const refusal = (refused: Refused): Reply => ({ type: "refused", refused })
const faulted = (kind: "load" | HostFault["kind"], detail: string): Reply => ({
  type: "faulted",
  fault: { kind, detail },
})
const nothing: Reply = { type: "answered", text: "null" }
