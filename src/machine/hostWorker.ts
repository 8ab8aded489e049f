// The machines of all groups in a thread of their own, or in a few: how a node runs them. A loop in a reducer costs no heartbeat, and
// the answers of a batch cross in one message.

import { Effect, Layer } from "effect"
import { mainGroup } from "../consensus/groups.ts"
import type { Configuration, Entry, GroupId, NodeId } from "../consensus/types.ts"
import { SnapshotStore } from "../storage/SnapshotStore.ts"
import { type ActorModule, bundleActors } from "./bundle.ts"
import { InstallGate } from "./InstallGate.ts"
import type { MachineLimits } from "./limits.ts"
import { type Draft, MachineFailed, MachineHost, type OwnActor, reasonOf } from "./MachineHost.ts"
import { type MachineOptions, Machines } from "./Machines.ts"
import { type Call, callOn, closeMillisMax, openThread } from "./MachineThread.ts"
import type { Outcome } from "./outcome.ts"
import { packBytes, packEntries, unpackBytes } from "./packing.ts"
import { type ActorProblem, ActorsRefused } from "./Registry.ts"
import { Spread } from "./Spread.ts"
import { mayChange } from "./system/changes.ts"
import {
  type Applied,
  type Opened,
  type Operation,
  type Operations,
  unpackAdmissions,
  unpackOutcomes,
} from "./threadProtocol.ts"
import { messageOf } from "./thrown.ts"

/**
 * Bundles the actors, starts the threads that own the states of all groups, and has every actor seen once in each. Ends with
 * the scope, without a flush. The process may end while nobody waits for a thread; when one ends, all machines in it fail.
 */
export const layerMachines = (options: {
  readonly node: NodeId
  readonly actorsDirectory: string
  readonly limits?: Partial<MachineLimits>
  /** How many threads the groups are spread over; one when nothing is said. */
  readonly threads?: number
}): Layer.Layer<Machines, MachineFailed | ActorsRefused> =>
  Layer.effect(
    Machines,
    Effect.gen(function* () {
      const modules = yield* bundleActors(options.actorsDirectory)
      const { node, limits = {}, threads: count = 1 } = options
      const begun = yield* Effect.forEach(
        Array.from({ length: count }),
        Effect.fnUntraced(function* () {
          const thread = yield* openThread()
          const call = callOn(thread, null)
          yield* call("begin", { node, limits, statesOpenMax: Math.ceil(statesOpenMax / count) })
          return { thread, own: yield* inspectAll(call, modules) }
        }),
        { concurrency: "unbounded" },
      )
      const { own } = begun[0]!
      const threads = new Spread(begun.map(({ thread }) => thread))
      return Machines.of({
        own,
        open: Effect.fnUntraced(function* (machine) {
          const { group } = machine
          const thread = yield* Effect.acquireRelease(
            Effect.sync(() => threads.enter(group)),
            () => Effect.sync(() => threads.leave(group)),
          )
          return yield* openMachine(callOn(thread, group), own, machine)
        }),
      })
    }),
  )

/** {@link layerMachines} for a node that has the one group `main`. */
export const layerWorker = (options: {
  readonly node: NodeId
  /** `main` when nothing is said. */
  readonly group?: GroupId
  readonly actorsDirectory: string
  readonly statePath: string
  /** Configuration of a state that does not exist yet. */
  readonly initial: Configuration
  readonly limits?: Partial<MachineLimits>
}): Layer.Layer<MachineHost, MachineFailed | ActorsRefused, SnapshotStore> =>
  Layer.effect(
    MachineHost,
    Effect.gen(function* () {
      const machines = yield* Machines
      const snapshots = yield* SnapshotStore
      const { group = mainGroup, statePath, initial } = options
      return yield* machines.open({ group, statePath, initial, snapshots })
    }),
  ).pipe(Layer.provide(layerMachines(options)))

const openMachine = Effect.fnUntraced(function* (
  call: Call,
  own: ReadonlyArray<OwnActor>,
  { statePath, initial, snapshots }: MachineOptions,
) {
  const open = call("open", { statePath, initial })
  // A state that is corrupt is given up by who opens it: the second time there is an empty one.
  let lost: string | null = null
  const opened = yield* Effect.acquireRelease(
    open.pipe(
      Effect.tapError(({ message, reason }) => {
        if (reason !== "corrupt") return Effect.void
        lost = message
        return Effect.logWarning(`the state is given up: ${message}`)
      }),
      Effect.retry({ times: 1, while: ({ reason }) => reason === "corrupt" }),
    ),
    () => call("close", null).pipe(Effect.timeout(closeMillisMax), Effect.ignore),
  )
  return MachineHost.of(new ThreadHost(call, open, { own, lost }, snapshots, opened))
})

/** One message names every file that is no actor. */
const inspectAll = Effect.fnUntraced(function* (call: Call, modules: ReadonlyArray<ActorModule>) {
  const own: Array<OwnActor> = []
  const problems: Array<ActorProblem> = []
  for (const { name, code } of modules) {
    const draft: Draft = { actor: name, code, source: "file" }
    const seen = yield* call("inspect", draft)
    if ("problem" in seen) problems.push({ file: name, reason: seen.problem })
    else own.push({ ...draft, ...seen })
  }
  if (problems.length > 0) return yield* ActorsRefused.of(problems)
  return own
})

type HostService = MachineHost["Service"]
/** What one operation is given. */
type Given<Name extends keyof HostService> = HostService[Name] extends (...given: infer All) => unknown
  ? All
  : never

/** What is asked of the thread is made when it is asked: a node has a thousand of these. */
class ThreadHost implements HostService {
  readonly own: HostService["own"]
  readonly lost: HostService["lost"]
  readonly #callNow: Call
  readonly #open: Effect.Effect<Operations["open"]["gives"], MachineFailed>
  readonly #snapshots: MachineOptions["snapshots"]
  readonly #gate = new InstallGate()
  /** Nothing was applied or flushed since it was opened; null: something may have been. */
  #asOpened: Pick<Opened, "position" | "changes"> | null
  /** As of the last entries that were applied. Undefined: nobody knows. */
  #nextTimer: number | null | undefined
  /** The same; null: nobody knows. */
  #checkpoints: Applied["checkpoints"] = null
  /** No entry has changed it since it was opened; null: one may have. */
  #led: Opened["led"] | null

  constructor(
    call: Call,
    open: Effect.Effect<Operations["open"]["gives"], MachineFailed>,
    found: Pick<HostService, "own" | "lost">,
    snapshots: MachineOptions["snapshots"],
    opened: Opened,
  ) {
    this.own = found.own
    this.lost = found.lost
    this.#callNow = call
    this.#open = open
    this.#snapshots = snapshots
    this.#asOpened = opened
    this.#nextTimer = opened.nextTimer
    this.#led = opened.led
  }

  get position() {
    return Effect.suspend(() =>
      this.#asOpened === null ? this.#call("position", null) : Effect.succeed(this.#asOpened.position),
    )
  }

  admit(commands: ReadonlyArray<Uint8Array>) {
    return this.#admitting("admit", commands)
  }

  trial(commands: ReadonlyArray<Uint8Array>) {
    return this.#admitting("trial", commands)
  }

  apply(entries: ReadonlyArray<Entry>) {
    return Effect.gen({ self: this }, function* () {
      if (entries.length <= chunkEntriesMax) return yield* this.#applyChunk(entries)
      const outcomes: Array<Outcome | null> = []
      for (let at = 0; at === outcomes.length && at < entries.length; at += chunkEntriesMax) {
        outcomes.push(...(yield* this.#applyChunk(entries.slice(at, at + chunkEntriesMax))))
      }
      return outcomes
    })
  }

  foresee(...[voided]: Given<"foresee">) {
    return Effect.suspend(() => {
      this.#forgetStanding()
      return Effect.asVoid(this.#call("foresee", voided))
    })
  }

  query(...[queries]: Given<"query">) {
    return this.#call("query", queries)
  }

  events(...[asked]: Given<"events">) {
    return this.#call("events", asked)
  }

  get flush() {
    return Effect.suspend(() => {
      this.#asOpened = null
      return this.#call("flush", null)
    })
  }

  get nextTimer() {
    return Effect.suspend(() =>
      this.#nextTimer === undefined ? this.#call("nextTimer", null) : Effect.succeed(this.#nextTimer),
    )
  }

  due(now: number, max: number) {
    return Effect.map(this.#call("due", { now, max }), unpackBytes)
  }

  get stateHash() {
    return this.#call("stateHash", null)
  }

  get checkpoints() {
    return Effect.suspend(() =>
      this.#checkpoints === null ? this.#call("checkpoints", null) : Effect.succeed(this.#checkpoints),
    )
  }

  changes(...[after]: Given<"changes">) {
    return Effect.suspend(() =>
      this.#asOpened === null ? this.#call("changes", after) : Effect.succeed(this.#asOpened.changes),
    )
  }

  install(snapshotId: string) {
    const exchanged = Effect.mapError(this.#snapshots.install(snapshotId), (error) =>
      machineFailed("install", error),
    )
    return this.#exchange(this.#callNow("close", null).pipe(Effect.andThen(exchanged)))
  }

  get giveUp() {
    return this.#exchange(this.#callNow("giveUp", null))
  }

  get status() {
    return this.#call("status", null)
  }

  inspect(draft: Draft) {
    return this.#call("inspect", draft)
  }

  plan(...[asked]: Given<"plan">) {
    return this.#call("plan", asked)
  }

  get led() {
    return Effect.suspend(() => (this.#led === null ? this.#call("led", null) : Effect.succeed(this.#led)))
  }

  routed(actor: string) {
    return this.#call("routed", actor)
  }

  code(...[asked]: Given<"code">) {
    return this.#call("code", asked)
  }

  get actors() {
    return this.#call("actors", null)
  }

  get groups() {
    return this.#call("groups", null)
  }

  get places() {
    return this.#call("places", null)
  }

  shard(actor: string) {
    return this.#call("shard", actor)
  }

  portion(...[asked]: Given<"portion">) {
    return this.#call("portion", asked)
  }

  #call<Name extends Operation>(operation: Name, given: Operations[Name]["given"]) {
    return this.#gate.pass(this.#callNow(operation, given))
  }

  /** `away`: after it there is no state. */
  #exchange(away: Effect.Effect<unknown, MachineFailed>) {
    return Effect.suspend(() => {
      this.#forgetStanding()
      const opening = Effect.map(this.#open, ({ position }) => position)
      return this.#gate.install(Effect.andThen(away, opening))
    })
  }

  /** Whoever asks next asks the thread. */
  #forgetStanding(): void {
    this.#asOpened = null
    this.#nextTimer = undefined
    this.#checkpoints = null
    this.#led = null
  }

  #applyChunk(entries: ReadonlyArray<Entry>) {
    return Effect.suspend(() => {
      this.#asOpened = null
      if (entries.some(mayChange)) this.#led = null
      const isWaitedFor = entries.map(({ origin }) => origin !== null)
      return Effect.map(this.#call("apply", packEntries(entries)), ({ outcomes, nextTimer, checkpoints }) => {
        this.#nextTimer = nextTimer
        this.#checkpoints = checkpoints ?? this.#checkpoints
        return unpackOutcomes(outcomes, entries, isWaitedFor)
      })
    })
  }

  #admitting(operation: "admit" | "trial", commands: ReadonlyArray<Uint8Array>) {
    return Effect.map(
      Effect.suspend(() => this.#call(operation, packBytes(commands))),
      unpackAdmissions,
    )
  }
}

const machineFailed = (operation: string, error: unknown): MachineFailed =>
  new MachineFailed({ operation, message: messageOf(error), reason: reasonOf(error) })

/** Requests that came meanwhile go in between two chunks: an admission does not wait for a whole replay. */
const chunkEntriesMax = 256
/** Files of states that all threads keep open, sixteen times as many while they are in use. Each takes about 200 KiB. */
const statesOpenMax = 32
