// How does a node come to the state machines of all its groups?

import { Context, type Effect, type Scope } from "effect"
import type { Configuration, GroupId } from "../consensus/types.ts"
import type { SnapshotStore } from "../storage/SnapshotStore.ts"
import type { MachineFailed, MachineHost, OwnActor } from "./MachineHost.ts"

/** Where the state of a group lies. */
export interface MachineOptions {
  readonly group: GroupId
  /** Neither the file nor its directory exists before the first flush. */
  readonly statePath: string
  /** Configuration of a state that does not exist yet. */
  readonly initial: Configuration
  readonly snapshots: SnapshotStore["Service"]
}

/** What runs the state machines of all groups of this node. */
export class Machines extends Context.Service<
  Machines,
  {
    /** What this node has in its actors directory: to be offered to groups. */
    readonly own: ReadonlyArray<OwnActor>
    /**
     * The machine of one group, until the scope closes: then its file is closed, without a flush. A group that is open
     * already is refused.
     */
    readonly open: (
      options: MachineOptions,
    ) => Effect.Effect<MachineHost["Service"], MachineFailed, Scope.Scope>
  }
>()("raftlet/machine/Machines") {}
