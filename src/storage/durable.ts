// When is a file there for good?

import { closeSync, fsyncSync, openSync } from "node:fs"

/** A new name, or the end of one, is durable once the directory is (HAZARDS S9). */
export const syncPath = (path: string): void => {
  const file = openSync(path, "r")
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
