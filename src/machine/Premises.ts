// Who runs what the machine hands out? Code from the operator's own files in a thread, all other in processes with
// hard limits: one for the log, and one for whatever is not in it yet.

import { Effect, Result, type Scope } from "effect"
import { versionOf } from "./bundle.ts"
import type { Compartment, CompartmentFault } from "./compartment/Compartment.ts"
import type { Call, Reply, Work } from "./Executor.ts"
import { Quarters } from "./inside/Quarters.ts"
import type { MachineLimits } from "./limits.ts"
import type { MachineCore } from "./MachineCore.ts"
import type { Draft, Inspection } from "./MachineHost.ts"

export interface Compartments {
  readonly openWorker: Effect.Effect<Compartment, CompartmentFault, Scope.Scope>
  readonly openChild: Effect.Effect<Compartment, CompartmentFault, Scope.Scope>
}

/** For the log, or for whatever may be given up: queries, trials, plans. */
export type Lane = "log" | "door"

export class Premises {
  readonly #core: MachineCore
  readonly #own: Quarters
  /** All uploaded code, as the log runs it: each of its commands has come to an end once before. */
  readonly #log: Quarters
  /** Uploaded code before that, an actor in each: what hangs in one keeps nobody else waiting. Latest used last. */
  readonly #doors = new Map<string, Quarters>()
  readonly #openDoor: () => Quarters
  /** Code that was inspected and is in no entry yet, by actor and version. */
  readonly #drafts = new Map<string, string>()

  constructor(core: MachineCore, compartments: Compartments, limits: MachineLimits) {
    this.#core = core
    const code = (actor: string, version: string) => this.#codeOf(actor, version)
    const guests = () => new Quarters({ open: compartments.openChild, code, limits, ...guestDeadlines })
    this.#own = new Quarters({ open: compartments.openWorker, code, limits, ...ownDeadlines })
    this.#log = guests()
    this.#openDoor = guests
  }

  /** Works until the end; where users' code must run, it runs. */
  readonly work = Effect.fnUntraced(function* <Value>(
    this: Premises,
    work: Work<Value>,
    lane: Lane,
  ): Effect.fn.Return<Value> {
    let step = this.#core.advance(work, [])
    while (step.done !== true) {
      const replies: ReadonlyArray<Reply> = yield* this.#run(step.value, lane)
      yield* this.#leaveDoors()
      step = this.#core.advance(work, replies)
    }
    return step.value
  }).bind(this) as <Value>(work: Work<Value>, lane: Lane) => Effect.Effect<Value>

  readonly inspect = Effect.fnUntraced(function* (
    this: Premises,
    { actor, code, source }: Draft,
  ): Effect.fn.Return<Inspection> {
    const version = versionOf(code)
    const quarters = source === "file" ? this.#own : this.#door(actor)
    const seen = yield* Effect.result(quarters.inspect(actor, version, code))
    if (Result.isFailure(seen)) return { version, problem: problemOf(seen.failure) }
    if (Result.isFailure(seen.success)) return { version, problem: seen.success.failure }
    if (this.#drafts.size >= draftsMax) this.#drafts.delete(this.#drafts.keys().next().value!)
    this.#drafts.set(`${actor}@${version}`, code)
    return { version, manifest: seen.success.success }
  }).bind(this)

  /** Opened ahead of need, once there is uploaded code: the first of its commands is not to wait for a process. */
  readonly warm: Effect.Effect<void> = Effect.suspend(() =>
    this.#core.state.catalogue.hasGuests && !this.#log.isOpen ? this.#log.warm() : Effect.void,
  )

  /** No code runs any more. */
  readonly end: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach([this.#own, this.#log, ...this.#doors.values()], ({ end }) => end, { discard: true }),
  )

  readonly #run = Effect.fnUntraced(function* (
    this: Premises,
    calls: ReadonlyArray<Call>,
    lane: Lane,
  ): Effect.fn.Return<ReadonlyArray<Reply>> {
    const shares = new Map<Quarters, Array<number>>()
    for (const [at, call] of calls.entries()) {
      const quarters = this.#quartersFor(call, lane)
      const share = shares.get(quarters)
      if (share === undefined) shares.set(quarters, [at])
      else share.push(at)
    }
    const [first] = shares
    if (first !== undefined && shares.size === 1) return yield* first[0].run(calls, lane === "log")
    // What was not run behind a fault has no reply; nobody asks for it.
    const replies: Array<Reply> = []
    const runShare = Effect.fnUntraced(function* ([quarters, share]: readonly [
      Quarters,
      ReadonlyArray<number>,
    ]) {
      const own = yield* quarters.run(
        share.map((at) => calls[at]!),
        lane === "log",
      )
      for (const [place, at] of share.entries()) if (own[place] !== undefined) replies[at] = own[place]
    })
    yield* Effect.forEach(shares, runShare, { concurrency: "unbounded", discard: true })
    return replies
  }).bind(this)

  #quartersFor(call: Call, lane: Lane): Quarters {
    if (this.#isOwn(call)) return this.#own
    return lane === "log" ? this.#log : this.#door(call.actor)
  }

  #door(actor: string): Quarters {
    const door = this.#doors.get(actor) ?? this.#openDoor()
    this.#doors.delete(actor)
    this.#doors.set(actor, door)
    return door
  }

  /** Those that have been used least go, when there are too many. */
  readonly #leaveDoors = Effect.fnUntraced(function* (this: Premises) {
    for (const [actor, door] of this.#doors) {
      if (this.#doors.size <= doorsMax) return
      this.#doors.delete(actor)
      yield* door.end
    }
  }).bind(this)

  /** All code that takes part is from the operator's own files. */
  #isOwn(call: Call): boolean {
    const { catalogue } = this.#core.state
    const isOwn = (version: string) => catalogue.row(call.actor, version)?.source === "file"
    const writer = "key" in call ? call.instance?.version : undefined
    return isOwn(call.version) && (writer === undefined || writer === call.version || isOwn(writer))
  }

  #codeOf(actor: string, version: string): string | null {
    const { catalogue } = this.#core.state
    const row = catalogue.row(actor, version)
    return row === null
      ? (this.#drafts.get(`${actor}@${version}`) ?? null)
      : catalogue.code(version, row.pieces)
  }
}

const problemOf = ({ kind, detail }: CompartmentFault): string =>
  kind === "deadline" ? "it has not finished loading in time" : `it fails when loaded (${kind}): ${detail}`

/** Soft: it is the operator's own, and a busy machine must not put it into quarantine. */
export const ownDeadlines = { deadlineMillis: 5_000, lastDeadlineMillis: 15_000, loadMillisMax: 30_000 }
/** Hard: uploaded code. */
export const guestDeadlines = { deadlineMillis: 500, lastDeadlineMillis: 1_500, loadMillisMax: 5_000 }
const draftsMax = 20
/** Processes for uploaded actors before the log, one each. */
export const doorsMax = 8
