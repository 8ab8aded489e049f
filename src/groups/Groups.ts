// Which Raft groups does this node run? `main` always, and those that `main`'s directory names.

import { Context, type Effect } from "effect"
import type { GroupId, Index, NodeId } from "../consensus/types.ts"
import type { LeadingService } from "../machine/leading/Leading.ts"
import type { MachineHost } from "../machine/MachineHost.ts"
import type { Placement } from "../machine/slots.ts"
import type { Seating } from "../machine/system/GroupDirectory.ts"
import type { Place } from "../machine/system/Whereabouts.ts"
import type { GroupStopped, Raft } from "../raft/Raft.ts"
import type { SeatedGroup } from "./following.ts"

/** A group as long as this node runs it. */
export interface RunningGroup {
  readonly raft: Raft["Service"]
  readonly machine: MachineHost["Service"]
  /** What users have run where it leads; null: nothing can. */
  readonly leading: LeadingService | null
}

/** What has become of a group on this node. */
export type GroupsChange =
  | { readonly type: "opened"; readonly group: RunningGroup }
  | { readonly type: "closed"; readonly group: RunningGroup }

/** What a node knows of what was opened. */
export interface KnownDirectory {
  /** The entry of `main` as of which it knows it. */
  readonly asOf: Index
  /** Those that were opened, and do not run here yet, though they will. */
  readonly awaited: ReadonlyArray<GroupId>
  /** Those that not all members run. */
  readonly seated: ReadonlyArray<SeatedGroup>
  readonly zones: Readonly<Record<NodeId, string>>
  /** Who should lead each of `seated`. */
  readonly leaders: () => ReadonlyMap<GroupId, NodeId>
  /** It is this node, or its process is heard of. */
  readonly isThere: (id: NodeId) => boolean
}

/** All groups of this node. They end with the scope of their layer. */
export class Groups extends Context.Service<
  Groups,
  {
    readonly main: RunningGroup
    /** Undefined: this node does not run it, not yet or not any more. */
    readonly find: (group: GroupId) => RunningGroup | undefined
    /** `main` first, then in the order in which they were opened. */
    readonly all: () => ReadonlyArray<RunningGroup>
    /**
     * Calls back whenever one is opened, or is about to be closed, until it is told to stop by what it gives back.
     * Whoever is called must be quick, and must not throw.
     */
    readonly onChange: (told: (change: GroupsChange) => void) => () => void
    /** Where an actor lives, as far as this node's `main` has come; null: in `main`. */
    readonly placementOf: (actor: string) => Placement | null
    /** All that is known of that, moves of keys among it, as far as this node's `main` has come. */
    readonly placeOf: (actor: string) => Place | null
    /** It was opened, as far as this node's `main` has come; also where this node does not run it yet. */
    readonly isOpen: (group: GroupId) => boolean
    /** This node runs it, or will as soon as it is opened: it is not among those that only others run. */
    readonly isHere: (group: GroupId) => boolean
    /** Who runs it; null: all members. */
    readonly seatingOf: (group: GroupId) => Seating | null
    readonly directory: () => KnownDirectory
    /** Does at once what is done now and then: whatever this node's `main` has applied by now is known. */
    readonly look: Effect.Effect<void>
    /** Fails when any of them can do nothing more. The node stops. */
    readonly stopped: Effect.Effect<never, GroupStopped>
    /** Of every group that this node leads: somebody else does when it ends, or nobody can. */
    readonly handOver: Effect.Effect<void>
    /** Answers everybody who waits at any of them, and lets nobody in: the node is about to stop. */
    readonly answerAll: Effect.Effect<void>
  }
>()("raftlet/groups/Groups") {}
