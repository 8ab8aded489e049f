// What does a group's log add up to? The state machine itself: synchronous, without clock, chance or Effect, and
// without a line of users' code: where that must run, it pauses.

import { decodeConfiguration } from "../consensus/configuration.ts"
import { mainGroup } from "../consensus/groups.ts"
import type { Entry, GroupId, Index, NodeId } from "../consensus/types.ts"
import { StateCorrupt, type StatePosition, type StateStore } from "../storage/StateStore.ts"
import { admitAll } from "./admission.ts"
import { encodeLogged } from "./command.ts"
import type { Call, Reply, Work } from "./Executor.ts"
import { barring, type MachineState } from "./execution.ts"
import type { Fault } from "./fault.ts"
import { idOf } from "./Instances.ts"
import { defaultLimits, type MachineLimits } from "./limits.ts"
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
import type { Accepted, Outcome, QueryOutcome, Refused } from "./outcome.ts"
import { type Portion, type PortionAsked, portionOf } from "./portions.ts"
import { answerAll } from "./queries.ts"
import type { Registry } from "./Registry.ts"
import * as refusals from "./refusals.ts"
import { digestOf, openState, StateFlush } from "./StateFlush.ts"
import { ChangeNotes, type Changes, changesSince, standingFor } from "./system/changes.ts"
import { type Checkpoint, CheckpointNotes, isCheckpoint } from "./system/checkpoint.ts"
import { executeSystem } from "./system/execute.ts"
import type { GroupList } from "./system/GroupDirectory.ts"
import { type Plan, type PlanRequest, planFor } from "./system/plan.ts"
import type { Suspension, Voided } from "./system/Quarantines.ts"
import { roster } from "./system/roster.ts"
import type { Places, ShardStatus } from "./system/Whereabouts.ts"
import type { IsHeld } from "./Timers.ts"
import { tryAll } from "./trial.ts"
import { type Step, Wave } from "./Wave.ts"
import { answerWatchers } from "./watching.ts"

/**
 * The replicated state of one group over its file. Equal entries in equal order give equal state, outcomes and
 * hash, wherever it was flushed or restarted between (HAZARDS D1, D10), and wherever its batches were cut. It owns its
 * thread and its store. What it throws is the end of it: the file keeps the last flush, and the log has the rest.
 */
export class MachineCore {
  readonly #state: MachineState
  /** As of the last applied entry. */
  #position: StatePosition
  readonly #flushes: StateFlush
  #failure: unknown = null
  #isClosed = false
  #stuck: Stuck | null = null
  #isFlushing = false
  /** The entry that wrote an instance last, while a later one of the same wave is about to. */
  readonly #replaced = new Map<string, Index>()
  readonly #checkpoints = new CheckpointNotes()
  readonly #changes = new ChangeNotes()

  /**
   * `group`: whose machine it is, `main` when nothing is said. `preset`: actors that were always there, for tests and the
   * simulation; a node has those of its log.
   */
  constructor(options: {
    readonly store: StateStore
    readonly group?: GroupId
    readonly preset: Registry | null
    readonly limits?: Partial<MachineLimits>
  }) {
    const { store } = options
    const limits = { ...defaultLimits, ...options.limits }
    this.#position = store.position()
    this.#state = discarding(store, () =>
      openState(store, options.group ?? mainGroup, options.preset, limits),
    )
    this.#flushes = new StateFlush(this.#state, this.#position.index)
  }

  /** As of the last flush: where applying starts after a restart. */
  position(): StatePosition {
    return this.#state.store.position()
  }

  get state(): MachineState {
    return this.#state
  }

  get applied(): StatePosition {
    return this.#position
  }

  admit(commands: ReadonlyArray<Uint8Array>): Work<ReadonlyArray<Admission>> {
    return admitAll(this.#state, commands)
  }

  /**
   * Entries in order, without a gap. One outcome per entry, null for those that no command or no origin has; fewer
   * than entries when it has become stuck.
   */
  *apply(entries: ReadonlyArray<Entry>): Work<ReadonlyArray<Outcome | null>> {
    const outcomes: Array<Outcome | null> = []
    const told = (entry: Entry, outcome: Outcome | null) =>
      outcomes.push(entry.origin === null ? null : outcome)
    this.#stuck = null
    while (outcomes.length < entries.length && this.#stuck === null) {
      const from = outcomes.length
      const wave = new Wave(this.#state)
      let system = null
      for (let at = from; at < entries.length; at++) {
        const entry = entries[at]!
        this.#follows(entry, at - from)
        const taken = wave.take(entry, this.#timeOf(entry, wave.steps.at(-1)?.now))
        if (taken === "taken") continue
        if (taken !== "full") system = taken
        break
      }
      if (system !== null) {
        const entry = entries[from]!
        const now = this.#timeOf(entry)
        const before = standingFor(this.#state, system.command)
        const given = yield* executeSystem(this.#state, system, entry, now)
        if ("fault" in given) this.#stick(entry, given.actor, given.key, given.fault)
        else {
          this.#changes.note(changesSince(this.#state, before, system.command, entry))
          this.#passed(entry, given.time)
          told(entry, given.outcome)
        }
        continue
      }
      const replies = wave.calls.length === 0 ? [] : yield wave.calls
      let called = 0
      for (const step of wave.steps) {
        const outcome = this.#commit(step, step.weighed?.type === "runs" ? replies[called++] : undefined)
        if (outcome === "stuck") break
        this.#passed(step.entry, step.now)
        told(step.entry, outcome)
      }
    }
    return outcomes
  }

  /** So much waits to be flushed that it is done now: no flush is to keep the next batch waiting for long. */
  get isLaden(): boolean {
    return this.#flushes.isLarge && !this.#flushes.isDiskFull
  }

  /** After what was applied. */
  relieve(): void {
    if (this.isLaden) this.flush()
  }

  /** Runs once what was admitted as untried, and says what may enter the log. `by`: this node. */
  try(commands: ReadonlyArray<Uint8Array>, by: NodeId): Work<ReadonlyArray<Admission>> {
    return tryAll(this.#state, commands, by, this.#position)
  }

  /** What another version would change. */
  plan(asked: PlanRequest): Work<Plan | Refused> {
    return planFor(this.#state, asked)
  }

  led(): ReadonlyArray<LedActor> {
    return this.#guard(() =>
      Iterator.from(this.#state.catalogue.all())
        .filter(({ name, isLed }) => isLed && this.#state.whereabouts.ownsSome(name))
        .map(({ name, version }) => ({ actor: name, version }))
        .toArray(),
    )
  }

  routed(actor: string): RoutedActor | null {
    return this.#guard(() => {
      const active = this.#state.catalogue.active(actor)
      return active === undefined ? null : { version: active.isRouted ? active.version : null }
    })
  }

  code({ actor, version }: LedActor): string | null {
    return this.#guard(() => {
      const { catalogue } = this.#state
      const row = catalogue.row(actor, version)
      return row === null ? null : catalogue.code(version, row.pieces)
    })
  }

  actors(): ReadonlyArray<ActorStatus> {
    return this.#guard(() => roster(this.#state))
  }

  groups(): GroupList {
    const { groups } = this.#state
    const said = Object.keys(groups.zones).length === 0 ? {} : { zones: groups.zones }
    return { index: this.#position.index, groups: groups.all(), ...said }
  }

  places(): Places {
    return this.#state.whereabouts.places()
  }

  shard(actor: string): ShardStatus | null {
    const owned = this.#state.whereabouts.shard(actor)
    return owned === null ? null : { actor, ...owned }
  }

  portion(asked: PortionAsked): Portion | null {
    return this.#guard(() => this.#state.store.readTogether(() => portionOf(this.#state, asked)))
  }

  /** All answers at the same index. */
  query(queries: ReadonlyArray<Query>): Work<ReadonlyArray<QueryOutcome>> {
    return answerAll(this.#state, queries, this.#position)
  }

  /** What watchers have not seen yet, all as of the same index. */
  events(asked: ReadonlyArray<EventsAsked>): Work<EventsAnswer> {
    return answerWatchers(this.#state, asked, this.#position.index)
  }

  /** The entry that it cannot get past; null when there is none. */
  get stuck(): Stuck | null {
    return this.#stuck
  }

  foresee(voided: Voided): void {
    this.#state.quarantines.foresee(voided)
  }

  /** Everything up to the index it returns is durable: all that is applied, unless the disk is full. */
  flush(): Index {
    return this.#guard(() => this.#flushes.flush(this.#position))
  }

  /** The same, with pauses, in which nothing may be applied: work of the log waits. */
  *flushInParts(): Generator<void, Index> {
    const parts = this.#flushes.inParts(this.#position)
    this.#isFlushing = true
    try {
      for (;;) {
        const part = this.#guard(() => parts.next())
        if (part.done === true) return part.value
        yield
      }
    } finally {
      parts.return(0)
      this.#isFlushing = false
    }
  }

  stateHash(): { readonly index: Index; readonly hash: string } {
    return { index: this.#position.index, hash: digestOf(this.#state) }
  }

  /** What the state came to at the newest checkpoints, oldest first. */
  checkpoints(): ReadonlyArray<Checkpoint> {
    return this.#checkpoints.newest
  }

  /** What entries behind that one have changed of actors, oldest first. Those before it are forgotten. */
  changes(after: Index): Changes {
    const { catalogue, quarantines } = this.#state
    const isActive = ({ actor, version }: Suspension) => catalogue.active(actor)?.version === version
    return this.#guard(() => ({
      changes: this.#changes.after(after),
      quarantined: quarantines.count,
      suspended: quarantines.suspensions.filter(isActive).map(({ actor }) => actor),
    }))
  }

  /** Log time at which the first timer falls due; null when none waits. */
  nextTimer(): number | null {
    return this.#guard(() => this.#state.timers.nextDueAt(this.#isHeld))
  }

  /** Commands of the timers due at `now`, ready to be admitted. They are due until an entry has fired them. */
  due(now: number, max: number): ReadonlyArray<Uint8Array> {
    const timers = this.#guard(() => this.#state.timers.due(now, max, this.#isHeld))
    return timers.map((timer) =>
      encodeLogged({
        actor: timer.actor,
        key: timer.key,
        command: timer.command,
        input: timer.input,
        idempotencyKey: `timer:${timer.id}`,
        ifRevision: null,
        version: "",
        seed: Buffer.from(timer.id.slice(timer.id.lastIndexOf(".") + 1), "hex"),
        caller: "",
        door: "",
        timer: timer.id,
      }),
    )
  }

  status(): MachineStatus {
    const { catalogue, instances, outcomes, quarantines, timers } = this.#state
    return this.#guard(() => ({
      actors: Array.from(catalogue.all(), ({ name, version, declared, commands, queries }) => ({
        name,
        version,
        declared,
        isSuspended: quarantines.suspension(name, version) !== null,
        quarantined: quarantines.countOf(name),
        commands: [...commands],
        queries: [...queries],
      })),
      appliedIndex: this.#position.index,
      instancesInMemory: instances.count,
      outcomes: outcomes.count,
      timers: timers.count,
      dirty: instances.dirtyCount,
      quarantined: quarantines.count,
      voided: this.#changes.voided,
      stuck: this.#stuck,
    }))
  }

  /** The end of it, and of its state; what was not flushed yet belongs to the evidence. */
  giveUp(): void {
    // The file may be another's by now.
    if (this.#isClosed) return
    this.#isClosed = true
    try {
      this.flush()
    } catch {
      // Then the evidence is as of an earlier flush.
    }
    if (!(this.#failure instanceof StateCorrupt)) this.#state.store.discard()
    this.#failure ??= new Error("the machine's state is given up")
  }

  /** Without a flush. */
  close(): void {
    this.#isClosed = true
    this.#failure ??= new Error("the machine is closed")
    this.#state.store.close()
  }

  /** One step of work: up to its next pause, or its end. */
  advance<Value>(
    work: Work<Value>,
    replies: ReadonlyArray<Reply>,
  ): IteratorResult<ReadonlyArray<Call>, Value> {
    return this.#guard(() => this.#state.store.readTogether(() => work.next(replies)))
  }

  /** Until an operator has repaired it, an instance's timers wait; and where its key is, they fire. */
  readonly #isHeld: IsHeld = ({ actor, key }) => {
    if (!this.#state.whereabouts.owns(actor, key)) return true
    const version = this.#state.catalogue.active(actor)?.version
    return version !== undefined && barring(this.#state, actor, key, version) !== null
  }

  /** Nothing is changed when it is stuck. */
  #commit({ entry, weighed }: Step, reply: Reply | undefined): Outcome | null | "stuck" {
    if (weighed === null) return null
    const { outcomes, timers } = this.#state
    if (weighed.type === "settled") {
      const { outcome, remembered, timer } = weighed
      if (remembered !== null) outcomes.add(remembered.slot, remembered.command, entry, outcome)
      if (timer !== null) timers.clear(timer)
      return outcome
    }
    const { command, slot, timer } = weighed
    const { actor, key } = command
    if (reply === undefined || reply.type === "faulted") {
      return this.#stick(entry, actor, key, reply?.fault ?? { kind: "crash", detail: "it was not run" })
    }
    const outcome = this.#outcomeOf(entry, actor, key, reply)
    if (slot !== null) outcomes.add(slot, command, entry, outcome)
    if (timer !== null) timers.clear(timer)
    return reply.type === "rejected" ? refusals.rejectedNow(reply.reason) : outcome
  }

  #outcomeOf(entry: Entry, actor: string, key: string, reply: Exclude<Reply, { type: "faulted" }>): Outcome {
    switch (reply.type) {
      case "reduced": {
        const { instance, result, revision, timers, events } = reply
        const { index, term } = entry
        const id = idOf(actor, key)
        const previous = this.#state.instances.get(actor, key)
        this.#state.events.add({ id, index }, this.#replaced.get(id) ?? previous?.index ?? 0, events)
        if (instance === null) this.#replaced.set(id, index)
        else {
          this.#replaced.delete(id)
          this.#state.instances.put(previous, instance)
        }
        for (const timer of timers) this.#state.timers.set({ ...timer, actor, key })
        return { _tag: "Accepted", result, revision, index, term, replayed: false } satisfies Accepted
      }
      case "rejected":
        return refusals.rejected(reply.reason)
      case "refused":
        return reply.refused
      default:
        throw new Error(`entry ${entry.index}: a command was answered like a query`)
    }
  }

  #stick(entry: Entry, actor: string, key: string, fault: Fault): "stuck" {
    this.#stuck = { index: entry.index, actor, key, fault }
    return "stuck"
  }

  #follows(entry: Entry, behind: number): void {
    const expected = this.#position.index + 1 + behind
    if (entry.index !== expected) {
      throw new Error(`entry ${entry.index} does not follow on ${expected - 1}`)
    }
  }

  /** A leader's clock may stand behind its predecessor's; log time stands still until it has caught up. */
  #timeOf(entry: Entry, before: number = this.#position.time): number {
    return Math.max(entry.time, before)
  }

  #passed(entry: Entry, time: number): void {
    if (this.#isFlushing) throw new Error(`entry ${entry.index} was applied in the middle of a flush`)
    const configuration =
      entry.kind === "configuration" ? decodeConfiguration(entry.data) : this.#position.configuration
    this.#position = { index: entry.index, term: entry.term, time, configuration }
    this.#state.quarantines.passed(entry.index)
    if (isCheckpoint(entry)) this.#checkpoints.note(this.stateHash())
  }

  /** After a failure half a batch may have been applied: nothing may be said or stored any more. */
  #guard<Value>(work: () => Value): Value {
    if (this.#failure !== null) throw this.#failure
    try {
      return discarding(this.#state.store, work)
    } catch (error) {
      this.#failure = error
      throw error
    }
  }
}

/** A corrupt state is given up at once: the next start begins without it, instead of meeting it for ever. */
const discarding = <Value>(store: StateStore, work: () => Value): Value => {
  try {
    return work()
  } catch (error) {
    if (error instanceof StateCorrupt) store.discard()
    throw error
  }
}
