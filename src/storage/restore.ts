// How does a backup become the data directory of a node of a new cluster?

import { mkdirSync, mkdtempSync, readdirSync, realpathSync, renameSync, rmSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { Effect, type Scope } from "effect"
import type { Configuration, GroupId, NodeId } from "../consensus/types.ts"
import { adoptBackup, type Backup, BackupRefused, copyBackup, refuseOther } from "./backupFile.ts"
import { openDataDirectory, type StartOptions } from "./DataDirectory.ts"
import { syncPath } from "./durable.ts"
import { codeOf } from "./errorCode.ts"
import { LogFile } from "./LogFile.ts"
import { DataDirectoryRefused, type Identity, type StorageFailed, type StorageFull } from "./LogStore.ts"
import { logPaths, openLogDirectory } from "./logDirectory.ts"
import type { StateContent, StatePosition } from "./StateStore.ts"
import { snapshotPaths } from "./snapshotFiles.ts"
import { storageError } from "./sqliteError.ts"

export interface RestoreOptions {
  readonly file: string
  /** Absolute path of what becomes the data directory: nothing, or an empty directory. */
  readonly directory: string
  readonly nodeId: NodeId
  readonly group: GroupId
  /** Of the new cluster. */
  readonly configuration: Configuration
  /** The new cluster's id, from the SHA-256 of the file: another one than the old cluster's (HAZARDS O6). */
  readonly clusterIdOf: (fileHash: string) => string
  readonly startOptions: StartOptions
  /** The machine's hash over all that a state holds. */
  readonly digestOf: (content: StateContent) => string
}

export type RestoreFailed = BackupRefused | DataDirectoryRefused | StorageFailed | StorageFull

export interface Restored extends Backup {
  readonly clusterId: string
}

/**
 * All nodes of a new cluster that are made from the same file with the same members begin alike: as if a leader had
 * sent them all one snapshot, and nothing else had ever happened. The directory appears at once and whole, or not at all.
 */
export const restoreBackup = (options: RestoreOptions): Effect.Effect<Restored, RestoreFailed> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { file, nodeId, startOptions, configuration, digestOf } = options
      const directory = yield* attempt(options.directory, () => emptyPlace(options.directory))
      yield* attempt(directory, () => refuseOther(file))
      const draft = yield* makeDraft(directory)
      const copy = join(draft, "backup.db")
      const fileHash = yield* attempt(directory, () => copyBackup(file, copy))
      const backup = yield* attempt(directory, () => adoptBackup({ file, copy, configuration, digestOf }))
      const clusterId = options.clusterIdOf(fileHash)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const held = yield* openDataDirectory({ directory: draft, clusterId, nodeId })
          yield* held.remember(startOptions)
          yield* attempt(directory, () => {
            beginLog({ ...options, draft, identity: held.identity, position: backup.position, fileHash })
            renameSync(copy, snapshotPaths(draft).state)
            syncPath(draft)
          })
        }),
      )
      yield* attempt(directory, () => putInPlace(draft, directory))
      return { ...backup, clusterId }
    }),
  )

/** Where a rename puts it: behind a link, as SQLite and the node will see it. */
const emptyPlace = (directory: string): string => {
  const found = lookAt(directory)
  if (found === undefined) return directory
  if (!found.isDirectory()) throw refusal(directory, "it is not a directory")
  const names = readdirSync(directory).sort()
  if (names.length > 0) {
    const some = names.slice(0, 3).join(", ")
    throw refusal(directory, `it holds ${some}: a backup is restored into a new or an empty directory`)
  }
  return realpathSync(directory)
}

const lookAt = (directory: string) => {
  try {
    return statSync(directory, { throwIfNoEntry: false })
  } catch (error) {
    throw refusal(directory, `it cannot be looked at (${codeOf(error)})`)
  }
}

/** Beside the directory, so that a rename can put it in place. Gone when the scope closes, unless it was. */
const makeDraft = (directory: string): Effect.Effect<string, RestoreFailed, Scope.Scope> =>
  Effect.acquireRelease(
    attempt(directory, () => {
      try {
        mkdirSync(dirname(directory), { recursive: true })
        return mkdtempSync(`${directory}.restoring-`)
      } catch (error) {
        if (codeOf(error) === "ENOSPC") throw error
        throw refusal(directory, `nothing can be written beside it (${codeOf(error)})`)
      }
    }),
    (draft) => Effect.sync(() => rmSync(draft, { recursive: true, force: true })),
  )

/** A log that begins behind the state, under the new configuration; its term is none that anybody leads any more. */
const beginLog = (options: {
  readonly draft: string
  readonly identity: Identity
  readonly group: GroupId
  readonly configuration: Configuration
  readonly position: StatePosition
  readonly fileHash: string
}): void => {
  const { draft, identity, group, configuration, position, fileHash } = options
  const { index, term } = position
  const log = LogFile.open(openLogDirectory(draft, identity))
  try {
    log.load({
      group,
      initial: configuration,
      stateIndex: 0,
      stateTerm: 0,
      stateConfiguration: configuration,
      tailBytesMax: 0,
    })
    const write = {
      sequence: 1,
      hardState: { term, votedFor: null },
      install: { index, term, configuration, snapshotId: fileHash },
      truncateFrom: null,
      entries: [],
      standing: null,
    }
    log.write([{ group, write }])
    log.installed(group)
  } finally {
    log.close()
  }
  for (const path of [logPaths(draft).log, logPaths(draft).mark]) syncPath(path)
}

const putInPlace = (draft: string, directory: string): void => {
  try {
    renameSync(draft, directory)
  } catch (error) {
    throw refusal(
      directory,
      `it cannot be put in place (${codeOf(error)}): name a directory that is not there yet`,
    )
  }
  syncPath(dirname(directory))
}

const refusal = (directory: string, reason: string): DataDirectoryRefused =>
  new DataDirectoryRefused({ directory, reason })

const attempt = <A>(directory: string, body: () => A): Effect.Effect<A, RestoreFailed> =>
  Effect.try({
    try: body,
    catch: (error) =>
      error instanceof BackupRefused || error instanceof DataDirectoryRefused
        ? error
        : storageError(`restore into ${directory}`, error),
  })
