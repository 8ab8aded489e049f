// The machine on the caller's thread: synchronous inside, for the simulation and for tests.

import { Effect, Layer } from "effect"
import type { NodeId } from "../consensus/types.ts"
import { SnapshotStore } from "../storage/SnapshotStore.ts"
import type { StateStore } from "../storage/StateStore.ts"
import { messageOf } from "./Coder.ts"
import type { CallRunner } from "./Executor.ts"
import { InstallGate } from "./InstallGate.ts"
import type { MachineLimits } from "./limits.ts"
import { Machine } from "./Machine.ts"
import { MachineFailed, MachineHost, reasonOf } from "./MachineHost.ts"
import type { Registry } from "./Registry.ts"

/** Every effect of this host is over when it has begun, unless a snapshot store lets an install wait. */
export const layerInProcess = (options: {
  /** Opens the state file; again after an install has put another in its place. */
  readonly openStore: () => StateStore
  readonly registry: Registry
  /** For a process that starts now: when it is more than the code of the registry that runs. */
  readonly openRunner?: () => CallRunner
  /** Whose host this is; for quarantines. */
  readonly node?: NodeId
  readonly limits?: Partial<MachineLimits>
}): Layer.Layer<MachineHost, MachineFailed, SnapshotStore> =>
  Layer.effect(
    MachineHost,
    Effect.gen(function* () {
      const snapshots = yield* SnapshotStore
      const gate = new InstallGate()
      const ask = <Value>(operation: string, work: () => Value) => gate.pass(attempt(operation, work))
      const { openRunner, openStore, registry, limits = {} } = options
      const runner = openRunner === undefined ? {} : { runner: openRunner() }
      const open = () => new Machine({ store: openStore(), registry, limits, ...runner })
      // A state that is corrupt is given up by who opens it: the second time there is an empty one.
      let machine = yield* Effect.retry(attempt("open", open), { times: 1, while: isCorrupt })
      yield* Effect.addFinalizer(() => Effect.ignore(attempt("close", () => machine.close())))
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
      return MachineHost.of({
        own: [],
        position: ask("position", () => machine.position()),
        admit: (commands) => ask("admit", () => machine.admit(commands)),
        trial: (commands) => ask("trial", () => machine.trial(commands, options.node ?? "")),
        apply: (entries) => ask("apply", () => machine.apply(entries)),
        events: (asked) => ask("events", () => machine.events(asked)),
        foresee: (voided) => ask("foresee", () => machine.foresee(voided)),
        query: (queries) => ask("query", () => machine.query(queries)),
        flush: ask("flush", () => machine.flush()),
        nextTimer: ask("nextTimer", () => machine.nextTimer()),
        due: (now, max) => ask("due", () => machine.due(now, max)),
        stateHash: ask("stateHash", () => machine.stateHash()),
        checkpoints: ask("checkpoints", () => machine.checkpoints()),
        install: (snapshotId) => gate.install(install(snapshotId)),
        giveUp: gate.install(giveUp),
        status: ask("status", () => machine.status()),
        inspect: () => Effect.fail(failed("inspect", new Error("this host has its code from elsewhere"))),
        plan: (asked) => ask("plan", () => machine.plan(asked)),
        led: ask("led", () => machine.led()),
        code: (asked) => ask("code", () => machine.code(asked)),
        actors: ask("actors", () => machine.actors()),
      })
    }),
  )

const attempt = <Value>(operation: string, work: () => Value): Effect.Effect<Value, MachineFailed> =>
  Effect.try({ try: work, catch: (error) => failed(operation, error) })

const failed = (operation: string, error: unknown): MachineFailed =>
  new MachineFailed({ operation, message: messageOf(error), reason: reasonOf(error) })

const isCorrupt = ({ reason }: MachineFailed): boolean => reason === "corrupt"
