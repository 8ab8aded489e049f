// The machine on the caller's thread, for the simulation and for tests: it takes no time but what running users' code
// is said to take.

import { Effect, Layer, Semaphore } from "effect"
import { mainGroup } from "../consensus/groups.ts"
import type { GroupId, NodeId } from "../consensus/types.ts"
import { SnapshotStore } from "../storage/SnapshotStore.ts"
import type { StateStore } from "../storage/StateStore.ts"
import type { Executor, Lane, Work } from "./Executor.ts"
import { InstallGate } from "./InstallGate.ts"
import { defaultLimits, type MachineLimits } from "./limits.ts"
import { MachineCore } from "./MachineCore.ts"
import { MachineFailed, MachineHost, reasonOf } from "./MachineHost.ts"
import type { Registry } from "./Registry.ts"
import { Runner } from "./Runner.ts"
import { messageOf } from "./thrown.ts"

/** Every effect of this host is over when it has begun, unless a snapshot store or the executor takes its time. */
export const layerInProcess = (options: {
  /** Opens the state file; again after an install has put another in its place. */
  readonly openStore: () => StateStore
  readonly registry: Registry
  /** For a process that starts now; without it the code of the registry runs at once. */
  readonly openExecutor?: () => Executor
  /** `main` when nothing is said. */
  readonly group?: GroupId
  /** Whose host this is; for quarantines. */
  readonly node?: NodeId
  readonly limits?: Partial<MachineLimits>
}): Layer.Layer<MachineHost, MachineFailed, SnapshotStore> =>
  Layer.effect(
    MachineHost,
    Effect.gen(function* () {
      const snapshots = yield* SnapshotStore
      const gate = new InstallGate()
      const { openStore, group = mainGroup, registry, limits = {} } = options
      const executor = options.openExecutor?.() ?? runsAtOnce(registry, limits)
      const open = () => new MachineCore({ store: openStore(), group, preset: registry, limits })
      // A state that is corrupt is given up by who opens it: the second time there is an empty one.
      let lost: string | null = null
      let machine = yield* attempt("open", open).pipe(
        Effect.tapError((error) =>
          Effect.sync(() => {
            lost = error.message
          }),
        ),
        Effect.retry({ times: 1, while: isCorrupt }),
      )
      yield* Effect.addFinalizer(() => Effect.ignore(attempt("close", () => machine.close())))
      /** Who waits for users' code holds one; who closes the file wants all. */
      const asking = Semaphore.makeUnsafe(askingMax)
      const ask = <Value>(operation: string, asked: () => Value) => gate.pass(attempt(operation, asked))
      const work = <Value>(operation: string, begin: (core: MachineCore) => Work<Value>, lane: Lane) =>
        gate.pass(
          asking.withPermit(
            Effect.gen(function* () {
              const core = machine
              const work = yield* attempt(operation, () => begin(core))
              let step = yield* attempt(operation, () => core.advance(work, []))
              while (step.done !== true) {
                const replies = yield* executor.run(step.value, lane)
                step = yield* attempt(operation, () => core.advance(work, replies))
              }
              return step.value
            }),
          ),
        )
      const install = Effect.fnUntraced(function* (snapshotId: string) {
        yield* attempt("close", () => machine.close())
        yield* Effect.mapError(snapshots.install(snapshotId), (error) => failed("install", error))
        machine = yield* attempt("open", open)
        return machine.position()
      })
      const giveUp = Effect.gen(function* () {
        yield* attempt("giveUp", () => machine.giveUp())
        machine = yield* attempt("open", open)
        return machine.position()
      })
      const exchange = <A>(exchanging: Effect.Effect<A, MachineFailed>) =>
        gate.install(asking.withPermits(askingMax)(exchanging))
      return MachineHost.of({
        own: [],
        lost,
        position: ask("position", () => machine.position()),
        admit: (commands) => work("admit", (core) => core.admit(commands), "door"),
        trial: (commands) => work("trial", (core) => core.try(commands, options.node ?? ""), "door"),
        apply: (entries) =>
          Effect.tap(
            work("apply", (core) => core.apply(entries), "log"),
            () => attempt("apply", () => machine.relieve()),
          ),
        events: (asked) => work("events", (core) => core.events(asked), "door"),
        foresee: (voided) => ask("foresee", () => machine.foresee(voided)),
        query: (queries) => work("query", (core) => core.query(queries), "door"),
        flush: ask("flush", () => machine.flush()),
        nextTimer: ask("nextTimer", () => machine.nextTimer()),
        due: (now, max) => ask("due", () => machine.due(now, max)),
        stateHash: ask("stateHash", () => machine.stateHash()),
        checkpoints: ask("checkpoints", () => machine.checkpoints()),
        changes: (after) => ask("changes", () => machine.changes(after)),
        install: (snapshotId) => exchange(install(snapshotId)),
        giveUp: exchange(giveUp),
        status: ask("status", () => machine.status()),
        inspect: () => Effect.fail(failed("inspect", new Error("this host has its code from elsewhere"))),
        plan: (asked) => work("plan", (core) => core.plan(asked), "door"),
        led: ask("led", () => machine.led()),
        routed: (actor) => ask("routed", () => machine.routed(actor)),
        code: (asked) => ask("code", () => machine.code(asked)),
        actors: ask("actors", () => machine.actors()),
        groups: ask("groups", () => machine.groups()),
        places: ask("places", () => machine.places()),
        shard: (actor) => ask("shard", () => machine.shard(actor)),
        portion: (asked) => ask("portion", () => machine.portion(asked)),
      })
    }),
  )

const runsAtOnce = (registry: Registry, limits: Partial<MachineLimits>): Executor => {
  const runner = new Runner(registry, { ...defaultLimits, ...limits })
  return { run: (calls) => Effect.sync(() => runner.run(calls)) }
}

const attempt = <Value>(operation: string, work: () => Value): Effect.Effect<Value, MachineFailed> =>
  Effect.try({ try: work, catch: (error) => failed(operation, error) })

const failed = (operation: string, error: unknown): MachineFailed =>
  new MachineFailed({ operation, message: messageOf(error), reason: reasonOf(error) })

const isCorrupt = ({ reason }: MachineFailed): boolean => reason === "corrupt"

const askingMax = 10_000
