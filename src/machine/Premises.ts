// Who runs what the machines of a node hand out? Code from the operator's own files in a thread, all other in processes with
// hard limits: one for the log, and others for whatever is not in it yet.

import { Effect, Exit, Result, Scope } from "effect"
import { versionOf } from "./bundle.ts"
import type { Compartment, CompartmentFault } from "./compartment/Compartment.ts"
import { keepSpare } from "./compartment/keepSpare.ts"
import type { Call, Lane, Reply, Work } from "./Executor.ts"
import { GuestDoors } from "./GuestDoors.ts"
import { Quarters, type QuartersOptions } from "./inside/Quarters.ts"
import type { MachineLimits } from "./limits.ts"
import type { MachineCore } from "./MachineCore.ts"
import type { Draft, Inspection } from "./MachineHost.ts"
import { SharedQuarters } from "./SharedQuarters.ts"
import { Tenant } from "./Tenant.ts"

type Open = Effect.Effect<Compartment, CompartmentFault, Scope.Scope>

export interface Compartments {
  readonly openWorker: Open
  readonly openChild: Open
  /** Has the CPU when others leave some of it. */
  readonly openNiceChild: Open
}

export class Premises {
  readonly #own: SharedQuarters
  /** All uploaded code, as the log runs it: each of its commands has come to an end once before. */
  readonly #log: SharedQuarters
  readonly #doors: GuestDoors
  /** For code that is in no entry yet, and is looked at once. */
  readonly #openForOnce: () => Quarters
  /** Code that was inspected and is in no entry yet, by actor and version. */
  readonly #drafts = new Map<string, string>()
  readonly #scope = Scope.makeUnsafe()
  readonly #compartments: Compartments
  /** Ahead of need, from the first uploaded actor on: for the log when it has lost its place, and for the next door. */
  #openLog: Open
  #openDoor: Open
  #isWarm = false
  #nextSpace = 1

  constructor(compartments: Compartments, limits: MachineLimits) {
    const { openWorker, openChild, openNiceChild } = compartments
    this.#compartments = compartments
    this.#openLog = openChild
    this.#openDoor = openNiceChild
    const openLog = Effect.suspend(() => this.#openLog)
    const openDoor = Effect.suspend(() => this.#openDoor)
    this.#own = new SharedQuarters(() => new Quarters({ open: openWorker, limits, ...ownTerms }))
    this.#log = new SharedQuarters(() => new Quarters({ open: openLog, limits, ...logTerms }))
    this.#doors = new GuestDoors(() => new Quarters({ open: openDoor, limits, ...doorTerms }))
    this.#openForOnce = () => new Quarters({ open: openNiceChild, limits, ...inspectionTerms })
  }

  /** A state was opened: from now on there may be work for it. */
  receive(core: MachineCore): Tenant {
    return new Tenant(core, this.#nextSpace++, this.#drafts)
  }

  /** Nobody waits for work of it any more, and there will be none. */
  dismiss(tenant: Tenant): void {
    this.#doors.vacate(tenant)
  }

  /** Works until the end; where users' code must run, it runs. */
  readonly work = Effect.fnUntraced(function* <Value>(
    this: Premises,
    tenant: Tenant,
    work: Work<Value>,
    lane: Lane,
  ): Effect.fn.Return<Value> {
    let replies: ReadonlyArray<Reply> = []
    for (;;) {
      while (lane === "log" && tenant.isFlushing) yield* tenant.flushed
      const step = tenant.core.advance(work, replies)
      if (step.done === true) return step.value
      const calls = step.value
      replies = yield* tenant.whileHere(calls, this.#run(tenant, calls, lane))
    }
  }).bind(this) as <Value>(tenant: Tenant, work: Work<Value>, lane: Lane) => Effect.Effect<Value>

  readonly inspect = Effect.fnUntraced(function* (
    this: Premises,
    { actor, code, source }: Draft,
  ): Effect.fn.Return<Inspection> {
    const version = versionOf(code)
    const seen = yield* Effect.result(
      source === "file" ? this.#own.inspect(actor, version, code) : this.#inspectOnce(actor, version, code),
    )
    if (Result.isFailure(seen)) return { version, ...problemOf(seen.failure) }
    if (Result.isFailure(seen.success)) {
      return { version, problem: seen.success.failure, isBlameless: false }
    }
    const manifest = seen.success.success
    // It would run with all that this process may do: only the operator's own files may.
    const wanted = manifest.hasLeading ? "leading" : manifest.hasRoutes === true ? "routes" : null
    if (source === "upload" && wanted !== null) {
      return { version, problem: needsHost(wanted), isBlameless: false }
    }
    if (this.#drafts.size >= draftsMax) this.#drafts.delete(this.#drafts.keys().next().value!)
    this.#drafts.set(`${actor}@${version}`, code)
    return { version, manifest }
  }).bind(this)

  /**
   * Opened ahead of need, once there is uploaded code: the first command of an actor is not to wait for a process, which
   * takes seconds where others have the CPU.
   */
  warmFor({ core }: Tenant): Effect.Effect<void> {
    if (this.#isWarm || !core.state.catalogue.hasGuests) return Effect.void
    this.#isWarm = true
    const { openChild, openNiceChild } = this.#compartments
    return Effect.gen({ self: this }, function* () {
      this.#openDoor = yield* keepSpare(openNiceChild)
      this.#openLog = yield* keepSpare(openChild)
      yield* this.#log.warm
    }).pipe(Scope.provide(this.#scope))
  }

  /** No code runs any more. */
  readonly end: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(
      [this.#own.end, this.#log.end, this.#doors.end, Scope.close(this.#scope, Exit.void)],
      (end) => end,
      {
        discard: true,
      },
    ),
  )

  readonly #inspectOnce = Effect.fnUntraced(function* (
    this: Premises,
    actor: string,
    version: string,
    code: string,
  ) {
    const quarters = this.#openForOnce()
    return yield* Effect.ensuring(quarters.inspect(actor, version, code), quarters.end)
  }).bind(this)

  readonly #run = Effect.fnUntraced(function* (
    this: Premises,
    tenant: Tenant,
    calls: ReadonlyArray<Call>,
    lane: Lane,
  ): Effect.fn.Return<ReadonlyArray<Reply>> {
    const shares = Map.groupBy(calls.keys(), (at) => placeOf(tenant, calls[at]!, lane))
    const [place] = shares.keys()
    if (place !== undefined && shares.size === 1) return yield* this.#runAt(place, tenant, calls, lane)
    // What was not run behind a fault has no reply; nobody asks for it.
    const replies: Array<Reply> = []
    const runShare = Effect.fnUntraced(function* (
      this: Premises,
      [place, share]: readonly [Place, ReadonlyArray<number>],
    ) {
      const own = yield* this.#runAt(
        place,
        tenant,
        share.map((at) => calls[at]!),
        lane,
      )
      for (const [position, at] of share.entries()) {
        if (own[position] !== undefined) replies[at] = own[position]
      }
    }).bind(this)
    yield* Effect.forEach(shares, runShare, { concurrency: "unbounded", discard: true })
    return replies
  }).bind(this)

  #runAt(
    place: Place,
    tenant: Tenant,
    calls: ReadonlyArray<Call>,
    lane: Lane,
  ): Effect.Effect<ReadonlyArray<Reply>> {
    if (place === atOwn) {
      return Effect.map(this.#own.run(tenant, calls, lane === "log"), ({ replies }) => replies)
    }
    if (place !== atLog) return this.#doors.run(tenant, place, calls)
    return Effect.map(this.#log.run(tenant, calls, true), ({ replies, spentMillis }) => {
      this.#doors.noteLog(tenant, calls, spentMillis)
      return replies
    })
  }
}

const placeOf = (tenant: Tenant, call: Call, lane: Lane): Place => {
  if (tenant.isOwn(call)) return atOwn
  return lane === "log" ? atLog : call.actor
}

const problemOf = ({ kind, detail }: CompartmentFault) => ({
  problem:
    kind === "deadline" ? "it has not finished loading in time" : `it fails when loaded (${kind}): ${detail}`,
  isBlameless: kind === "ended" || kind === "starved",
})

/** The door of an actor, by its name; or one of the others, which are no actor's names. */
type Place = string
const atOwn = "$own"
const atLog = "$log"

type Terms = Omit<QuartersOptions, "open" | "limits">

const needsHost = (what: "leading" | "routes"): string =>
  `${what} ${what === "leading" ? "needs" : "need"} the host: put the file into actors/`
const mebibyte = 1024 * 1024
/** Soft: it is the operator's own, and a busy machine must not put it into quarantine. */
export const ownTerms: Terms = {
  deadlineMillis: 5_000,
  lastDeadlineMillis: 15_000,
  loadMillisMax: 30_000,
  relapsesMax: Number.POSITIVE_INFINITY,
  residentBytesMax: 64 * mebibyte,
  sparesStarved: false,
  isCounted: false,
}
/**
 * Hard, and harder than for the log: what was tried there must do here as well, or every replica would stand still.
 * Who is spared here is asked to come again.
 */
export const doorTerms: Terms = {
  deadlineMillis: 250,
  lastDeadlineMillis: 500,
  loadMillisMax: 2_500,
  relapsesMax: 5,
  residentBytesMax: 8 * mebibyte,
  sparesStarved: true,
  isCounted: true,
}
export const inspectionTerms: Terms = { ...doorTerms, loadMillisMax: 1_000 }
export const logTerms: Terms = {
  deadlineMillis: 500,
  lastDeadlineMillis: 1_000,
  loadMillisMax: 5_000,
  relapsesMax: Number.POSITIVE_INFINITY,
  residentBytesMax: 16 * mebibyte,
  sparesStarved: false,
  isCounted: true,
}
const draftsMax = 20
