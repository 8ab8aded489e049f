// Who uses all of a disk, dies on it, comes back, and knows what must be there? A node without its consensus.

import { expect } from "bun:test"
import { Cause, Context, Effect, Exit, Layer, Scope } from "effect"
import { Chance } from "../../src/simulation/Chance.ts"
import { SimulatedDisk } from "../../src/simulation/Disk.ts"
import type { Process } from "../../src/simulation/Process.ts"
import { World } from "../../src/simulation/World.ts"
import type { StorageFull } from "../../src/storage/LogStore.ts"
import { type GroupWrite, LogStore, StorageFailed } from "../../src/storage/LogStore.ts"
import type { MemoryMark } from "../../src/storage/MemoryMark.ts"
import { SnapshotStore } from "../../src/storage/SnapshotStore.ts"
import { type StateStore, StateStoreFailed } from "../../src/storage/StateStore.ts"
import { identity, initial, loadMain, writeOf } from "../storage/support.ts"
import { DiskKnowledge } from "./DiskKnowledge.ts"
import {
  type Arrival,
  arrivalAt,
  compacted,
  drawBatch,
  flushOf,
  installed,
  lastIndexOf,
  type Transaction,
  termAt,
  written,
} from "./DiskModel.ts"

interface Open {
  readonly log: LogStore["Service"]
  readonly snapshots: SnapshotStore["Service"]
  readonly openState: () => StateStore
  state: StateStore
}

export class DiskUser {
  readonly world: World
  readonly chance: Chance
  readonly disk: SimulatedDisk
  readonly known = new DiskKnowledge()
  /** Its disk has failed: the process does nothing more. */
  isOver = false
  stateFailed = false
  #snapshotIndex = 0
  #arrival: Arrival | null = null
  #commit = 0
  #isInstalling = false
  #process: Process | null = null
  #wrong: unknown = null

  constructor(seed: number) {
    this.world = new World(seed)
    this.chance = new Chance(seed).fork("user")
    this.disk = new SimulatedDisk(identity, new Chance(seed).fork("disk"))
  }

  /** A process starts and finds what must be there. False when the weather does not let it. */
  start(): boolean {
    const { isFull, hangs, failing } = this.disk.weather
    this.isOver = false
    this.stateFailed = false
    this.#isInstalling = false
    const process = this.world.startProcess("n1")
    this.#process = process
    const opening = process.fork(this.#opening())
    this.world.runUntil(() => opening.pollUnsafe() !== undefined, 1_000)
    const exit = opening.pollUnsafe()
    if (exit === undefined || Exit.isFailure(exit)) {
      const reason = exit === undefined ? null : Cause.squash(exit.cause)
      const isWeather = isFull || hangs || failing !== "no"
      if (!isWeather || (reason !== null && !isOfDisk(reason))) throw reason ?? new Error("it never started")
      return false
    }
    const open = exit.value
    for (const life of [this.#writing(open), this.#helping(open), this.#helping(open)]) {
      process.fork(life).addObserver((end) => {
        const reason = Exit.isSuccess(end) ? null : Cause.squash(end.cause)
        if (!isOfDisk(reason)) this.#wrong ??= reason
        // After a failure nothing more is done on this disk (HAZARDS S2).
        this.isOver = true
        this.stateFailed = reason instanceof StateStoreFailed
        process.kill()
      })
    }
    return true
  }

  run(millis: number): void {
    this.world.runFor(millis)
    if (this.#wrong !== null) throw this.#wrong
    if (this.isOver) this.known.sightings.add("over")
  }

  end(how: "crash" | "kill"): void {
    this.#process?.kill()
    this.#process = null
    const sequenceOf = (mark: MemoryMark | null) => mark?.sequence ?? -1
    const synced = Math.max(...this.disk.marks.map(({ durable }) => sequenceOf(durable)))
    this.disk[how]()
    // One synced mark always stays untouched.
    expect(Math.max(...this.disk.marks.map(({ written }) => sequenceOf(written)))).toBeGreaterThanOrEqual(
      synced,
    )
  }

  /** As `raft/start.ts` does it. */
  readonly #opening = Effect.fnUntraced({ self: this as DiskUser }, function* () {
    const isDoubtful = this.disk.wal._tag === "Doubtful"
    const layers = this.disk.layers("main", initial)
    const context = yield* Layer.buildWithScope(Layer.merge(layers.log, layers.snapshots), Scope.makeUnsafe())
    const open: Open = {
      log: Context.get(context, LogStore),
      snapshots: Context.get(context, SnapshotStore),
      openState: layers.openState,
      state: layers.openState(),
    }
    this.known.foundState(open.state)
    const { index: stateIndex, term: stateTerm } = this.known.state
    const main = yield* loadMain(open.log, { stateIndex, stateTerm, tailBytesMax: 1e9 })
    const other = yield* loadMain(open.log, { group: "other", tailBytesMax: 1e9 })
    this.known.foundLog({ main, other }, isDoubtful)
    this.known.expectSynced(this.disk)
    this.#commit = Math.min(this.#commit, lastIndexOf(this.known.main))
    if (main.pendingInstall === null && main.base.index >= (this.#arrival?.state.index ?? 0))
      this.#arrival = null
    if (main.standing === "suspect") yield* this.#write(open, healing)
    const { pendingInstall } = main
    if (pendingInstall !== null) {
      this.known.sightings.add("install finished at start")
      yield* this.#putInPlace(open, pendingInstall.snapshotId)
    }
    const latest = yield* open.snapshots.latest
    expect(latest?.index ?? 0).toBeGreaterThanOrEqual(this.#snapshotIndex)
    return open
  })

  /** Succeeds with false when there was no room. */
  readonly #perform = Effect.fnUntraced(
    { self: this as DiskUser },
    function* (
      transaction: Transaction,
      effect: Effect.Effect<void, StorageFailed | StorageFull>,
      hasHappened = () => false,
    ) {
      this.known.begin(transaction)
      const isDone = yield* Effect.as(effect, true).pipe(
        Effect.catchTag("StorageFull", () => Effect.succeed(false)),
      )
      this.known.end(transaction, isDone || hasHappened())
      if (!isDone) this.known.sightings.add("full")
      this.known.expectSynced(this.disk)
      return isDone
    },
  )

  readonly #write = Effect.fnUntraced(
    { self: this as DiskUser },
    function* ({ log }: Open, batch: ReadonlyArray<GroupWrite>) {
      while (!(yield* this.#perform(written(batch), log.write(batch)))) yield* Effect.sleep(5)
    },
  )

  readonly #writing = Effect.fnUntraced({ self: this as DiskUser }, function* (open: Open) {
    while (true) {
      yield* Effect.sleep(this.chance.below(4))
      if (this.#arrival !== null || this.chance.happens(0.1)) yield* this.#receive(open)
      else yield* this.#write(open, drawBatch(this.known.log, this.#commit, this.chance))
      this.#commit = this.chance.between(this.#commit, lastIndexOf(this.known.main))
    }
  })

  /** A snapshot arrives, the log moves onto it, and the state follows. */
  readonly #receive = Effect.fnUntraced({ self: this as DiskUser }, function* (open: Open) {
    const { snapshots } = open
    if ((this.#arrival?.state.index ?? 0) <= this.#commit) {
      const index = this.#commit + this.chance.between(1, lastIndexOf(this.known.main) - this.#commit + 9)
      this.#arrival = yield* arrivalAt(index, this.known.main)
    }
    const { snapshot, bytes } = this.#arrival!
    const { id, index, term } = snapshot
    let offset = yield* snapshots.received(id)
    while (offset < bytes.byteLength) {
      const piece = bytes.slice(offset, offset + this.chance.between(50, 400))
      offset = yield* snapshots
        .receive({ id, offset, bytes: piece })
        .pipe(Effect.catchTag("StorageFull", () => Effect.as(Effect.sleep(5), offset)))
    }
    const arrived = yield* Effect.exit(snapshots.finish({ id, bytes: bytes.byteLength }))
    if (Exit.isFailure(arrived)) {
      const reason = Cause.squash(arrived.cause)
      if (isOfDisk(reason)) return yield* Effect.die(reason)
      this.known.sightings.add("damaged on arrival")
      return
    }
    this.#isInstalling = true
    const install = { index, term, configuration: initial, snapshotId: id }
    yield* this.#write(open, [{ group: "main", write: writeOf({ install }) }])
    yield* this.#putInPlace(open, id)
    this.#isInstalling = false
  })

  readonly #putInPlace = Effect.fnUntraced({ self: this as DiskUser }, function* (open: Open, id: string) {
    open.state.close()
    this.known.beginState(this.#arrival!.state)
    yield* open.snapshots.install(id)
    open.state = open.openState()
    this.known.foundState(open.state)
    expect(this.known.state).toEqual(this.#arrival!.state)
    this.#commit = this.known.state.index
    yield* this.#perform(installed, open.log.installed("main"))
    this.#arrival = null
    this.known.sightings.add("installed")
  })

  readonly #helping = Effect.fnUntraced({ self: this as DiskUser }, function* (open: Open) {
    while (true) {
      yield* Effect.sleep(this.chance.below(8))
      if (this.#isInstalling) continue
      yield* this.chance.pick([this.#flush, this.#compact, this.#read, this.#create])(open)
    }
  })

  readonly #flush = (open: Open) =>
    Effect.sync(() => {
      const index = this.#commit
      if (index <= this.known.state.index) return
      const next = { index, term: termAt(this.known.main, index), digest: `${this.world.nowMillis}` }
      this.known.beginState(next)
      try {
        open.state.flush(flushOf(next))
        this.known.endState(true)
      } catch (error) {
        if (!String(error).includes("SQLITE_FULL")) throw error
        this.known.endState(false)
      }
    })

  readonly #compact = Effect.fnUntraced({ self: this as DiskUser }, function* ({ log }: Open) {
    const index = this.chance.between(
      this.known.main.base.index,
      Math.min(this.known.state.index, this.#commit),
    )
    if (index <= this.known.main.base.index) return
    const through = { index, term: termAt(this.known.main, index) }
    yield* this.#perform(
      compacted(through),
      log.compact({ group: "main", through, configuration: initial }),
      // There may be no room to note that rows were removed, when the base has moved already.
      () => this.disk.synced("main")!.base.index >= index,
    )
  })

  readonly #read = Effect.fnUntraced({ self: this as DiskUser }, function* ({ log }: Open) {
    const { base, entries } = this.known.main
    if (this.#commit <= base.index) return
    const [from, to] = [this.chance.between(base.index + 1, this.#commit), this.#commit]
    const read = yield* log
      .read({ group: "main", from, to, bytesMax: 1e9 })
      .pipe(Effect.catchTag("Compacted", () => Effect.succeed(null)))
    if (read === null) this.known.sightings.add("compacted under a reader")
    else expect(read).toEqual(entries.slice(from - base.index - 1, to - base.index))
  })

  readonly #create = Effect.fnUntraced({ self: this as DiskUser }, function* ({ snapshots }: Open) {
    const { index } = this.known.state
    const snapshot = yield* snapshots.create.pipe(Effect.catchTag("StorageFull", () => Effect.succeed(null)))
    if (snapshot === null) return
    expect(snapshot.index).toBeGreaterThanOrEqual(index)
    this.#snapshotIndex = snapshot.index
    this.known.sightings.add("snapshot")
  })
}

const healing: ReadonlyArray<GroupWrite> = ["main", "other"].map((group) => ({
  group,
  write: writeOf({ standing: "whole" }),
}))

const isOfDisk = (reason: unknown): boolean =>
  reason instanceof StorageFailed || reason instanceof StateStoreFailed
