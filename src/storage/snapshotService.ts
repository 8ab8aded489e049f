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

export const makeSnapshotStore = (files: SnapshotFiles): SnapshotStore["Service"] => {
  const alone = Semaphore.makeUnsafe(1).withPermits(1)
  let newest: Snapshot | null | undefined
  /** Read since the last `create`: their readers may come back for more. */
  const readIds = new Set<string>()
  /** Id → how many hold it. */
  const holders = new Map<string, number>()
  /** Odd while another file takes the state's place. */
  let exchanges = 0

  /** A file of an earlier run is verified once, before it is offered to anybody (HAZARDS S5). */
  const latest = Effect.gen(function* () {
    if (newest !== undefined) return newest
    for (const own of yield* files.own) {
      const reopened = yield* files.reopen(own)
      if (reopened !== null) {
        newest = reopened
        return reopened
      }
      yield* files.remove(own)
    }
    newest = null
    return null
  })

  const create = Effect.gen(function* () {
    const made = yield* files.create
    for (const own of yield* files.own) {
      if (own.id === made.id || readIds.has(own.id) || holders.has(own.id)) continue
      yield* files.remove(own)
    }
    readIds.clear()
    newest = made
    return made
  })

  const acquire = Effect.map(create, (made) => {
    holders.set(made.id, (holders.get(made.id) ?? 0) + 1)
    return made
  })

  /** Nobody would come for it: what takes the room of a whole state does not wait for the next one. */
  const release = Effect.fnUntraced(function* (id: string) {
    const others = (holders.get(id) ?? 1) - 1
    if (others > 0) holders.set(id, others)
    else holders.delete(id)
    if (others > 0 || newest?.id === id || readIds.has(id)) return
    for (const own of yield* files.own) if (own.id === id) yield* files.remove(own)
  })

  /** What was found while the file was exchanged is said of neither. */
  const verify = Effect.suspend(() => {
    const before = exchanges
    const isOfOne = () => before % 2 === 0 && exchanges === before
    return Effect.catchTag(files.verify, "StateDamaged", (damaged) =>
      isOfOne() ? Effect.fail(damaged) : Effect.succeed(0),
    )
  })

  const exchange = <A, E>(install: Effect.Effect<A, E>): Effect.Effect<A, E> => {
    const count = Effect.sync(() => {
      exchanges++
    })
    return Effect.ensuring(Effect.andThen(count, install), count)
  }

  const forgetOwn = Effect.gen(function* () {
    for (const own of yield* files.own) yield* files.remove(own)
    newest = null
    readIds.clear()
  })

  const find = Effect.fnUntraced(function* (id: string) {
    if (newest?.id === id) return newest
    const own = (yield* files.own).find((each) => each.id === id)
    return own === undefined ? yield* new SnapshotCorrupt({ id, reason: "it is not here" }) : own
  })

  const read = Effect.fnUntraced(function* (id: string, offset: number, bytesMax: number) {
    const bytes = yield* files.read(yield* find(id), offset, bytesMax)
    return bytes ?? (yield* new SnapshotCorrupt({ id, reason: "it is not here" }))
  }, Effect.mapError(stoppedOrCorrupt))

  return SnapshotStore.of({
    create: alone(create),
    hold: Effect.acquireRelease(alone(acquire), ({ id }) => Effect.ignore(alone(release(id)))).pipe(
      Effect.map(
        (snapshot): HeldSnapshot => ({
          snapshot,
          read: (offset, bytesMax) => read(snapshot.id, offset, bytesMax),
        }),
      ),
    ),
    verify: Effect.mapError(verify, (error) => (error._tag === "StateDamaged" ? error : stopped(error))),
    forgetOwn: alone(forgetOwn).pipe(Effect.mapError(stopped)),
    latest: alone(latest).pipe(Effect.mapError(stopped)),
    read: ({ id, offset, bytesMax }) =>
      Effect.map(read(id, offset, bytesMax), (bytes) => {
        readIds.add(id)
        return bytes
      }),
    received: (id) => alone(files.received(id)).pipe(Effect.mapError(stopped)),
    receive: ({ id, offset, bytes }) =>
      alone(
        Effect.gen(function* () {
          const here = yield* files.received(id)
          // A late or repeated piece changes nothing; the answer says where to go on.
          if (offset !== here || bytes.byteLength === 0) return here
          return yield* files.write(id, offset, bytes)
        }),
      ),
    finish: ({ id, bytes }) =>
      alone(
        Effect.gen(function* () {
          const reason = yield* files.finish(id, bytes)
          if (reason !== "") return yield* new SnapshotCorrupt({ id, reason })
        }),
      ),
    install: (id) =>
      // The log rests on it already: without it the node is at its end.
      untilRoom(alone(exchange(files.install(id)))).pipe(Effect.mapError(stopped)),
  })
}

export const stopped = (error: Failure): StorageFailed =>
  error._tag === "StorageFailed"
    ? error
    : new StorageFailed({ operation: error.operation, message: "no room on the disk", cause: error })

const stoppedOrCorrupt = (error: Failure | SnapshotCorrupt): StorageFailed | SnapshotCorrupt =>
  error._tag === "SnapshotCorrupt" ? error : stopped(error)
