// What does a node's storage have on its disk, and how is it made and found again?

import { copyFileSync, mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { openDataDirectory } from "../../src/storage/DataDirectory.ts"
import { LogFile } from "../../src/storage/LogFile.ts"
import type { LoadedGroup } from "../../src/storage/LogStore.ts"
import { openLogDirectory } from "../../src/storage/logDirectory.ts"
import type { Flush, StateStore } from "../../src/storage/StateStore.ts"
import {
  createSnapshot,
  finishSnapshot,
  installSnapshot,
  reopenSnapshot,
  snapshotPaths,
} from "../../src/storage/snapshotFiles.ts"
import { openSqliteStateStore } from "../../src/storage/stateStoreSqlite.ts"
import { initial, writeOf } from "./support.ts"

/** All that a node would find, as far as the walk has come. */
export interface Found {
  readonly term: number
  readonly votedFor: string | null
  readonly baseIndex: number
  /** Term of each entry behind the base. */
  readonly terms: ReadonlyArray<number>
  /** How far the state has come; every instance was written by the flush that took it there. */
  readonly stateIndex: number
  /** Of the newest snapshot that the node made itself. */
  readonly snapshotIndex: number
  /** Of another group; null: it is not there. */
  readonly otherTerms: ReadonlyArray<number> | null
}

/** An open data directory. */
export interface Walk {
  readonly directory: string
  readonly log: LogFile
  state: StateStore
  readonly arrived: Arrived | null
  /** What the log had when it was opened. */
  readonly loaded: LoadedGroup
}

/** A snapshot from elsewhere. */
export interface Arrived {
  readonly path: string
  readonly id: string
  readonly bytes: number
}

/** Starts as a node does, and tells what it has. Throws when anything of it is not whole. */
export const reopen = (directory: string): Found =>
  inDirectory(directory, null, ({ log, state, loaded }) => {
    if (loaded.standing !== "whole") throw new Error(`suspect: ${loaded.suspicion}`)
    const { index: baseIndex } = loaded.base
    const entries =
      loaded.lastIndex === baseIndex
        ? []
        : log.read({ group: "main", from: baseIndex + 1, to: loaded.lastIndex, bytesMax: 1_000_000 })
    for (const [at, { index, data }] of entries.entries()) {
      const text = Buffer.from(data).toString()
      if (index !== baseIndex + 1 + at || text !== `entry ${index}`)
        throw new Error(`entry ${index} is ${text}`)
    }
    return {
      ...loaded.hardState,
      baseIndex,
      terms: entries.map(({ term }) => term),
      stateIndex: stateIndexOf(state),
      snapshotIndex: snapshotIndexOf(directory),
      otherTerms: otherTermsOf(log),
    }
  })

/** A group that is not there, or no longer, can be made: nothing that it has promised is lost. */
const otherTermsOf = (log: LogFile): ReadonlyArray<number> | null => {
  const isThere = log.groups.has("other")
  const { standing, suspicion, tail, hardState } = makeOther(log)
  if (standing !== "whole") throw new Error(`the other group is suspect: ${suspicion}`)
  if (!isThere && (tail.length > 0 || hardState.term > 0)) throw new Error("a new group is not empty")
  return isThere ? tail.map(({ term }) => term) : null
}

export const makeOther = (log: LogFile): LoadedGroup =>
  log.load({
    group: "other",
    initial,
    stateIndex: 0,
    stateTerm: 0,
    stateConfiguration: initial,
    tailBytesMax: 1_000_000,
  })

/** Makes the snapshot that the walk is given, in a directory of its own. */
export const makeArrived = (directory: string, arrivedIndex: number): Arrived => {
  const state = openSqliteStateStore(join(directory, "state.db"), initial)
  state.flush(flushOf(arrivedIndex, 3))
  state.close()
  mkdirSync(snapshotPaths(directory).snapshots)
  const { id, bytes, index } = createSnapshot(directory)
  return { path: snapshotPaths(directory).own(index, id), id, bytes }
}

export const inDirectory = <A>(directory: string, arrived: Arrived | null, body: (walk: Walk) => A): A =>
  Effect.gen(function* () {
    const { identity } = yield* openDataDirectory({ directory, clusterId: "cluster", nodeId: "n1" })
    mkdirSync(snapshotPaths(directory).snapshots, { recursive: true })
    const log = LogFile.open(openLogDirectory(directory, identity, reserveBytes))
    const state = openState(directory)
    const { index: stateIndex, term: stateTerm } = state.position()
    const at = { stateIndex, stateTerm, stateConfiguration: initial, tailBytesMax: 1_000_000 }
    const walk: Walk = { directory, log, state, arrived, loaded: log.load({ group: "main", initial, ...at }) }
    if (walk.loaded.pendingInstall !== null) {
      installInto(walk, walk.loaded.pendingInstall.snapshotId)
      log.installed("main")
    }
    const result = body(walk)
    walk.state.close()
    log.close()
    return result
  }).pipe(Effect.scoped, Effect.runSync)

/** In one write. */
const reserveBytes = 65_536

const openState = (directory: string): StateStore =>
  openSqliteStateStore(snapshotPaths(directory).state, initial)

export const write = ({ log }: Walk, part: Parameters<typeof writeOf>[0]): void =>
  log.write([{ group: "main", write: writeOf(part) }])

export const flush = ({ state }: Walk, index: number, term: number): void => state.flush(flushOf(index, term))

export const arrivedOf = ({ arrived }: Walk): Arrived => {
  if (arrived === null) throw new Error("this walk was given no snapshot")
  return arrived
}

export const arrive = (walk: Walk): void => {
  const { id, bytes, path } = arrivedOf(walk)
  copyFileSync(path, snapshotPaths(walk.directory).part(id))
  const reason = finishSnapshot(walk.directory, id, bytes)
  if (reason !== "") throw new Error(reason)
}

export const installInto = (walk: Walk, id: string): void => {
  walk.state.close()
  installSnapshot(walk.directory, id)
  walk.state = openState(walk.directory)
}

const flushOf = (index: number, term: number): Flush => ({
  position: { index, term, time: 0, configuration: initial },
  instances: ["a", `b${index}`].map((key) => ({
    ...{ actor: "counter", key, state: `{"at":${index}}`, revision: index, version: "1", index },
  })),
  outcomes: [],
  forgetOutcomesBelow: 0,
  timersSet: [],
  timersCleared: [],
  digest: `after ${index}`,
})

/** Position, digest and instances are of one flush, or it throws. */
const stateIndexOf = (state: StateStore): number => {
  const { index } = state.position()
  if (index === 0) return 0
  const seen = [state.digest(), ...["a", `b${index}`].map((key) => state.instance("counter", key)?.state)]
  const expected = [`after ${index}`, `{"at":${index}}`, `{"at":${index}}`]
  if (!Bun.deepEquals(seen, expected)) throw new Error(`the state at ${index} is ${JSON.stringify(seen)}`)
  return index
}

/** Every file that has a snapshot's name must be one. */
const snapshotIndexOf = (directory: string): number =>
  readdirSync(snapshotPaths(directory).snapshots)
    .flatMap((name) => {
      const [, index, id] = /^(\d+)-([0-9a-f]{64})\.db$/.exec(name) ?? []
      if (index === undefined || id === undefined) return []
      const snapshot = reopenSnapshot(snapshotPaths(directory).own(Number(index), id), id)
      if (snapshot?.index !== Number(index)) throw new Error(`${name} is no snapshot`)
      return [Number(index)]
    })
    .reduce((newest, index) => Math.max(newest, index), 0)
