// The snapshot thread: copying and hashing a whole state takes long, so it happens here and ends here.

import { packError } from "./logProtocol.ts"
import { createSnapshot, finishSnapshot, installSnapshot, reopenSnapshot } from "./snapshotFiles.ts"
import { storageError } from "./sqliteError.ts"

declare const self: Worker

const jobs = {
  create: createSnapshot,
  reopen: reopenSnapshot,
  finish: finishSnapshot,
  install: installSnapshot,
}
export type SnapshotJobs = typeof jobs

export interface SnapshotRequest {
  readonly job: keyof SnapshotJobs
  readonly arguments: ReadonlyArray<unknown>
}

self.onmessage = (event: MessageEvent<SnapshotRequest>) => {
  const { job, arguments: values } = event.data
  try {
    const run = jobs[job] as (...values: ReadonlyArray<unknown>) => unknown
    self.postMessage({ result: run(...values), error: null })
  } catch (error) {
    self.postMessage({ result: null, error: packError(storageError(`${job} snapshot`, error)) })
  }
}
