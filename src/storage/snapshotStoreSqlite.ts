// Where do the snapshots of a group live on disk, and who reads and writes them beside the running node?

import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs"
import { open } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { codeOf } from "./errorCode.ts"
import { StorageFailed, StorageFull } from "./LogStore.ts"
import { type LogReply, unpackError } from "./logProtocol.ts"
import { freeBytesIn, keptBytesIn } from "./reserveFile.ts"
import { SnapshotStore, StateDamaged } from "./SnapshotStore.ts"
import type { Scrub } from "./scrub.ts"
import { snapshotPaths } from "./snapshotFiles.ts"
import { damagedTag, type SnapshotJobs, type SnapshotRequest } from "./snapshotJobs.ts"
import { makeSnapshotStore, type SnapshotFiles, stopped } from "./snapshotService.ts"
import { storageError } from "./sqliteError.ts"

type Failure = StorageFailed | StorageFull

/** Modules that begin with `serveJobs` and with `serveScrub`. */
export interface Threads {
  readonly jobs: URL
  readonly scrub: URL
}

/** These do not know what the rows of a state add up to. */
const ownThreads: Threads = {
  jobs: new URL("./snapshotWorker.ts", import.meta.url),
  scrub: new URL("./scrubWorker.ts", import.meta.url),
}

/** Snapshots of the `state.db` in `directory`, kept in `directory/snapshots`. */
export const layerSqlite = (options: { readonly directory: string; readonly threads?: Threads }) => {
  const { directory, threads = ownThreads } = options
  return Layer.effect(SnapshotStore, Effect.map(openFiles(directory, threads), makeSnapshotStore))
}

const openFiles = Effect.fnUntraced(function* (directory: string, threads: Threads) {
  const paths = snapshotPaths(directory)
  const { runJob, runStateJob } = jobsIn(threads.jobs)
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
    verify: Effect.flatMap(inThread<Scrub>(threads.scrub, "scrub", paths.state), scrubbed),
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

const scrubbed = ({ damage, failure, tookMillis }: Scrub): Effect.Effect<number, Failure | StateDamaged> => {
  if (damage !== null) return Effect.fail(new StateDamaged({ reason: damage }))
  return failure === null ? Effect.succeed(tookMillis) : Effect.fail(failed("scrub", failure))
}

type Job = keyof SnapshotJobs
type Given<J extends Job> = Parameters<SnapshotJobs[J]>
type Gives<J extends Job, E> = Effect.Effect<ReturnType<SnapshotJobs[J]>, E>
type Answer = Pick<LogReply, "result" | "error">

const jobsIn = (thread: URL) => {
  /** Of the state itself: it may turn out not to be what was written. */
  const runStateJob = <J extends Job>(job: J, ...values: Given<J>): Gives<J, Failure | StateDamaged> => {
    const request: SnapshotRequest = { job, arguments: values }
    return Effect.flatMap(inThread<Answer>(thread, `${job} snapshot`, request), outcomeOf) as Gives<
      J,
      Failure | StateDamaged
    >
  }
  const runJob = <J extends Job>(job: J, ...values: Given<J>): Gives<J, Failure> =>
    Effect.catchTag(runStateJob(job, ...values), "StateDamaged", Effect.die)
  return { runJob, runStateJob }
}

/** One job, one thread: it ends with its answer, or with the fiber that waits for it. */
const inThread = <A>(thread: URL, operation: string, request: unknown): Effect.Effect<A, StorageFailed> =>
  Effect.callback((resume) => {
    const worker = new Worker(thread, { name: "raftlet snapshot" })
    const end = (outcome: Effect.Effect<A, StorageFailed>): void => {
      resume(outcome)
      worker.terminate()
    }
    const died = (message: string) => end(Effect.fail(failed(operation, message)))
    worker.onmessage = (event: MessageEvent<A>) => end(Effect.succeed(event.data))
    worker.onerror = (event) => died(event.message)
    worker.addEventListener("close", () => died("the snapshot thread ended"))
    worker.postMessage(request)
    return Effect.sync(() => worker.terminate())
  })

const failed = (operation: string, message: string): StorageFailed =>
  new StorageFailed({ operation, message, cause: message })

const outcomeOf = ({ result, error }: Answer): Effect.Effect<unknown, Failure | StateDamaged> => {
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
