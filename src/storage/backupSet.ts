// Which backups make up a whole cluster? A directory with one of each group, and a list that says which is whose.

import { Database } from "bun:sqlite"
import { readFileSync, statSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { Schema } from "effect"
import { isGroupName, mainGroup } from "../consensus/groups.ts"
import type { GroupId, Index } from "../consensus/types.ts"
import { BackupRefused } from "./backupFile.ts"
import { syncPath } from "./durable.ts"
import { codeOf } from "./errorCode.ts"
import { failing } from "./StateGuard.ts"
import { StateCorrupt, StateStoreFailed, type StoredInstance } from "./StateStore.ts"
import { readRecord, readRowsOf } from "./stateRows.ts"

/** What the machine's own rows say in one backup. */
export interface BackupRows {
  /** As of which entry of its group. */
  readonly index: Index
  readonly rows: ReadonlyArray<StoredInstance>
}

/** Whoever can read those rows: the machine. */
export interface SetJudge {
  /** The actors of the rows that are to be read. */
  readonly actors: ReadonlyArray<string>
  /** Why these are no whole cluster of one moment; null: they are. `main` is always among them. */
  readonly problemOf: (set: ReadonlyMap<GroupId, BackupRows>) => string | null
  /** Those rows of `main` that are to be other where other members run the groups. */
  readonly amended: (rows: ReadonlyArray<StoredInstance>) => ReadonlyArray<StoredInstance>
  /** Actors of which one group's rows say that the others have a part as well. */
  readonly partsIn: (rows: ReadonlyArray<StoredInstance>) => ReadonlyArray<PartOfActor>
}

/** Slots are counted, of so many that every actor has. */
export interface PartOfActor {
  readonly actor: string
  readonly slots: number
  readonly slotsInAll: number
}

export interface BackupOfGroup {
  readonly group: GroupId
  /** Where it lies. */
  readonly file: string
  /** What it should be, hexadecimal; null: nobody has said. */
  readonly sha256: string | null
}

/** A single file is taken for that of `main`. In the order of the groups' names, `main` first. */
export const findBackups = (path: string): ReadonlyArray<BackupOfGroup> => {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    return [{ group: mainGroup, file: path, sha256: null }]
  }
  const { groups } = readList(path)
  const all = groups.map(({ group, file, sha256 }) => ({ group, file: join(path, file), sha256 }))
  const twice = all.find(({ group }, at) => all.findIndex((other) => other.group === group) !== at)
  if (twice !== undefined) throw refusal(path, `its ${listName} names the group ${twice.group} twice`)
  const main = all.filter(({ group }) => group === mainGroup)
  if (main.length === 0) throw refusal(path, `its ${listName} names no backup of the group ${mainGroup}`)
  const others = all.filter(({ group }) => group !== mainGroup)
  return [...main, ...others.toSorted((one, other) => (one.group < other.group ? -1 : 1))]
}

/** One of these for all of a directory, whichever file and group came first: the cluster id follows from it. */
export const hashOfSet = (
  hashes: ReadonlyArray<{ readonly group: GroupId; readonly fileHash: string }>,
): string => {
  // As ever: from the same file comes the same cluster.
  if (hashes.length === 1) return hashes[0]!.fileHash
  const all = hashes.map(({ group, fileHash }) => `${group}=${fileHash}`).sort()
  return new Bun.CryptoHasher("sha256").update(all.join()).digest("hex")
}

const List = Schema.Struct({
  format: Schema.Number,
  clusterId: Schema.String,
  groups: Schema.Array(Schema.Struct({ group: Schema.String, file: Schema.String, sha256: Schema.String })),
})
export type BackupList = Omit<typeof List.Type, "format">

const listFormat = 1
export const listName = "set.json"

const readList = (directory: string): BackupList => {
  let text: string
  try {
    text = readFileSync(join(directory, listName), "utf8")
  } catch (error) {
    throw refusal(
      directory,
      codeOf(error) === "ENOENT"
        ? `it has no ${listName}: it is no backup of all groups`
        : `its ${listName} cannot be read (${codeOf(error)})`,
    )
  }
  const list = parse(text)
  if (list === null) throw refusal(directory, `its ${listName} is not what it was`)
  if (list.format !== listFormat) {
    throw refusal(
      directory,
      `its ${listName} has format ${list.format}, this program reads format ${listFormat}`,
    )
  }
  return list
}

const parse = (text: string): typeof List.Type | null => {
  try {
    const list = Schema.decodeUnknownSync(List)(JSON.parse(text))
    const isGood = list.groups.every(({ group, file }) => isGroupName(group) && basename(file) === file)
    return isGood ? list : null
  } catch {
    return null
  }
}

/**
 * Makes a directory of backups one that {@link findBackups} finds: durable when it returns. A text: why they are no whole
 * cluster of one moment, and nothing was written.
 */
export const sealBackups = (directory: string, list: BackupList, judge: SetJudge): string | null => {
  const set = new Map(
    list.groups.map(({ group, file }) => [group, lookInto(join(directory, file), judge.actors)] as const),
  )
  const problem = judge.problemOf(set)
  if (problem !== null) return problem
  const path = join(directory, listName)
  writeFileSync(path, `${JSON.stringify({ format: listFormat, ...list }, null, 2)}\n`, { mode: 0o600 })
  syncPath(path)
  syncPath(directory)
  return null
}

/** Not all of it: that takes as long as it is large, and is done before anything is made of it. */
const lookInto = (file: string, actors: ReadonlyArray<string>): BackupRows => {
  try {
    return failing("read", () => {
      const database = new Database(file, { readonly: true, strict: true })
      try {
        const { position } = readRecord(database)
        return { index: position.index, rows: readRowsOf(database, actors) }
      } finally {
        database.close()
      }
    })
  } catch (error) {
    if (!(error instanceof StateCorrupt || error instanceof StateStoreFailed)) throw error
    throw refusal(file, error.message)
  }
}

const refusal = (file: string, reason: string): BackupRefused => new BackupRefused({ file, reason })
