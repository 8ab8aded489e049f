// What does an error of SQLite or of the file system mean to the rest of the node?

import { codeOf } from "./errorCode.ts"
import { StorageFailed, StorageFull } from "./LogStore.ts"

export const storageError = (operation: string, error: unknown): StorageFailed | StorageFull => {
  if (error instanceof StorageFailed || error instanceof StorageFull) return error
  if (isNoRoom(error)) return new StorageFull({ operation })
  const code = codeOf(error)
  const message = error instanceof Error ? error.message : String(error)
  return new StorageFailed({
    operation,
    message: code === "" ? message : `${code}: ${message}`,
    cause: error,
  })
}

/** The disk or a quota is full: nothing of what was asked for is there, and it may be asked for again. */
export const isNoRoom = (error: unknown): boolean =>
  error instanceof StorageFull ||
  // The last one: no room for the index of a write-ahead log.
  ["SQLITE_FULL", "ENOSPC", "EDQUOT", "SQLITE_IOERR_SHMSIZE"].includes(codeOf(error))
