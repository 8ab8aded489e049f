// What does one node run of one group? Its door and its machine while they live, and somebody who looks on.

import { Context, Effect, Layer, type Scope } from "effect"
import { mainGroup } from "../consensus/groups.ts"
import type { Node, Turn } from "../consensus/node.ts"
import type { Configuration, Entry, GroupId, Index, NodeId } from "../consensus/types.ts"
import type { GroupParts } from "../groups/parts.ts"
import type { CallRunner } from "../machine/Executor.ts"
import { layerInProcess } from "../machine/hostInProcess.ts"
import { type Leadership, Leading, type Unanswered } from "../machine/leading/Leading.ts"
import type { MachineLimits } from "../machine/limits.ts"
import {
  type EventsAnswer,
  type EventsAsked,
  type MachineFailed,
  MachineHost,
} from "../machine/MachineHost.ts"
import type { Outcome, QueryOutcome } from "../machine/outcome.ts"
import type { Registry } from "../machine/Registry.ts"
import { digestOfState } from "../machine/stateDigest.ts"
import { type Grounds, type Observer, silentObserver } from "../raft/observer.ts"
import type { Failure, Raft, Read } from "../raft/Raft.ts"
import { SnapshotStore } from "../storage/SnapshotStore.ts"
import type { StatePosition } from "../storage/StateStore.ts"
import { layerBoundary } from "./boundary.ts"
import type { Chance } from "./Chance.ts"
import { CodeHost, type CodeWeather, type Faults } from "./CodeHost.ts"
import type { SimulatedDisk } from "./Disk.ts"
import { layerLeadingFibers } from "./leadingFibers.ts"
import type { Process } from "./Process.ts"
import type { World } from "./World.ts"

/** Told of everything that one group does at the nodes. */
export interface SeatWatcher {
  /** A process begins; it has read nothing yet. */
  readonly begins: (seat: Seat) => void
  readonly started: (seat: Seat, appliedIndex: Index) => void
  readonly turned: (record: Node, turn: Turn, nowMillis: number) => void
  readonly read: (seat: Seat, grounds: Grounds) => void
  /** A client asks a node to read; called with what it is told. */
  readonly readArrived: (read: Read) => (seat: Seat, answer: QueryOutcome | Failure) => void
  readonly event: (seat: Seat, message: string, details: Readonly<Record<string, unknown>>) => void
  readonly applied: (seat: Seat, entry: Entry, outcome: Outcome | null) => void
  /** What users have run where the group leads begins here. */
  readonly leads: (seat: Seat, leadership: Leadership) => void
  /** That proposes a command; called with what becomes of it, if somebody waits for that. */
  readonly leadingProposes: (
    seat: Seat,
    leadership: Leadership,
    command: Uint8Array,
  ) => (answer: Outcome | Unanswered) => void
  readonly hashed: (seat: Seat, index: Index, hash: string) => void
  /** What those ask who watch instances at this node now, and what they are told. */
  readonly asks: (entries: ReadonlyArray<Entry>) => ReadonlyArray<EventsAsked>
  readonly told: (seat: Seat, answer: EventsAnswer) => void
  readonly installed: (seat: Seat, position: StatePosition) => void
  /** It has given its state up, and begins anew over its log. */
  readonly gaveUp: (seat: Seat) => void
}

/** What all seats of a cluster have in common. */
export interface SeatSurroundings {
  readonly world: World
  readonly watcherOf: (group: GroupId) => SeatWatcher
  readonly registry: Registry
  /** Actors that a group's machine has from the beginning. */
  readonly presetOf: (group: GroupId) => Registry
  /** What runs users' code in a process that starts now. */
  readonly openRunner: () => CallRunner
  /** What users' code does at a node to whoever runs it. */
  readonly faultsOf: (id: NodeId) => Faults
  /** Whether users' code may take its time. */
  readonly isCodeApart: boolean
  readonly machine: Partial<MachineLimits>
  /** How long each step between consensus and machine may take. */
  readonly boundaryMillisMax: number
  /** Runs a checker; what it throws ends the run. */
  readonly watch: (look: () => void) => void
}

/** The node that the seat is at. */
export interface Host {
  readonly id: NodeId
  readonly disk: SimulatedDisk
  readonly code: CodeWeather
  readonly process: Process | null
  /** Takes clients: it is up, and its doors are open. */
  readonly isServing: boolean
  /** Counts its processes. */
  readonly starts: number
}

export class Seat {
  readonly group: GroupId
  readonly #host: Host
  readonly #around: SeatSurroundings
  readonly #watcher: SeatWatcher
  readonly #chance: Chance
  #raft: Raft["Service"] | null = null
  machine: MachineHost["Service"] | null = null
  /** What its consensus knows, as of its last turn. */
  record: Node | null = null
  /** Counts the states that it has given up while it ran. */
  repairs = 0
  /** Done once, when it next has read its state for somebody and not answered yet. */
  onceItHasRead: (() => void) | null = null
  /** Done once, soon after its log has moved onto a snapshot and its state has not. */
  onceInstalling: (() => void) | null = null
  /** It ran in this process, and does not any more. */
  #hasLeft = false
  /** Commands that came through its own door. */
  readonly #taken = new WeakSet<Uint8Array>()

  constructor(around: SeatSurroundings, host: Host, group: GroupId, chance: Chance) {
    this.group = group
    this.#around = around
    this.#host = host
    this.#chance = chance
    this.#watcher = around.watcherOf(group)
  }

  get id(): NodeId {
    return this.#host.id
  }

  get disk(): SimulatedDisk {
    return this.#host.disk
  }

  get process(): Process | null {
    return this.#host.process
  }

  get starts(): number {
    return this.#host.starts
  }

  /** Its door, as long as it takes clients. */
  get raft(): Raft["Service"] | null {
    return this.#host.isServing ? this.#raft : null
  }

  /** Whether this very command was asked of this node by one of its own clients. */
  hasTaken(command: Uint8Array): boolean {
    return this.#taken.has(command)
  }

  begins(): void {
    this.#watcher.begins(this)
  }

  /** Its machine is open, and stands there. */
  started(machine: MachineHost["Service"], appliedIndex: Index): void {
    this.#around.watch(() => this.#watcher.started(this, appliedIndex))
    this.machine = machine
  }

  /** The process goes on without it. */
  leaves(): void {
    this.ends()
    this.#hasLeft = true
  }

  /** What is in memory of the process that has ended is gone. */
  ends(): void {
    this.#hasLeft = false
    this.#raft = null
    this.machine = null
    this.record = null
  }

  opens(raft: Raft["Service"]): void {
    this.#raft = this.#watched(raft)
  }

  /** What {@link Hosting} needs for the group, as long as it runs here. */
  parts(process: Process, initial: Configuration): Effect.Effect<GroupParts, MachineFailed, Scope.Scope> {
    const { snapshots } = this.disk.layers(this.group, initial, digestOfState)
    const layers = this.layerLeading().pipe(
      Layer.provideMerge(this.layerMachine(process, initial)),
      Layer.provideMerge(snapshots),
    )
    return Effect.gen({ self: this }, function* () {
      // The same process takes it up from its disk again.
      if (this.#hasLeft) {
        this.#hasLeft = false
        this.begins()
      }
      const context = yield* Layer.build(layers)
      const machine = Context.get(context, MachineHost)
      const { index } = yield* machine.position
      this.started(machine, index)
      return {
        machine,
        snapshots: Context.get(context, SnapshotStore),
        leading: Context.get(context, Leading),
        observer: this.observer(process),
      }
    })
  }

  observer(process: Process): Observer {
    const { watch } = this.#around
    const watcher = this.#watcher
    return {
      ...silentObserver,
      turned: (record, turn) => {
        this.record = record
        watch(() => watcher.turned(record, turn, process.nowMillis))
        const { pendingInstall, log } = record
        const then = this.onceInstalling
        if (then === null || pendingInstall === null || log.persistedIndex < pendingInstall.index) return
        this.onceInstalling = null
        this.#around.world.after(0, then)
      },
      read: (grounds) => watch(() => watcher.read(this, grounds)),
      event: (message, details) => watcher.event(this, message, details),
    }
  }

  layerMachine(process: Process, initial: Configuration) {
    const { group } = this
    const { watch } = this.#around
    const watcher = this.#watcher
    const { openState } = this.disk.layers(group, initial, digestOfState)
    // The name of what `main` draws from is older than that there are other groups.
    const code = group === mainGroup ? "code" : `code ${group}`
    return layerBoundary({
      chance: this.#chance,
      millisMax: this.#around.boundaryMillisMax,
      isCodeApart: this.#around.isCodeApart,
      watcher: {
        applied: (entries, outcomes) =>
          watch(() => {
            for (const [at, entry] of entries.entries()) watcher.applied(this, entry, outcomes[at] ?? null)
          }),
        hashed: (index, hash) => watch(() => watcher.hashed(this, index, hash)),
        asks: watcher.asks,
        told: (answer) => watch(() => watcher.told(this, answer)),
        installed: (position) => watch(() => watcher.installed(this, position)),
        gaveUp: () => {
          // What the life knew that has ended with it.
          this.record = null
          this.repairs++
          watch(() => watcher.gaveUp(this))
        },
        hasRead: () => this.#hasRead(),
      },
    }).pipe(
      Layer.provide(
        layerInProcess({
          openStore: openState,
          registry: this.#around.presetOf(group),
          openExecutor: () =>
            new CodeHost({
              runner: this.#around.openRunner(),
              chance: process.chance.fork(code),
              weather: this.#host.code,
              faults: this.#around.faultsOf(this.id),
            }),
          group,
          node: this.id,
          limits: this.#around.machine,
        }),
      ),
    )
  }

  layerLeading() {
    const { watch } = this.#around
    const watcher = this.#watcher
    return layerLeadingFibers(this.#around.registry, {
      leads: (leadership) => watch(() => watcher.leads(this, leadership)),
      proposes: (leadership, command) => {
        const answered = watcher.leadingProposes(this, leadership, command)
        return (answer) => watch(() => answered(answer))
      },
      told: (message, details) => watcher.event(this, message, details),
    })
  }

  #watched(raft: Raft["Service"]): Raft["Service"] {
    return {
      group: raft.group,
      stopped: raft.stopped,
      handOver: raft.handOver,
      answerAll: raft.answerAll,
      snapshot: raft.snapshot,
      backup: raft.backup,
      now: () => raft.now(),
      glance: () => raft.glance(),
      status: () => raft.status(),
      change: (request) => raft.change(request),
      reset: (request) => raft.reset(request),
      transfer: (request) => raft.transfer(request),
      onApplied: (told) => raft.onApplied(told),
      log: (range) => raft.log(range),
      propose: (proposals) => {
        for (const { command } of proposals) this.#taken.add(command)
        raft.propose(proposals)
      },
      read: (read) => {
        const arrived = this.#watcher.readArrived(read)
        raft.read({
          ...read,
          answer: (answer) => {
            this.#around.watch(() => arrived(this, answer))
            read.answer(answer)
          },
        })
      },
    }
  }

  #hasRead(): boolean {
    const then = this.onceItHasRead
    this.onceItHasRead = null
    then?.()
    return then !== null
  }
}
