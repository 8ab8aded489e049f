// What do two nodes say to each other about one group? Every message carries the sender's term.

import type { Entry, Index, Millis, SnapshotPosition, Term } from "./types.ts"

/** Raft §5.2; with `preVote` thesis §9.6: would you vote for me? Nothing changes on either side. */
export interface VoteRequest {
  readonly type: "VoteRequest"
  /** The term the candidate runs in; for a pre-vote the term it would run in. */
  readonly term: Term
  readonly preVote: boolean
  readonly lastIndex: Index
  readonly lastTerm: Term
  /** The old leader asked for this election: the lease guard does not apply (thesis §3.10). */
  readonly transfer: boolean
}

export interface VoteReply {
  readonly type: "VoteReply"
  /** Granted: the term of the request. Refused: the voter's own term. */
  readonly term: Term
  readonly preVote: boolean
  readonly granted: boolean
}

/** Raft §5.3. Empty `entries` probe, or tell a new commit index. */
export interface AppendRequest {
  readonly type: "AppendRequest"
  readonly term: Term
  readonly prevIndex: Index
  readonly prevTerm: Term
  readonly entries: ReadonlyArray<Entry>
  readonly commit: Index
  /**
   * For a suspect follower: once it holds everything up to here durably under this term, it is whole
   * again. 0 = no such promise.
   */
  readonly repairThrough: Index
  /** Counts how often this leader began anew with this follower; echoed, so that old replies are known. */
  readonly session: number
}

export interface AppendReply {
  readonly type: "AppendReply"
  readonly term: Term
  readonly accepted: boolean
  /** Accepted: the last index that the request verified, durable. Refused: the request's `prevIndex`. */
  readonly index: Index
  /** Refused: the last position of the follower that can still match, its term beside it (§5.3 end). */
  readonly hintIndex: Index
  readonly hintTerm: Term
  /** False while the follower is suspect: the leader replicates to it but does not count it. */
  readonly whole: boolean
  /** Of the request. */
  readonly session: number
}

/** Proof of leadership; never waits behind entries. */
export interface HeartbeatRequest {
  readonly type: "HeartbeatRequest"
  readonly term: Term
  /** Never beyond what the leader knows the follower to hold. */
  readonly commit: Index
  /**
   * Nothing beyond it had been acknowledged to anybody, whatever the follower holds of it: by that a follower
   * knows how old its state is (HAZARDS L7).
   */
  readonly acknowledged: Index
  /** Counts the leader's confirmation rounds (thesis §6.4). */
  readonly round: number
  /** The leader's clock at sending; only the leader reads it again. */
  readonly sentAt: Millis
  /** Nothing is to be done: whoever has everything may rest until there is news, and says that it does. */
  readonly rest: boolean
}

export interface HeartbeatReply {
  readonly type: "HeartbeatReply"
  readonly term: Term
  readonly round: number
  readonly sentAt: Millis
  /** The follower's last entry, durable or not: tells the leader of lost appends. */
  readonly lastIndex: Index
  readonly whole: boolean
  /** Its disk is short of room: no new command should count on it. */
  readonly isShort: boolean
  /**
   * It rests. In answer to no heartbeat (round 0 of this very term) it is a question: does the receiver still lead? One
   * that asks and does not rest has woken, and waits for a word before it stands.
   */
  readonly rests: boolean
}

/** A piece of a snapshot (Raft §7). An empty piece at `offset` 0 asks how much is there already. */
export interface SnapshotChunk {
  readonly type: "SnapshotChunk"
  readonly term: Term
  readonly snapshot: SnapshotPosition
  /** Hash of the whole file: pieces of two snapshots never mix. */
  readonly id: string
  readonly totalBytes: number
  readonly offset: number
  readonly bytes: Uint8Array
  /** CRC-32 of `bytes`. */
  readonly checksum: number
  /** As in {@link AppendRequest}. */
  readonly repairThrough: Index
  readonly session: number
}

export interface SnapshotReply {
  readonly type: "SnapshotReply"
  readonly term: Term
  readonly id: string
  /** How many bytes from the start the follower holds: the next offset to send. */
  readonly received: number
  /** Not 0: the follower's state and log now begin at or beyond this index. */
  readonly installedIndex: Index
  readonly whole: boolean
  readonly session: number
}

/** A follower asks where a linearizable read may be served (thesis §6.4). */
export interface ReadIndexRequest {
  readonly type: "ReadIndexRequest"
  readonly term: Term
  /** The follower's number for this request. */
  readonly id: number
}

export interface ReadIndexReply {
  readonly type: "ReadIndexReply"
  readonly term: Term
  readonly id: number
  /** 0: refused, ask again. */
  readonly index: Index
}

/** The leader asks its successor to stand for election at once (thesis §3.10). */
export interface TimeoutNow {
  readonly type: "TimeoutNow"
  readonly term: Term
}

export type Message =
  | VoteRequest
  | VoteReply
  | AppendRequest
  | AppendReply
  | HeartbeatRequest
  | HeartbeatReply
  | SnapshotChunk
  | SnapshotReply
  | ReadIndexRequest
  | ReadIndexReply
  | TimeoutNow
