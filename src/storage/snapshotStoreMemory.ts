// Where do the snapshots of a group live when there is no disk? In the files of a disk in memory.

import { Effect, Layer } from "effect"
import type { GroupId } from "../consensus/types.ts"
import type { StorageFailed, StorageFull } from "./LogStore.ts"
import type { MemoryDisk } from "./MemoryDisk.ts"
import { type Syncable, sqliteError } from "./MemoryFile.ts"
import { type Snapshot, SnapshotStore, StateDamaged } from "./SnapshotStore.ts"
import { SnapshotStores } from "./SnapshotStores.ts"
import { type DigestOf, StateCorrupt } from "./StateStore.ts"
import { FilesAround, makeSnapshotStore, type SnapshotFiles } from "./snapshotService.ts"
import { storageError } from "./sqliteError.ts"
import { decodeState, encodeState, readPosition, type StateImage, verifyImage } from "./stateImage.ts"
import { corruptNote, noState } from "./stateRows.ts"
import { stateFileName } from "./stateStoreMemory.ts"
import { WholeStateQueue } from "./WholeStateQueue.ts"

/** `digestOf`: what the rows of a state must add up to; null: not asked. */
export const layerMemory = (options: {
  readonly disk: MemoryDisk
  readonly group: GroupId
  readonly digestOf?: DigestOf
}) =>
  Layer.sync(SnapshotStore, () =>
    makeSnapshotStore(openFiles(options.disk, options.group, options.digestOf ?? null)),
  )

/** The same for any number of groups: what stands for a directory here is the name of its group. */
export const layerStoresMemory = (options: { readonly disk: MemoryDisk; readonly digestOf?: DigestOf }) =>
  Layer.sync(SnapshotStores, () => {
    const queue = new WholeStateQueue()
    return SnapshotStores.of({
      open: (directory) =>
        Effect.sync(() => {
          const files = openFiles(options.disk, directory, options.digestOf ?? null)
          return makeSnapshotStore(new LateFiles(options.disk, directory, queue.inTurn(files)))
        }),
    })
  })

/** Whoever has been there once, and is no longer, is lost. */
class LateFiles extends FilesAround {
  readonly #disk: MemoryDisk
  readonly #directory: string
  #hasState = false

  constructor(disk: MemoryDisk, directory: string, files: SnapshotFiles) {
    super(files)
    this.#disk = disk
    this.#directory = directory
  }

  override get verify() {
    return Effect.suspend(() => {
      this.#hasState ||= this.#disk.directory(this.#directory).file(stateFileName) !== undefined
      return this.#hasState ? this.files.verify : Effect.succeed(0)
    })
  }
}

const openFiles = (disk: MemoryDisk, group: GroupId, digestOf: DigestOf | null): SnapshotFiles => {
  const { conduct, run } = disk
  const directory = disk.directory(group)

  /** What a thread does between two syncs. Who has died meanwhile does nothing any more. */
  const attempt = <A>(operation: string, body: () => A): Effect.Effect<A, StorageFailed | StorageFull> =>
    Effect.suspend(() =>
      disk.run !== run
        ? Effect.never
        : Effect.try({ try: body, catch: (error) => storageError(operation, error) }),
    )

  const sync = (operation: string, file: () => Syncable) =>
    Effect.andThen(
      conduct.syncing,
      attempt(operation, () => disk.sync(file())),
    )

  /** Of a part only what is new takes room. */
  const write = (name: string, content: Uint8Array): void => {
    disk.reserve.spend(content.byteLength - (bytesOf(name)?.byteLength ?? 0))
    directory.write(name, content)
  }

  /** Not into the file of an earlier run, whose sync may have failed. */
  const writeAnew = (name: string, content: Uint8Array): void => {
    directory.remove(name)
    write(name, content)
  }

  const stateNow = (): StateImage => {
    const content = directory.file(stateFileName)?.written
    if (content === undefined) throw new StateCorrupt(noState)
    return content instanceof Uint8Array ? decodeState(content) : content
  }

  /** Of the state itself: it may turn out not to be what was written. */
  const attemptOnState = <A>(operation: string, body: () => A) =>
    Effect.suspend(() =>
      disk.run !== run
        ? Effect.never
        : Effect.try({
            try: body,
            catch: (error) =>
              error instanceof StateCorrupt
                ? new StateDamaged({ reason: error.message })
                : storageError(operation, error),
          }),
    )

  /** A bad row is noted: the next start is to give the state up. */
  const encodeGood = (state: StateImage): Uint8Array => {
    try {
      verifyImage(state, digestOf)
      return encodeState(state)
    } catch (error) {
      if (error instanceof StateCorrupt) directory.write(corruptNote(stateFileName), new Uint8Array())
      throw error
    }
  }

  const bytesOf = (name: string): Uint8Array | null => {
    const content = directory.file(name)?.written
    return content instanceof Uint8Array ? content : null
  }

  /** The state of exactly one flush (HAZARDS N7), under its name only when file and name are durable (N1, S9). */
  const create = Effect.gen(function* () {
    yield* conduct.working
    const snapshot = yield* attemptOnState("create snapshot", () => {
      const state = stateNow()
      const bytes = encodeGood(state)
      const { reserve } = disk
      if (reserve.freeBytes() - bytes.byteLength < reserve.bytes / 4) throw sqliteError("SQLITE_FULL")
      writeAnew(draftName, bytes)
      return describe(state, bytes)
    })
    yield* sync("create snapshot", () => directory.file(draftName)!)
    yield* attempt("create snapshot", () => directory.rename(draftName, ownName(snapshot)))
    yield* sync("create snapshot", () => directory.names)
    return snapshot
  })

  const finish = Effect.fnUntraced(function* (id: string, expected: number) {
    yield* conduct.working
    const received = bytesOf(receivedName(id))
    if (received?.byteLength === expected) {
      // It was finished before, and may have gone bad since; and who did it may have died before its name was durable.
      const reason = yield* attempt("finish snapshot", () => refusal(received, id, expected, digestOf))
      if (reason !== "") yield* attempt("finish snapshot", () => directory.remove(receivedName(id)))
      yield* sync("finish snapshot", () => directory.names)
      return reason
    }
    const reason = yield* attempt("finish snapshot", () => {
      const bytes = bytesOf(partName(id))
      const refused = bytes === null ? "nothing of it is here" : refusal(bytes, id, expected, digestOf)
      if (refused !== "") directory.remove(partName(id))
      return refused
    })
    if (reason !== "") return reason
    // The cache may show what the disk does not have, and a later sync would say nothing of it (HAZARDS S2).
    yield* Effect.tapError(
      sync("finish snapshot", () => directory.file(partName(id))!),
      () => attempt("finish snapshot", () => directory.remove(partName(id))),
    )
    yield* attempt("finish snapshot", () => directory.rename(partName(id), receivedName(id)))
    yield* sync("finish snapshot", () => directory.names)
    return ""
  })

  const install = Effect.fnUntraced(function* (id: string) {
    yield* conduct.working
    const isThere = yield* attempt("install snapshot", () => {
      if (bytesOf(receivedName(id)) !== null) return true
      if (decoder.decode(bytesOf(noteName) ?? undefined) === id) return false
      throw new Error(`snapshot ${id} is neither received nor installed`)
    })
    // The state may be in place already; but who put it there may have died before that was durable.
    if (!isThere) return yield* sync("install snapshot", () => directory.names)
    // The note first: so a file that has gone is known to have arrived (HAZARDS N2).
    yield* attempt("install snapshot", () => writeAnew(newNoteName, encoder.encode(id)))
    yield* sync("install snapshot", () => directory.file(newNoteName)!)
    yield* attempt("install snapshot", () => directory.rename(newNoteName, noteName))
    yield* sync("install snapshot", () => directory.names)
    // It speaks of the state that goes.
    yield* attempt("install snapshot", () => directory.remove(corruptNote(stateFileName)))
    yield* attempt("install snapshot", () => directory.rename(receivedName(id), stateFileName))
    yield* sync("install snapshot", () => directory.names)
  })

  return {
    own: attempt("list snapshots", () =>
      [...directory.names.written.keys()]
        .flatMap((name) => {
          const match = /^(\d+)-(.+)\.db$/.exec(name)
          return match === null ? [] : [{ index: Number(match[1]), id: match[2]! }]
        })
        .sort((left, right) => right.index - left.index),
    ),
    remove: (own) => attempt("remove snapshot", () => directory.remove(ownName(own))),
    create,
    verify: Effect.andThen(
      conduct.working,
      attemptOnState("verify state", () => {
        verifyImage(stateNow(), digestOf)
        return 0
      }),
    ),
    reopen: (own) =>
      Effect.andThen(
        conduct.working,
        attempt("reopen snapshot", () => reopen(bytesOf(ownName(own)), own.id, digestOf)),
      ),
    read: (own, offset, bytesMax) =>
      Effect.andThen(
        conduct.working,
        attempt("read snapshot", () => bytesOf(ownName(own))?.slice(offset, offset + bytesMax) ?? null),
      ),
    received: (id) =>
      attempt("receive snapshot", () => {
        const kept = [partName(id), receivedName(id)]
        const names = [...directory.names.written.keys()]
        directory.remove(...names.filter((name) => /\.(part|received)$/.test(name) && !kept.includes(name)))
        return kept.map((name) => bytesOf(name)?.byteLength ?? 0).find((bytes) => bytes > 0) ?? 0
      }),
    write: (id, offset, bytes) =>
      Effect.andThen(
        conduct.working,
        attempt("receive snapshot", () => {
          if (offset === 0) writeAnew(partName(id), bytes.slice())
          else write(partName(id), Buffer.concat([bytesOf(partName(id))!, bytes]))
          return offset + bytes.byteLength
        }),
      ),
    finish,
    install,
  }
}

const draftName = "draft"
const noteName = "installed"
const newNoteName = "installed.new"
const ownName = ({ index, id }: { readonly index: number; readonly id: string }) => `${index}-${id}.db`
const partName = (id: string) => `${id}.part`
const receivedName = (id: string) => `${id}.received`

const describe = (state: StateImage, bytes: Uint8Array): Snapshot => {
  const { index, term, configuration } = readPosition(state).position
  return { index, term, configuration, id: hashOf(bytes), bytes: bytes.byteLength }
}

/** A disk gives the bytes; whether they are what their name says, the hash tells. */
const reopen = (bytes: Uint8Array | null, id: string, digestOf: DigestOf | null): Snapshot | null =>
  bytes === null || hashOf(bytes) !== id || damageIn(bytes, digestOf) !== ""
    ? null
    : describe(decodeState(bytes), bytes)

const refusal = (bytes: Uint8Array, id: string, expected: number, digestOf: DigestOf | null): string => {
  if (bytes.byteLength !== expected) return `it has ${bytes.byteLength} bytes instead of ${expected}`
  const hash = hashOf(bytes)
  if (hash !== id) return `its hash is ${hash}`
  return damageIn(bytes, digestOf)
}

/** Empty when it is a whole state. */
const damageIn = (bytes: Uint8Array, digestOf: DigestOf | null): string => {
  try {
    verifyImage(decodeState(bytes), digestOf)
    return ""
  } catch (error) {
    if (error instanceof StateCorrupt) return error.message
    throw error
  }
}

const hashOf = (bytes: Uint8Array): string => new Bun.CryptoHasher("sha256").update(bytes).digest("hex")

const encoder = new TextEncoder()
const decoder = new TextDecoder()
