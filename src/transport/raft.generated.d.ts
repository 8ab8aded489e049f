// Generated from raft.proto by "bun run proto".

import type { Reader, Writer } from "protobufjs/minimal.js"

export interface Frame {
  readonly group: string
  readonly hello?: Hello | null
  readonly refusal?: Refusal | null
  readonly ping?: Ping | null
  readonly pong?: Pong | null
  readonly voteRequest?: VoteRequest | null
  readonly voteReply?: VoteReply | null
  readonly appendRequest?: AppendRequest | null
  readonly appendReply?: AppendReply | null
  readonly heartbeatRequest?: HeartbeatRequest | null
  readonly heartbeatReply?: HeartbeatReply | null
  readonly snapshotChunk?: SnapshotChunk | null
  readonly snapshotReply?: SnapshotReply | null
  readonly readIndexRequest?: ReadIndexRequest | null
  readonly readIndexReply?: ReadIndexReply | null
  readonly timeoutNow?: TimeoutNow | null
  readonly forwardRequest?: ForwardRequest | null
  readonly forwardReply?: ForwardReply | null
  readonly queryRequest?: QueryRequest | null
  readonly queryReply?: QueryReply | null
  readonly stateReport?: StateReport | null
  readonly stateParted?: StateParted | null
  readonly stateRequest?: StateRequest | null
  readonly statePiece?: StatePiece | null
  readonly beats?: Beats | null
}
export declare const Frame: {
  readonly encode: (message: Frame, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => Frame
}

export interface Hello {
  readonly oldestProtocol: number
  readonly newestProtocol: number
  readonly clusterId: string
  readonly nodeId: string
  readonly incarnation: string
  readonly recipient: string
  readonly client: string
  readonly peer: string
  readonly asOf: number
  readonly epoch: number
  readonly sequence: number
  readonly witnessedIncarnation: string
  readonly witnessedSequence: number
  readonly session: string
}
export declare const Hello: {
  readonly encode: (message: Hello, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => Hello
}

export interface Refusal {
  readonly cause: string
}
export declare const Refusal: {
  readonly encode: (message: Refusal, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => Refusal
}

export interface Ping {
  readonly sequence: number
}
export declare const Ping: {
  readonly encode: (message: Ping, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => Ping
}

export interface Pong {
}
export declare const Pong: {
  readonly encode: (message: Pong, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => Pong
}

export interface Address {
  readonly peer: string
  readonly client: string
  readonly incarnation: string
  readonly priorityPlusOne: number
}
export declare const Address: {
  readonly encode: (message: Address, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => Address
}

export interface Aim {
  readonly voters: ReadonlyArray<string>
  readonly learners: ReadonlyArray<string>
  readonly addresses: Readonly<Record<string, Address>>
}
export declare const Aim: {
  readonly encode: (message: Aim, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => Aim
}

export interface Configuration {
  readonly voters: ReadonlyArray<string>
  readonly outgoing: ReadonlyArray<string>
  readonly learners: ReadonlyArray<string>
  readonly learnersNext: ReadonlyArray<string>
  readonly addresses: Readonly<Record<string, Address>>
  readonly goal?: Aim | null
  readonly epoch: number
  readonly resetFrom: ReadonlyArray<string>
}
export declare const Configuration: {
  readonly encode: (message: Configuration, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => Configuration
}

export type EntryKind = 0 | 1 | 2 | 3
export declare const EntryKind: {
  readonly UNKNOWN: 0
  readonly NOOP: 1
  readonly COMMAND: 2
  readonly CONFIGURATION: 3
}

export interface Entry {
  readonly term: number
  readonly time: number
  readonly kind: EntryKind
  readonly data: Uint8Array
}
export declare const Entry: {
  readonly encode: (message: Entry, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => Entry
}

export interface VoteRequest {
  readonly term: number
  readonly preVote: boolean
  readonly lastIndex: number
  readonly lastTerm: number
  readonly transfer: boolean
}
export declare const VoteRequest: {
  readonly encode: (message: VoteRequest, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => VoteRequest
}

export interface VoteReply {
  readonly term: number
  readonly preVote: boolean
  readonly granted: boolean
}
export declare const VoteReply: {
  readonly encode: (message: VoteReply, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => VoteReply
}

export interface AppendRequest {
  readonly term: number
  readonly prevIndex: number
  readonly prevTerm: number
  readonly entries: ReadonlyArray<Entry>
  readonly commit: number
  readonly repairThrough: number
  readonly session: number
}
export declare const AppendRequest: {
  readonly encode: (message: AppendRequest, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => AppendRequest
}

export interface AppendReply {
  readonly term: number
  readonly accepted: boolean
  readonly index: number
  readonly hintIndex: number
  readonly hintTerm: number
  readonly whole: boolean
  readonly session: number
}
export declare const AppendReply: {
  readonly encode: (message: AppendReply, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => AppendReply
}

export interface HeartbeatRequest {
  readonly term: number
  readonly commit: number
  readonly round: number
  readonly sentAt: number
  readonly acknowledged: number
  readonly rest: boolean
}
export declare const HeartbeatRequest: {
  readonly encode: (message: HeartbeatRequest, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => HeartbeatRequest
}

export interface HeartbeatReply {
  readonly term: number
  readonly round: number
  readonly sentAt: number
  readonly lastIndex: number
  readonly whole: boolean
  readonly isShort: boolean
  readonly rests: boolean
}
export declare const HeartbeatReply: {
  readonly encode: (message: HeartbeatReply, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => HeartbeatReply
}

export interface Beats {
  readonly beats: ReadonlyArray<Beat>
}
export declare const Beats: {
  readonly encode: (message: Beats, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => Beats
}

export interface Beat {
  readonly group: string
  readonly request?: HeartbeatRequest | null
  readonly reply?: HeartbeatReply | null
}
export declare const Beat: {
  readonly encode: (message: Beat, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => Beat
}

export interface SnapshotPosition {
  readonly index: number
  readonly term: number
  readonly configuration?: Configuration | null
}
export declare const SnapshotPosition: {
  readonly encode: (message: SnapshotPosition, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => SnapshotPosition
}

export interface SnapshotChunk {
  readonly term: number
  readonly snapshot?: SnapshotPosition | null
  readonly id: string
  readonly totalBytes: number
  readonly offset: number
  readonly bytes: Uint8Array
  readonly checksum: number
  readonly repairThrough: number
  readonly session: number
}
export declare const SnapshotChunk: {
  readonly encode: (message: SnapshotChunk, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => SnapshotChunk
}

export interface SnapshotReply {
  readonly term: number
  readonly id: string
  readonly received: number
  readonly installedIndex: number
  readonly whole: boolean
  readonly session: number
}
export declare const SnapshotReply: {
  readonly encode: (message: SnapshotReply, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => SnapshotReply
}

export interface ReadIndexRequest {
  readonly term: number
  readonly id: number
}
export declare const ReadIndexRequest: {
  readonly encode: (message: ReadIndexRequest, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => ReadIndexRequest
}

export interface ReadIndexReply {
  readonly term: number
  readonly id: number
  readonly index: number
}
export declare const ReadIndexReply: {
  readonly encode: (message: ReadIndexReply, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => ReadIndexReply
}

export interface TimeoutNow {
  readonly term: number
}
export declare const TimeoutNow: {
  readonly encode: (message: TimeoutNow, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => TimeoutNow
}

export interface ForwardRequest {
  readonly id: number
  readonly commands: ReadonlyArray<Uint8Array>
}
export declare const ForwardRequest: {
  readonly encode: (message: ForwardRequest, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => ForwardRequest
}

export interface ForwardReply {
  readonly id: number
  readonly answers: ReadonlyArray<string>
}
export declare const ForwardReply: {
  readonly encode: (message: ForwardReply, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => ForwardReply
}

export interface QueryRequest {
  readonly id: number
  readonly queries: ReadonlyArray<string>
}
export declare const QueryRequest: {
  readonly encode: (message: QueryRequest, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => QueryRequest
}

export interface QueryReply {
  readonly id: number
  readonly answers: ReadonlyArray<string>
}
export declare const QueryReply: {
  readonly encode: (message: QueryReply, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => QueryReply
}

export interface StateReport {
  readonly index: number
  readonly hash: string
  readonly appliedIndex: number
  readonly stuckAt: number
}
export declare const StateReport: {
  readonly encode: (message: StateReport, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => StateReport
}

export interface StateParted {
  readonly index: number
  readonly hash: string
}
export declare const StateParted: {
  readonly encode: (message: StateParted, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => StateParted
}

export interface StateRequest {
  readonly index: number
  readonly id: string
  readonly offset: number
}
export declare const StateRequest: {
  readonly encode: (message: StateRequest, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => StateRequest
}

export interface StatePiece {
  readonly index: number
  readonly term: number
  readonly id: string
  readonly totalBytes: number
  readonly offset: number
  readonly bytes: Uint8Array
  readonly checksum: number
}
export declare const StatePiece: {
  readonly encode: (message: StatePiece, writer?: Writer) => Writer
  readonly decode: (bytes: Uint8Array | Reader, length?: number) => StatePiece
}
