// What is the machine when the code of users runs in its own thread? For the simulation and for tests: it shares
// its realm with them, and is never paused.

import { mainGroup } from "../consensus/groups.ts"
import type { Entry, GroupId, Index, NodeId } from "../consensus/types.ts"
import type { StatePosition, StateStore } from "../storage/StateStore.ts"
import type { CallRunner, Work } from "./Executor.ts"
import { defaultLimits, type MachineLimits } from "./limits.ts"
import { MachineCore } from "./MachineCore.ts"
import type {
  ActorStatus,
  Admission,
  EventsAnswer,
  EventsAsked,
  LedActor,
  MachineStatus,
  Query,
  RoutedActor,
  Stuck,
} from "./MachineHost.ts"
import type { Outcome, QueryOutcome, Refused } from "./outcome.ts"
import type { Portion, PortionAsked } from "./portions.ts"
import type { Registry } from "./Registry.ts"
import { Runner } from "./Runner.ts"
import type { Changes } from "./system/changes.ts"
import type { Checkpoint } from "./system/checkpoint.ts"
import type { GroupList } from "./system/GroupDirectory.ts"
import type { Plan, PlanRequest } from "./system/plan.ts"
import type { Voided } from "./system/Quarantines.ts"
import type { Places, ShardStatus } from "./system/Whereabouts.ts"

/** A {@link MachineCore} with somebody who runs its calls at once. */
export class Machine {
  readonly #core: MachineCore
  readonly #runner: CallRunner

  /** `runner`: when it is more than the code of the registry that runs. */
  constructor(options: {
    readonly store: StateStore
    readonly group?: GroupId
    readonly registry: Registry
    readonly limits?: Partial<MachineLimits>
    readonly runner?: CallRunner
  }) {
    const { store, group = mainGroup, registry, limits = {} } = options
    this.#core = new MachineCore({ store, group, preset: registry, limits })
    this.#runner = options.runner ?? new Runner(registry, { ...defaultLimits, ...limits })
  }

  position = (): StatePosition => this.#core.position()

  admit = (commands: ReadonlyArray<Uint8Array>): ReadonlyArray<Admission> =>
    this.#run(this.#core.admit(commands))

  trial = (commands: ReadonlyArray<Uint8Array>, by: NodeId): ReadonlyArray<Admission> =>
    this.#run(this.#core.try(commands, by))

  apply = (entries: ReadonlyArray<Entry>): ReadonlyArray<Outcome | null> => {
    const outcomes = this.#run(this.#core.apply(entries))
    this.#core.relieve()
    return outcomes
  }

  query = (queries: ReadonlyArray<Query>): ReadonlyArray<QueryOutcome> => this.#run(this.#core.query(queries))

  events = (asked: ReadonlyArray<EventsAsked>): EventsAnswer => this.#run(this.#core.events(asked))

  get stuck(): Stuck | null {
    return this.#core.stuck
  }

  plan = (asked: PlanRequest): Plan | Refused => this.#run(this.#core.plan(asked))

  actors = (): ReadonlyArray<ActorStatus> => this.#core.actors()

  groups = (): GroupList => this.#core.groups()

  shard = (actor: string): ShardStatus | null => this.#core.shard(actor)

  portion = (asked: PortionAsked): Portion | null => this.#core.portion(asked)

  places = (): Places => this.#core.places()

  led = (): ReadonlyArray<LedActor> => this.#core.led()

  routed = (actor: string): RoutedActor | null => this.#core.routed(actor)

  code = (asked: LedActor): string | null => this.#core.code(asked)

  foresee = (voided: Voided): void => this.#core.foresee(voided)

  flush = (): Index => this.#core.flush()

  stateHash = (): { readonly index: Index; readonly hash: string } => this.#core.stateHash()

  checkpoints = (): ReadonlyArray<Checkpoint> => this.#core.checkpoints()

  changes = (after: Index): Changes => this.#core.changes(after)

  /** The end of it, and of its state; what was not flushed yet belongs to the evidence. */
  giveUp = (): void => this.#core.giveUp()

  nextTimer = (): number | null => this.#core.nextTimer()

  due = (now: number, max: number): ReadonlyArray<Uint8Array> => this.#core.due(now, max)

  status = (): MachineStatus => this.#core.status()

  close = (): void => this.#core.close()

  #run<Value>(work: Work<Value>): Value {
    let step = this.#core.advance(work, [])
    while (step.done !== true) step = this.#core.advance(work, this.#runner.run(step.value))
    return step.value
  }
}
