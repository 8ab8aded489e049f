// How do groups come and go on a running node? One after the other, as `main`'s directory says.

import { Clock, Context, Deferred, Effect, Exit, Scope, Semaphore } from "effect"
import { members, sharedConfiguration } from "../consensus/configuration.ts"
import { mainGroup } from "../consensus/groups.ts"
import type { GroupId, NodeId } from "../consensus/types.ts"
import { Leading } from "../machine/leading/Leading.ts"
import { MachineHost } from "../machine/MachineHost.ts"
import type { GroupRow, Seating } from "../machine/system/GroupDirectory.ts"
import { Alarms } from "../raft/Alarms.ts"
import { nowOf } from "../raft/Group.ts"
import { openRaft } from "../raft/layer.ts"
import type { Observer } from "../raft/observer.ts"
import type { RaftOptions } from "../raft/options.ts"
import { GroupStopped } from "../raft/Raft.ts"
import { makeRun } from "../raft/run.ts"
import { groupStopped } from "../raft/start.ts"
import { LogStore } from "../storage/LogStore.ts"
import { SnapshotStore } from "../storage/SnapshotStore.ts"
import { Transport } from "../transport/Transport.ts"
import { beginning } from "./founding.ts"
import type { GroupsChange, RunningGroup } from "./Groups.ts"
import type { PartsOfGroups } from "./parts.ts"
import { type Collector, Tidying } from "./Tidying.ts"

/** What all groups of a node but `main` have in common. */
export type GroupOptions = Omit<RaftOptions, "group" | "initial" | "contacts">

export interface HostingOptions {
  readonly id: NodeId
  /** Of this node's data directory. */
  readonly incarnation: string
  /** Where it stands, as it tells `main`; absent: it does not say. */
  readonly zone?: string | null
  readonly raft: GroupOptions
  readonly parts: PartsOfGroups
  /** Absent: what is no longer used is left to the runtime. */
  readonly collector?: Collector
  /** Hears of what is done for all groups together. */
  readonly observer: Observer
}

interface Hosted {
  readonly running: RunningGroup
  readonly scope: Scope.Closeable
}

export class Hosting {
  readonly #self: { readonly id: NodeId; readonly incarnation: string }
  readonly #options: GroupOptions
  readonly #parts: PartsOfGroups
  readonly #tidying: Tidying | null
  readonly #services: Context.Context<LogStore | Transport | Scope.Scope>
  /** Theirs lie within it: all groups end at the same time. */
  readonly #scope: Scope.Scope
  readonly #hosted = new Map<GroupId, Hosted>()
  /** They are gone from this node, and their names are never used again. */
  readonly #forgotten = new Set<GroupId>()
  readonly #listening = new Set<(change: GroupsChange) => void>()
  readonly #places = Semaphore.makeUnsafe(PLACES)
  readonly #alarms: Alarms
  readonly #stopped = Deferred.makeUnsafe<never, GroupStopped>()

  /** `services`: what all groups of the node share; they end with the scope among them. */
  constructor(
    { id, incarnation, raft, parts, collector }: HostingOptions,
    services: Context.Context<LogStore | Transport | Scope.Scope>,
  ) {
    this.#self = { id, incarnation }
    this.#options = raft
    this.#parts = parts
    this.#tidying = collector === undefined ? null : new Tidying(collector)
    this.#services = services
    // One after the other those that are left would elect leaders all the time.
    this.#scope = Scope.forkUnsafe(Context.get(services, Scope.Scope), "parallel")
    const run = makeRun(services, (cause) => this.#stop(groupStopped({ group: mainGroup }, cause)))
    const clock = Context.get(services, Clock.Clock)
    this.#alarms = new Alarms(
      () => nowOf(clock),
      (waiting) => void run(waiting, this.#scope),
    )
  }

  /** Fails when one of them can do nothing more. */
  get stopped(): Effect.Effect<never, GroupStopped> {
    return Deferred.await(this.#stopped)
  }

  get all(): ReadonlyArray<RunningGroup> {
    return Array.from(this.#hosted.values(), ({ running }) => running)
  }

  find(group: GroupId): RunningGroup | undefined {
    return this.#hosted.get(group)?.running
  }

  onChange(told: (change: GroupsChange) => void): () => void {
    const listener = (change: GroupsChange) => told(change)
    this.#listening.add(listener)
    return () => this.#listening.delete(listener)
  }

  /**
   * Makes this node run what the directory names, as far as there are places. What it does not name is left as it is: an older
   * state knows less.
   */
  follow(directory: ReadonlyArray<GroupRow>): Effect.Effect<void, GroupStopped> {
    return Effect.forEach(
      directory,
      (row) => {
        if (row.isClosed) return this.#close(row.group)
        if (row.seating !== undefined && !isSeatOf(row.seating, this.#self.id)) return this.#leave(row.group)
        return this.#hosted.has(row.group) ? Effect.void : this.#openInPlace(row)
      },
      { concurrency: PLACES, discard: true },
    ).pipe(Effect.provideContext(this.#services))
  }

  /** Whoever is opened next does not wait for this one, unless all places are taken. */
  readonly #openInPlace = Effect.fnUntraced(function* (this: Hosting, row: GroupRow) {
    yield* this.#places.take(1)
    yield* untilInTime
    const { running, scope } = yield* Effect.onError(this.#open(row), () => this.#leavePlace)
    yield* untilAtRest(running, this.#self.id).pipe(Effect.ensuring(this.#leavePlace), Effect.forkIn(scope))
  }).bind(this)

  readonly #leavePlace = Effect.suspend(() =>
    Effect.map(this.#places.release(1), (free) => this.#tidying?.begun(free === PLACES)),
  )

  readonly #open = Effect.fnUntraced(function* (this: Hosting, row: GroupRow) {
    const { group, founded } = row
    const scope = yield* Scope.fork(this.#scope)
    const initial = sharedConfiguration(beginning(row, this.#self))
    const opening = Effect.gen({ self: this }, function* () {
      const { machine, snapshots, leading, observer } = yield* this.#parts.open(group, initial)
      const raft = yield* openRaft(
        { ...this.#options, group, founded, initial, contacts: {}, alarms: this.#alarms },
        observer,
        (reason) => this.#stop(reason),
      ).pipe(
        Effect.provideService(MachineHost, machine),
        Effect.provideService(SnapshotStore, snapshots),
        Effect.provideService(Leading, leading),
      )
      return { raft, machine, leading } satisfies RunningGroup
    })
    const running = yield* opening.pipe(
      Scope.provide(scope),
      Effect.mapError((error) => stoppedBy(group, error)),
    )
    yield* Scope.addFinalizer(
      scope,
      Effect.sync(() => this.#options.neighbours?.leaves(group)),
    )
    const hosted: Hosted = { running, scope }
    this.#hosted.set(group, hosted)
    this.#tell({ type: "opened", group: running })
    return hosted
  }).bind(this)

  /** Who waits there is answered; then all that this node has of it goes. */
  readonly #close = Effect.fnUntraced(function* (this: Hosting, group: GroupId) {
    if (this.#forgotten.has(group)) return
    yield* this.#leave(group)
    const log = yield* LogStore
    yield* Effect.andThen(log.forget(group), this.#parts.forget(group)).pipe(
      Effect.mapError((error) => stoppedBy(group, error)),
    )
    this.#forgotten.add(group)
  }).bind(this)

  /**
   * Others run it. What this node has of it stays on its disk: should its seat come back, it is whoever had promised what stands
   * there, and goes on from there.
   */
  readonly #leave = Effect.fnUntraced(function* (this: Hosting, group: GroupId) {
    const hosted = this.#hosted.get(group)
    if (hosted === undefined) return
    this.#hosted.delete(group)
    this.#tell({ type: "closed", group: hosted.running })
    yield* hosted.running.raft.answerAll
    yield* Scope.close(hosted.scope, Exit.void)
  }).bind(this)

  /** The first word counts. */
  #stop(reason: GroupStopped): void {
    Deferred.doneUnsafe(this.#stopped, Effect.fail(reason))
  }

  #tell(change: GroupsChange): void {
    this.#options.unrest?.note()
    for (const told of this.#listening) told(change)
  }
}

/** It runs the group: it is to, or may still count in it. */
export const isSeatOf = ({ seats, leaving, isReached }: Seating, self: NodeId): boolean =>
  seats.some(({ id }) => id === self) || (!isReached && leaving.includes(self))

/**
 * Whoever comes late to what is due now has enough to do: with more groups its leaders are not heard in time, and those that
 * rest already wake.
 */
const untilInTime = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const millis = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
  const until = millis() + BUSY_MILLIS_MAX
  for (let isLate = true; isLate && millis() < until; ) {
    const dueAt = millis() + BUSY_LOOK_MILLIS
    yield* Effect.sleep(BUSY_LOOK_MILLIS)
    isLate = millis() - dueAt > LATE_MILLIS
  }
})

const BUSY_LOOK_MILLIS = 20
const LATE_MILLIS = 40
const BUSY_MILLIS_MAX = 10_000

/** Each group waits for disk, machine, its first election and its first checkpoint most of the time. */
const PLACES = 96

/**
 * Holds the place of a group until it costs nothing. A thousand that are awake at once keep a process so busy that leaders
 * are not heard in time; then they are elected again and again, which costs more, and does not end. Every node goes through
 * the directory in the same order. Where a member is missing none comes to rest, and without a majority none is led.
 */
const untilAtRest = Effect.fnUntraced(function* ({ raft }: RunningGroup, self: NodeId) {
  const transport = yield* Transport
  const isHeard = (id: NodeId) =>
    id === self || raft.now() - (transport.pulse(id)?.heardAt ?? Number.NEGATIVE_INFINITY) < HEARD_MILLIS
  for (let waited = 0; waited < LED_MILLIS_MAX; waited += REST_LOOK_MILLIS) {
    const { resting, leader, configuration } = raft.glance()
    const all = members(configuration)
    const heard = all.filter(isHeard).length
    const mayRest = heard === all.length
    const mayBeLed = 2 * heard > all.length
    if (resting || (waited >= REST_MILLIS_MIN && !mayBeLed)) return
    if (leader !== null && waited >= (mayRest ? REST_MILLIS_MAX : REST_MILLIS_MIN)) return
    yield* Effect.sleep(REST_LOOK_MILLIS)
  }
})

/** One that is led may have work to do, and one that is not may be beyond help: however busy everybody is. */
const REST_MILLIS_MIN = 1_000
const REST_MILLIS_MAX = 10_000
const LED_MILLIS_MAX = 60_000
const REST_LOOK_MILLIS = 100
const HEARD_MILLIS = 1_000

const stoppedBy = (
  group: GroupId,
  error: { readonly operation: string; readonly message: string },
): GroupStopped =>
  new GroupStopped({ group, message: `${error.operation}: ${error.message}`, fault: "world" })
