// How do committed entries reach the machine, and their outcomes those who wait?

import { Effect } from "effect"
import { applicableIndex, lacksState } from "../consensus/node.ts"
import type { Entry, Index, Millis } from "../consensus/types.ts"
import type { Stuck } from "../machine/MachineHost.ts"
import { mayChange } from "../machine/system/changes.ts"
import { type Checkpoint, isCheckpoint } from "../machine/system/checkpoint.ts"
import { voidingOf } from "../machine/system/voiding.ts"
import { type Group, nowOf, post } from "./Group.ts"
import type { Herald } from "./Herald.ts"
import type { ProposalOrigin } from "./origins.ts"
import type { Refill } from "./Refill.ts"
import type { Applied, Flushed } from "./reach.ts"

/** Who wants to know how far the machine is. */
export interface Listeners {
  /** After each batch, and after an install. */
  readonly advanced: () => void
  /** It has come past a checkpoint: these are the newest. */
  readonly noted: (checkpoints: ReadonlyArray<Checkpoint>) => void
  /** A snapshot took the place of the state. */
  readonly installed: () => void
  /** It has failed at an entry, once more. */
  readonly stuck: (stuck: Stuck, entry: Entry) => void
}

/** Applies in order, one batch after the other, until there is no more; a batch is whatever has become committed meanwhile. */
export const applyAll = Effect.fnUntraced(function* (
  group: Group,
  applied: Applied,
  flushed: Flushed,
  refill: Refill,
  herald: Herald,
  listeners: Listeners,
) {
  const { node, partings } = group
  while (!partings.isOver) {
    const { pendingInstall } = node
    if (pendingInstall !== null && pendingInstall.index > applied.index) {
      // The log on disk must rest on the snapshot before the state does (HAZARDS N2).
      if (node.log.persistedIndex < pendingInstall.index) return
      yield* install(group, pendingInstall.snapshotId, applied, flushed, herald)
      yield* group.log.installed(node.group)
      listeners.installed()
    } else if (lacksState(node)) {
      const { ready } = refill
      if (ready === null) return
      yield* install(group, ready.snapshotId, applied, flushed, herald)
      refill.taken()
      listeners.installed()
    } else {
      const to = applicableIndex(node)
      if (applied.index >= to) return
      const began = nowOf(group.clock)
      const { entries, stuckAt } = yield* applyBatch(group, applied, to)
      if (entries.some(mayChange)) herald.heard(group, yield* group.machine.changes(herald.toldIndex))
      if (entries.some(isCheckpoint)) listeners.noted(yield* group.machine.checkpoints)
      if (stuckAt !== null) {
        const { stuck } = yield* group.machine.status
        if (stuck !== null) {
          listeners.stuck(stuck, stuckAt)
          // What came before it counts, whoever waits for that.
          post(group, { type: "Applied", index: applied.index })
          listeners.advanced()
          yield* awaitWayOut(group, stuck, nowOf(group.clock) - began)
        }
      }
    }
    post(group, { type: "Applied", index: applied.index })
    listeners.advanced()
  }
})

const applyBatch = Effect.fnUntraced(function* (group: Group, applied: Applied, to: Index) {
  const entries = yield* entriesToApply(group, applied.index + 1, to)
  if (entries.some(({ kind }) => kind === "command"))
    group.options.crowd?.note(group.node.group, nowOf(group.clock))
  const outcomes = yield* group.machine.apply(entries)
  const isOver = group.partings.isOver
  const passed = entries.slice(0, outcomes.length)
  for (const [position, entry] of passed.entries()) {
    const origin = entry.origin as ProposalOrigin | null
    const outcome = outcomes[position]
    entry.origin = null
    if (origin === null) continue
    // What a bad state has made of it is nobody's answer; what the others make of it, a retry will tell.
    if (isOver) origin.dismissed("lost")
    else if (outcome != null) origin.applied(outcome)
  }
  applied.index = passed.at(-1)?.index ?? applied.index
  applied.changedIndex = passed.findLast(changesState)?.index ?? applied.changedIndex
  return { entries: passed, stuckAt: entries[outcomes.length] ?? null }
})

/** A no-op leaves all as it was, and so does a checkpoint. */
const changesState = (entry: Entry): boolean => entry.kind !== "noop" && !isCheckpoint(entry)

/**
 * Until it is worth another try: a while has passed, or an entry further on in the log says that nobody could get past
 * this one. Then the machine is told before it is given the entries again. While it tries it sees no way out: on a busy
 * machine, where a try takes long, the others get the time that they need to come here as well.
 */
const awaitWayOut = Effect.fnUntraced(function* (group: Group, stuck: Stuck, tookMillis: Millis) {
  const { node } = group
  const until = nowOf(group.clock) + Math.max(STUCK_RETRY_MILLIS, 2 * tookMillis)
  // One that the state has taken over may be noted still: only one that leads past this entry is a way out.
  const isInstalling = () => (node.pendingInstall?.index ?? 0) >= stuck.index
  for (let from = stuck.index + 1; nowOf(group.clock) < until && !isInstalling(); ) {
    const to = applicableIndex(node)
    if (from > to) {
      yield* Effect.sleep(STUCK_LOOK_MILLIS)
      continue
    }
    const ahead = yield* entriesToApply(group, from, to)
    const voided = voidingOf(stuck, ahead)
    if (voided !== null) return yield* group.machine.foresee(voided)
    from = ahead.at(-1)!.index + 1
  }
})

const STUCK_RETRY_MILLIS = 2_000
const STUCK_LOOK_MILLIS = 50

const entriesToApply = Effect.fnUntraced(function* (group: Group, from: Index, to: Index) {
  const { applyEntriesMax, applyBytesMax } = group.options
  const { log } = group.node
  const count = Math.min(applyEntriesMax, to - from + 1)
  const cached: ReadonlyArray<Entry> | null = log.slice(from, count, applyBytesMax)
  if (cached !== null) return cached
  // Only as far as memory does not reach: those who wait ride on the entries there (HAZARDS C2).
  const last = Math.min(from + count, log.cachedFrom) - 1
  return yield* group.log
    .read({ group: group.node.group, from, to: last, bytesMax: applyBytesMax })
    // What is not applied is never cut from the log: if it is gone, the code is broken.
    .pipe(Effect.catchTag("Compacted", Effect.die))
})

const install = Effect.fnUntraced(function* (
  group: Group,
  snapshotId: string,
  applied: Applied,
  flushed: Flushed,
  herald: Herald,
) {
  const position = yield* group.machine.install(snapshotId)
  applied.index = position.index
  applied.changedIndex = position.index
  flushed.index = position.index
  group.observer.event("a snapshot is installed", { index: position.index })
  herald.opened(group, yield* group.machine.changes(herald.toldIndex))
})
