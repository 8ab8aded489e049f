// Where do the snapshots of a group live on disk, and who reads and writes them beside the running node?

import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs"
import { open } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Layer, Semaphore } from "effect"
import { StorageFailed, StorageFull } from "./LogStore.ts"
import { type LogReply, unpackError } from "./logProtocol.ts"
import { type Snapshot, SnapshotCorrupt, SnapshotStore } from "./SnapshotStore.ts"
import { snapshotPaths } from "./snapshotFiles.ts"
import type { SnapshotJobs, SnapshotRequest } from "./snapshotWorker.ts"
import { codeOf, storageError } from "./sqliteError.ts"

type Failure = StorageFailed | StorageFull

/** Snapshots of the `state.db` in `directory`, kept in `directory/snapshots`. */
export const layerSqlite = (options: { readonly directory: string }) =>
  Layer.effect(SnapshotStore, makeStore(options.directory))

const makeStore = Effect.fnUntraced(function* (directory: string) {
  const paths = snapshotPaths(directory)
  yield* attempt("open snapshots", () => mkdirSync(paths.snapshots, { recursive: true })).pipe(
    Effect.mapError(stopped),
  )
  /** One change of the directory at a time. */
  const alone = (yield* Semaphore.make(1)).withPermits(1)
  let newest: Snapshot | null | undefined
  /** Read since the last `create`: their readers may come back for more. */
  const readIds = new Set<string>()

  const ownFiles = Effect.suspend(() =>
    attempt("list snapshots", () =>
      readdirSync(paths.snapshots)
        .flatMap((name) => {
          const match = /^(\d+)-([0-9a-f]{64})\.db$/.exec(name)
          return match === null
            ? []
            : [{ path: join(paths.snapshots, name), index: Number(match[1]), id: match[2]! }]
        })
        .sort((left, right) => right.index - left.index),
    ),
  )

  /** A file of an earlier run is verified once, before it is offered to anybody (HAZARDS S5). */
  const latest = Effect.gen(function* () {
    if (newest !== undefined) return newest
    for (const { path, id } of yield* ownFiles) {
      const reopened = yield* runJob("reopen", path, id)
      if (reopened !== null) {
        newest = reopened
        return reopened
      }
      yield* attempt("remove snapshot", () => rmSync(path, { force: true }))
    }
    newest = null
    return null
  })

  const create = Effect.gen(function* () {
    const made = yield* runJob("create", directory)
    for (const { path, id } of yield* ownFiles) {
      if (id === made.id || readIds.has(id)) continue
      yield* attempt("remove snapshot", () => rmSync(path, { force: true }))
    }
    readIds.clear()
    newest = made
    return made
  })

  const pathOf = Effect.fnUntraced(function* (id: string) {
    if (newest?.id === id) return paths.own(newest.index, id)
    const file = (yield* ownFiles).find((own) => own.id === id)
    return file === undefined ? yield* new SnapshotCorrupt({ id, reason: "it is not here" }) : file.path
  })

  const received = Effect.fnUntraced(function* (id: string) {
    return yield* attempt("receive snapshot", () => {
      const kept = [paths.part(id), paths.received(id)]
      for (const name of readdirSync(paths.snapshots)) {
        const path = join(paths.snapshots, name)
        if (/\.(part|received)$/.test(name) && !kept.includes(path)) rmSync(path, { force: true })
      }
      return sizeOf(paths.part(id)) || sizeOf(paths.received(id))
    })
  })

  const writePiece = (id: string, offset: number, bytes: Uint8Array) =>
    attemptAsync("receive snapshot", async () => {
      await using file = await open(paths.part(id), offset === 0 ? "w" : "r+")
      const { bytesWritten } = await file.write(bytes, 0, bytes.byteLength, offset)
      return offset + bytesWritten
    })

  return SnapshotStore.of({
    create: alone(create),
    latest: alone(latest).pipe(Effect.mapError(stopped)),
    read: Effect.fnUntraced(function* ({ id, offset, bytesMax }) {
      const path = yield* pathOf(id)
      readIds.add(id)
      const bytes = yield* attemptAsync("read snapshot", () => readPiece(path, offset, bytesMax))
      return bytes ?? (yield* new SnapshotCorrupt({ id, reason: "it is not here" }))
    }, Effect.mapError(stoppedOrCorrupt)),
    received: (id) => alone(received(id)).pipe(Effect.mapError(stopped)),
    receive: ({ id, offset, bytes }) =>
      alone(
        Effect.gen(function* () {
          const here = yield* received(id)
          // A late or repeated piece changes nothing; the answer says where to go on.
          if (offset !== here || bytes.byteLength === 0) return here
          return yield* writePiece(id, offset, bytes)
        }),
      ),
    finish: ({ id, bytes }) =>
      alone(
        Effect.gen(function* () {
          if (sizeOf(paths.received(id)) === bytes) return
          const reason = yield* runJob("finish", directory, id, bytes)
          if (reason !== "") return yield* new SnapshotCorrupt({ id, reason })
        }),
      ),
    install: (id) => alone(runJob("install", directory, id)).pipe(Effect.mapError(stopped)),
  })
})

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

/** One job, one thread: it ends with its answer, or with the fiber that waits for it. */
const runJob = <J extends keyof SnapshotJobs>(
  job: J,
  ...values: Parameters<SnapshotJobs[J]>
): Effect.Effect<ReturnType<SnapshotJobs[J]>, Failure> =>
  Effect.callback((resume) => {
    const worker = new Worker(new URL("./snapshotWorker.ts", import.meta.url), { name: "raftlet snapshot" })
    const end = (outcome: Effect.Effect<ReturnType<SnapshotJobs[J]>, Failure>): void => {
      resume(outcome)
      worker.terminate()
    }
    const died = (message: string) =>
      end(Effect.fail(new StorageFailed({ operation: `${job} snapshot`, message, cause: message })))
    worker.onmessage = (event: MessageEvent<Pick<LogReply, "result" | "error">>) => end(outcomeOf(event.data))
    worker.onerror = (event) => died(event.message)
    worker.addEventListener("close", () => died("the snapshot thread ended"))
    const request: SnapshotRequest = { job, arguments: values }
    worker.postMessage(request)
    return Effect.sync(() => worker.terminate())
  })

const outcomeOf = <A>({ result, error }: Pick<LogReply, "result" | "error">): Effect.Effect<A, Failure> => {
  if (error === null) return Effect.succeed(result as A)
  const unpacked = unpackError(error)
  return Effect.fail(
    unpacked instanceof StorageFailed || unpacked instanceof StorageFull
      ? unpacked
      : storageError("snapshot", unpacked),
  )
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

const stopped = (error: Failure): StorageFailed =>
  error._tag === "StorageFailed"
    ? error
    : new StorageFailed({ operation: error.operation, message: "no room on the disk", cause: error })

const stoppedOrCorrupt = (error: Failure | SnapshotCorrupt): StorageFailed | SnapshotCorrupt =>
  error._tag === "SnapshotCorrupt" ? error : stopped(error)
