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
import { makeSnapshotStore, type SnapshotFiles, stopped } from "./snapshotService.ts"
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
        Effect.sync(() => makeSnapshotStore(lateFiles(directory, queue.inTurn(filesIn(directory, kept))))),
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
  return filesIn(directory, threads)
})

const lateFiles = (directory: string, files: SnapshotFiles): SnapshotFiles => {
  const { state, snapshots } = snapshotPaths(directory)
  let hasState = false
  /** Whoever has been there once, and is no longer, is lost. */
  const mustHaveState = (): boolean => {
    hasState ||= existsSync(state)
    return hasState
  }
  let isMade = false
  const made = attempt("make snapshots", () => {
    if (!isMade) makeDirectory(snapshots, lateDepth)
    isMade = true
  })
  return {
    ...files,
    create: Effect.suspend(() =>
      mustHaveState()
        ? Effect.andThen(made, files.create)
        : Effect.fail(new StateDamaged({ reason: noState })),
    ),
    verify: Effect.suspend(() => (mustHaveState() ? files.verify : Effect.succeed(0))),
    write: (id, offset, bytes) => Effect.andThen(made, files.write(id, offset, bytes)),
  }
}

const filesIn = (directory: string, threads: SnapshotThreads): SnapshotFiles => {
  const paths = snapshotPaths(directory)
  const { runJob, runStateJob, scrub } = threads
  return {
    own: Effect.suspend(() =>
      attempt("list snapshots", () =>
        namesIn(paths.snapshots)
          .flatMap((name) => {
            const match = /^(\d+)-([0-9a-f]{64})\.db$/.exec(name)
            return match === null ? [] : [{ index: Number(match[1]), id: match[2]! }]
          })
          .sort((left, right) => right.index - left.index),
      ),
    ),
    remove: ({ index, id }) =>
      attempt("remove snapshot", () => rmSync(paths.own(index, id), { force: true })),
    create: Effect.suspend(() => attempt("create snapshot", () => insistOnRoom(directory, paths.state))).pipe(
      Effect.andThen(runStateJob("create", directory)),
    ),
    verify: scrub(paths.state),
    reopen: ({ index, id }) => runJob("reopen", paths.own(index, id), id),
    read: ({ index, id }, offset, bytesMax) =>
      attemptAsync("read snapshot", () => readPiece(paths.own(index, id), offset, bytesMax)),
    received: (id) =>
      attempt("receive snapshot", () => {
        const kept = [paths.part(id), paths.received(id)]
        for (const name of namesIn(paths.snapshots)) {
          const path = join(paths.snapshots, name)
          if (/\.(part|received)$/.test(name) && !kept.includes(path)) rmSync(path, { force: true })
        }
        return sizeOf(paths.part(id)) || sizeOf(paths.received(id))
      }),
    write: (id, offset, bytes) =>
      attemptAsync("receive snapshot", async () => {
        await using file = await open(paths.part(id), offset === 0 ? "w" : "r+")
        const { bytesWritten } = await file.write(bytes, 0, bytes.byteLength, offset)
        return offset + bytesWritten
      }),
    finish: (id, bytes) => runJob("finish", directory, id, bytes),
    install: (id) => runJob("install", directory, id),
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
