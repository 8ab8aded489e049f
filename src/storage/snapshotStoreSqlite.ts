// Where do the snapshots of a group live on disk, and who reads and writes them beside the running node?

import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs"
import { open } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { StorageFailed, StorageFull } from "./LogStore.ts"
import { type LogReply, unpackError } from "./logProtocol.ts"
import { freeBytesIn, keptBytesIn } from "./reserveFile.ts"
import { SnapshotStore, StateDamaged } from "./SnapshotStore.ts"
import { snapshotPaths } from "./snapshotFiles.ts"
import { damagedTag, type SnapshotJobs, type SnapshotRequest } from "./snapshotJobs.ts"
import { makeSnapshotStore, type SnapshotFiles, stopped } from "./snapshotService.ts"
import { codeOf, storageError } from "./sqliteError.ts"

type Failure = StorageFailed | StorageFull

/**
 * Snapshots of the `state.db` in `directory`, kept in `directory/snapshots`. `thread`: the module that does the long
 * jobs, by {@link serveJobs}; the room's own does not know what the rows of a state add up to.
 */
export const layerSqlite = (options: { readonly directory: string; readonly thread?: URL }) => {
  const { directory, thread = new URL("./snapshotWorker.ts", import.meta.url) } = options
  return Layer.effect(SnapshotStore, Effect.map(openFiles(directory, thread), makeSnapshotStore))
}

const openFiles = Effect.fnUntraced(function* (directory: string, thread: URL) {
  const paths = snapshotPaths(directory)
  const { runJob, runStateJob } = jobsIn(thread)
  yield* attempt("open snapshots", () => mkdirSync(paths.snapshots, { recursive: true })).pipe(
    Effect.mapError(stopped),
  )
  return {
    own: Effect.suspend(() =>
      attempt("list snapshots", () =>
        readdirSync(paths.snapshots)
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
    verify: runStateJob("verify", directory),
    reopen: ({ index, id }) => runJob("reopen", paths.own(index, id), id),
    read: ({ index, id }, offset, bytesMax) =>
      attemptAsync("read snapshot", () => readPiece(paths.own(index, id), offset, bytesMax)),
    received: (id) =>
      attempt("receive snapshot", () => {
        const kept = [paths.part(id), paths.received(id)]
        for (const name of readdirSync(paths.snapshots)) {
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
  } satisfies SnapshotFiles
})

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

type Job = keyof SnapshotJobs
type Given<J extends Job> = Parameters<SnapshotJobs[J]>
type Gives<J extends Job, E> = Effect.Effect<ReturnType<SnapshotJobs[J]>, E>

const jobsIn = (thread: URL) => {
  /** Of the state itself: it may turn out not to be what was written. */
  const runStateJob = <J extends Job>(job: J, ...values: Given<J>): Gives<J, Failure | StateDamaged> =>
    run(thread, { job, arguments: values }) as Gives<J, Failure | StateDamaged>
  const runJob = <J extends Job>(job: J, ...values: Given<J>): Gives<J, Failure> =>
    Effect.catchTag(runStateJob(job, ...values), "StateDamaged", Effect.die)
  return { runJob, runStateJob }
}

/** One job, one thread: it ends with its answer, or with the fiber that waits for it. */
const run = (thread: URL, request: SnapshotRequest): Effect.Effect<unknown, Failure | StateDamaged> =>
  Effect.callback((resume) => {
    const worker = new Worker(thread, { name: "raftlet snapshot" })
    const end = (outcome: Effect.Effect<unknown, Failure | StateDamaged>): void => {
      resume(outcome)
      worker.terminate()
    }
    const died = (message: string) =>
      end(Effect.fail(new StorageFailed({ operation: `${request.job} snapshot`, message, cause: message })))
    worker.onmessage = (event: MessageEvent<Pick<LogReply, "result" | "error">>) => end(outcomeOf(event.data))
    worker.onerror = (event) => died(event.message)
    worker.addEventListener("close", () => died("the snapshot thread ended"))
    worker.postMessage(request)
    return Effect.sync(() => worker.terminate())
  })

const outcomeOf = ({
  result,
  error,
}: Pick<LogReply, "result" | "error">): Effect.Effect<unknown, Failure | StateDamaged> => {
  if (error === null) return Effect.succeed(result)
  if (error.tag === damagedTag) return Effect.fail(new StateDamaged({ reason: String(error.fields.reason) }))
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
