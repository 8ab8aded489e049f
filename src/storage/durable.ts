// When is a file there for good?

import { closeSync, fsyncSync, mkdirSync, openSync } from "node:fs"
import { dirname } from "node:path"

/** A new name, or the end of one, is durable once the directory is (HAZARDS S9). */
export const syncPath = (path: string): void => {
  const file = openSync(path, "r")
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/**
 * A directory with all that it lies in. The last `depth` names of its path are there for good when this returns, whoever
 * has made them: it may have died before they were durable.
 */
export const makeDirectory = (path: string, depth: number): void => {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  let name = path
  for (let level = 0; level < depth; level++) {
    syncPath(dirname(name))
    name = dirname(name)
  }
}
