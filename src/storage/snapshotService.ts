// How do the files of snapshots become the promises of SnapshotStore, wherever they lie?

import { Effect, Semaphore } from "effect"
import { StorageFailed, type StorageFull } from "./LogStore.ts"
import {
  type HeldSnapshot,
  type Snapshot,
  SnapshotCorrupt,
  SnapshotStore,
  type StateDamaged,
} from "./SnapshotStore.ts"
import { untilRoom } from "./untilRoom.ts"

type Failure = StorageFailed | StorageFull

/** A finished snapshot that this node made, by its name: nothing is said yet about what is in it. */
export interface OwnSnapshot {
  readonly index: number
  readonly id: string
}

/** One change of them at a time. */
export interface SnapshotFiles {
  readonly own: Effect.Effect<ReadonlyArray<OwnSnapshot>, Failure>
  readonly remove: (own: OwnSnapshot) => Effect.Effect<void, Failure>
  /** Copies the state beside the running machine; durable under its name when it succeeds. */
  readonly create: Effect.Effect<Snapshot, Failure | StateDamaged>
  readonly verify: Effect.Effect<number, Failure | StateDamaged>
  /** Null when it is not what its name says. */
  readonly reopen: (own: OwnSnapshot) => Effect.Effect<Snapshot | null, Failure>
  /** Null when the file has gone meanwhile. */
  readonly read: (
    own: OwnSnapshot,
    offset: number,
    bytesMax: number,
  ) => Effect.Effect<Uint8Array | null, Failure>
  /** Bytes of what arrives or has arrived under this id. Everything of other ids is removed. */
  readonly received: (id: string) => Effect.Effect<number, Failure>
  /** Succeeds with the new length of the part. */
  readonly write: (id: string, offset: number, bytes: Uint8Array) => Effect.Effect<number, Failure>
  /**
   * Empty when what arrived is the announced snapshot, and durable as received; else the reason why not, and it is
   * gone. Repeated after a crash at any step it ends the same way.
   */
  readonly finish: (id: string, bytes: number) => Effect.Effect<string, Failure>
  /** Repeated after a crash at any step it ends the same way (HAZARDS N2). */
  readonly install: (id: string) => Effect.Effect<void, Failure>
}

export const makeSnapshotStore = (files: SnapshotFiles): SnapshotStore["Service"] =>
  SnapshotStore.of(new FiledSnapshots(files))

type Service = SnapshotStore["Service"]

/** What it does is made when it is asked for: a node has a thousand of these, and most have nothing to do for hours. */
class FiledSnapshots implements Service {
  readonly #files: SnapshotFiles
  readonly #one = Semaphore.makeUnsafe(1)
  #newest: Snapshot | null | undefined
  /** Read since the last `create`: their readers may come back for more. */
  readonly #readIds = new Set<string>()
  /** Id → how many hold it. */
  readonly #holders = new Map<string, number>()
  /** Odd while another file takes the state's place. */
  #exchanges = 0

  constructor(files: SnapshotFiles) {
    this.#files = files
  }

  get create() {
    return this.#alone(this.#create())
  }

  get hold() {
    const acquire = Effect.map(this.#create(), (made) => {
      this.#holders.set(made.id, (this.#holders.get(made.id) ?? 0) + 1)
      return made
    })
    const release = (id: string) => Effect.ignore(this.#alone(this.#release(id)))
    return Effect.acquireRelease(this.#alone(acquire), ({ id }) => release(id)).pipe(
      Effect.map(
        (snapshot): HeldSnapshot => ({
          snapshot,
          read: (offset, bytesMax) => this.#read(snapshot.id, offset, bytesMax),
        }),
      ),
    )
  }

  /** What was found while the file was exchanged is said of neither. */
  get verify() {
    return Effect.suspend(() => {
      const before = this.#exchanges
      const isOfOne = () => before % 2 === 0 && this.#exchanges === before
      return Effect.catchTag(this.#files.verify, "StateDamaged", (damaged) =>
        isOfOne() ? Effect.fail(damaged) : Effect.succeed(0),
      )
    }).pipe(Effect.mapError((error) => (error._tag === "StateDamaged" ? error : stopped(error))))
  }

  get forgetOwn() {
    return this.#alone(this.#forgetOwn()).pipe(Effect.mapError(stopped))
  }

  get latest() {
    return this.#alone(this.#latest()).pipe(Effect.mapError(stopped))
  }

  read({ id, offset, bytesMax }: Parameters<Service["read"]>[0]) {
    return Effect.map(this.#read(id, offset, bytesMax), (bytes) => {
      this.#readIds.add(id)
      return bytes
    })
  }

  received(id: string) {
    return this.#alone(this.#files.received(id)).pipe(Effect.mapError(stopped))
  }

  receive({ id, offset, bytes }: Parameters<Service["receive"]>[0]) {
    const files = this.#files
    return this.#alone(
      Effect.gen(function* () {
        const here = yield* files.received(id)
        // A late or repeated piece changes nothing; the answer says where to go on.
        if (offset !== here || bytes.byteLength === 0) return here
        return yield* files.write(id, offset, bytes)
      }),
    )
  }

  finish({ id, bytes }: Parameters<Service["finish"]>[0]) {
    const files = this.#files
    return this.#alone(
      Effect.gen(function* () {
        const reason = yield* files.finish(id, bytes)
        if (reason !== "") return yield* new SnapshotCorrupt({ id, reason })
      }),
    )
  }

  install(id: string) {
    // The log rests on it already: without it the node is at its end.
    return untilRoom(this.#alone(this.#exchange(this.#files.install(id)))).pipe(Effect.mapError(stopped))
  }

  #alone<A, E, R>(change: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return this.#one.withPermits(1)(change)
  }

  /** A file of an earlier run is verified once, before it is offered to anybody (HAZARDS S5). */
  #latest() {
    return Effect.gen({ self: this }, function* () {
      if (this.#newest !== undefined) return this.#newest
      for (const own of yield* this.#files.own) {
        const reopened = yield* this.#files.reopen(own)
        if (reopened !== null) {
          this.#newest = reopened
          return reopened
        }
        yield* this.#files.remove(own)
      }
      this.#newest = null
      return null
    })
  }

  #create() {
    return Effect.gen({ self: this }, function* () {
      const made = yield* this.#files.create
      for (const own of yield* this.#files.own) {
        if (own.id === made.id || this.#readIds.has(own.id) || this.#holders.has(own.id)) continue
        yield* this.#files.remove(own)
      }
      this.#readIds.clear()
      this.#newest = made
      return made
    })
  }

  /** Nobody would come for it: what takes the room of a whole state does not wait for the next one. */
  #release(id: string) {
    return Effect.gen({ self: this }, function* () {
      const others = (this.#holders.get(id) ?? 1) - 1
      if (others > 0) this.#holders.set(id, others)
      else this.#holders.delete(id)
      if (others > 0 || this.#newest?.id === id || this.#readIds.has(id)) return
      for (const own of yield* this.#files.own) if (own.id === id) yield* this.#files.remove(own)
    })
  }

  #exchange<A, E>(install: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const count = Effect.sync(() => {
      this.#exchanges++
    })
    return Effect.ensuring(Effect.andThen(count, install), count)
  }

  #forgetOwn() {
    return Effect.gen({ self: this }, function* () {
      for (const own of yield* this.#files.own) yield* this.#files.remove(own)
      this.#newest = null
      this.#readIds.clear()
    })
  }

  #find(id: string) {
    return Effect.gen({ self: this }, function* () {
      if (this.#newest?.id === id) return this.#newest
      const own = (yield* this.#files.own).find((each) => each.id === id)
      return own === undefined ? yield* new SnapshotCorrupt({ id, reason: "it is not here" }) : own
    })
  }

  #read(id: string, offset: number, bytesMax: number) {
    return Effect.gen({ self: this }, function* () {
      const bytes = yield* this.#files.read(yield* this.#find(id), offset, bytesMax)
      return bytes ?? (yield* new SnapshotCorrupt({ id, reason: "it is not here" }))
    }).pipe(Effect.mapError(stoppedOrCorrupt))
  }
}

/** Files that do most of what others do: those who are more particular build on this. */
export class FilesAround implements SnapshotFiles {
  protected readonly files: SnapshotFiles

  constructor(files: SnapshotFiles) {
    this.files = files
  }

  get own() {
    return this.files.own
  }

  get create() {
    return this.files.create
  }

  get verify() {
    return this.files.verify
  }

  remove(own: OwnSnapshot) {
    return this.files.remove(own)
  }

  reopen(own: OwnSnapshot) {
    return this.files.reopen(own)
  }

  read(own: OwnSnapshot, offset: number, bytesMax: number) {
    return this.files.read(own, offset, bytesMax)
  }

  received(id: string) {
    return this.files.received(id)
  }

  write(id: string, offset: number, bytes: Uint8Array) {
    return this.files.write(id, offset, bytes)
  }

  finish(id: string, bytes: number) {
    return this.files.finish(id, bytes)
  }

  install(id: string) {
    return this.files.install(id)
  }
}

export const stopped = (error: Failure): StorageFailed =>
  error._tag === "StorageFailed"
    ? error
    : new StorageFailed({ operation: error.operation, message: "no room on the disk", cause: error })

const stoppedOrCorrupt = (error: Failure | SnapshotCorrupt): StorageFailed | SnapshotCorrupt =>
  error._tag === "SnapshotCorrupt" ? error : stopped(error)
