// What does a group need of its node besides the log and the transport, which all share?

import type { Effect, Scope } from "effect"
import type { Configuration, GroupId } from "../consensus/types.ts"
import type { LeadingService } from "../machine/leading/Leading.ts"
import type { MachineFailed, MachineHost } from "../machine/MachineHost.ts"
import type { Observer } from "../raft/observer.ts"
import type { StorageFailed } from "../storage/LogStore.ts"
import type { SnapshotStore } from "../storage/SnapshotStore.ts"

/** Of one group, as long as it runs. */
export interface GroupParts {
  readonly machine: MachineHost["Service"]
  readonly snapshots: SnapshotStore["Service"]
  readonly leading: LeadingService | null
  readonly observer: Observer
}

/** Makes them, wherever a node has them from. */
export interface PartsOfGroups {
  /** They end with the scope. `initial`: what a group begins with of which nothing is there. */
  readonly open: (
    group: GroupId,
    initial: Configuration,
  ) => Effect.Effect<GroupParts, MachineFailed | StorageFailed, Scope.Scope>
  /** All that {@link open} has ever kept of the group goes. It is closed. */
  readonly forget: (group: GroupId) => Effect.Effect<void, StorageFailed>
}
