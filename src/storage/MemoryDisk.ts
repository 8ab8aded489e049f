// What does a node's disk hold when there is no disk? The one thing that survives a restart in memory.

import type { Configuration, Entry, GroupId, HardState, Index, LogBase, NodeId } from "../consensus/types.ts"
import type { Identity, LoadedGroup } from "./LogStore.ts"
import type { Snapshot } from "./SnapshotStore.ts"
import type { OutcomeChunk, StatePosition, StoredInstance, StoredTimer } from "./StateStore.ts"

/** A group in the log. Every part is replaced, never changed in place: an older value stays what it was. */
export interface MemoryLog {
  readonly hardState: HardState
  readonly base: LogBase
  readonly baseConfiguration: Configuration
  /** Consecutive, the first one behind `base`. */
  readonly entries: ReadonlyArray<Entry>
  readonly pendingInstall: LoadedGroup["pendingInstall"]
  readonly suspicion: string
}

/** The state of a group as of its last flush. Replaced with every flush. */
export interface MemoryState {
  readonly position: StatePosition
  readonly digest: string
  readonly instances: ReadonlyMap<string, StoredInstance>
  /** In the order of the log. */
  readonly outcomes: ReadonlyArray<OutcomeChunk>
  readonly outcomesFrom: Index
  readonly timers: ReadonlyMap<string, StoredTimer>
}

export interface MemorySnapshots {
  readonly own: ReadonlyArray<{ readonly snapshot: Snapshot; readonly bytes: Uint8Array }>
  readonly part: { readonly id: string; readonly bytes: Uint8Array } | null
  readonly finished: { readonly id: string; readonly bytes: Uint8Array } | null
  readonly installed: string
}

/** Hand the same disk to the layers of the next run, and the node has restarted. */
export class MemoryDisk {
  readonly identity: Identity
  readonly incarnations = new Map<NodeId, string>()
  readonly logs = new Map<GroupId, MemoryLog>()
  readonly states = new Map<GroupId, MemoryState>()
  readonly snapshots = new Map<GroupId, MemorySnapshots>()

  constructor(identity: Identity) {
    this.identity = identity
  }
}
