// Where do the snapshots of a group live on disk, and who reads and writes them beside the running node?

import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs"
import { open } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { makeDirectory } from "./durable.ts"
import { codeOf } from "./errorCode.ts"
import { type StorageFailed, StorageFull } from "./LogStore.ts"
import { freeBytesIn, keptBytesIn } from "./reserveFile.ts"
import { SnapshotStore, StateDamaged } from "./SnapshotStore.ts"
import { SnapshotStores } from "./SnapshotStores.ts"
import { snapshotPaths } from "./snapshotFiles.ts"
import {
  FilesAround,
  makeSnapshotStore,
  type OwnSnapshot,
  type SnapshotFiles,
  stopped,
} from "./snapshotService.ts"
import { makeSnapshotThreads, ownThreads, type SnapshotThreads, type Threads } from "./snapshotThreads.ts"
import { storageError } from "./sqliteError.ts"
import { noState } from "./stateRows.ts"
import { WholeStateQueue } from "./WholeStateQueue.ts"

type Failure = StorageFailed | StorageFull

/** Snapshots of the `state.db` in `directory`, kept in `directory/snapshots`. */
export const layerSqlite = (options: { readonly directory: string; readonly threads?: Threads }) => {
  const { directory, threads = ownThreads } = options
  const files = Effect.suspend(() => openFiles(directory, makeSnapshotThreads(threads, 0)))
  return Layer.effect(SnapshotStore, Effect.map(files, makeSnapshotStore))
}

/** The same for any number of directories, which are made when something comes into them. */
export const layerStoresSqlite = ({ threads = ownThreads }: { readonly threads?: Threads } = {}) =>
  Layer.sync(SnapshotStores, () => {
    const queue = new WholeStateQueue()
    const kept = makeSnapshotThreads(threads, threadKeptMillis)
    return SnapshotStores.of({
      open: (directory) =>
        Effect.sync(() =>
          makeSnapshotStore(new LateFiles(directory, queue.inTurn(new FilesIn(directory, kept)))),
        ),
    })
  })

const threadKeptMillis = 10_000
/** `groups`, the group's, and `snapshots`. */
const lateDepth = 3

const openFiles = Effect.fnUntraced(function* (directory: string, threads: SnapshotThreads) {
  const { snapshots } = snapshotPaths(directory)
  yield* attempt("open snapshots", () => mkdirSync(snapshots, { recursive: true })).pipe(
    Effect.mapError(stopped),
  )
  return new FilesIn(directory, threads)
})

/** In a directory that is made when something comes into it. */
class LateFiles extends FilesAround {
  readonly #directory: string
  #hasState = false
  #isMade = false

  constructor(directory: string, files: SnapshotFiles) {
    super(files)
    this.#directory = directory
  }

  override get create() {
    return Effect.suspend(() =>
      this.#mustHaveState()
        ? Effect.andThen(this.#make(), this.files.create)
        : Effect.fail(new StateDamaged({ reason: noState })),
    )
  }

  override get verify() {
    return Effect.suspend(() => (this.#mustHaveState() ? this.files.verify : Effect.succeed(0)))
  }

  override write(id: string, offset: number, bytes: Uint8Array) {
    return Effect.andThen(this.#make(), this.files.write(id, offset, bytes))
  }

  /** Whoever has been there once, and is no longer, is lost. */
  #mustHaveState(): boolean {
    this.#hasState ||= existsSync(snapshotPaths(this.#directory).state)
    return this.#hasState
  }

  #make() {
    return attempt("make snapshots", () => {
      if (!this.#isMade) makeDirectory(snapshotPaths(this.#directory).snapshots, lateDepth)
      this.#isMade = true
    })
  }
}

class FilesIn implements SnapshotFiles {
  readonly #directory: string
  readonly #threads: SnapshotThreads

  constructor(directory: string, threads: SnapshotThreads) {
    this.#directory = directory
    this.#threads = threads
  }

  get own() {
    return Effect.suspend(() =>
      attempt("list snapshots", () =>
        namesIn(this.#paths.snapshots)
          .flatMap((name) => {
            const match = /^(\d+)-([0-9a-f]{64})\.db$/.exec(name)
            return match === null ? [] : [{ index: Number(match[1]), id: match[2]! }]
          })
          .sort((left, right) => right.index - left.index),
      ),
    )
  }

  get create() {
    return Effect.suspend(() =>
      attempt("create snapshot", () => insistOnRoom(this.#directory, this.#paths.state)),
    ).pipe(Effect.andThen(this.#threads.runStateJob("create", this.#directory)))
  }

  get verify() {
    return this.#threads.scrub(this.#paths.state)
  }

  remove({ index, id }: OwnSnapshot) {
    return attempt("remove snapshot", () => rmSync(this.#paths.own(index, id), { force: true }))
  }

  reopen({ index, id }: OwnSnapshot) {
    return this.#threads.runJob("reopen", this.#paths.own(index, id), id)
  }

  read({ index, id }: OwnSnapshot, offset: number, bytesMax: number) {
    return attemptAsync("read snapshot", () => readPiece(this.#paths.own(index, id), offset, bytesMax))
  }

  received(id: string) {
    return attempt("receive snapshot", () => {
      const { snapshots, part, received } = this.#paths
      const kept = [part(id), received(id)]
      for (const name of namesIn(snapshots)) {
        const path = join(snapshots, name)
        if (/\.(part|received)$/.test(name) && !kept.includes(path)) rmSync(path, { force: true })
      }
      return sizeOf(part(id)) || sizeOf(received(id))
    })
  }

  write(id: string, offset: number, bytes: Uint8Array) {
    return attemptAsync("receive snapshot", async () => {
      await using file = await open(this.#paths.part(id), offset === 0 ? "w" : "r+")
      const { bytesWritten } = await file.write(bytes, 0, bytes.byteLength, offset)
      return offset + bytesWritten
    })
  }

  finish(id: string, bytes: number) {
    return this.#threads.runJob("finish", this.#directory, id, bytes)
  }

  install(id: string) {
    return this.#threads.runJob("install", this.#directory, id)
  }

  get #paths() {
    return snapshotPaths(this.#directory)
  }
}

/** Half a copy, too large for the disk, would take what votes and the log need meanwhile. */
const insistOnRoom = (directory: string, state: string): void => {
  if (freeBytesIn(directory) < sizeOf(state) + keptBytesIn(directory)) {
    throw new StorageFull({ operation: "create snapshot" })
  }
}

/** Null when the file has gone meanwhile. */
const readPiece = async (path: string, offset: number, bytesMax: number): Promise<Uint8Array | null> => {
  try {
    await using file = await open(path, "r")
    const bytes = new Uint8Array(bytesMax)
    const { bytesRead } = await file.read(bytes, 0, bytesMax, offset)
    return bytes.subarray(0, bytesRead)
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null
    throw error
  }
}

const attempt = <A>(operation: string, body: () => A): Effect.Effect<A, Failure> =>
  Effect.try({ try: body, catch: (error) => storageError(operation, error) })

const attemptAsync = <A>(operation: string, body: () => Promise<A>): Effect.Effect<A, Failure> =>
  Effect.tryPromise({ try: body, catch: (error) => storageError(operation, error) })

const sizeOf = (path: string): number => {
  try {
    return statSync(path).size
  } catch (error) {
    if (codeOf(error) === "ENOENT") return 0
    throw error
  }
}

/** None where there is no directory yet. */
const namesIn = (directory: string): ReadonlyArray<string> => {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (codeOf(error) === "ENOENT") return []
    throw error
  }
}
