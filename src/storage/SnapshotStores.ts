// Where do the state machine images of all groups of a node live?

import { Context, type Effect } from "effect"
import type { StorageFailed } from "./LogStore.ts"
import type { SnapshotStore } from "./SnapshotStore.ts"

/** Snapshot files of all groups of this node, each group's in a directory of its own. */
export class SnapshotStores extends Context.Service<
  SnapshotStores,
  {
    /**
     * Snapshots of the state in `directory`, one store at a time for each. The directory is made when something comes
     * into it, durably: a group that has never flushed has none. While its state has never been there, there is nothing
     * to verify, and that is no damage; nor is there anything to make a snapshot of.
     *
     * What reads or copies a whole state waits its turn: one at a time in all of the node. What has arrived for a group
     * goes before what is made or looked through of another.
     */
    readonly open: (directory: string) => Effect.Effect<SnapshotStore["Service"], StorageFailed>
  }
>()("raftlet/storage/SnapshotStores") {}
