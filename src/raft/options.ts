// What can be set about a Raft group, and what is right for most?

import type { Limits } from "../consensus/node.ts"
import type { Address, Configuration, GroupId, Index, NodeId } from "../consensus/types.ts"
import type { Crowd } from "../machine/Crowd.ts"
import type { Alarms } from "./Alarms.ts"
import type { Lateness } from "./Lateness.ts"
import type { Neighbours } from "./Neighbours.ts"
import type { Places } from "./Places.ts"
import type { Unrest } from "./Unrest.ts"

/** Where somebody is by the word of an operator. */
export interface Contact extends Address {
  /** The peer address that the configuration gave when the word was given; absent: the one that it gives at the start. */
  readonly insteadOf?: string
}

export interface RaftOptions {
  readonly group: GroupId
  readonly id: NodeId
  /** Where this node serves clients: `http://host:port`; empty when nowhere. */
  readonly client: string
  /** The configuration of a group that does not exist yet. */
  readonly initial: Configuration
  /**
   * Who is there, and where, by the word of whoever starts this node: stands in for what the configuration says, until
   * a newer one says otherwise.
   */
  readonly contacts: Readonly<Record<NodeId, Contact>>
  /** The entry of `main` that opened it; absent: it was always there. */
  readonly founded?: Index
  /** Its configuration says whom this node keeps connections to: of all groups of a node one does. */
  readonly connects: boolean
  /** Of this node; absent: it has no other groups. */
  readonly neighbours?: Neighbours
  /** Of this node; absent: the group stands for election whenever it is time. */
  readonly polls?: Places
  /** Of this node; absent: it is never late. */
  readonly lateness?: Lateness
  /** Of this node; absent: a group that rests wakes at once when a peer's process falls silent. */
  readonly wakes?: Places
  /** Of this node; absent: nobody asks. */
  readonly unrest?: Unrest
  /** Of this node; absent: the group has its own. */
  readonly alarms?: Alarms
  /** Of this node; absent: the group takes in all that comes at once. */
  readonly crowd?: Crowd
  readonly limits: Limits
  /** The state is flushed after so long, or so many entries, whichever comes first. */
  readonly flushMillis: number
  readonly flushEntriesMax: number
  /** So many entries that change nothing of the state may be left to the next flush that has a reason of its own; 0: none. */
  readonly vainEntriesMax: number
  /** Entries kept behind the flushed state, for followers that are a little late. */
  readonly logMarginEntries: number
  /** The log is cut when at least so many entries can go. */
  readonly compactEntriesMin: number
  readonly applyEntriesMax: number
  readonly applyBytesMax: number
  readonly snapshotChunkBytesMax: number
  /** Proposals and reads that may wait at this node's door. */
  readonly waitingMax: number
  readonly waitingBytesMax: number
  /** A request to the leader is repeated when nothing was heard of it for so long. */
  readonly forwardRetryMillis: number
  /** How often a leader looks whether a timer of the machine is due, and how many it proposes at once. */
  readonly timerMillis: number
  readonly timersMax: number
  /** A checkpoint goes into the log after so many entries, and after so long when anything was applied meanwhile. */
  readonly checkpointEntries: number
  readonly checkpointMillis: number
  /** How often a replica repeats what its state came to at the newest checkpoint. */
  readonly reportMillis: number
  /** All of the state is read after so long, and behind each checkpoint. */
  readonly scrubMillis: number
  /** Who has lost its state asks another peer for one when nothing has come for so long. */
  readonly refillRetryMillis: number
  /** A state that is given up again soon waits so long, and twice as long each time, before it is repaired. */
  readonly repairPauseMillis: number
  readonly repairPauseMillisMax: number
  /**
   * The group stops ticking when nobody wants anything of it, and wakes on demand. Worth it where a process has many
   * groups of which most are idle.
   */
  readonly rests: boolean
  /** How often deadlines are looked at. */
  readonly sweepMillis: number
}

export const defaultLimits: Limits = {
  electionTimeoutMinMillis: 250,
  electionTimeoutMaxMillis: 500,
  heartbeatMillis: 50,
  clockDriftMillis: 50,
  appendEntriesMax: 1024,
  appendBytesMax: 1024 * 1024,
  inFlightMessagesMax: 64,
  inFlightBytesMax: 8 * 1024 * 1024,
  cacheBytesMax: 16 * 1024 * 1024,
  quietBeatsMin: 20,
}

export const defaultOptions = {
  contacts: {},
  connects: true,
  limits: defaultLimits,
  flushMillis: 1000,
  flushEntriesMax: 10_000,
  vainEntriesMax: 0,
  logMarginEntries: 50_000,
  compactEntriesMin: 10_000,
  applyEntriesMax: 1024,
  applyBytesMax: 4 * 1024 * 1024,
  snapshotChunkBytesMax: 512 * 1024,
  waitingMax: 20_000,
  waitingBytesMax: 64 * 1024 * 1024,
  forwardRetryMillis: 1500,
  timerMillis: 100,
  timersMax: 256,
  checkpointEntries: 10_000,
  checkpointMillis: 10_000,
  reportMillis: 1000,
  scrubMillis: 10_000,
  refillRetryMillis: 1000,
  repairPauseMillis: 1000,
  repairPauseMillisMax: 600_000,
  rests: false,
  sweepMillis: 25,
} satisfies Omit<RaftOptions, "group" | "id" | "client" | "initial">
