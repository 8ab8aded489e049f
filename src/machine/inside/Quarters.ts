// How do calls get to a compartment and back, when the compartment may die of any of them? Opened when it is needed,
// opened again when it has died; it is told only what it does not know.

import { Effect, Exit, Result, Scope, Semaphore } from "effect"
import type { Manifest } from "../Catalogue.ts"
import { type Compartment, type CompartmentFault, fault } from "../compartment/Compartment.ts"
import type { Call, Reply } from "../Executor.ts"
import type { Fault } from "../fault.ts"
import type { Instance } from "../Instance.ts"
import { idOf } from "../Instances.ts"
import type { MachineLimits } from "../limits.ts"
import { messageOf } from "../thrown.ts"
import { decodeLoadReply, decodeReplies, encodeLoad, encodeRun, type LoadReply } from "./protocol.ts"
import { Residents } from "./Residents.ts"

/** Whose calls they are. What stays of one where the code runs is nothing to another. */
export interface Lodger {
  /** No other has the same, and none that comes later: not the same group either, once its state was opened anew. */
  readonly space: number
  /** Null: no such code is known. */
  readonly code: (actor: string, version: string) => string | null
}

export interface QuartersOptions {
  readonly open: Effect.Effect<Compartment, CompartmentFault, Scope.Scope>
  readonly limits: MachineLimits
  /** How long one batch may take; what takes longer is run call by call. */
  readonly deadlineMillis: number
  /** How long a call on its own may take in a new compartment, before it counts as one that does not end. */
  readonly lastDeadlineMillis: number
  /** Loading an actor's code takes no longer. */
  readonly loadMillisMax: number
  /**
   * How many calls may fail where others have run before them, and not in a new compartment, before that is held
   * against them: code that leaves something behind each time. One in a thousand is forgiven.
   */
  readonly relapsesMax: number
  /** Of the states that a compartment keeps: about four for each character of their texts. */
  readonly residentBytesMax: number
  /** Who had too little of the CPU for too long is not to blame: it may be tried again. */
  readonly sparesStarved: boolean
  /** Somebody asks what was computed here. To look costs as much as a small batch. */
  readonly isCounted: boolean
}

/** Where the calls of some actors run, whatever becomes of the compartment. One batch at a time. */
export class Quarters {
  /** What was computed here, in ms of a CPU, where it is counted; what a call took that had a fault counts as its deadline. */
  spentMillis = 0
  readonly #options: QuartersOptions
  readonly #turn = Semaphore.makeUnsafe(1)
  #open: { readonly compartment: Compartment; readonly scope: Scope.Closeable } | null = null
  #isEnded = false
  #relapses = 0
  readonly #loaded = new Set<string>()
  readonly #resident: Residents

  constructor(options: QuartersOptions) {
    this.#options = options
    this.#resident = new Residents(options.residentBytesMax)
  }

  /**
   * One reply for each call, in order; of commands fewer, when one of them has faulted: it is the last. A batch that
   * faults is run once more call by call, so that the fault is known to be the call's own: each in the compartment
   * that the one before has left, or in a new one. `lasts`: what commands leave is the state from now on, so that it
   * is kept there; otherwise they were only tried. Who stops waiting ends the compartment that is at it.
   */
  readonly run = Effect.fnUntraced(function* (
    this: Quarters,
    lodger: Lodger,
    calls: ReadonlyArray<Call>,
    lasts: boolean,
  ): Effect.fn.Return<ReadonlyArray<Reply>> {
    const replies: Array<Reply> = []
    const left = new Map<string, Instance>()
    for (const part of inParts(calls)) {
      const own = yield* this.#runPart(
        lodger,
        part.map((call) => withWhatIsLeft(call, left)),
        lasts,
      )
      replies.push(...own)
      if (own.length < part.length || own.some(isFaultOfCommand(part))) break
      for (const reply of own) noteWhatIsLeft(reply, left)
    }
    return replies
  }).bind(this)

  readonly #runPart = Effect.fnUntraced(function* (
    this: Quarters,
    lodger: Lodger,
    calls: ReadonlyArray<Call>,
    lasts: boolean,
  ): Effect.fn.Return<ReadonlyArray<Reply>> {
    const { deadlineMillis } = this.#options
    const whole = yield* this.#try(lodger, calls, lasts, deadlineMillis + (calls.length - 1) * patienceMillis)
    this.#relapses = Math.max(0, this.#relapses - calls.length / callsPerRelapse)
    if (Result.isSuccess(whole) && !whole.success.some(isFault)) return whole.success
    const replies: Array<Reply> = []
    const left = new Map<string, Instance>()
    let questionsFaulted = 0
    for (const given of calls) {
      if (questionsFaulted === questionsFaultedMax) {
        replies.push(faulted("host", "others that were asked with it have failed"))
        continue
      }
      const call = withWhatIsLeft(given, left)
      const reply = yield* this.#runOne(lodger, call, lasts, calls.length === 1 ? faultIn(whole) : null)
      replies.push(reply)
      if (reply.type === "faulted" && call.type === "reduce") return replies
      if (reply.type === "faulted") questionsFaulted++
      noteWhatIsLeft(reply, left)
    }
    return replies
  }).bind(this)

  /** `tried`: what it came to a moment ago. */
  readonly #runOne = Effect.fnUntraced(function* (
    this: Quarters,
    lodger: Lodger,
    call: Call,
    lasts: boolean,
    tried: Attempt | null,
  ): Effect.fn.Return<Reply> {
    const { deadlineMillis, lastDeadlineMillis, relapsesMax } = this.#options
    const first = tried ?? faultIn(yield* this.#try(lodger, [call], lasts, deadlineMillis))
    if (first.reply !== null) return first.reply
    // In a new compartment: the one before may have died of what others left there. A question may be asked again.
    const isBlameless = first.fault.kind === "host"
    const isWorthIt =
      isBlameless ||
      ((call.type === "reduce" || call.type === "adopt") && Math.ceil(this.#relapses) < relapsesMax)
    if (!isWorthIt || this.#isEnded) return { type: "faulted", fault: first.fault }
    yield* this.#turn.withPermit(this.#close())
    const last = faultIn(yield* this.#try(lodger, [call], lasts, lastDeadlineMillis))
    if (last.reply === null) return { type: "faulted", fault: last.fault }
    if (!isBlameless) this.#relapses++
    return last.reply
  }).bind(this)

  /** Opens ahead of need. */
  readonly warm = Effect.fnUntraced(function* (this: Quarters) {
    yield* Effect.ignore(this.#turn.withPermit(this.#opened()))
  }).bind(this)

  /** What the compartment has computed since it was opened; null: nobody can tell, or there is none. */
  readonly cpuMillis: Effect.Effect<number | null> = Effect.suspend(
    () => this.#open?.compartment.cpuMillis ?? Effect.succeed(null),
  )

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
    const reply = yield* decodingLoad(bytes)
    if ("problem" in reply) return Result.fail(reply.problem)
    this.#loaded.add(`${actor}@${version}`)
    return Result.succeed(reply.manifest)
  }).bind(this)

  /** For good: what is under way fails, and so does all that comes later. */
  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    this.#isEnded = true
    return this.#close()
  })

  #try(lodger: Lodger, calls: ReadonlyArray<Call>, lasts: boolean, deadlineMillis: number) {
    return Effect.result(this.#turn.withPermit(this.#attempt(lodger, calls, lasts, deadlineMillis)))
  }

  readonly #attempt = Effect.fnUntraced(function* (
    this: Quarters,
    lodger: Lodger,
    calls: ReadonlyArray<Call>,
    lasts: boolean,
    deadlineMillis: number,
  ): Effect.fn.Return<ReadonlyArray<Reply>, Fault> {
    // First all the code, then the calls: a load may take longer than a call.
    for (const [actor, version] of codesOf(calls)) yield* this.#load(lodger, actor, version)
    const { space } = lodger
    const request = encodeRun({ space, calls, forget: this.#resident.leaving() }, (id, instance) =>
      this.#resident.has(space, id, instance),
    )
    const bytes = yield* Effect.mapError(this.#send(request, deadlineMillis), this.#toFault)
    const replies = yield* Effect.try({
      try: () => decodeReplies(bytes, calls),
      catch: (error): Fault => ({ kind: "crash", detail: messageOf(error) }),
    })
    this.#resident.learn(space, calls, replies, lasts)
    return replies
  }).bind(this)

  readonly #load = Effect.fnUntraced(function* (
    this: Quarters,
    lodger: Lodger,
    actor: string,
    version: string,
  ): Effect.fn.Return<void, Fault> {
    const id = `${actor}@${version}`
    if (this.#loaded.has(id)) return
    const { limits, loadMillisMax } = this.#options
    const text = lodger.code(actor, version)
    // The calls that need it say so themselves; a writer's code that is gone is not asked for.
    if (text === null) return
    const request = encodeLoad({ type: "load", actor, version, code: text, limits })
    const bytes = yield* Effect.mapError(this.#send(request, loadMillisMax), this.#toFault)
    const reply = yield* Effect.mapError(decodingLoad(bytes), this.#toFault)
    if ("problem" in reply) return yield* Effect.fail<Fault>({ kind: "load", detail: reply.problem })
    this.#loaded.add(id)
  }).bind(this)

  readonly #send = Effect.fnUntraced(function* (
    this: Quarters,
    request: Uint8Array,
    deadlineMillis: number,
  ): Effect.fn.Return<Uint8Array, CompartmentFault> {
    const compartment = yield* this.#opened()
    const calling = compartment.call(request, deadlineMillis)
    return yield* (this.#options.isCounted ? this.#counting(compartment, calling) : calling).pipe(
      Effect.tapError(() => {
        this.spentMillis += deadlineMillis
        return this.#close()
      }),
      // It would go on for nobody, and whoever comes next would wait for it.
      Effect.onInterrupt(() => this.#close()),
    )
  }).bind(this)

  readonly #counting = Effect.fnUntraced(function* <A, E>(
    this: Quarters,
    { cpuMillis }: Compartment,
    calling: Effect.Effect<A, E>,
  ) {
    const before = yield* cpuMillis
    const answer = yield* calling
    this.spentMillis += ((yield* cpuMillis) ?? 0) - (before ?? 0)
    return answer
  }).bind(this) as <A, E>(compartment: Compartment, calling: Effect.Effect<A, E>) => Effect.Effect<A, E>

  readonly #opened = Effect.fnUntraced(function* (
    this: Quarters,
  ): Effect.fn.Return<Compartment, CompartmentFault> {
    if (this.#open !== null) return this.#open.compartment
    if (this.#isEnded) return yield* fault("ended", "the machine is closed")
    const scope = Scope.makeUnsafe()
    const compartment = yield* Scope.provide(this.#options.open, scope).pipe(
      Effect.onError(() => Scope.close(scope, Exit.void)),
      // Whatever it is, no call has anything to do with it.
      Effect.mapError(({ message }) => fault("ended", `there is no place to run it: ${message}`)),
    )
    this.#open = { compartment, scope }
    this.spentMillis += openingMillis
    return compartment
  }).bind(this)

  readonly #toFault = ({ kind, detail }: CompartmentFault): Fault => {
    const starved = this.#options.sparesStarved ? "host" : "deadline"
    return { kind: kind === "ended" ? "host" : kind === "starved" ? starved : kind, detail }
  }

  #close(): Effect.Effect<void> {
    const open = this.#open
    this.#open = null
    this.#loaded.clear()
    this.#resident.clear()
    return open === null ? Effect.void : Scope.close(open.scope, Exit.void)
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

/** The states that a message has to bring along have so many bytes at the most, unless a single one has more. */
function* inParts(calls: ReadonlyArray<Call>): Generator<ReadonlyArray<Call>> {
  let part: Array<Call> = []
  const brought = new Set<Instance>()
  let bytes = 0
  for (const call of calls) {
    const instance = "key" in call ? call.instance : undefined
    const own = instance === undefined || brought.has(instance) ? 0 : instance.bytes
    if (part.length > 0 && bytes + own > partBytesMax) {
      yield part
      part = []
      bytes = 0
      brought.clear()
    }
    part.push(call)
    bytes += own
    if (instance !== undefined) brought.add(instance)
  }
  if (part.length > 0) yield part
}

/** Of calls that are run one after the other, the later sees what the earlier has left. */
const withWhatIsLeft = (call: Call, left: ReadonlyMap<string, Instance>): Call => {
  const instance = "key" in call ? left.get(idOf(call.actor, call.key)) : undefined
  return instance === undefined ? call : ({ ...call, instance } as Call)
}

const decodingLoad = (bytes: Uint8Array): Effect.Effect<LoadReply, CompartmentFault> =>
  Effect.try({ try: () => decodeLoadReply(bytes), catch: (error) => fault("crash", messageOf(error)) })

const noteWhatIsLeft = (reply: Reply, left: Map<string, Instance>): void => {
  if (reply.type === "reduced" && reply.instance !== null) left.set(reply.instance.id, reply.instance)
}

type Attempt =
  | { readonly reply: Reply; readonly fault: null }
  | { readonly reply: null; readonly fault: Fault }

const faultIn = (tried: Result.Result<ReadonlyArray<Reply>, Fault>): Attempt => {
  if (Result.isFailure(tried)) return { reply: null, fault: tried.failure }
  const [reply] = tried.success
  if (reply === undefined) return { reply: null, fault: { kind: "crash", detail: "there was no reply" } }
  return reply.type === "faulted" ? { reply: null, fault: reply.fault } : { reply, fault: null }
}

const isFault = ({ type }: Reply): boolean => type === "faulted"

/** Nothing behind it was run. */
const isFaultOfCommand =
  (calls: ReadonlyArray<Call>) =>
  (reply: Reply, at: number): boolean =>
    isFault(reply) && calls[at]!.type === "reduce"

const faulted = (kind: Fault["kind"], detail: string): Reply => ({ type: "faulted", fault: { kind, detail } })

/** For each further call of a batch: what needs more is run call by call. */
const patienceMillis = 2

/** What it takes to start a process, about. */
const openingMillis = 250
const partBytesMax = 16 * 1024 * 1024
const callsPerRelapse = 1_000
/** Questions of one batch that may fail, until the others are given up unasked: each has cost its deadline. */
const questionsFaultedMax = 3
