// What may a disk hold when a process has ended on it? Groups, state and snapshots as plain values.

import { expect } from "bun:test"
import { Effect } from "effect"
import type { Entry, Write } from "../../src/consensus/types.ts"
import type { Chance } from "../../src/simulation/Chance.ts"
import type { GroupWrite, LoadedGroup } from "../../src/storage/LogStore.ts"
import { MemoryDisk } from "../../src/storage/MemoryDisk.ts"
import { type Snapshot, SnapshotStore } from "../../src/storage/SnapshotStore.ts"
import type { Flush } from "../../src/storage/StateStore.ts"
import { layerMemory } from "../../src/storage/snapshotStoreMemory.ts"
import { openMemoryStateStore } from "../../src/storage/stateStoreMemory.ts"
import { entryOf, identity, initial, plain, writeOf } from "../storage/support.ts"

/** What a group's log holds. Never changed. */
export interface GroupModel {
  readonly hardState: { readonly term: number; readonly votedFor: string | null }
  readonly base: { readonly index: number; readonly term: number }
  readonly entries: ReadonlyArray<Entry>
  readonly pendingInstall: LoadedGroup["pendingInstall"]
}

export type LogModel = Readonly<Record<string, GroupModel>>

/** What a flush or an install leaves. */
export interface StateModel {
  readonly index: number
  readonly term: number
  readonly digest: string
}

export const emptyGroup: GroupModel = {
  hardState: { term: 0, votedFor: null },
  base: { index: 0, term: 0 },
  entries: [],
  pendingInstall: null,
}

export const lastIndexOf = ({ base, entries }: GroupModel): number => base.index + entries.length

export const termAt = ({ base, entries }: GroupModel, index: number): number =>
  index === base.index ? base.term : entries[index - base.index - 1]!.term

/** A transaction of the log: it happens as a whole, or not at all. */
export type Transaction = (log: LogModel) => LogModel

export const written =
  (batch: ReadonlyArray<GroupWrite>): Transaction =>
  (log) => {
    const after = { ...log }
    for (const { group, write } of batch) after[group] = afterWrite(after[group]!, write)
    return after
  }

export const compacted =
  (through: GroupModel["base"]): Transaction =>
  (log) => {
    const { main } = log as { readonly main: GroupModel }
    if (through.index <= main.base.index) return log
    const entries = main.entries.filter(({ index }) => index > through.index)
    return { ...log, main: { ...main, base: through, entries } }
  }

export const installed: Transaction = (log) => ({ ...log, main: { ...log.main!, pendingInstall: null } })

/** Every log that is left when each of these has happened or not, in their order. */
export const outcomesOf = (log: LogModel, underWay: ReadonlyArray<Transaction>): ReadonlyArray<LogModel> => {
  const [first, ...rest] = underWay
  return first === undefined ? [log] : [...outcomesOf(log, rest), ...outcomesOf(first(log), rest)]
}

export const isSame = (loaded: LoadedGroup, group: GroupModel): boolean =>
  Bun.deepEquals(
    [loaded.hardState, loaded.base, loaded.pendingInstall, plain(loaded.tail)],
    [group.hardState, group.base, group.pendingInstall, plain(group.entries)],
  )

/** As an expectation, so that a failure shows what was found and what could be. */
export const expectOneOf = (
  loaded: Readonly<Record<string, LoadedGroup>>,
  possible: ReadonlyArray<LogModel>,
): void => {
  const shown = (groups: Readonly<Record<string, GroupModel>>) =>
    JSON.stringify(
      Object.entries(groups).map(([name, group]) => {
        const entries = group.entries.map(({ index, term }) => `${index}@${term}`).join(" ")
        return { name, ...group.hardState, base: group.base, pending: group.pendingInstall, entries }
      }),
    )
  const found = Object.fromEntries(
    Object.entries(loaded).map(([name, group]) => [name, { ...group, entries: group.tail }]),
  )
  expect(possible.map(shown)).toContain(shown(found))
}

export const shapeOf = (group: GroupModel) => ({
  hardState: group.hardState,
  base: group.base,
  lastIndex: lastIndexOf(group),
})

/** A batch that may follow, over one or both groups. Nothing up to `commit` is cut. */
export const drawBatch = (log: LogModel, commit: number, chance: Chance): ReadonlyArray<GroupWrite> =>
  Object.entries(log)
    .filter(([name]) => name === "main" || chance.happens(0.3))
    .map(([name, group]) => {
      const last = lastIndexOf(group)
      const { term, votedFor } = group.hardState
      const hardState = chance.happens(0.3)
        ? { term: term + 1, votedFor: chance.pick(["n1", "n2", null]) }
        : { term, votedFor }
      const lowest = Math.max(group.base.index, name === "main" ? commit : 0) + 1
      const from = chance.happens(0.2) && lowest <= last ? chance.between(lowest, last) : last + 1
      const entries = Array.from({ length: chance.below(4) }, (_, at) =>
        entryOf(
          from + at,
          hardState.term,
          `${name} ${from + at} of term ${hardState.term} ${chance.below(1000)}`,
        ),
      )
      return { group: name, write: writeOf({ hardState, truncateFrom: from > last ? null : from, entries }) }
    })

export const flushOf = ({ index, term, digest }: StateModel): Flush => ({
  position: { index, term, time: index, configuration: initial },
  instances: [0, 1].map((at) => ({
    actor: "a",
    key: `k${at}`,
    state: JSON.stringify(`${digest} ${"x".repeat(200 * at)}`),
    revision: index,
    version: "v1",
    index,
  })),
  outcomes: [],
  forgetOutcomesBelow: 0,
  timersSet: [],
  timersCleared: [],
  digest,
})

/** A snapshot that another node sends. */
export interface Arrival {
  readonly snapshot: Snapshot
  readonly bytes: Uint8Array
  readonly state: StateModel
}

export const arrivalAt = (index: number, { hardState }: GroupModel): Effect.Effect<Arrival> => {
  const disk = new MemoryDisk(identity)
  const state = { index, term: hardState.term, digest: `from another ${index}` }
  openMemoryStateStore(disk, { group: "main", initial }).flush(flushOf(state))
  return Effect.gen(function* () {
    const store = yield* SnapshotStore
    const snapshot = yield* store.create
    const bytes = yield* store.read({ id: snapshot.id, offset: 0, bytesMax: snapshot.bytes })
    return { snapshot, bytes, state }
  }).pipe(Effect.provide(layerMemory({ disk, group: "main" })), Effect.orDie)
}

const afterWrite = (group: GroupModel, write: Write): GroupModel => {
  let { hardState, base, entries, pendingInstall } = group
  if (write.hardState !== null) hardState = write.hardState
  if (write.install !== null) {
    const { index, term, snapshotId } = write.install
    base = { index, term }
    entries = []
    pendingInstall = { snapshotId, index }
  }
  const { truncateFrom } = write
  if (truncateFrom !== null) entries = entries.filter(({ index }) => index < truncateFrom)
  return { hardState, base, entries: [...entries, ...write.entries], pendingInstall }
}
