// How do messages get from one node to another?

import { Context, type Effect } from "effect"
import type { HeartbeatReply, HeartbeatRequest, Message } from "../consensus/message.ts"
import type { Address, GroupId, Index, Millis, NodeId, Term } from "../consensus/types.ts"

/** Proposals that one node hands to the leader on behalf of its clients. */
export interface ForwardRequest {
  readonly type: "ForwardRequest"
  /** The sender's number for this request. */
  readonly id: number
  /** Encoded commands (`machine/command`). Never forwarded a second time (HAZARDS C3). */
  readonly commands: ReadonlyArray<Uint8Array>
}

export interface ForwardReply {
  readonly type: "ForwardReply"
  readonly id: number
  /** One JSON text per command, in order. */
  readonly answers: ReadonlyArray<string>
}

/** Linearizable reads that one node hands to the leader, because its own state cannot follow. */
export interface QueryRequest {
  readonly type: "QueryRequest"
  /** The sender's number for this request. */
  readonly id: number
  /** One JSON text per query. */
  readonly queries: ReadonlyArray<string>
}

export interface QueryReply {
  readonly type: "QueryReply"
  readonly id: number
  /** One JSON text per query, in order. */
  readonly answers: ReadonlyArray<string>
}

/** A replica tells the leader what its state had come to at a checkpoint: at once, and again now and then. */
export interface StateReport {
  readonly type: "StateReport"
  /** Of the newest checkpoint that it has come past; 0: of none. */
  readonly index: Index
  /** Empty when the index is 0. */
  readonly hash: string
  /** How far its machine is. */
  readonly appliedIndex: Index
  /** The entry at which its reducers' host faults; 0: at none. */
  readonly stuckAt: Index
}

/** In place of a hash: the sender's machine got past the entry at which the receiver's stands. */
export const gotPast = "past"

/** The leader's word: a majority had another state there than the one that is told so. */
export interface StateParted {
  readonly type: "StateParted"
  readonly index: Index
  /** What the majority had. */
  readonly hash: string
}

/** Who has lost its state, and whose log does not reach back to its beginning, asks a peer for a copy of its own. */
export interface StateRequest {
  readonly type: "StateRequest"
  /** One that has come at least so far. */
  readonly index: Index
  /** Hash of the file of which a piece is here already; empty: any. */
  readonly id: string
  readonly offset: number
}

/** A piece of a state, in answer to a request. */
export interface StatePiece {
  readonly type: "StatePiece"
  readonly index: Index
  readonly term: Term
  /** Hash of the whole file: pieces of two never mix. */
  readonly id: string
  readonly totalBytes: number
  readonly offset: number
  readonly bytes: Uint8Array
  /** CRC-32 of `bytes`. */
  readonly checksum: number
}

/** What travels in a frame: the consensus of a group, or its door. */
export type Payload =
  | Message
  | ForwardRequest
  | ForwardReply
  | QueryRequest
  | QueryReply
  | StateReport
  | StateParted
  | StateRequest
  | StatePiece

/** What a leader says again and again, and its answer. Those of many groups travel in one frame. */
export interface Beat {
  readonly group: GroupId
  readonly payload: HeartbeatRequest | HeartbeatReply
}

export const isBeat = (payload: Payload): payload is Beat["payload"] =>
  payload.type === "HeartbeatRequest" || payload.type === "HeartbeatReply"

/** What is known of a peer's process, by anything that comes from it. */
export interface Pulse {
  /** Of its process: another one when it has started anew since. */
  readonly session: string
  /** When it was last heard, by this node's monotonic clock, ms. What was heard may have been under way for a while. */
  readonly heardAt: Millis
}

/**
 * - `silent`: not heard for `silentMillis`, counted in rounds that this process has lived through: one that stood still
 *   for a minute finds nobody silent when it goes on. Also of a peer that is none any more.
 * - `heard`: for the first time, or again after it was silent.
 * - `another`: heard, and its process is not the one from before. Told before `heard`.
 */
export type PulseChange = "silent" | "heard" | "another"

/** Told of the pulse of peers: quick, and must not throw. `pulse` answers by the new state already. */
export type PulseTold = (peer: NodeId, what: PulseChange) => void

/** Whether a message of a peer counts in a group: the one with this data directory. Asked for each message. */
export type Admits = (from: NodeId, incarnation: string, type: Payload["type"]) => boolean

/** A message as it arrives. The sender's identity was proven by the handshake. */
export interface Inbound {
  readonly from: NodeId
  readonly payload: Payload
}

/** Where what arrives for a group is put; others may put something there as well. */
export interface Letterbox {
  /** How many wait there. */
  readonly size: number
  /** False: it is not taken. */
  readonly offer: (inbound: Inbound) => boolean
}

/**
 * One peer as this node sees it. Numbers count from the start of this node's transport; a frame of several heartbeats
 * counts as one message, unless it is dropped before it was one.
 */
export interface PeerConnection {
  readonly id: NodeId
  /** Where it serves clients, by its own word; empty when it was not heard yet. */
  readonly client: string
  /** Its data directory, by its own word when it was last met; empty when it was not met yet. */
  readonly incarnation: string
  /** Whether messages to the peer leave. */
  readonly state: "connecting" | "open"
  /** Waiting here because the peer or the network is slower than we are. */
  readonly outboundBytes: number
  /** Messages to the peer dropped because the outbound buffer was full or nobody was connected. */
  readonly dropped: number
  /** How often a connection to the peer was opened: 1 when it never broke. */
  readonly opened: number
  /** Handshakes of ours that the peer refused, or whose answer we refused. */
  readonly refused: number
  /** Why the last of them was refused, unless one has succeeded since: a cause of the handshake's. */
  readonly refusal: string | null
  readonly sentMessages: number
  readonly sentBytes: number
  readonly receivedMessages: number
  readonly receivedBytes: number
}

/**
 * Best effort while a connection lasts: a message arrives once or not at all, and in order among those of its
 * lane: control messages overtake bulk, which is appends, snapshot chunks and what is forwarded. What does not
 * fit the outbound buffer is dropped; Raft sends again. Where several groups live, their heartbeats wait for the end of the
 * burst in which they were said, and arrive or are lost together; they keep their order among all that their own group
 * says, and may be overtaken by what others do.
 */
export class Transport extends Context.Service<
  Transport,
  {
    /** Never waits. False when the message was dropped. Messages of one turn leave in one write. */
    readonly send: (to: NodeId, group: GroupId, payload: Payload) => boolean
    /**
     * Everything that arrives for `group` from now on is offered to the mailbox. `admits`: who may speak for the group,
     * as its own configuration has it; the handshake knows only what this node was told by `connect` (HAZARDS S6). Absent:
     * every peer. What is not admitted is dropped and counted.
     */
    readonly attach: (group: GroupId, mailbox: Letterbox, admits?: Admits) => Effect.Effect<void>
    /** Nothing arrives for `group` any more: what comes is dropped and counted. */
    readonly detach: (group: GroupId) => Effect.Effect<void>
    /**
     * Whom to keep a connection to. Peers that are no longer named are disconnected. `asOf`: where the configuration
     * that names them stands in the log; whoever knows a newer one may call, and is a peer until the next `connect`.
     * This node stands among them when it belongs to the cluster. A peer whose address names an incarnation is that one
     * and no other. Nobody comes in before the first call: what is known decides who may.
     */
    readonly connect: (
      peers: Readonly<Record<NodeId, Address>>,
      asOf: Index,
      /** Counts the resets by decree behind it; absent: 0. */
      epoch?: number,
      /** Of the peers those that no configuration of this epoch names. */
      outsiders?: ReadonlySet<NodeId>,
    ) => Effect.Effect<void>
    readonly connections: () => ReadonlyArray<PeerConnection>
    /** Null: the peer's process was not heard since this transport began, or since it became a peer. */
    readonly pulse: (peer: NodeId) => Pulse | null
    /** Calls `told` at every change from now on, until the result is called. */
    readonly onPulse: (told: PulseTold) => () => void
    /**
     * How many commits this node's log had when a peer last heard of it; 0: nobody has said. Known before any message of
     * that peer arrives. When the log has fewer, the data directory is an older copy.
     */
    readonly witnessed: () => number
  }
>()("raftlet/transport/Transport") {}
