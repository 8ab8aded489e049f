// What do the lives of one group share? The record, the mailbox, and the services around them.

import type { Clock, Context, Random, Scope } from "effect"
import type { Input, Node } from "../consensus/node.ts"
import type { Progress } from "../consensus/Progress.ts"
import type { Millis, NodeId } from "../consensus/types.ts"
import type { MachineHost } from "../machine/MachineHost.ts"
import type { LogStore } from "../storage/LogStore.ts"
import type { SnapshotStore } from "../storage/SnapshotStore.ts"
import type { Inbound, Transport } from "../transport/Transport.ts"
import type { Errand } from "./Errand.ts"
import type { Mailbox } from "./Mailbox.ts"
import type { Observer } from "./observer.ts"
import type { RaftOptions } from "./options.ts"
import type { Partings } from "./Partings.ts"
import type { Rest } from "./Rest.ts"

/** What lands in the mailbox: a peer's message, something that happened here, readers at the door, or that nobody is at work. */
export type Mail = Inbound | Input | { readonly type: "ReadersWait" } | { readonly type: "WorkDone" }

/** A life that sends to one peer, for one progress. */
export interface Replicating {
  readonly progress: Progress
  /** Raised when there may be something to send. */
  readonly errand: Errand
  readonly scope: Scope.Closeable
}

/** One group on one node. `node` is written by the turn alone; the others read it, never across a wait. */
export interface Group {
  readonly options: RaftOptions
  readonly node: Node
  readonly mailbox: Mailbox<Mail>
  readonly log: Context.Service.Shape<typeof LogStore>
  /** `LogStore.outran` when this group was loaded: what it found on the disk knew of that already. */
  readonly outrunAtLoad: number
  readonly snapshots: Context.Service.Shape<typeof SnapshotStore>
  readonly machine: Context.Service.Shape<typeof MachineHost>
  readonly transport: Context.Service.Shape<typeof Transport>
  readonly observer: Observer
  readonly clock: Clock.Clock
  readonly random: Random.Random
  readonly partings: Partings
  readonly rest: Rest
  /** One per member that receives the log. Filled while this node leads. */
  readonly replicators: Map<NodeId, Replicating>
}

/** The node's monotonic clock. Whole milliseconds, so that simulated and real time are alike. */
export const nowOf = (clock: Clock.Clock): Millis => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)

export const post = (group: Group, mail: Mail): void => {
  group.mailbox.offer(mail)
}

/** How late the node's timers have been lately; 0: in time. */
export const lateMillisOf = ({ options, clock }: Pick<Group, "options" | "clock">): Millis =>
  options.lateness?.at(nowOf(clock)) ?? 0

/** How much longer a node that is late waits for others before it takes them for dead. */
export const leniencyMillis = (group: Pick<Group, "options" | "clock">): Millis =>
  Math.min(LATENESS_FACTOR * lateMillisOf(group), 2 * group.options.limits.electionTimeoutMaxMillis)

/** There and back, and each of the two is late with what it hears and with what it says. */
const LATENESS_FACTOR = 4

/** A fresh timeout for every attempt, so that split votes do not repeat (Raft §5.2, HAZARDS E14). */
export const drawElectionTimeout = (group: Pick<Group, "options" | "random">): number => {
  const { electionTimeoutMinMillis: min, electionTimeoutMaxMillis: max } = group.options.limits
  return min + Math.floor(group.random.nextDoubleUnsafe() * (max - min + 1))
}
