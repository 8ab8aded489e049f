// Which threads read and copy whole states, and how long are they there?

import { Effect } from "effect"
import { StorageFailed, StorageFull } from "./LogStore.ts"
import { type LogReply, unpackError } from "./logProtocol.ts"
import { StateDamaged } from "./SnapshotStore.ts"
import type { Scrub } from "./scrub.ts"
import { damagedTag, type SnapshotJobs, type SnapshotRequest } from "./snapshotJobs.ts"
import { storageError } from "./sqliteError.ts"

type Failure = StorageFailed | StorageFull

/** Modules that begin with `serveJobs` and with `serveScrub`. */
export interface Threads {
  readonly jobs: URL
  readonly scrub: URL
}

/** These do not know what the rows of a state add up to. */
export const ownThreads: Threads = {
  jobs: new URL("./snapshotWorker.ts", import.meta.url),
  scrub: new URL("./scrubWorker.ts", import.meta.url),
}

type Job = keyof SnapshotJobs
type Given<J extends Job> = Parameters<SnapshotJobs[J]>
type Gives<J extends Job, E> = Effect.Effect<ReturnType<SnapshotJobs[J]>, E>
type Answer = Pick<LogReply, "result" | "error">

export type SnapshotThreads = ReturnType<typeof makeSnapshotThreads>

/** `keptMillis`: how long a thread whose job is done waits for the next one; 0: it ends with its job. */
export const makeSnapshotThreads = (threads: Threads, keptMillis: number) => {
  const jobs = new KeptThread(threads.jobs, keptMillis)
  const scrubs = new KeptThread(threads.scrub, keptMillis)
  /** Of the state itself: it may turn out not to be what was written. */
  const runStateJob = <J extends Job>(job: J, ...values: Given<J>): Gives<J, Failure | StateDamaged> => {
    const request: SnapshotRequest = { job, arguments: values }
    return Effect.flatMap(jobs.run<Answer>(`${job} snapshot`, request), outcomeOf) as Gives<
      J,
      Failure | StateDamaged
    >
  }
  return {
    runStateJob,
    runJob: <J extends Job>(job: J, ...values: Given<J>): Gives<J, Failure> =>
      Effect.catchTag(runStateJob(job, ...values), "StateDamaged", Effect.die),
    /** Succeeds with the milliseconds that it took. */
    scrub: (path: string): Effect.Effect<number, Failure | StateDamaged> =>
      Effect.flatMap(scrubs.run<Scrub>("scrub", path), scrubbed),
  }
}

/** A thread has one job at a time, and ends with the fiber that waits for it; one is kept for the next job. */
class KeptThread {
  readonly #module: URL
  readonly #keptMillis: number
  #idle: { readonly worker: Worker; readonly leave: () => void } | null = null

  constructor(module: URL, keptMillis: number) {
    this.#module = module
    this.#keptMillis = keptMillis
  }

  run<A>(operation: string, request: unknown): Effect.Effect<A, StorageFailed> {
    return Effect.callback((resume) => {
      const worker = this.#take()
      const died = (message: string) => {
        worker.terminate()
        resume(Effect.fail(failed(operation, message)))
      }
      const ended = () => died("the snapshot thread ended")
      worker.onmessage = (event: MessageEvent<A>) => {
        worker.removeEventListener("close", ended)
        this.#keep(worker)
        resume(Effect.succeed(event.data))
      }
      worker.onerror = (event) => died(event.message)
      worker.addEventListener("close", ended)
      worker.postMessage(request)
      return Effect.sync(() => worker.terminate())
    })
  }

  #take(): Worker {
    if (this.#idle === null) return new Worker(this.#module, { name: "raftlet snapshot" })
    const { worker, leave } = this.#idle
    leave()
    worker.ref()
    return worker
  }

  /** It keeps no process alive while it has nothing to do. */
  #keep(worker: Worker): void {
    if (this.#keptMillis === 0 || this.#idle !== null) return worker.terminate()
    const end = () => {
      leave()
      worker.terminate()
    }
    const timer = setTimeout(end, this.#keptMillis)
    const leave = () => {
      clearTimeout(timer)
      worker.removeEventListener("close", end)
      this.#idle = null
    }
    timer.unref()
    worker.unref()
    worker.onerror = end
    worker.addEventListener("close", end)
    this.#idle = { worker, leave }
  }
}

const scrubbed = ({ damage, failure, tookMillis }: Scrub): Effect.Effect<number, Failure | StateDamaged> => {
  if (damage !== null) return Effect.fail(new StateDamaged({ reason: damage }))
  return failure === null ? Effect.succeed(tookMillis) : Effect.fail(failed("scrub", failure))
}

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
