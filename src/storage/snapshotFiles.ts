// How is a snapshot file made, verified and put in the state's place? Synchronous: for a short-lived thread.

import { Database } from "bun:sqlite"
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { syncPath } from "./durable.ts"
import type { Snapshot } from "./SnapshotStore.ts"
import { type DigestOf, StateCorrupt, StateStoreFailed } from "./StateStore.ts"
import { corruptNote, noState, verifyState } from "./stateRows.ts"

export const snapshotPaths = (directory: string) => {
  const snapshots = join(directory, "snapshots")
  return {
    state: join(directory, "state.db"),
    snapshots,
    draft: join(snapshots, "draft"),
    installed: join(snapshots, "installed"),
    own: (index: number, id: string) => join(snapshots, `${index}-${id}.db`),
    part: (id: string) => join(snapshots, `${fileNameOf(id)}.part`),
    received: (id: string) => join(snapshots, `${fileNameOf(id)}.received`),
  }
}

/** Ids come from other nodes: only what looks like one becomes a file name as it is. */
const fileNameOf = (id: string): string =>
  /^[0-9a-f]{64}$/.test(id) ? id : new Bun.CryptoHasher("sha256").update(id).digest("hex")

/**
 * Copies the state beside the running machine: one read transaction, so it is the state of exactly one flush
 * (HAZARDS N7). Every row of the copy is verified before it gets its name; the name is there only when file
 * and directory are durable (S9, N1).
 */
export const createSnapshot = (directory: string, digestOf: DigestOf | null = null): Snapshot => {
  const paths = snapshotPaths(directory)
  try {
    return makeSnapshot(paths, digestOf)
  } catch (error) {
    // Half a copy would keep the room for which it was too large.
    removeDraft(paths.draft)
    throw error
  }
}

const makeSnapshot = (paths: ReturnType<typeof snapshotPaths>, digestOf: DigestOf | null): Snapshot => {
  removeDraft(paths.draft)
  if (!existsSync(paths.state)) throw new StateCorrupt(noState)
  const source = new Database(paths.state, { readwrite: true, create: false })
  try {
    source.run("PRAGMA busy_timeout = 5000")
    source.query("VACUUM INTO ?").run(paths.draft)
  } finally {
    source.close()
  }
  const position = inspectCopy(paths.draft, paths.state, digestOf)
  syncPath(paths.draft)
  const snapshot = describe(paths.draft, position)
  renameSync(paths.draft, paths.own(snapshot.index, snapshot.id))
  syncPath(paths.snapshots)
  return snapshot
}

/**
 * A file that this node made in an earlier run; null when it is not what its name says, or of another format.
 * A disk that cannot be read is another matter: the file may be good, and stays.
 */
export const reopenSnapshot = (
  path: string,
  id: string,
  digestOf: DigestOf | null = null,
): Snapshot | null => {
  if (hashFile(path) !== id) return null
  try {
    return describe(path, inspect(path, digestOf), id)
  } catch (error) {
    if (error instanceof StateCorrupt || error instanceof StateStoreFailed) return null
    throw error
  }
}

/** Empty when the received file is the announced one and durable under its final name, else the reason why not. */
export const finishSnapshot = (
  directory: string,
  id: string,
  bytes: number,
  digestOf: DigestOf | null = null,
): string => {
  const paths = snapshotPaths(directory)
  const [part, received] = [paths.part(id), paths.received(id)]
  if (statSync(received, { throwIfNoEntry: false })?.size === bytes) {
    // It was finished before, and may have gone bad since; and who did it may have died before its name was durable.
    const reason = refusal(received, id, bytes, digestOf)
    if (reason !== "") rmSync(received, { force: true })
    syncPath(paths.snapshots)
    return reason
  }
  if (!existsSync(part)) return "nothing of it is here"
  const reason = refusal(part, id, bytes, digestOf)
  if (reason !== "") {
    rmSync(part, { force: true })
    return reason
  }
  try {
    syncPath(part)
  } catch (error) {
    // The cache may show what the disk does not have, and a later sync would say nothing of it (HAZARDS S2).
    rmSync(part, { force: true })
    throw error
  }
  renameSync(part, received)
  syncPath(paths.snapshots)
  return ""
}

/**
 * The received file becomes the state file. Repeated after a crash at any step it ends the same way:
 * the note is written first, so that a file that has gone is known to have arrived (HAZARDS N2).
 */
export const installSnapshot = (directory: string, id: string): void => {
  const paths = snapshotPaths(directory)
  const received = paths.received(id)
  if (!existsSync(received)) {
    if (existsSync(paths.installed) && readFileSync(paths.installed, "utf8") === id) {
      // The state is in place; but who put it there may have died before that was durable.
      syncPath(directory)
      syncPath(paths.snapshots)
      return
    }
    throw new Error(`snapshot ${id} is neither received nor installed`)
  }
  writeFileSync(`${paths.installed}.new`, id)
  syncPath(`${paths.installed}.new`)
  renameSync(`${paths.installed}.new`, paths.installed)
  syncPath(paths.snapshots)
  // Durably before the rename: SQLite would read the old write-ahead log into the new file.
  rmSync(`${paths.state}-wal`, { force: true })
  rmSync(`${paths.state}-shm`, { force: true })
  // It speaks of the state that goes.
  rmSync(corruptNote(paths.state), { force: true })
  syncPath(directory)
  renameSync(received, paths.state)
  syncPath(directory)
  syncPath(paths.snapshots)
}

/** SHA-256 of a whole file, in pieces. */
export const hashFile = (path: string): string => {
  const hasher = new Bun.CryptoHasher("sha256")
  const file = openSync(path, "r")
  try {
    const piece = new Uint8Array(1_048_576)
    for (;;) {
      const read = readSync(file, piece, 0, piece.byteLength, null)
      if (read === 0) return hasher.digest("hex")
      hasher.update(piece.subarray(0, read))
    }
  } finally {
    closeSync(file)
  }
}

const refusal = (part: string, id: string, bytes: number, digestOf: DigestOf | null): string => {
  const size = statSync(part).size
  if (size !== bytes) return `it has ${size} bytes instead of ${bytes}`
  const hash = hashFile(part)
  if (hash !== id) return `its hash is ${hash}`
  try {
    inspect(part, digestOf)
    return ""
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** A bad row in the copy is one of the state's: the next start is to give that up ({@link corruptNote}). */
const inspectCopy = (draft: string, state: string, digestOf: DigestOf | null) => {
  try {
    return inspect(draft, digestOf)
  } catch (error) {
    if (error instanceof StateCorrupt) writeFileSync(corruptNote(state), error.message)
    throw error
  }
}

/** Throws unless it is a state file of our format with nothing but good rows, and all of them. */
const inspect = (path: string, digestOf: DigestOf | null) => {
  const database = new Database(path, { readonly: true })
  try {
    return verifyState(database, digestOf)
  } finally {
    database.close()
  }
}

const describe = (path: string, position: ReturnType<typeof inspect>, id = hashFile(path)): Snapshot => ({
  index: position.index,
  term: position.term,
  configuration: position.configuration,
  id,
  bytes: statSync(path).size,
})

const removeDraft = (draft: string): void => {
  for (const suffix of ["", "-journal"]) rmSync(`${draft}${suffix}`, { force: true })
}
