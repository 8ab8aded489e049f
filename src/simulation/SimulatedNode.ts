// What is one node of a simulated cluster? A disk that outlives it, and, while it runs, a process with the real
// lives in it.

import { Cause, Context, Effect, Exit, Layer, Scope } from "effect"
import type { Node } from "../consensus/node.ts"
import type { Configuration, GroupId, NodeId } from "../consensus/types.ts"
import { Groups, type RunningGroup } from "../groups/Groups.ts"
import { layerGroups } from "../groups/layer.ts"
import { Crowd } from "../machine/Crowd.ts"
import { MachineFailed, MachineHost } from "../machine/MachineHost.ts"
import { digestOfState } from "../machine/stateDigest.ts"
import { Lateness } from "../raft/Lateness.ts"
import { layerRaft } from "../raft/layer.ts"
import { Neighbours } from "../raft/Neighbours.ts"
import { silentObserver } from "../raft/observer.ts"
import { defaultLimits, type RaftOptions } from "../raft/options.ts"
import { makePolls, makeWakes } from "../raft/Places.ts"
import { GroupStopped, Raft } from "../raft/Raft.ts"
import { Unrest } from "../raft/Unrest.ts"
import { DataDirectoryRefused, LogStore, StorageFailed } from "../storage/LogStore.ts"
import type { MailboxLimits } from "../transport/Mailboxes.ts"
import { Witness } from "../transport/Witness.ts"
import type { Chance } from "./Chance.ts"
import { calmCode } from "./CodeHost.ts"
import type { SimulatedDisk } from "./Disk.ts"
import { addressOf, nobody } from "./members.ts"
import { layerNetwork, type Network } from "./Network.ts"
import type { ClockOptions, Process } from "./Process.ts"
import { Seat, type SeatSurroundings } from "./Seat.ts"
import { Violation } from "./Violation.ts"

/** Told of what happens to nodes as a whole. */
export interface NodeWatcher {
  /** The power was lost: so many of the log's transactions that were not synced are there, so many are not. */
  readonly crashed: (fate: { readonly kept: number; readonly lost: number }) => void
  /** It hands groups over, so that leaders are even; or it drives a move of keys. */
  readonly told: (node: SimulatedNode, message: string, details: Readonly<Record<string, unknown>>) => void
  /** The process has ended by itself: the world was bad to it, or our code is broken. */
  readonly ended: (node: SimulatedNode, fault: "world" | "code", reason: string) => void
}

/** What all nodes of a cluster have in common. */
export interface Surroundings extends SeatSurroundings {
  readonly network: Network
  readonly watcher: NodeWatcher
  /** Groups that may be opened besides `main`. */
  readonly groups: ReadonlyArray<GroupId>
  readonly raft: Omit<RaftOptions, "id" | "client">
  /** Groups besides `main` stop ticking when nobody wants anything of them. */
  readonly groupsRest: boolean
  readonly mailboxes: MailboxLimits
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
  /** What it runs of `main`, and of all groups. */
  readonly main: Seat
  readonly seats: ReadonlyArray<Seat>
  /** What it is like where users' code runs. */
  readonly code = calmCode()
  /** Counts its processes. */
  starts = 0
  /** The incarnations that its disk remembers of others. */
  incarnations: LogStore["Service"]["incarnations"] | null = null
  /** Its doors are open. */
  #isOpen = false
  #groups: Groups["Service"] | null = null
  #scope: Scope.Closeable | null = null
  /** Of the process. */
  #neighbours = new Neighbours()
  #crowd = new Crowd()
  #unrest = new Unrest()
  #polls = makePolls(defaultLimits)
  #wakes = makeWakes(defaultLimits)
  #lateness = new Lateness()

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
    this.main = new Seat(around, this, around.raft.group, this.#chance)
    const further = around.groups.map(
      (group) => new Seat(around, this, group, around.world.chance.fork(`node ${options.id} of ${group}`)),
    )
    this.seats = [this.main, ...further]
  }

  get isUp(): boolean {
    return this.process !== null
  }

  /** Takes clients: it is up, and its doors are open. */
  get isServing(): boolean {
    return this.#isOpen
  }

  /** Of `main`. */
  get raft(): Raft["Service"] | null {
    return this.main.raft
  }

  get machine(): MachineHost["Service"] | null {
    return this.main.machine
  }

  get record(): Node | null {
    return this.main.record
  }

  get repairs(): number {
    return this.main.repairs
  }

  seat(group: GroupId): Seat {
    const seat = this.seats.find((each) => each.group === group)
    if (seat === undefined) throw new Error(`there is no group ${group}`)
    return seat
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
    this.#neighbours = new Neighbours()
    this.#crowd = new Crowd()
    this.#unrest = new Unrest()
    this.#polls = makePolls(this.#around.raft.limits)
    this.#wakes = makeWakes(this.#around.raft.limits)
    this.#lateness = new Lateness()
    this.#scope = scope
    this.starts++
    for (const seat of this.seats) seat.begins()
    const life = Effect.gen({ self: this }, function* () {
      const context = yield* Layer.buildWithScope(this.#layers(process), scope)
      const machine = Context.get(context, MachineHost)
      const position = yield* machine.position
      const raft = Context.get(context, Raft)
      this.main.started(machine, position.index)
      this.main.opens(raft)
      this.#isOpen = true
      if (this.#around.groups.length === 0) return yield* raft.stopped
      this.incarnations = Context.get(context, LogStore).incarnations
      return yield* this.#runGroups(process, scope).pipe(Effect.provideContext(context))
    })
    process.fork(life).addObserver((exit) => {
      if (process.isDead || Exit.isSuccess(exit)) return
      // Its doors close first; what else lives in it goes on until then.
      this.#isOpen = false
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
    const doors = raft === null ? null : (this.#groups ?? raft)
    this.#isOpen = false
    const lingerMillis = this.#lingerMillis()
    const ending = Effect.gen(function* () {
      if (doors !== null) {
        yield* doors.handOver
        yield* doors.answerAll
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

  /** Null: it runs none besides `main`, or not yet. */
  get groups(): Groups["Service"] | null {
    return this.#groups
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

  #die(): boolean {
    const { process } = this
    if (process === null) return false
    process.kill()
    this.#around.network.unplug(this.id)
    this.process = null
    this.#isOpen = false
    this.#groups = null
    this.incarnations = null
    for (const seat of this.seats) seat.ends()
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

  get #raft() {
    const { raft, groupsRest } = this.#around
    return {
      ...raft,
      rests: groupsRest,
      id: this.id,
      client: `http://${this.id}`,
      neighbours: this.#neighbours,
      crowd: this.#crowd,
      unrest: this.#unrest,
      lateness: this.#lateness,
    }
  }

  /** All that `main` names, until one of them can do nothing more. */
  readonly #runGroups = Effect.fnUntraced(function* (
    this: SimulatedNode,
    process: Process,
    scope: Scope.Closeable,
  ) {
    const layers = layerGroups({
      id: this.id,
      incarnation: this.disk.identity.incarnation,
      raft: {
        ...this.#raft,
        connects: false,
        polls: this.#polls,
        wakes: this.#wakes,
        vainEntriesMax: VAIN_ENTRIES_MAX,
      },
      observer: {
        ...silentObserver,
        event: (message, details) => this.#around.watcher.told(this, message, details),
      },
      parts: {
        open: (group, initial) => this.seat(group).parts(process, initial),
        forget: (group) => Effect.sync(() => this.disk.directories.delete(group)),
      },
    })
    const groups = Context.get(yield* Layer.buildWithScope(layers, scope), Groups)
    const opened = ({ raft }: RunningGroup) => {
      if (raft.group !== this.main.group) this.seat(raft.group).opens(raft)
    }
    groups.onChange((change) => {
      if (change.type === "opened") opened(change.group)
      else this.seat(change.group.raft.group).leaves()
    })
    groups.all().forEach(opened)
    this.#groups = groups
    return yield* groups.stopped
  })

  #layers(process: Process) {
    const { raft } = this.#around
    const { log, snapshots } = this.disk.layers(raft.group, this.#initial, digestOfState)
    return layerRaft({ ...this.#raft, initial: this.#initial }, this.main.observer(process)).pipe(
      Layer.provideMerge(this.main.layerLeading()),
      Layer.provideMerge(
        Layer.mergeAll(this.main.layerMachine(process, this.#initial), this.#layerTransport(process)),
      ),
      Layer.provideMerge(Layer.mergeAll(log, snapshots)),
    )
  }

  #layerTransport(process: Process) {
    const { network, mailboxes, watch, watcher } = this.#around
    return Layer.unwrap(
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
  }
}

/** Few enough that some are flushed for their number alone. */
const VAIN_ENTRIES_MAX = 8

/** Connections may be slow to close. */
const LINGER_MILLIS_MAX = [20, 500]

/** A checker spoke inside a fiber, which took it for broken code. */
export const isViolation = (error: unknown): error is Violation => error instanceof Violation
