// How is state made durable and handed on? Flushes, snapshots out and in, and cutting the log behind them.

import { crc32 } from "node:zlib"
import { Deferred, Effect, type Scope } from "effect"
import { entryBytes } from "../consensus/Log.ts"
import type { SnapshotChunk } from "../consensus/message.ts"
import type { Turn } from "../consensus/node.ts"
import type { Index, NodeId } from "../consensus/types.ts"
import { StorageFull } from "../storage/LogStore.ts"
import { type HeldSnapshot, type Snapshot, StateDamaged } from "../storage/SnapshotStore.ts"
import type { StatePiece } from "../transport/Transport.ts"
import type { Begin } from "./Errand.ts"
import { type Group, nowOf, post } from "./Group.ts"
import { Inbox } from "./Inbox.ts"
import { type CopyFailed, StateEmpty, StateInRepair } from "./Raft.ts"
import type { Refill } from "./Refill.ts"
import { type Applied, type Flushed, isBehind } from "./reach.ts"
import { isInRepair } from "./repair.ts"

/** Flushes the state behind the applier, and lets the log go behind the flush, until there is nothing left to flush. */
export const flushAll = Effect.fnUntraced(function* (
  group: Group,
  applied: Readonly<Applied>,
  flushed: Flushed,
) {
  const { options } = group
  while ((isBehind(group, applied, flushed) || group.node.isShort) && !group.partings.isOver) {
    // More may come right behind it.
    yield* Effect.sleep(Math.min(options.flushMillis, LOOK_MILLIS))
    const { appliedIndex, pendingInstall, isShort } = group.node
    if (group.partings.isOver) return
    const behind = appliedIndex - flushed.index
    // On a full disk nothing is put off: what is flushed may be cut from the log.
    const flushMillis = isShort ? Math.min(options.flushMillis, SHORT_FLUSH_MILLIS) : options.flushMillis
    const isDue = nowOf(group.clock) - flushed.at >= flushMillis
    if (
      pendingInstall !== null ||
      (behind === 0 && !isShort) ||
      (!isDue && behind < options.flushEntriesMax)
    ) {
      continue
    }
    if (behind > 0) yield* flush(group, flushed)
    if (flushed.index < appliedIndex && !group.log.isShort()) {
      // There was no room for the state.
      yield* group.log.giveRoom
      yield* flush(group, flushed)
    }
    cutLog(group, flushed)
  }
})

const LOOK_MILLIS = 100
const SHORT_FLUSH_MILLIS = 250
const SHORT_MARGIN_ENTRIES = 100
const SHORT_MARGIN_BYTES = 32_768

export const flush = Effect.fnUntraced(function* (group: Group, flushed: Flushed) {
  const index = yield* group.machine.flush
  flushed.index = Math.max(flushed.index, index)
  flushed.at = nowOf(group.clock)
})

/**
 * The log may go where the state on disk has passed it, less a margin for followers that are a little late. A disk
 * without room keeps a small one, and what followers need that are there: a snapshot would need room, too.
 */
export const cutLog = (group: Group, flushed: Flushed): void => {
  const { node, options } = group
  const done = Math.min(flushed.index, node.appliedIndex, node.log.persistedIndex)
  const index = node.isShort
    ? Math.min(withoutNewest(group, done), neededFrom(group))
    : done - options.logMarginEntries
  const term = node.log.termAt(index)
  if (term === undefined || index - node.log.base.index < (node.isShort ? 1 : options.compactEntriesMin))
    return
  post(group, { type: "Compacted", through: { index, term } })
}

/** Less what a node misses that starts again at once, as far as that is in memory. */
const withoutNewest = ({ node, options }: Group, done: Index): Index => {
  let index = done
  let bytes = 0
  for (let left = Math.min(options.logMarginEntries, SHORT_MARGIN_ENTRIES); left > 0; left--) {
    const entry = node.log.entryAt(index)
    bytes += entry === undefined ? SHORT_MARGIN_BYTES : entryBytes(entry)
    if (bytes >= SHORT_MARGIN_BYTES) break
    index--
  }
  return index
}

/** Behind here stands what a follower of this leader, not long unheard, has yet to get. */
const neededFrom = ({ node, clock, options }: Group): Index => {
  if (node.role.kind !== "leader") return Number.POSITIVE_INFINITY
  const since = nowOf(clock) - options.limits.electionTimeoutMaxMillis
  const held = [...node.role.progress.values()]
    .filter(({ heardAt }) => heardAt >= since)
    .map(({ match, snapshot }) => Math.max(match, snapshot?.index ?? 0))
  return Math.min(...held)
}

/** Removes from disk what the turn has let go. */
export const cutAll = Effect.fnUntraced(function* (
  group: Group,
  cuts: Inbox<NonNullable<Turn["compacted"]>>,
) {
  for (let cut = cuts.take(); cut !== undefined; cut = cuts.take()) {
    const { through, configuration } = cut
    yield* group.log
      .compact({ group: group.node.group, through, configuration })
      // The rows stay until there is room to note that they are gone.
      .pipe(Effect.catchTag("StorageFull", () => Effect.void))
  }
})

/**
 * A snapshot that reaches at least so far: the newest, or a new one. Null when this node's own state does not reach so far,
 * or turns out not to be what it should be.
 */
export const snapshotAtLeast = Effect.fnUntraced(function* (group: Group, index: Index) {
  const latest = yield* group.snapshots.latest
  if (latest !== null && latest.index >= index) return latest
  if (isInRepair(group) || (yield* group.machine.position).index < index) return null
  const made = yield* group.snapshots.create.pipe(
    Effect.catchTag("StateDamaged", ({ reason }) => Effect.as(partOver(group, reason), null)),
  )
  return made !== null && made.index >= index ? made : null
})

/** All of the state was read, and it is not what was written. */
export const partOver = (group: Group, message: string): Effect.Effect<void> =>
  Effect.sync(() =>
    group.partings.part(group, { reason: "scrub", index: group.node.appliedIndex, details: { message } }),
  )

/** A piece of a snapshot that a leader sends, or of a state that was asked for. */
export type Piece = Turn["chunks"][number] | { readonly from: NodeId; readonly piece: StatePiece }

/**
 * Keeps the pieces of a snapshot that a leader sends; says so piece by piece, and when it is complete. Keeps those of a
 * state that was asked for in the same place, until a leader sends more than that.
 *
 * A piece of another snapshot makes the store forget the one before. So nothing is kept from when a snapshot is
 * complete until the turn has taken note (`taken`), nor while the log rests on one that the state has not taken
 * over: without its file the node could never start again (HAZARDS N2, N9).
 */
export class Receiver {
  readonly #group: Group
  readonly #refill: Refill
  readonly #pieces: Inbox<Piece>
  /** Done by the turn that takes note of the snapshot that is complete. */
  #noted: Deferred.Deferred<void> | null = null

  constructor(group: Group, refill: Refill, begin: Begin) {
    this.#group = group
    this.#refill = refill
    this.#pieces = new Inbox(begin, () => this.#keepAll(), PIECES_WAITING_MAX)
  }

  /** A piece has come. */
  offer(piece: Piece): void {
    this.#pieces.offer(piece)
  }

  /** The turn has heard that a snapshot is complete. */
  taken(): void {
    if (this.#noted !== null) Deferred.doneUnsafe(this.#noted, Effect.void)
  }

  #keepAll() {
    return Effect.gen({ self: this }, function* () {
      const { node, partings } = this.#group
      for (let next = this.#pieces.take(); next !== undefined; next = this.#pieces.take()) {
        // What a full disk keeps is for votes and the log. Who sends is asked again, or asks.
        if (node.isShort || partings.isOver) continue
        if ("piece" in next) {
          yield* this.#refill
            .keep(next.from, next.piece)
            .pipe(Effect.catchTags({ SnapshotCorrupt: () => Effect.void, StorageFull: () => Effect.void }))
        } else yield* this.#keepChunk(next)
      }
    })
  }

  #keepChunk({ from, chunk }: Turn["chunks"][number]) {
    return Effect.gen({ self: this }, function* () {
      const { commitIndex, pendingInstall } = this.#group.node
      if (chunk.snapshot.index <= commitIndex || pendingInstall !== null) return
      // The store keeps one: what is about to become the state must not go for what may come later.
      if (this.#refill.ready !== null) return
      this.#refill.yieldTo()
      const received = yield* keep(this.#group, chunk).pipe(
        Effect.catchTags({
          SnapshotCorrupt: ({ reason }) => {
            this.#group.observer.event("a snapshot arrived damaged and begins again", { from, reason })
            return Effect.succeed(0)
          },
          // Nothing was kept; the leader asks again.
          StorageFull: () => Effect.succeed(null),
        }),
      )
      if (received === "complete") {
        this.#noted = Deferred.makeUnsafe()
        post(this.#group, { type: "SnapshotCompleted", from, chunk })
        yield* Deferred.await(this.#noted)
      } else if (received !== null) post(this.#group, { type: "ChunkKept", from, chunk, received })
    })
  }
}

export const PIECES_WAITING_MAX = 16

const keep = Effect.fnUntraced(function* (group: Group, chunk: SnapshotChunk) {
  const { id, totalBytes, offset, bytes } = chunk
  let received = yield* group.snapshots.received(id)
  const isNext = offset === received && bytes.length > 0 && crc32(bytes) === chunk.checksum
  if (isNext) received = yield* group.snapshots.receive({ id, offset, bytes })
  if (received < totalBytes) return received
  yield* group.snapshots.finish({ id, bytes: totalBytes })
  return "complete" as const
})

/** Flushes, copies, cuts: what an operator asks for. */
export const takeSnapshot = Effect.fnUntraced(function* (
  group: Group,
  flushed: Flushed,
): Effect.fn.Return<Snapshot, CopyFailed> {
  yield* insistOnState(group)
  yield* flush(group, flushed)
  // No entry has come here yet, or there is no room for what the first have come to.
  if (flushed.index === 0) return yield* new StateEmpty({ group: group.node.group })
  const snapshot = yield* orRepair(group, group.snapshots.create)
  cutLog(group, flushed)
  return snapshot
})

/** Flushes and copies, for a reader that takes its time. The log is nobody's business here. */
export const holdSnapshot = Effect.fnUntraced(function* (
  group: Group,
  applied: { readonly index: Index },
  flushed: Flushed,
): Effect.fn.Return<HeldSnapshot, CopyFailed, Scope.Scope> {
  yield* insistOnState(group)
  const { index } = applied
  yield* flush(group, flushed)
  // A full disk keeps the state where it was: a copy of that would miss what it is made for.
  if (flushed.index < index) return yield* new StorageFull({ operation: "flush" })
  if (flushed.index === 0) return yield* new StateEmpty({ group: group.node.group })
  return yield* orRepair(group, group.snapshots.hold)
})

const insistOnState = (group: Group): Effect.Effect<void, StateInRepair> =>
  Effect.suspend(() =>
    isInRepair(group) ? Effect.fail(new StateInRepair({ group: group.node.group })) : Effect.void,
  )

/** A copy, unless it turns out that there is nothing worth one. */
const orRepair = <A, E, R>(
  group: Group,
  copy: Effect.Effect<A, E | StateDamaged, R>,
): Effect.Effect<A, Exclude<E, StateDamaged> | StateInRepair, R> =>
  Effect.catchIf(
    copy,
    (error): error is Extract<E | StateDamaged, StateDamaged> => error instanceof StateDamaged,
    ({ reason }) =>
      Effect.andThen(partOver(group, reason), Effect.fail(new StateInRepair({ group: group.node.group }))),
  ) as Effect.Effect<A, Exclude<E, StateDamaged> | StateInRepair, R>
