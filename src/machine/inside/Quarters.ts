// How do calls get to a compartment and back, when the compartment may die of any of them? Opened when it is needed,
// opened again when it has died; it is told only what it does not know.

import { Effect, Exit, Result, Scope, Semaphore } from "effect"
import type { Manifest } from "../Catalogue.ts"
import { messageOf } from "../Coder.ts"
import { type Compartment, type CompartmentFault, fault } from "../compartment/Compartment.ts"
import type { Call, Reply } from "../Executor.ts"
import type { Fault } from "../fault.ts"
import type { Instance } from "../Instance.ts"
import { idOf } from "../Instances.ts"
import type { MachineLimits } from "../limits.ts"
import { decodeLoadReply, decodeReplies, encodeLoad, encodeRun } from "./protocol.ts"

export interface QuartersOptions {
  readonly open: Effect.Effect<Compartment, CompartmentFault, Scope.Scope>
  /** Null: no such code is known. */
  readonly code: (actor: string, version: string) => string | null
  readonly limits: MachineLimits
  /** How long one batch may take; what takes longer is run call by call. */
  readonly deadlineMillis: number
  /** How long a call on its own may take in a new compartment, before it counts as one that does not end. */
  readonly lastDeadlineMillis: number
  /** Loading an actor's code takes no longer. */
  readonly loadMillisMax: number
}

/** Where the calls of some actors run, whatever becomes of the compartment. One batch at a time. */
export class Quarters {
  readonly #options: QuartersOptions
  readonly #turn = Semaphore.makeUnsafe(1)
  #open: { readonly compartment: Compartment; readonly scope: Scope.Closeable } | null = null
  #isEnded = false
  readonly #loaded = new Set<string>()
  readonly #resident = new Residents()

  constructor(options: QuartersOptions) {
    this.#options = options
  }

  /**
   * One reply for each call, in order; of commands fewer, when one of them has faulted: it is the last. A batch that
   * faults is run once more call by call, so that the fault is known to be the call's own: each in the compartment
   * that the one before has left, or in a new one. `lasts`: what commands leave is the state from now on, so that it
   * is kept there; otherwise they were only tried.
   */
  readonly run = Effect.fnUntraced(function* (
    this: Quarters,
    calls: ReadonlyArray<Call>,
    lasts: boolean,
  ): Effect.fn.Return<ReadonlyArray<Reply>> {
    const { deadlineMillis, lastDeadlineMillis } = this.#options
    const attempt = (some: ReadonlyArray<Call>, millis: number) =>
      Effect.result(this.#turn.withPermit(this.#attempt(some, lasts, millis)))
    const whole = yield* attempt(calls, deadlineMillis + (calls.length - 1) * patienceMillis)
    if (Result.isSuccess(whole) && !whole.success.some(isFault)) return whole.success
    const replies: Array<Reply> = []
    const left = new Map<string, Instance>()
    for (const given of calls) {
      const call = withWhatIsLeft(given, left)
      const first = calls.length === 1 ? faultIn(whole) : faultIn(yield* attempt([call], deadlineMillis))
      if (this.#isEnded)
        return [...replies, { type: "faulted", fault: { kind: "crash", detail: "the machine is closed" } }]
      // In a new compartment, and with patience: the machine may only have been busy. A question may be asked again.
      const isTriedAgain = first.reply === null && (call.type === "reduce" || call.type === "adopt")
      if (isTriedAgain) yield* this.#turn.withPermit(this.#close())
      const last = isTriedAgain ? faultIn(yield* attempt([call], lastDeadlineMillis)) : first
      replies.push(last.reply ?? { type: "faulted", fault: last.fault })
      if (last.reply === null && call.type === "reduce") return replies
      if (last.reply?.type === "reduced" && last.reply.instance !== null) {
        left.set(last.reply.instance.id, last.reply.instance)
      }
    }
    return replies
  }).bind(this)

  /** Opens ahead of need. */
  readonly warm = Effect.fnUntraced(function* (this: Quarters) {
    yield* Effect.ignore(this.#turn.withPermit(this.#opened()))
  }).bind(this)

  get isOpen(): boolean {
    return this.#open !== null
  }

  /** Runs code once, to see what it is. */
  readonly inspect = Effect.fnUntraced(function* (
    this: Quarters,
    actor: string,
    version: string,
    code: string,
  ): Effect.fn.Return<Result.Result<Manifest, string>, CompartmentFault> {
    const { limits } = this.#options
    const request = encodeLoad({ type: "load", actor, version, code, limits })
    const bytes = yield* this.#turn.withPermit(this.#send(request, this.#options.loadMillisMax))
    const reply = decodeLoadReply(bytes)
    if ("problem" in reply) return Result.fail(reply.problem)
    this.#loaded.add(`${actor}@${version}`)
    return Result.succeed(reply.manifest)
  }).bind(this)

  /** For good: what is under way fails, and so does all that comes later. */
  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    this.#isEnded = true
    return this.#close()
  })

  readonly #attempt = Effect.fnUntraced(function* (
    this: Quarters,
    calls: ReadonlyArray<Call>,
    lasts: boolean,
    deadlineMillis: number,
  ): Effect.fn.Return<ReadonlyArray<Reply>, Fault> {
    // First all the code, then the calls: a load may take longer than a call.
    for (const [actor, version] of codesOf(calls)) yield* this.#load(actor, version)
    const request = encodeRun({ calls, forget: this.#resident.leaving() }, this.#resident.has)
    const bytes = yield* Effect.mapError(this.#send(request, deadlineMillis), toFault)
    const replies = yield* Effect.try({
      try: () => decodeReplies(bytes, calls),
      catch: (error): Fault => ({ kind: "crash", detail: messageOf(error) }),
    })
    this.#resident.learn(calls, replies, lasts)
    return replies
  }).bind(this)

  readonly #load = Effect.fnUntraced(function* (
    this: Quarters,
    actor: string,
    version: string,
  ): Effect.fn.Return<void, Fault> {
    const id = `${actor}@${version}`
    if (this.#loaded.has(id)) return
    const { code, limits, loadMillisMax } = this.#options
    const text = code(actor, version)
    // The calls that need it say so themselves; a writer's code that is gone is not asked for.
    if (text === null) return
    const request = encodeLoad({ type: "load", actor, version, code: text, limits })
    const bytes = yield* Effect.mapError(this.#send(request, loadMillisMax), toFault)
    const reply = decodeLoadReply(bytes)
    if ("problem" in reply) return yield* Effect.fail<Fault>({ kind: "load", detail: reply.problem })
    this.#loaded.add(id)
  }).bind(this)

  readonly #send = Effect.fnUntraced(function* (
    this: Quarters,
    request: Uint8Array,
    deadlineMillis: number,
  ): Effect.fn.Return<Uint8Array, CompartmentFault> {
    const compartment = yield* this.#opened()
    return yield* Effect.tapError(compartment.call(request, deadlineMillis), () => this.#close())
  }).bind(this)

  readonly #opened = Effect.fnUntraced(function* (
    this: Quarters,
  ): Effect.fn.Return<Compartment, CompartmentFault> {
    if (this.#open !== null) return this.#open.compartment
    if (this.#isEnded) return yield* fault("ended", "the machine is closed")
    const scope = Scope.makeUnsafe()
    const compartment = yield* Effect.onError(Scope.provide(this.#options.open, scope), () =>
      Scope.close(scope, Exit.void),
    )
    this.#open = { compartment, scope }
    return compartment
  }).bind(this)

  #close(): Effect.Effect<void> {
    const open = this.#open
    this.#open = null
    this.#loaded.clear()
    this.#resident.clear()
    return open === null ? Effect.void : Scope.close(open.scope, Exit.void)
  }
}

/** Which instances the compartment still has, and as of which entry. */
class Residents {
  /** In the order of their last use. */
  readonly #held = new Map<
    string,
    { readonly revision: number; readonly index: number; readonly bytes: number }
  >()
  #bytes = 0
  /** They are there, and are not what they seem. */
  readonly #untrue = new Set<string>()

  readonly has = (id: string, { revision, index }: Instance): boolean => {
    const held = this.#held.get(id)
    return held !== undefined && held.revision === revision && held.index === index
  }

  learn(calls: ReadonlyArray<Call>, replies: ReadonlyArray<Reply>, lasts: boolean): void {
    for (const call of calls) {
      if ("key" in call && call.instance !== undefined) this.#put(call.instance)
    }
    for (const reply of replies) {
      if (reply.type !== "reduced" || reply.instance === null) continue
      if (lasts) this.#put(reply.instance)
      // Another command may come to that revision and index instead, and would be taken for this one (HAZARDS L8).
      else this.#drop(reply.instance.id)
    }
  }

  /** What is not true, and those that have been used least, when all take too much room: let go there. */
  leaving(): ReadonlyArray<string> {
    const leaving = [...this.#untrue]
    this.#untrue.clear()
    for (const [id, { bytes }] of this.#held) {
      if (this.#bytes <= residentBytesMax) break
      this.#held.delete(id)
      this.#bytes -= bytes
      leaving.push(id)
    }
    return leaving
  }

  clear(): void {
    this.#held.clear()
    this.#untrue.clear()
    this.#bytes = 0
  }

  #drop(id: string): void {
    this.#bytes -= this.#held.get(id)?.bytes ?? 0
    this.#held.delete(id)
    this.#untrue.add(id)
  }

  #put({ id, revision, index, bytes }: Instance): void {
    const before = this.#held.get(id)
    if (before !== undefined) this.#bytes -= before.bytes
    this.#held.delete(id)
    this.#held.set(id, { revision, index, bytes })
    this.#bytes += bytes
  }
}

/** What the calls run with, and what wrote the states that they begin with: it may know the way down. */
const codesOf = (calls: ReadonlyArray<Call>): ReadonlyArray<readonly [actor: string, version: string]> => {
  const codes = new Map<string, readonly [string, string]>()
  for (const call of calls) {
    codes.set(`${call.actor}@${call.version}`, [call.actor, call.version])
    const writer = "key" in call ? call.instance?.version : undefined
    if (writer !== undefined) codes.set(`${call.actor}@${writer}`, [call.actor, writer])
  }
  return [...codes.values()]
}

/** Of calls that run one by one, the later sees what the earlier has left. */
const withWhatIsLeft = (call: Call, left: ReadonlyMap<string, Instance>): Call => {
  const instance = "key" in call ? left.get(idOf(call.actor, call.key)) : undefined
  return instance === undefined ? call : ({ ...call, instance } as Call)
}

const faultIn = (
  tried: Result.Result<ReadonlyArray<Reply>, Fault>,
): { readonly reply: Reply; readonly fault: null } | { readonly reply: null; readonly fault: Fault } => {
  if (Result.isFailure(tried)) return { reply: null, fault: tried.failure }
  const [reply] = tried.success
  if (reply === undefined) return { reply: null, fault: { kind: "crash", detail: "there was no reply" } }
  return reply.type === "faulted" ? { reply: null, fault: reply.fault } : { reply, fault: null }
}

const isFault = ({ type }: Reply): boolean => type === "faulted"

const toFault = ({ kind, detail }: CompartmentFault): Fault => ({
  kind: kind === "ended" ? "crash" : kind,
  detail,
})

/** For each further call of a batch: what needs more is run call by call. */
const patienceMillis = 2

/** Of states that a compartment keeps, so that the next command need not bring them along. */
export const residentBytesMax = 64 * 1024 * 1024
