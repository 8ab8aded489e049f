// How do backups become the data directory of a node of a new cluster?

import { mkdirSync, mkdtempSync, readdirSync, realpathSync, renameSync, rmSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { Effect, type Scope } from "effect"
import { mainGroup } from "../consensus/groups.ts"
import type { Configuration, GroupId, NodeId } from "../consensus/types.ts"
import {
  type Adopted,
  adoptBackup,
  type Backup,
  BackupRefused,
  copyBackup,
  refuseOther,
} from "./backupFile.ts"
import { type BackupOfGroup, findBackups, hashOfSet, type PartOfActor, type SetJudge } from "./backupSet.ts"
import { openDataDirectory, type StartOptions } from "./DataDirectory.ts"
import { syncPath } from "./durable.ts"
import { codeOf } from "./errorCode.ts"
import { directoryOf } from "./groupDirectory.ts"
import { LogFile } from "./LogFile.ts"
import { DataDirectoryRefused, type Identity, type StorageFailed, type StorageFull } from "./LogStore.ts"
import { logPaths, openLogDirectory } from "./logDirectory.ts"
import type { StateContent } from "./StateStore.ts"
import { snapshotPaths } from "./snapshotFiles.ts"
import { storageError } from "./sqliteError.ts"

export interface RestoreOptions {
  /** A backup of `main` where there is no other group, or a directory with one of each group. */
  readonly file: string
  /** Absolute path of what becomes the data directory: nothing, or an empty directory. */
  readonly directory: string
  readonly nodeId: NodeId
  /** Of the new cluster, and of each of its groups. */
  readonly configuration: Configuration
  /** The new cluster's id, from the SHA-256 of what it is made of: another one than the old cluster's (HAZARDS O6). */
  readonly clusterIdOf: (fileHash: string) => string
  readonly startOptions: StartOptions
  /** The machine's hash over all that a state holds. */
  readonly digestOf: (content: StateContent) => string
  readonly judge: SetJudge
}

export type RestoreFailed = BackupRefused | DataDirectoryRefused | StorageFailed | StorageFull

export interface Restored {
  readonly clusterId: string
  /** `main` first, then in the order of their names. */
  readonly groups: ReadonlyArray<Backup & { readonly group: GroupId }>
  /** Actors of which one backup alone has only what one of their groups had. */
  readonly parts: ReadonlyArray<PartOfActor & { readonly instances: number }>
}

/**
 * All nodes of a new cluster that are made from the same backups with the same members begin alike, in each group: as if its
 * leader had sent them all one snapshot, and nothing else had ever happened. The directory appears at once and whole, or not
 * at all.
 */
export const restoreBackup = (options: RestoreOptions): Effect.Effect<Restored, RestoreFailed> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { nodeId, startOptions, configuration } = options
      const directory = yield* attempt(options.directory, () => emptyPlace(options.directory))
      const backups = yield* attempt(directory, () => findBackups(options.file))
      yield* attempt(directory, () => backups.forEach(({ file }) => refuseOther(file)))
      const draft = yield* makeDraft(directory)
      const restored: Array<RestoredGroup> = []
      for (const backup of backups) {
        restored.push(yield* attempt(directory, () => restoreGroup(options, draft, backup)))
      }
      yield* attempt(directory, () => refuseParts(options, restored))
      const clusterId = options.clusterIdOf(hashOfSet(restored))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const held = yield* openDataDirectory({ directory: draft, clusterId, nodeId })
          yield* held.remember(startOptions)
          yield* attempt(directory, () => {
            beginLogs({ draft, identity: held.identity, configuration, restored })
            renameSync(copyOfMain(draft), snapshotPaths(draft).state)
            syncPath(draft)
          })
        }),
      )
      yield* attempt(directory, () => putInPlace(draft, directory))
      return {
        clusterId,
        groups: restored.map(({ group, backup }) => ({ group, ...backup })),
        parts: restored.length === 1 ? partsOf(options.judge, restored[0]!) : [],
      }
    }),
  )

/** A single backup may be one of any group, whatever it is restored as. */
const partsOf = ({ partsIn }: SetJudge, { rows, instancesOf }: Adopted): Restored["parts"] =>
  partsIn(rows).map((part) => ({ ...part, instances: instancesOf.get(part.actor) ?? 0 }))

interface RestoredGroup extends Adopted {
  readonly group: GroupId
  /** SHA-256 of the backup. */
  readonly fileHash: string
}

/** Its state in the draft: that of `main` waits beside its place, for a state without a log would not be taken over. */
const restoreGroup = (
  { configuration, digestOf, judge }: RestoreOptions,
  draft: string,
  { group, file, sha256 }: BackupOfGroup,
): RestoredGroup => {
  const own = directoryOf(draft, group)
  const copy = group === mainGroup ? copyOfMain(draft) : snapshotPaths(own).state
  if (group !== mainGroup) mkdirSync(own, { recursive: true, mode: 0o700 })
  const fileHash = copyBackup(file, copy)
  if (sha256 !== null && sha256 !== fileHash) {
    throw new BackupRefused({ file, reason: `its SHA-256 is ${fileHash} instead of ${sha256}` })
  }
  const { actors } = judge
  const amended: SetJudge["amended"] = group === mainGroup ? judge.amended : () => []
  const adopted = adoptBackup({ file, copy, configuration, digestOf, actors, amended })
  for (const path of group === mainGroup ? [] : [own, dirname(own)]) syncPath(path)
  return { ...adopted, group, fileHash }
}

const copyOfMain = (draft: string): string => join(draft, "backup.db")

/** Groups of which nobody has anything would keep the new cluster from ever being ready. */
const refuseParts = ({ file, judge }: RestoreOptions, restored: ReadonlyArray<RestoredGroup>): void => {
  const set = restored.map(
    ({ group, backup, rows }) => [group, { index: backup.position.index, rows }] as const,
  )
  const reason = judge.problemOf(new Map(set))
  if (reason !== null) throw new BackupRefused({ file, reason })
}

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

/**
 * Logs that begin behind the states, under the new configuration; the term of each is none that anybody leads any more. A group
 * that begins so is founded by nobody: what its row in `main` says of founders are data directories of the old cluster, and
 * no node of the new one ever is one of them (HAZARDS S6).
 */
const beginLogs = (options: {
  readonly draft: string
  readonly identity: Identity
  readonly configuration: Configuration
  readonly restored: ReadonlyArray<RestoredGroup>
}): void => {
  const { draft, identity, configuration, restored } = options
  const log = LogFile.open(openLogDirectory(draft, identity))
  try {
    for (const { group, backup, fileHash } of restored) {
      const { index, term } = backup.position
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
    }
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
