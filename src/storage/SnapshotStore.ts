// Where do state machine images live, on the way out and on the way in?

import { Context, type Effect, Schema, type Scope } from "effect"
import type { SnapshotPosition } from "../consensus/types.ts"
import type { StorageFailed, StorageFull } from "./LogStore.ts"

/** A finished image of the state. */
export interface Snapshot extends SnapshotPosition {
  /** Hash of the whole file, hexadecimal. */
  readonly id: string
  readonly bytes: number
}

/** A snapshot that stays readable as long as somebody holds it. */
export interface HeldSnapshot {
  readonly snapshot: Snapshot
  /** Bytes from `offset`, at most `bytesMax`; empty at the end. */
  readonly read: (
    offset: number,
    bytesMax: number,
  ) => Effect.Effect<Uint8Array, StorageFailed | SnapshotCorrupt>
}

/** The bytes that arrived are not the snapshot that was announced. The part is gone; begin again. */
export class SnapshotCorrupt extends Schema.TaggedError<SnapshotCorrupt>()("SnapshotCorrupt", {
  id: Schema.String,
  reason: Schema.String,
}) {}

/** The state of this node is not what was written: no copy is made of it. */
export class StateDamaged extends Schema.TaggedError<StateDamaged>()("StateDamaged", {
  reason: Schema.String,
}) {}

/** Snapshot files of one group: consistent SQLite copies of its state file. */
export class SnapshotStore extends Context.Service<
  SnapshotStore,
  {
    /**
     * Copies the state as of its last flush into a new snapshot, beside the running machine. Older snapshots
     * go when the new one is durable, but for those that are held or were read since the one before. Fails without a
     * trial where it would use up what a full disk keeps for votes and the log.
     */
    readonly create: Effect.Effect<Snapshot, StorageFailed | StorageFull | StateDamaged>
    /**
     * Creates one for a reader that may be slow: it stays readable until the scope closes, however many take its
     * place meanwhile.
     */
    readonly hold: Effect.Effect<HeldSnapshot, StorageFailed | StorageFull | StateDamaged, Scope.Scope>
    /**
     * Reads every row of the state as of its last flush, beside the running machine: fails with {@link StateDamaged}
     * when one is not what was written, or is missing. Succeeds with the milliseconds that it took to read.
     */
    readonly verify: Effect.Effect<number, StorageFailed | StateDamaged>
    /** The state that they are copies of is given up: none of them is handed on any more. */
    readonly forgetOwn: Effect.Effect<void, StorageFailed>
    /** The newest finished one that this node made itself. */
    readonly latest: Effect.Effect<Snapshot | null, StorageFailed>
    /** Bytes of a snapshot from `offset`, at most `bytesMax`; empty at the end. */
    readonly read: (options: {
      readonly id: string
      readonly offset: number
      readonly bytesMax: number
    }) => Effect.Effect<Uint8Array, StorageFailed | SnapshotCorrupt>
    /** How many bytes of an incoming snapshot are here already. Parts of other snapshots are removed. */
    readonly received: (id: string) => Effect.Effect<number, StorageFailed>
    /** Writes a piece at `offset`, which must be what `received` says. */
    readonly receive: (options: {
      readonly id: string
      readonly offset: number
      readonly bytes: Uint8Array
    }) => Effect.Effect<number, StorageFailed | StorageFull>
    /** The part is complete: verifies size and hash of the whole file, makes it durable. */
    readonly finish: (options: {
      readonly id: string
      readonly bytes: number
    }) => Effect.Effect<void, StorageFailed | StorageFull | SnapshotCorrupt>
    /**
     * The finished file takes the place of the state file, atomically. The state file must be closed. Waits for room
     * when there is none.
     */
    readonly install: (id: string) => Effect.Effect<void, StorageFailed>
  }
>()("raftlet/storage/SnapshotStore") {}
