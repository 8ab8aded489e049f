// What is one node of a simulated cluster? A disk that outlives it, and, while it runs, a process with the real
// lives in it.

import { Cause, Context, Effect, Exit, Layer, Scope } from "effect"
import type { Node, Turn } from "../consensus/node.ts"
import type { Configuration, Entry, Index, NodeId } from "../consensus/types.ts"
import type { CallRunner } from "../machine/Executor.ts"
import { layerInProcess } from "../machine/hostInProcess.ts"
import type { Leadership, Unanswered } from "../machine/leading/Leading.ts"
import type { MachineLimits } from "../machine/limits.ts"
import { type EventsAnswer, type EventsAsked, MachineFailed, MachineHost } from "../machine/MachineHost.ts"
import type { Outcome, QueryOutcome } from "../machine/outcome.ts"
import type { Registry } from "../machine/Registry.ts"
import { digestOfState } from "../machine/stateDigest.ts"
import { layerRaft } from "../raft/layer.ts"
import { type Grounds, type Observer, silentObserver } from "../raft/observer.ts"
import type { RaftOptions } from "../raft/options.ts"
import { type Failure, GroupStopped, Raft, type Read } from "../raft/Raft.ts"
import { DataDirectoryRefused, LogStore, StorageFailed } from "../storage/LogStore.ts"
import type { StatePosition } from "../storage/StateStore.ts"
import type { MailboxLimits } from "../transport/Mailboxes.ts"
import { Witness } from "../transport/Witness.ts"
import { layerBoundary } from "./boundary.ts"
import type { Chance } from "./Chance.ts"
import { CodeHost, calmCode, type Faults } from "./CodeHost.ts"
import type { SimulatedDisk } from "./Disk.ts"
import { layerLeadingFibers } from "./leadingFibers.ts"
import { addressOf, nobody } from "./members.ts"
import { layerNetwork, type Network } from "./Network.ts"
import type { ClockOptions, Process } from "./Process.ts"
import { Violation } from "./Violation.ts"
import type { World } from "./World.ts"

/** Told of everything that nodes do. */
export interface NodeWatcher {
  /** A process begins; it has read nothing yet. */
  readonly begins: (node: SimulatedNode) => void
  readonly started: (node: SimulatedNode, appliedIndex: Index) => void
  /** The power was lost: so many of the log's transactions that were not synced are there, so many are not. */
  readonly crashed: (fate: { readonly kept: number; readonly lost: number }) => void
  readonly turned: (record: Node, turn: Turn, nowMillis: number) => void
  readonly read: (node: SimulatedNode, grounds: Grounds) => void
  /** A client asks a node to read; called with what it is told. */
  readonly readArrived: (read: Read) => (node: SimulatedNode, answer: QueryOutcome | Failure) => void
  readonly event: (node: SimulatedNode, message: string, details: Readonly<Record<string, unknown>>) => void
  readonly applied: (node: SimulatedNode, entry: Entry, outcome: Outcome | null) => void
  /** What users have run where the group leads begins here. */
  readonly leads: (node: SimulatedNode, leadership: Leadership) => void
  /** That proposes a command; called with what becomes of it, if somebody waits for that. */
  readonly leadingProposes: (
    node: SimulatedNode,
    leadership: Leadership,
    command: Uint8Array,
  ) => (answer: Outcome | Unanswered) => void
  readonly hashed: (node: SimulatedNode, index: Index, hash: string) => void
  /** What those ask who watch instances at this node now, and what they are told. */
  readonly asks: (entries: ReadonlyArray<Entry>) => ReadonlyArray<EventsAsked>
  readonly told: (node: SimulatedNode, answer: EventsAnswer) => void
  readonly installed: (node: SimulatedNode, position: StatePosition) => void
  /** It has given its state up, and begins anew over its log. */
  readonly gaveUp: (node: SimulatedNode) => void
  /** The process has ended by itself: the world was bad to it, or our code is broken. */
  readonly ended: (node: SimulatedNode, fault: "world" | "code", reason: string) => void
}

/** What all nodes of a cluster have in common. */
export interface Surroundings {
  readonly world: World
  readonly network: Network
  readonly watcher: NodeWatcher
  readonly registry: Registry
  /** What runs users' code in a process that starts now. */
  readonly openRunner: () => CallRunner
  /** What users' code does at a node to whoever runs it. */
  readonly faultsOf: (id: NodeId) => Faults
  /** Whether users' code may take its time. */
  readonly isCodeApart: boolean
  readonly raft: Omit<RaftOptions, "id" | "client">
  readonly machine: Partial<MachineLimits>
  readonly mailboxes: MailboxLimits
  /** How long each step between consensus and machine may take. */
  readonly boundaryMillisMax: number
  /** Runs a checker; what it throws ends the run. */
  readonly watch: (look: () => void) => void
}

export class SimulatedNode {
  readonly id: NodeId
  readonly disk: SimulatedDisk
  #initial: Configuration
  readonly #around: Surroundings
  readonly #clock: ClockOptions
  readonly #chance: Chance
  /** Null while nothing of it runs. */
  process: Process | null = null
  /** Its door, once it has started. */
  raft: Raft["Service"] | null = null
  machine: MachineHost["Service"] | null = null
  /** What its consensus knows, as of its last turn. */
  record: Node | null = null
  /** What it is like where users' code runs. */
  readonly code = calmCode()
  /** Counts its processes. */
  starts = 0
  /** Counts the states that it has given up while it ran. */
  repairs = 0
  /** Done once, when it next has read its state for somebody and not answered yet. */
  onceItHasRead: (() => void) | null = null
  /** Done once, soon after its log has moved onto a snapshot and its state has not. */
  onceInstalling: (() => void) | null = null
  /** Commands that came through its own door. */
  readonly #taken = new WeakSet<Uint8Array>()
  #scope: Scope.Closeable | null = null

  constructor(
    around: Surroundings,
    options: {
      readonly id: NodeId
      /** What a group begins with on an empty disk. */
      readonly initial: Configuration
      readonly disk: SimulatedDisk
      readonly clock: ClockOptions
    },
  ) {
    this.#around = around
    this.id = options.id
    this.#initial = options.initial
    this.disk = options.disk
    this.#clock = options.clock
    this.#chance = around.world.chance.fork(`node ${options.id}`)
  }

  get isUp(): boolean {
    return this.process !== null
  }

  /** Takes clients: it is up, and its doors are open. */
  get isServing(): boolean {
    return this.raft !== null
  }

  /** From now on an empty disk begins as that of a node that joins. */
  joins(): void {
    this.#initial = nobody
  }

  /** Begins a new process over what its disk holds. */
  start(): void {
    if (this.process !== null) return
    const { world } = this.#around
    const process = world.startProcess(this.id, this.#clock)
    const scope = Scope.makeUnsafe()
    this.process = process
    this.#scope = scope
    this.starts++
    this.#around.watcher.begins(this)
    const life = Effect.gen({ self: this }, function* () {
      const context = yield* Layer.buildWithScope(this.#layers(process), scope)
      const machine = Context.get(context, MachineHost)
      const position = yield* machine.position
      this.#around.watch(() => this.#around.watcher.started(this, position.index))
      this.machine = machine
      this.raft = this.#watched(Context.get(context, Raft))
      return yield* this.raft.stopped
    })
    process.fork(life).addObserver((exit) => {
      if (process.isDead || Exit.isSuccess(exit)) return
      // Its doors close first; what else lives in it goes on until then.
      this.raft = null
      const { cause } = exit
      world.after(this.#lingerMillis(), () => {
        if (!process.isDead) this.#ended(cause)
      })
    })
  }

  /** Its power is lost: what was not synced is in doubt. */
  crash(): void {
    if (this.#die()) this.#around.watcher.crashed(this.disk.crash())
  }

  /** kill -9: the machine around it lives. */
  kill(): void {
    if (this.#die()) this.disk.kill()
  }

  /** SIGTERM: a leader hands over, lives end in their order, who waits is answered. Then `done` is called. */
  stop(done: () => void = () => {}): void {
    const { process, raft } = this
    const scope = this.#scope
    if (process === null || scope === null) return done()
    this.raft = null
    const lingerMillis = this.#lingerMillis()
    const ending = Effect.gen(function* () {
      if (raft !== null) {
        yield* raft.handOver
        yield* raft.answerAll
        yield* Effect.sleep(lingerMillis)
      }
      yield* Scope.close(scope, Exit.void)
    })
    this.#fork(process, ending, () => {
      if (process.isDead) return
      this.kill()
      done()
    })
  }

  /** From the last answer until nothing of the process runs any more. */
  #lingerMillis(): number {
    return this.#chance.between(0, this.#chance.pick(LINGER_MILLIS_MAX))
  }

  /** Does something that belongs to none of its lives, as an operator asks for it. Its disk may keep it from that. */
  perform(ask: (raft: Raft["Service"]) => Effect.Effect<unknown, unknown>): void {
    const { process, raft } = this
    if (process !== null && raft !== null) this.#fork(process, ask(raft))
  }

  /** Asks at its door. Null when it is not there, or has not answered in so long: what it says then is not heard. */
  ask<A>(
    request: (raft: Raft["Service"], answer: (given: A) => void) => void,
    millisMax: number,
    done: (answer: A | null) => void,
  ): void {
    const { process, raft } = this
    let isOver = false
    const answer = (given: A | null): void => {
      if (isOver) return
      isOver = true
      done(given)
    }
    if (process !== null && raft !== null) process.post(() => request(raft, answer))
    this.#around.world.after(millisMax, () => answer(null))
  }

  /** Asks its machine, as a door does. Null when it is not there, or has not answered in so long. */
  look<A>(
    request: (machine: MachineHost["Service"]) => Effect.Effect<A, MachineFailed>,
    millisMax: number,
    done: (answer: A | null) => void,
  ): void {
    const { process, machine } = this
    let isOver = false
    const answer = (given: A | null): void => {
      if (isOver) return
      isOver = true
      done(given)
    }
    if (process !== null && machine !== null && this.isServing) {
      const asked = Effect.matchEffect(request(machine), {
        onFailure: () => Effect.sync(() => answer(null)),
        onSuccess: (given) => Effect.sync(() => answer(given)),
      })
      this.#fork(process, asked)
    }
    this.#around.world.after(millisMax, () => answer(null))
  }

  /** Nobody waits for it: what our own code does wrong in it ends the run all the same. */
  #fork<A, E>(process: Process, effect: Effect.Effect<A, E>, ended: () => void = () => {}): void {
    process.fork(effect).addObserver((exit) => {
      if (!process.isDead && Exit.isFailure(exit) && Cause.hasDies(exit.cause)) {
        const text = Cause.pretty(exit.cause)
        return this.#around.watch(() => this.#around.watcher.ended(this, "code", text))
      }
      ended()
    })
  }

  /** Whether this very command was asked of this node by one of its own clients. */
  hasTaken(command: Uint8Array): boolean {
    return this.#taken.has(command)
  }

  #watched(raft: Raft["Service"]): Raft["Service"] {
    return {
      ...raft,
      propose: (proposals) => {
        for (const { command } of proposals) this.#taken.add(command)
        raft.propose(proposals)
      },
      read: (read) => {
        const arrived = this.#around.watcher.readArrived(read)
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

  #die(): boolean {
    const { process } = this
    if (process === null) return false
    process.kill()
    this.#around.network.unplug(this.id)
    this.process = null
    this.raft = null
    this.machine = null
    this.record = null
    this.#scope = null
    return true
  }

  #ended(cause: Cause.Cause<unknown>): void {
    const reason = Cause.squash(cause)
    const isWorld =
      reason instanceof GroupStopped
        ? reason.fault === "world"
        : reason instanceof StorageFailed ||
          reason instanceof MachineFailed ||
          reason instanceof DataDirectoryRefused
    this.kill()
    const text = reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason)
    this.#around.watch(() => this.#around.watcher.ended(this, isWorld ? "world" : "code", text))
  }

  #layers(process: Process) {
    const { network, raft, mailboxes, watch, watcher } = this.#around
    const { log, snapshots, openState } = this.disk.layers(raft.group, this.#initial, digestOfState)
    const observer: Observer = {
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
    const layerTransport = Layer.unwrap(
      Effect.map(LogStore, ({ identity, rememberIncarnation, sequence }) =>
        layerNetwork({
          network,
          process,
          self: {
            clusterId: identity.clusterId,
            id: this.id,
            incarnation: identity.incarnation,
            client: `http://${this.id}`,
            peer: addressOf(this.id).peer,
            asOf: 0,
            epoch: 0,
            outsiders: new Set(),
            session: `${process.number}`,
            witness: new Witness(() => ({ incarnation: identity.incarnation, sequence: sequence() })),
          },
          limits: mailboxes,
          acquaintance: (peer, incarnation) =>
            rememberIncarnation(peer, incarnation).pipe(
              Effect.map((known) => (known === "known" ? "known" : "other-incarnation")),
              Effect.catch(() => Effect.succeed("unavailable" as const)),
              // Who shakes hands waits a while and tries again, whatever went wrong here.
              Effect.tapDefect((defect) =>
                Effect.sync(() => watch(() => watcher.ended(this, "code", String(defect)))),
              ),
            ),
        }),
      ),
    )
    const layerMachine = layerBoundary({
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
          registry: this.#around.registry,
          openExecutor: () =>
            new CodeHost({
              runner: this.#around.openRunner(),
              chance: process.chance.fork("code"),
              weather: this.code,
              faults: this.#around.faultsOf(this.id),
            }),
          node: this.id,
          limits: this.#around.machine,
        }),
      ),
    )
    const layerLeading = layerLeadingFibers(this.#around.registry, {
      leads: (leadership) => watch(() => watcher.leads(this, leadership)),
      proposes: (leadership, command) => {
        const answered = watcher.leadingProposes(this, leadership, command)
        return (answer) => watch(() => answered(answer))
      },
      told: (message, details) => watcher.event(this, message, details),
    })
    return layerRaft(
      { ...raft, initial: this.#initial, id: this.id, client: `http://${this.id}` },
      observer,
    ).pipe(
      Layer.provideMerge(layerLeading),
      Layer.provideMerge(Layer.mergeAll(layerMachine, layerTransport)),
      Layer.provideMerge(Layer.mergeAll(log, snapshots)),
    )
  }
}

/** Connections may be slow to close. */
const LINGER_MILLIS_MAX = [20, 500]

/** A checker spoke inside a fiber, which took it for broken code. */
export const isViolation = (error: unknown): error is Violation => error instanceof Violation
