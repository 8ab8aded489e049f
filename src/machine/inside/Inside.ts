// What answers where the code runs? Loads code, runs batches, and keeps the states that it left.

import { Result } from "effect"
import type { Call } from "../Executor.ts"
import type { Instance } from "../Instance.ts"
import { idOf } from "../Instances.ts"
import { defaultLimits, type MachineLimits } from "../limits.ts"
import { manifestOf, manifestProblem } from "../manifest.ts"
import { type Actors, type LoadedActor, loadActor } from "../Registry.ts"
import { Runner } from "../Runner.ts"
import { messageOf } from "../thrown.ts"
import { Again } from "./Again.ts"
import {
  decodeRequest,
  encodeLoadReply,
  encodeReplies,
  type LoadReply,
  type LoadRequest,
  residentOf,
} from "./protocol.ts"

/** One request, one answer, in order. What it throws ends the compartment. */
export class Inside {
  /** The default export of a module's text; throws what is wrong with it. */
  readonly #evaluate: (code: string) => unknown
  readonly #actors = new Map<string, LoadedActor>()
  readonly #resident = new Map<string, Instance>()
  readonly #now: () => number
  readonly #again: Again
  #limits: MachineLimits = defaultLimits
  #runner: Runner | null = null
  #runnerOfAgain: Runner | null = null

  /** `now`: ms of the processor, as the code does not see them. */
  constructor(evaluate: (code: string) => unknown, now: () => number) {
    this.#evaluate = evaluate
    this.#now = now
    this.#again = new Again((name, version, code) => this.#attempt(name, version, code), now)
  }

  answer(bytes: Uint8Array): Uint8Array {
    const request = decodeRequest(bytes, this.#resident)
    if (request.type === "load") return encodeLoadReply(this.#load(request))
    for (const id of request.forget) this.#resident.delete(id)
    // The first call of an instance may bring its state along; those behind it in the batch find it here.
    const { space } = request
    const calls = request.calls.map((call) => this.#settle(space, call))
    this.#runner ??= new Runner(this.#loaded, this.#limits)
    this.#runnerOfAgain ??= new Runner(this.#again, this.#limits)
    const isAgain = calls[0]?.type === "reduce" && calls[0].isAgain === true
    const replies = (isAgain ? this.#runnerOfAgain : this.#runner).run(calls)
    for (const [at, reply] of replies.entries()) {
      if (reply.type !== "reduced" || reply.instance === null) continue
      const { actor, key } = calls[at] as Extract<Call, { readonly key: string }>
      this.#resident.set(residentOf(space, idOf(actor, key)), reply.instance)
    }
    return encodeReplies(replies)
  }

  #settle(space: number, call: Call): Call {
    if (!("key" in call) || call.instance === undefined) return call
    this.#resident.set(residentOf(space, idOf(call.actor, call.key)), call.instance)
    return call
  }

  #load({ actor: name, version, code, limits }: LoadRequest): LoadReply {
    this.#limits = limits
    const began = this.#now()
    const loaded = this.#attempt(name, version, code)
    if (Result.isFailure(loaded)) return { problem: loaded.failure }
    const manifest = manifestOf(loaded.success)
    const problem = manifestProblem(manifest)
    if (problem !== null) return { problem }
    this.#actors.set(`${name}@${version}`, loaded.success)
    this.#again.learn(name, version, code, loaded.success, this.#now() - began)
    return { manifest }
  }

  #attempt(name: string, version: string, code: string): Result.Result<LoadedActor, string> {
    try {
      return loadActor(name, version, this.#evaluate(code))
    } catch (error) {
      return Result.fail(`it fails when loaded: ${messageOf(error)}`)
    }
  }

  readonly #loaded: Actors = { find: (name, version) => this.#actors.get(`${name}@${version}`) }
}
