// Is a state file still what was written? For a short-lived thread that does nothing else, so that it begins at once.

import { Database } from "bun:sqlite"
import { existsSync } from "node:fs"
import { codeOf, isCorruptFile } from "./errorCode.ts"
import { type DigestOf, StateCorrupt } from "./StateStore.ts"
import { noState, verifyState } from "./stateRows.ts"

export interface Scrub {
  /** Why it is not what was written; null when it is, or when there was no time to find out. */
  readonly damage: string | null
  /** What the disk said instead of an answer. */
  readonly failure: string | null
  readonly tookMillis: number
}

declare const self: Worker

/** For the files that this thread is given, one at a time. `digestOf`: what its rows must add up to; null: not asked. */
export const serveScrub = (digestOf: DigestOf | null): void => {
  self.onmessage = (event: MessageEvent<string>) => self.postMessage(scrub(event.data, digestOf))
}

/** All of it as of its last flush, in one read transaction beside the running machine. */
const scrub = (path: string, digestOf: DigestOf | null): Scrub => {
  const began = performance.now()
  const outcome = (damage: string | null, failure: string | null): Scrub => ({
    damage,
    failure,
    tookMillis: performance.now() - began,
  })
  try {
    read(path, digestOf)
    return outcome(null, null)
  } catch (error) {
    if (error instanceof StateCorrupt || isCorruptFile(error)) return outcome(saidBy(error), null)
    // Somebody else had the file for longer than that takes: the next time will tell.
    return codeOf(error).startsWith("SQLITE_BUSY") ? outcome(null, null) : outcome(null, saidBy(error))
  }
}

const read = (path: string, digestOf: DigestOf | null): void => {
  if (!existsSync(path)) throw new StateCorrupt(noState)
  const database = new Database(path, { readonly: true })
  try {
    database.run("PRAGMA busy_timeout = 5000")
    database.run("BEGIN")
    // All rows may be there, and the index by which the machine looks for them may not know one of them.
    const pages = database.query("PRAGMA integrity_check(1)").values()[0]?.[0]
    if (pages !== "ok") throw new StateCorrupt(`the file is damaged: ${pages}`)
    verifyState(database, digestOf)
  } finally {
    database.close()
  }
}

const saidBy = (error: unknown): string => {
  const code = codeOf(error)
  return `${code === "" ? "" : `${code}: `}${error instanceof Error ? error.message : String(error)}`
}
