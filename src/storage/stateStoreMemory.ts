// How is the state of a group kept when there is no disk? The twin of the SQLite state store.

import type { Configuration, GroupId } from "../consensus/types.ts"
import type { MemoryDisk, MemoryState } from "./MemoryDisk.ts"
import { type Flush, type OutcomeChunk, type StateStore, StateStoreFailed } from "./StateStore.ts"

export const openMemoryStateStore = (
  disk: MemoryDisk,
  options: { readonly group: GroupId; readonly initial: Configuration },
): StateStore => {
  const { group, initial } = options
  if (!disk.states.has(group)) disk.states.set(group, emptyState(initial))
  let closed = false
  const state = (): MemoryState => {
    if (closed) throw new StateStoreFailed("the state store is closed")
    return disk.states.get(group)!
  }
  return {
    position: () => state().position,
    digest: () => state().digest,
    instance: (actor, key) => state().instances.get(joined(actor, key)),
    list: ({ actor, prefix, after, limit }) =>
      [...state().instances.values()]
        .filter(
          (stored) =>
            stored.actor === actor && stored.key.startsWith(prefix) && byBytes(stored.key, after) > 0,
        )
        .sort((left, right) => byBytes(left.key, right.key))
        .slice(0, limit)
        .map(({ key, revision }) => ({ key, revision })),
    outcomesAt: (index) =>
      state().outcomes.find(({ firstIndex, lastIndex }) => firstIndex <= index && index <= lastIndex),
    outcomes: () => state().outcomes,
    outcomesForgottenBelow: () => state().outcomesFrom,
    timers: () =>
      [...state().timers.values()].sort(
        (left, right) => left.dueAt - right.dueAt || byBytes(left.id, right.id),
      ),
    readTogether: (body) => body(),
    flush: (flush) => {
      disk.states.set(group, flushed(state(), flush))
    },
    close: () => {
      closed = true
    },
  }
}

const flushed = (state: MemoryState, flush: Flush): MemoryState => {
  const instances = new Map(state.instances)
  for (const stored of flush.instances) instances.set(joined(stored.actor, stored.key), stored)
  const { position, digest, forgetOutcomesBelow: outcomesFrom } = flush
  const outcomes = [...state.outcomes, ...flush.outcomes.map(copyOf)].filter(
    ({ lastIndex }) => lastIndex >= outcomesFrom,
  )
  const timers = new Map(state.timers)
  for (const timer of flush.timersSet) timers.set(timer.id, timer)
  for (const id of flush.timersCleared) timers.delete(id)
  return { position, digest, instances, outcomes, outcomesFrom, timers }
}

/** The caller keeps its buffer. */
const copyOf = (chunk: OutcomeChunk): OutcomeChunk => ({ ...chunk, rows: chunk.rows.slice() })

const emptyState = (configuration: Configuration): MemoryState => ({
  position: { index: 0, term: 0, time: 0, configuration },
  digest: "",
  instances: new Map(),
  outcomes: [],
  outcomesFrom: 0,
  timers: new Map(),
})

/** JSON keeps the borders between the parts. */
const joined = (...parts: ReadonlyArray<string>): string => JSON.stringify(parts)

const byBytes = (left: string, right: string): number => Buffer.compare(Buffer.from(left), Buffer.from(right))
