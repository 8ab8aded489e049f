// What does a node know, and what does one turn leave behind? The record that all decisions read and write.

import type { ConfigurationHistory } from "./ConfigurationHistory.ts"
import type { Log } from "./Log.ts"
import type { ChangeRefused } from "./membership.ts"
import type { Message, SnapshotChunk } from "./message.ts"
import type { Progress } from "./Progress.ts"
import type {
  Aim,
  Change,
  Configuration,
  Entry,
  EntryKind,
  GroupId,
  HardState,
  Index,
  LogBase,
  Millis,
  NodeId,
  Origin,
  Standing,
  Term,
  Write,
} from "./types.ts"

/** Bounds and periods. All nodes of a group should have the same. */
export interface Limits {
  /** No vote is granted for so long after a leader was heard; the shortest time to an election. */
  readonly electionTimeoutMinMillis: number
  readonly electionTimeoutMaxMillis: number
  readonly heartbeatMillis: number
  /** How much the nodes' clocks may drift apart within one election timeout: taken off every lease. */
  readonly clockDriftMillis: number
  readonly appendEntriesMax: number
  readonly appendBytesMax: number
  readonly inFlightMessagesMax: number
  readonly inFlightBytesMax: number
  /** Entries kept in memory beyond those that are still needed there. */
  readonly cacheBytesMax: number
  /** So many heartbeats in a row must find nothing to do before a leader offers rest. */
  readonly quietBeatsMin: number
}

export interface Follower {
  readonly kind: "follower"
  /** Of this term; null until it was heard. */
  leader: NodeId | null
  /** When a leader was last heard, of this term or an older one: the lease that it may rely on. */
  leaderHeardAt: Millis
  /** Up to here this log is known to be that leader's. */
  matched: Index
  /** Its last word on how far acknowledgements go, and when that was true; null before the first. */
  acknowledged: { readonly at: Millis; readonly index: Index } | null
  /** From its clock to this node's, by the heartbeat that was the fastest. */
  clockOffsetMillis: Millis
  /** When the election timer last began: by a leader's word, a granted vote, or a new role. */
  timerBeganAt: Millis
  /** Election timeouts that it has left to others since a leader was heard. */
  timeoutsLeft: number
  /** Reads of this node's clients that wait for the leader's word. */
  readonly reads: FollowerReads
  /** Not null: its timer stands still as long as the leader's process is heard (`quiet.ts`). */
  rest: FollowerRest | null
}

export interface FollowerRest {
  /** The leader's process when it went to rest; null until it has been looked at. */
  process: string | null
  /** It has asked whether the leader still leads, and has had no answer. */
  isDoubted: boolean
}

export interface FollowerReads {
  /** Asked, and when. One question at a time; those who come meanwhile share the next. */
  asked: { readonly id: number; readonly origins: ReadonlyArray<Origin>; askedAt: Millis } | null
  waiting: Array<Origin>
}

export interface Candidate {
  readonly kind: "candidate"
  readonly preVote: boolean
  readonly transfer: boolean
  /** An operator's: it leads with this configuration as soon as its term is on disk, without a vote. */
  readonly decree: Configuration | null
  readonly votes: Map<NodeId, boolean>
  readonly timerBeganAt: Millis
}

export interface Leader {
  readonly kind: "leader"
  /** Its opening no-op. Nothing before it is committed by counting, nothing is served before it is applied. */
  readonly firstIndexOfTerm: Index
  /** Nothing behind it is bound to members. */
  boundThrough: Index
  readonly since: Millis
  /** Everybody else who receives the log. */
  readonly progress: Map<NodeId, Progress>
  /** Confirmation rounds begun so far (thesis §6.4). */
  round: number
  readonly reads: LeaderReads
  /** The write that its disk was at work on at the last heartbeat, and since when; null when on none. */
  diskBusy: { readonly sequence: number; readonly since: Millis } | null
  /** As of the last heartbeat: how much longer than the longest election timeout a quorum may be silent, for it is late itself. */
  patienceMillis: Millis
  /** To whom leadership is being handed over, until when, and whether the successor was told to stand. */
  transfer: { readonly to: NodeId; readonly until: Millis; readonly isTold: boolean } | null
  /** A successor was told to stand, in this term. */
  isLeaseVoid: boolean
  /** Something runs here that must have ended before a change of members leaves this node without a vote. */
  isHeld: boolean
  readonly rest: LeaderRest
}

/** How far a leader is on its way to rest (`quiet.ts`). */
export interface LeaderRest {
  /** Heartbeats in a row at which nothing was to be done. */
  quietBeats: number
  /** The first round that offered rest to the others; 0: none has. */
  offeredFrom: number
  /** All others rest, and no heartbeat leaves any more. */
  isResting: boolean
}

export interface LeaderReads {
  /** The round that will prove that this node still led when these arrived. */
  confirming: {
    readonly round: number
    readonly index: Index
    readonly readers: ReadonlyArray<Reader>
  } | null
  waiting: Array<Reader>
}

/** Who wants to read: a client of this node, or a follower on behalf of its own. */
export type Reader =
  | { readonly kind: "local"; readonly origin: Origin }
  | { readonly kind: "peer"; readonly from: NodeId; readonly id: number }

export type Role = Follower | Candidate | Leader

/** All that a node knows about one group. Only the turn writes it. */
export interface Node {
  readonly group: GroupId
  readonly id: NodeId
  readonly limits: Limits
  /** Until then it grants no vote: before it stopped it may have promised that to a leader. */
  readonly quietUntil: Millis
  term: Term
  votedFor: NodeId | null
  standing: Standing
  /** Its disk is short of room: it goes on with what it must write, and takes no new commands (HAZARDS S7). */
  isShort: boolean
  /** Since when; means something while it is short. */
  shortSince: Millis
  /** While suspect: the session in which the leader of this term was first heard. */
  firstHeard: { readonly term: Term; readonly session: number } | null
  readonly log: Log
  readonly configurations: ConfigurationHistory
  commitIndex: Index
  /** How far the machine has come. Never beyond what is committed and on this node's disk. */
  appliedIndex: Index
  /** Time of the last entry: entries never go back in time. */
  lastTime: number
  role: Role
  /** By the word of the lives: nobody waits at this node, and nothing of it is due soon. */
  mayRest: boolean
  /** Counts the leaders that this node has seen, itself included. */
  leaderChanges: number
  /**
   * Number of the newest question to a leader. Never used again, not by a later role and not after a restart,
   * so that a late answer to an older question is known: it begins from the clock.
   */
  lastReadId: number
  /** A snapshot that the log already rests on but the machine has not taken over yet. */
  pendingInstall: { readonly snapshotId: string; readonly index: Index } | null
  /** The machine needs a state of here or further on: it was given up for an entry that it could not get past. 0: any. */
  readonly stateFrom: Index

  /** Writes handed out and not yet confirmed, oldest first. */
  readonly pendingWrites: Array<PendingWrite>
  nextSequence: number
  /** What the current turn has gathered so far. */
  turn: Turn
}

export interface PendingWrite {
  readonly sequence: number
  /** The log on disk ends here once this write is durable (cut down by later truncations). */
  lastIndex: Index
  /** It holds facts about the node itself that are not durable yet: nothing at all is said before they are. */
  factual: boolean
  /** Term and vote are all of these facts: they may become durable ahead of the rest. */
  readonly isHardStateOnly: boolean
  /** What rests on this write. */
  messages: Array<Held>
}

export interface Outgoing {
  readonly to: NodeId
  readonly message: Message
}

/** Waits for the disk: for facts, and for the log up to `through`. */
export interface Held extends Outgoing {
  readonly through: Index
}

/** Why a proposal or read got no answer here. `lost` may still happen; the others did not and will not. */
export interface Dismissed {
  readonly origin: Origin
  readonly reason: "not-leader" | "lost" | "members-changed"
}

/** What one turn asks the lives to do. */
export interface Turn {
  /** May leave now. */
  messages: Array<Outgoing>
  /** Reads that may be served as soon as the machine has come to `index`. */
  reads: Array<{ readonly origin: Origin; readonly index: Index }>
  dismissed: Array<Dismissed>
  /** Changes and hand-overs that were asked for: where they lead, or why they are not begun. */
  judged: Array<{ readonly origin: Origin; readonly verdict: Aim | NodeId | ChangeRefused }>
  /** Pieces of a snapshot for this node to keep. */
  chunks: Array<{ readonly from: NodeId; readonly chunk: SnapshotChunk }>
  /** The log was cut here: the disk may let go what lies behind. */
  compacted: { readonly through: LogBase; readonly configuration: Configuration } | null
  /** To be made durable, in one transaction; null when nothing changed. */
  write: Write | null

  /** The write as it grows; closed by `takeTurn`. */
  readonly draft: {
    hardState: HardState | null
    install: Write["install"]
    truncateFrom: Index | null
    entries: Array<Entry>
    standing: Standing | null
    readonly whenDurable: Array<Held>
  }
}

/** What can happen to a node. Facts, in the past tense. */
export type Input =
  | { readonly type: "Received"; readonly from: NodeId; readonly message: Message }
  /** `time` is the wall clock, ms since 1970. */
  | {
      readonly type: "Proposed"
      readonly time: number
      readonly proposals: ReadonlyArray<{
        readonly kind: EntryKind
        readonly data: Uint8Array
        readonly origin: Origin | null
        /** Meant for this term alone: an entry of another one must never hold it. Null: for any. */
        readonly term?: Term | null
        /** Bound to these members: it never stands behind a configuration that has others. Null: to none. */
        readonly members?: Configuration | null
      }>
    }
  | {
      readonly type: "ChangeAsked"
      readonly change: Change
      readonly force: boolean
      /** The data directories of members that this node has met. Absent: of nobody. */
      readonly met?: Readonly<Record<NodeId, string>>
      /** Whoever asks has looked at all that is bound to members, up to here. Absent: that is no matter. */
      readonly seen?: Index
      readonly origin: Origin
    }
  /** The majority is lost for good: these go on. */
  | { readonly type: "ResetAsked"; readonly voters: ReadonlyArray<NodeId>; readonly origin: Origin }
  | {
      readonly type: "TransferAsked"
      readonly to: NodeId | null
      readonly origin: Origin
    }
  /** What runs where this node leads has begun, or has ended. */
  | { readonly type: "HoldChanged"; readonly term: Term; readonly isHeld: boolean }
  | { readonly type: "ReadRequested"; readonly origins: ReadonlyArray<Origin>; readonly lease: boolean }
  /** `after`: the randomised timeout that passed. `asks`: who may not stand asks for a leader, which may be at rest. */
  | { readonly type: "ElectionTimedOut"; readonly after: number; readonly asks?: boolean }
  /**
   * `met`: as in `ChangeAsked`, while a change is under way. `patienceMillis`: so much longer may a quorum be silent, for this node
   * is late itself; absent: 0.
   */
  | {
      readonly type: "HeartbeatDue"
      readonly met?: Readonly<Record<NodeId, string>>
      readonly patienceMillis?: Millis
    }
  /** All writes up to this one are durable. */
  | { readonly type: "Persisted"; readonly sequence: number }
  /** Term and vote of all writes up to this one are durable, though there was no room for the rest of them. */
  | { readonly type: "HardStatePersisted"; readonly sequence: number }
  /** The disk has become short of room, or has room again. */
  | { readonly type: "RoomChanged"; readonly isShort: boolean }
  /** Others know that this node's log was longer once. */
  | { readonly type: "LossFound" }
  | { readonly type: "Applied"; readonly index: Index }
  /** A piece of a snapshot is kept; so many bytes from the start are here. */
  | {
      readonly type: "ChunkKept"
      readonly from: NodeId
      readonly chunk: SnapshotChunk
      readonly received: number
    }
  /** All pieces are here, verified and durable. */
  | { readonly type: "SnapshotCompleted"; readonly from: NodeId; readonly chunk: SnapshotChunk }
  /** Whether anything but the decisions keeps this node awake has changed. */
  | { readonly type: "RestAllowed"; readonly isAllowed: boolean }
  /** Somebody at the door, or a clock, wants the group awake. */
  | { readonly type: "Stirred" }
  /** It has rested for long. */
  | { readonly type: "RestDoubted" }
  /** What the processes behind the peers were last heard to be, and when: of those that were heard at all. */
  | {
      readonly type: "PulsesSeen"
      readonly pulses: ReadonlyArray<{
        readonly peer: NodeId
        readonly process: string
        readonly heardAt: Millis
      }>
    }
  | { readonly type: "PeerSilent"; readonly peer: NodeId }
  /** Its process has started anew. */
  | { readonly type: "PeerAnother"; readonly peer: NodeId }
  /** The state on disk has come so far that the log may be cut here. */
  | { readonly type: "Compacted"; readonly through: LogBase }

export const emptyTurn = (): Turn => ({
  messages: [],
  reads: [],
  dismissed: [],
  judged: [],
  chunks: [],
  compacted: null,
  write: null,
  draft: { hardState: null, install: null, truncateFrom: null, entries: [], standing: null, whenDurable: [] },
})

/** What a node starts from; see `LogStore.load`. */
export interface Beginning {
  readonly group: GroupId
  readonly id: NodeId
  readonly limits: Limits
  readonly now: Millis
  readonly hardState: HardState
  readonly standing: Standing
  readonly log: Log
  readonly configurations: ConfigurationHistory
  readonly appliedIndex: Index
  readonly lastTime: number
  readonly pendingInstall: Node["pendingInstall"]
  readonly stateFrom?: Index
}

/** A node as it starts: a follower without a leader. What was applied is committed. */
export const makeNode = (beginning: Beginning): Node => ({
  group: beginning.group,
  id: beginning.id,
  limits: beginning.limits,
  // Unless it never took part in a term.
  quietUntil:
    beginning.hardState.term === 0
      ? Number.NEGATIVE_INFINITY
      : beginning.now + beginning.limits.electionTimeoutMinMillis,
  term: beginning.hardState.term,
  votedFor: beginning.hardState.votedFor,
  standing: beginning.standing,
  isShort: false,
  shortSince: beginning.now,
  firstHeard: null,
  log: beginning.log,
  configurations: beginning.configurations,
  commitIndex: Math.max(beginning.appliedIndex, beginning.log.base.index),
  appliedIndex: beginning.appliedIndex,
  lastTime: beginning.lastTime,
  role: makeFollower(null, beginning.now),
  mayRest: false,
  leaderChanges: 0,
  lastReadId: 0,
  pendingInstall: beginning.pendingInstall,
  stateFrom: beginning.stateFrom ?? 0,
  pendingWrites: [],
  nextSequence: 1,
  turn: emptyTurn(),
})

export const makeFollower = (leader: NodeId | null, now: Millis): Follower => ({
  kind: "follower",
  leader,
  leaderHeardAt: leader === null ? Number.NEGATIVE_INFINITY : now,
  matched: 0,
  acknowledged: null,
  clockOffsetMillis: Number.POSITIVE_INFINITY,
  timerBeganAt: now,
  timeoutsLeft: 0,
  reads: { asked: null, waiting: [] },
  rest: null,
})

/** The leader as far as this node knows. */
export const knownLeader = (node: Node): NodeId | null => {
  if (node.role.kind === "leader") return node.id
  return node.role.kind === "follower" ? node.role.leader : null
}

/** How far the machine may go: committed, and on this node's own disk. */
export const applicableIndex = (node: Node): Index => Math.min(node.commitIndex, node.log.persistedIndex)

/**
 * The machine has no state on which the log could go on: it was given up, and the log no longer reaches back to where
 * it ends, or would only lead to where the machine stood before. What the log says is as good as before: the node votes, and counts, and waits for another one's state.
 */
export const lacksState = (node: Node): boolean =>
  node.appliedIndex < stateNeeded(node) && node.pendingInstall === null

/** What lies behind an earlier state is of no use to this node. */
export const stateNeeded = ({ log, stateFrom }: Pick<Node, "log" | "stateFrom">): Index =>
  Math.max(log.base.index, stateFrom)

/** The leader serves only after it has applied everything up to its own first entry (HAZARDS R17, L1). */
export const isServing = (node: Node): boolean =>
  node.role.kind === "leader" && node.appliedIndex >= node.role.firstIndexOfTerm
