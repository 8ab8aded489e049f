// How does a group come to life? From what the disk holds, as a follower, with nothing said before.

import { Cause, Clock, Effect, Exit, Queue, Random, Scope } from "effect"
import { ConfigurationHistory } from "../consensus/ConfigurationHistory.ts"
import { Log } from "../consensus/Log.ts"
import { lacksState, makeNode } from "../consensus/node.ts"
import type { Millis } from "../consensus/types.ts"
import { Leading } from "../machine/leading/Leading.ts"
import { MachineFailed, MachineHost } from "../machine/MachineHost.ts"
import { LogStore, StorageFailed } from "../storage/LogStore.ts"
import { SnapshotStore } from "../storage/SnapshotStore.ts"
import type { StatePosition } from "../storage/StateStore.ts"
import { type Admits, Transport } from "../transport/Transport.ts"
import { admits } from "./admission.ts"
import { applyAll } from "./applier.ts"
import { Checkpoints } from "./Checkpoints.ts"
import { daily, nightly } from "./daily.ts"
import { type Begin, Errand } from "./Errand.ts"
import { type Closing, repairing, stopping } from "./failure.ts"
import { type Group, type Mail, nowOf } from "./Group.ts"
import { giveAll } from "./giver.ts"
import type { Hands } from "./Hands.ts"
import type { Herald } from "./Herald.ts"
import { Inbox } from "./Inbox.ts"
import type { Listeners } from "./Listeners.ts"
import { Operations } from "./Operations.ts"
import type { Observer } from "./observer.ts"
import type { RaftOptions } from "./options.ts"
import type { Partings } from "./Partings.ts"
import { Proposals } from "./Proposals.ts"
import { GroupStopped } from "./Raft.ts"
import { Reads } from "./Reads.ts"
import { Refill } from "./Refill.ts"
import { Rest } from "./Rest.ts"
import { type Applied, type Flushed, isBehind } from "./reach.ts"
import { isInRepair } from "./repair.ts"
import { noteRoom } from "./room.ts"
import { makeRun } from "./run.ts"
import { type Scrubbed, Scrubber } from "./Scrubber.ts"
import { Stuckness } from "./Stuckness.ts"
import { cutAll, flushAll, PIECES_WAITING_MAX, Receiver } from "./snapshotter.ts"
import { Tenure } from "./Tenure.ts"
import { turns } from "./turns.ts"
import { Writer } from "./Writer.ts"

/** A group that lives as long as the scope it was started in. */
export interface Started {
  readonly group: Group
  readonly proposals: Proposals
  readonly reads: Reads
  readonly operations: Operations
  readonly checkpoints: Checkpoints
  readonly tenure: Tenure
  readonly writer: Writer
  readonly applied: Applied
  readonly flushed: Flushed
  readonly scrubbed: Scrubbed
  /** Answers everybody who waits, and lets nobody in any more. */
  readonly answerAll: (closing: Closing) => void
}

/** Who hears how a life ends. */
export interface Ending {
  /** One of its lives has died: the group can do nothing more. */
  readonly stopped: (reason: GroupStopped) => void
  /** The state is known to be bad: the life has to end, and the door is closed already. */
  readonly parted: () => void
}

export const start = Effect.fnUntraced(function* (
  options: RaftOptions,
  observer: Observer,
  partings: Partings,
  herald: Herald,
  listeners: Listeners,
  ending: Ending,
) {
  const scope = yield* Scope.Scope
  const group = yield* loadGroup(options, observer, partings)
  const changed = yield* Effect.exit(group.machine.changes(herald.toldIndex))
  if (Exit.isSuccess(changed)) herald.opened(group, changed.value)
  const run = makeRun(yield* Effect.context(), (cause) => {
    if (partsBy(group, cause)) return
    ending.stopped(groupStopped(options, cause))
    // Who waits at a group that has died learns it at once, not when the node around it has ended.
    answerAll(stopping)
  })
  const begin: Begin = (life) => run(life, scope)

  const applied: Applied = { index: group.node.appliedIndex, changedIndex: group.node.appliedIndex }
  // A group that rests is not to stay awake for its first flush alone.
  const flushed: Flushed = {
    index: group.node.appliedIndex,
    at: options.rests ? Number.NEGATIVE_INFINITY : nowOf(group.clock),
  }
  const writer = new Writer(group, begin)
  const proposals = new Proposals(group, applied, run, scope)
  const reads = new Reads(group, applied, run, scope)
  const tenure = new Tenure(group, { proposals, reads, listeners, service: yield* Leading })
  const operations = new Operations(group, tenure)
  const stuckness = new Stuckness(group, applied, proposals, operations)
  const checkpoints = new Checkpoints(group, applied, stuckness)
  const scrubber = new Scrubber(group, flushed, checkpoints)
  const flusher = new Errand(begin, () => flushAll(group, applied, flushed))
  const refill = new Refill(group, () => applier.raise())
  const applier = new Errand(begin, () =>
    applyAll(group, applied, flushed, refill, herald, {
      advanced: () => {
        partings.advanced(group, applied.index)
        flusher.raise()
        if (applied.index >= stuckness.index) stuckness.passed()
        reads.advanced()
        proposals.advanced()
        listeners.tell()
      },
      noted: (notes) => checkpoints.noted(notes),
      installed: () => checkpoints.installed(),
      stuck: (stuck, entry) => {
        stuckness.noted(stuck, entry)
        checkpoints.tell()
      },
    }),
  )
  const hands: Hands = {
    writer,
    applier,
    flusher,
    proposals,
    reads,
    operations,
    checkpoints,
    tenure,
    receiver: new Receiver(group, refill, begin),
    asked: new Inbox(begin, (asked) => giveAll(group, asked), PIECES_WAITING_MAX),
    cuts: new Inbox(begin, (cuts) => cutAll(group, cuts)),
    run,
  }

  const answerAll = (closing: Closing): void => {
    proposals.close(closing)
    reads.close(closing)
    operations.close(closing)
  }
  // At once, and in the same turn: nothing of the state is shown from now on.
  partings.begin(() => {
    proposals.close(repairing)
    reads.close(repairing)
    ending.parted()
  })
  if (Exit.isFailure(changed) && !partsBy(group, changed.cause)) yield* Effect.failCause(changed.cause)
  yield* Scope.addFinalizer(
    scope,
    Effect.sync(() => answerAll(stopping)),
  )
  run(group.log.failed, scope)
  if (lacksState(group.node)) run(refill.life(), scope)
  group.rest.keptAwakeBy([
    () => group.partings.current !== null || isInRepair(group),
    () => proposals.count > 0 || reads.count > 0 || operations.count > 0,
    () => isBehind(group, applied, flushed) || writer.waiting() > 0,
    () => !checkpoints.isSettled || !tenure.isSettled || herald.isBehind,
  ])
  yield* group.rest.follow(begin)
  group.rest.attendedBy(new Errand(begin, () => attend(group, [proposals, reads, operations])))
  const heralding = { sweep: () => herald.sweep(group) }
  yield* daily(group, run, () => sweep(group, stuckness, [checkpoints, stuckness, heralding]), scope)
  yield* daily(group, run, () => scrubber.day(), scope)
  yield* nightly(group, run, () => scrubber.night(), scope)
  const { node, transport } = group
  // Where this group says whom the node keeps connections to, the handshake has judged by its configuration already.
  const admitted: Admits = (from, incarnation, type) =>
    admits(node.configurations.current, from, incarnation, type)
  yield* Scope.addFinalizer(scope, transport.detach(options.group))
  yield* transport.attach(options.group, group.mailbox, ...(options.connects ? [] : [admitted]))
  run(turns(group, hands, scope), scope)
  const { scrubbed } = scrubber
  return {
    group,
    proposals,
    reads,
    operations,
    checkpoints,
    tenure,
    writer,
    applied,
    flushed,
    scrubbed,
    answerAll,
  } satisfies Started
})

/** A bad row or page is no reason to end the node, as a failed disk is: the state goes, and another one comes. */
const partsBy = (group: Group, cause: Cause.Cause<unknown>): boolean => {
  const reason = Cause.squash(cause)
  if (!(reason instanceof MachineFailed && reason.reason === "corrupt")) return false
  const { operation, message } = reason
  const index = group.node.appliedIndex
  group.partings.part(group, { reason: "corrupt", index, details: { operation, message } })
  return true
}

const loadGroup = Effect.fnUntraced(function* (options: RaftOptions, observer: Observer, partings: Partings) {
  const log = yield* LogStore
  const machine = yield* MachineHost
  const clock = yield* Clock.Clock
  const load = (state: StatePosition) =>
    log.load({
      group: options.group,
      initial: options.initial,
      stateIndex: state.index,
      stateTerm: state.term,
      stateConfiguration: state.configuration,
      tailBytesMax: options.limits.cacheBytesMax,
      ...(options.founded === undefined ? {} : { founded: options.founded }),
    })
  const outrunAtLoad = log.outran()
  let position = yield* machine.position
  let loaded = yield* load(position)
  const { pendingInstall } = loaded
  if (pendingInstall !== null) {
    // The node stopped between log and state: the state follows now (HAZARDS N2). A log that came back shorter may
    // ask for one that the state has left behind; its file is gone, and state never goes back (N5).
    if (pendingInstall.index > position.index) yield* machine.install(pendingInstall.snapshotId)
    yield* log.installed(options.group)
    position = yield* machine.position
    // It may have arrived, and been lost since: then the log that rests on it is of no use either (S5).
    loaded = yield* load(position)
  }
  if (loaded.standing === "suspect")
    observer.event("the log is damaged: waiting for repair", { reason: loaded.suspicion }, "warn")
  const node = makeNode({
    group: options.group,
    id: options.id,
    limits: options.limits,
    now: nowOf(clock),
    hardState: loaded.hardState,
    standing: loaded.standing,
    log: new Log(loaded),
    configurations: new ConfigurationHistory(
      { index: loaded.base.index, configuration: loaded.baseConfiguration },
      loaded.configurations,
    ),
    appliedIndex: position.index,
    lastTime: Math.max(position.time, loaded.tail.at(-1)?.time ?? 0),
    pendingInstall: null,
    // Its own log would lead it there again.
    stateFrom: partings.current?.reason === "stuck" ? partings.current.index : 0,
  })
  const mailbox = yield* Queue.unbounded<Mail>()
  const transport = yield* Transport
  const group: Group = {
    options,
    node,
    mailbox,
    log,
    outrunAtLoad,
    snapshots: yield* SnapshotStore,
    machine,
    transport,
    observer,
    clock,
    random: yield* Random.Random,
    partings,
    rest: new Rest({
      options,
      node,
      transport,
      clock,
      now: () => nowOf(clock),
      post: (input) => void Queue.offerUnsafe(mailbox, input),
    }),
    replicators: new Map(),
  }
  if (position.index === 0) partings.lacking(group, machine.lost)
  return group
})

interface Swept {
  readonly sweep: (now: Millis) => void
}

/** Looks after those who wait, until nobody does: deadlines, and attempts that got no answer. */
const attend = Effect.fnUntraced(function* (
  group: Group,
  rooms: ReadonlyArray<Swept & { readonly isEmpty: boolean }>,
) {
  do {
    yield* Effect.sleep(group.options.sweepMillis)
    const now = nowOf(group.clock)
    for (const room of rooms) room.sweep(now)
  } while (!rooms.every(({ isEmpty }) => isEmpty))
})

/** What is to be looked at now and then, also when nobody waits. */
const sweep = Effect.fnUntraced(function* (group: Group, stuckness: Stuckness, swept: ReadonlyArray<Swept>) {
  const { rest, options, clock } = group
  while (!rest.isResting) {
    yield* Effect.sleep(stuckness.stuck === null ? QUIET_SWEEP_MILLIS : options.sweepMillis)
    const now = nowOf(clock)
    noteRoom(group)
    for (const each of swept) each.sweep(now)
  }
})

const QUIET_SWEEP_MILLIS = 250

/** What the world did is one line; what our own code did comes with where it did it. */
export const groupStopped = (options: RaftOptions, cause: Cause.Cause<unknown>): GroupStopped => {
  const reason = Cause.squash(cause)
  const isWorld = reason instanceof StorageFailed || reason instanceof MachineFailed
  const message = isWorld ? `${reason.operation}: ${reason.message}` : Cause.pretty(cause)
  return new GroupStopped({ group: options.group, message, fault: isWorld ? "world" : "code" })
}
