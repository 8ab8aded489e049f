// What does a frame's payload say? From the plain messages to bytes, and back with every doubt removed:
// whatever comes out of `decode` is well-formed, anything else throws.

import protobuf from "protobufjs/minimal.js"
import type {
  Configuration,
  Entry,
  EntryKind,
  GroupId,
  Index,
  NodeId,
  SnapshotPosition,
} from "../consensus/types.ts"
import { headerBytes, Malformed, seal } from "./framing.ts"
import { idLengthMax, tokenLengthMax } from "./limits.ts"
import * as wire from "./raft.generated.js"
import { addressText, count, readBeats, readPayload, text } from "./readPayload.ts"
import type { Beat, Payload } from "./Transport.ts"
import type { Witnessed } from "./Witness.ts"

/** The first words on a connection, in both directions. */
export interface Hello {
  readonly type: "Hello"
  /** The range of protocol versions that the speaker understands. */
  readonly oldestProtocol: number
  readonly newestProtocol: number
  readonly clusterId: string
  readonly nodeId: NodeId
  readonly incarnation: string
  /** Whom the speaker believes to speak to. */
  readonly recipient: NodeId
  /** Where the speaker serves clients; empty when not known. */
  readonly client: string
  /** Where the speaker's peers reach it; empty when not known. */
  readonly peer: string
  /** Where the newest configuration that the speaker knows stands in the log. */
  readonly asOf: Index
  /** The term of the newest reset by decree that the speaker knows of. */
  readonly epoch: number
  /** How many commits the speaker's log on disk counts. */
  readonly sequence: number
  /** As how far the speaker knows the recipient's log. */
  readonly witnessed: Witnessed
  /** Of the speaker's process: another at every start. */
  readonly session: string
}

/** The last words on a connection. */
export interface Refusal {
  readonly type: "Refusal"
  readonly cause: string
}

/** What nodes say about the connection itself. */
export type Greeting =
  | Hello
  | Refusal
  /** `sequence`: as in {@link Hello}. */
  | { readonly type: "Ping"; readonly sequence: number }
  | { readonly type: "Pong" }

/** What one frame says. */
export type Said =
  | Greeting
  | { readonly type: "Message"; readonly group: GroupId; readonly payload: Payload }
  /** Empty: the process lives. */
  | { readonly type: "Beats"; readonly beats: ReadonlyArray<Beat> }

/** A whole frame, header included. The payload's entries must follow each other. */
export const encode = (group: GroupId, payload: Payload): Uint8Array => write(messageFrame(group, payload))

/** The heartbeats of several groups as one frame, in this order; none: the frame says that this process lives. */
export const encodeBeats = (beats: ReadonlyArray<Beat>): Uint8Array =>
  write({ group: "", beats: { beats: beats.map(beatFrame) } })

const beatFrame = ({ group, payload }: Beat): wire.Beat =>
  payload.type === "HeartbeatRequest" ? { group, request: payload } : { group, reply: payload }

export const encodeGreeting = (greeting: Greeting): Uint8Array => {
  switch (greeting.type) {
    case "Hello":
      return write({ group: "", hello: helloFrame(greeting) })
    case "Refusal":
      return write({ group: "", refusal: greeting })
    case "Ping":
      return write({ group: "", ping: { sequence: greeting.sequence } })
    case "Pong":
      return write({ group: "", pong: {} })
  }
}

const helloFrame = ({ witnessed, ...hello }: Hello) => ({
  ...hello,
  witnessedIncarnation: witnessed.incarnation,
  witnessedSequence: witnessed.sequence,
})

/** Reads what stands behind a frame's header; the result shares no memory with it. Throws {@link Malformed}. */
export const decode = (bytes: Uint8Array): Said => {
  let frame: wire.Frame
  try {
    frame = wire.Frame.decode(bytes)
  } catch (cause) {
    throw new Malformed("not a protobuf frame", { cause })
  }
  // A decoded message owns only the fields that it was sent.
  const fields = Object.keys(frame)
  const isAddressed = frame.group !== ""
  if (fields.length !== (isAddressed ? 2 : 1)) throw new Malformed(`a frame of the fields ${fields}`)
  if (!isAddressed)
    return frame.beats ? { type: "Beats", beats: readBeats(frame.beats) } : readGreeting(frame)
  return { type: "Message", group: text(frame.group, idLengthMax), payload: readPayload(frame) }
}

/** Shared by all frames: one buffer that has grown to the usual size instead of a new one for each. */
let writer = new protobuf.BufferWriter()
const headerSpace = new Uint8Array(headerBytes)
const keptBytesMax = 1024 * 1024

const write = (frame: wire.Frame): Uint8Array => {
  try {
    const written = wire.Frame.encode(frame, writer.reset().raw(headerSpace)).finish()
    if (written.length > keptBytesMax) writer = new protobuf.BufferWriter()
    return seal(written)
  } catch (cause) {
    // Half a frame in it would spoil the next one.
    writer = new protobuf.BufferWriter()
    throw cause
  }
}

const messageFrame = (group: GroupId, payload: Payload): wire.Frame => {
  switch (payload.type) {
    case "AppendRequest":
      return {
        group,
        appendRequest: { ...payload, entries: writeEntries(payload.prevIndex, payload.entries) },
      }
    case "AppendReply":
      return { group, appendReply: payload }
    case "HeartbeatRequest":
      return { group, heartbeatRequest: payload }
    case "HeartbeatReply":
      return { group, heartbeatReply: payload }
    case "VoteRequest":
      return { group, voteRequest: payload }
    case "VoteReply":
      return { group, voteReply: payload }
    case "SnapshotChunk":
      return { group, snapshotChunk: { ...payload, snapshot: writeSnapshot(payload.snapshot) } }
    case "SnapshotReply":
      return { group, snapshotReply: payload }
    case "ReadIndexRequest":
      return { group, readIndexRequest: payload }
    case "ReadIndexReply":
      return { group, readIndexReply: payload }
    case "TimeoutNow":
      return { group, timeoutNow: payload }
    case "ForwardRequest":
      return { group, forwardRequest: payload }
    case "ForwardReply":
      return { group, forwardReply: payload }
    case "QueryRequest":
      return { group, queryRequest: payload }
    case "QueryReply":
      return { group, queryReply: payload }
    case "StateReport":
      return { group, stateReport: payload }
    case "StateParted":
      return { group, stateParted: payload }
    case "StateRequest":
      return { group, stateRequest: payload }
    case "StatePiece":
      return { group, statePiece: payload }
  }
}

const writeSnapshot = ({ index, term, configuration }: SnapshotPosition): wire.SnapshotPosition => {
  const { goal, addresses, epoch = 0, resetFrom = [], ...sets } = configuration
  return {
    index,
    term,
    configuration: {
      ...sets,
      epoch,
      resetFrom,
      addresses: writeAddresses(addresses),
      goal: goal === undefined ? null : { ...goal, addresses: writeAddresses(goal.addresses) },
    },
  }
}

const writeAddresses = (addresses: Configuration["addresses"]): Record<string, wire.Address> =>
  Object.fromEntries(
    Object.entries(addresses).map(([id, { peer, client, incarnation = "", priority = -1 }]) => [
      id,
      { peer, client, incarnation, priorityPlusOne: priority + 1 },
    ]),
  )

const kindNumbers: Readonly<Record<EntryKind, wire.EntryKind>> = {
  noop: wire.EntryKind.NOOP,
  command: wire.EntryKind.COMMAND,
  configuration: wire.EntryKind.CONFIGURATION,
}

const writeEntries = (prevIndex: number, entries: ReadonlyArray<Entry>): ReadonlyArray<wire.Entry> =>
  entries.map((entry, offset) => {
    const index = prevIndex + 1 + offset
    if (entry.index !== index) throw new Error(`entry ${entry.index} stands where ${index} belongs`)
    return { term: entry.term, time: entry.time, kind: kindNumbers[entry.kind], data: entry.data }
  })

const optionalToken = (value: string): string => (value === "" ? "" : text(value, tokenLengthMax))

const readGreeting = (frame: wire.Frame): Greeting => {
  if (frame.ping) return { type: "Ping", sequence: count(frame.ping.sequence) }
  if (frame.pong) return { type: "Pong" }
  if (frame.hello) {
    const { oldestProtocol, newestProtocol } = frame.hello
    if (oldestProtocol === 0 || oldestProtocol > newestProtocol) throw new Malformed("no protocol version")
    return {
      type: "Hello",
      oldestProtocol,
      newestProtocol,
      clusterId: text(frame.hello.clusterId, tokenLengthMax),
      nodeId: text(frame.hello.nodeId, idLengthMax),
      incarnation: text(frame.hello.incarnation, tokenLengthMax),
      recipient: text(frame.hello.recipient, idLengthMax),
      client: addressText(frame.hello.client),
      peer: addressText(frame.hello.peer),
      asOf: count(frame.hello.asOf),
      epoch: count(frame.hello.epoch),
      sequence: count(frame.hello.sequence),
      witnessed: {
        incarnation: optionalToken(frame.hello.witnessedIncarnation),
        sequence: count(frame.hello.witnessedSequence),
      },
      session: text(frame.hello.session, tokenLengthMax),
    }
  }
  if (frame.refusal) return { type: "Refusal", cause: text(frame.refusal.cause, tokenLengthMax) }
  throw new Malformed("a message without a group")
}
