// What does an error of SQLite or of the file system mean to the rest of the node?

import { StorageFailed, StorageFull } from "./LogStore.ts"

export const storageError = (operation: string, error: unknown): StorageFailed | StorageFull => {
  if (error instanceof StorageFailed || error instanceof StorageFull) return error
  const code = codeOf(error)
  if (code === "SQLITE_FULL" || code === "ENOSPC" || code === "EDQUOT") return new StorageFull({ operation })
  const message = error instanceof Error ? error.message : String(error)
  return new StorageFailed({
    operation,
    message: code === "" ? message : `${code}: ${message}`,
    cause: error,
  })
}

export const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""
