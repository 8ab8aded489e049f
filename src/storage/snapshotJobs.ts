// What does the snapshot thread do? Copying and hashing a whole state takes long, so it happens here and ends.

import { packError } from "./logProtocol.ts"
import { failing } from "./StateGuard.ts"
import { type DigestOf, StateCorrupt } from "./StateStore.ts"
import { createSnapshot, finishSnapshot, installSnapshot, reopenSnapshot } from "./snapshotFiles.ts"
import { storageError } from "./sqliteError.ts"

declare const self: Worker

const jobsWith = (digestOf: DigestOf | null) => ({
  create: (directory: string) => createSnapshot(directory, digestOf),
  reopen: (path: string, id: string) => reopenSnapshot(path, id, digestOf),
  finish: (directory: string, id: string, bytes: number) => finishSnapshot(directory, id, bytes, digestOf),
  install: installSnapshot,
})
export type SnapshotJobs = ReturnType<typeof jobsWith>

export interface SnapshotRequest {
  readonly job: keyof SnapshotJobs
  readonly arguments: ReadonlyArray<unknown>
}

/** How the thread says that the state itself is not what was written. */
export const damagedTag = "StateDamaged"

/** For the jobs that this thread is given, one at a time. `digestOf`: what the rows of a state must add up to; null: not asked. */
export const serveJobs = (digestOf: DigestOf | null): void => {
  const jobs = jobsWith(digestOf)
  self.onmessage = (event: MessageEvent<SnapshotRequest>) => {
    const { job, arguments: values } = event.data
    const run = jobs[job] as (...values: ReadonlyArray<unknown>) => unknown
    const ofState = job === "create"
    try {
      const result = ofState ? failing(job, () => run(...values)) : run(...values)
      self.postMessage({ result, error: null })
    } catch (error) {
      self.postMessage({ result: null, error: ofState ? packStateError(job, error) : pack(job, error) })
    }
  }
}

const pack = (job: string, error: unknown) => packError(storageError(`${job} snapshot`, error))

const packStateError = (job: string, error: unknown) => {
  if (error instanceof StateCorrupt) return { tag: damagedTag, fields: { reason: error.message } }
  // What SQLite said of the disk stands behind the word of the state's guard.
  return pack(job, error instanceof Error && error.cause !== undefined ? error.cause : error)
}
