// Is this message well-formed? Turns what protobuf has read into the plain messages, with every doubt removed:
// numbers count something, lists and names have an end, entries could stand in a log.

import type { HeartbeatReply, HeartbeatRequest, Message } from "../consensus/message.ts"
import type { Aim, Configuration, Entry, EntryKind, NodeId } from "../consensus/types.ts"
import { Malformed } from "./framing.ts"
import { addressLengthMax, beatsMax, idLengthMax, itemsMax, membersMax, tokenLengthMax } from "./limits.ts"
import * as wire from "./raft.generated.js"
import type { Beat, Payload } from "./Transport.ts"

/** The message of a frame that names a group. Throws {@link Malformed}. */
export const readPayload = (frame: wire.Frame): Payload => {
  if (frame.appendRequest) return readAppendRequest(frame.appendRequest)
  if (frame.appendReply) {
    const body = frame.appendReply
    return {
      type: "AppendReply",
      term: count(body.term),
      accepted: body.accepted,
      index: count(body.index),
      hintIndex: count(body.hintIndex),
      hintTerm: count(body.hintTerm),
      whole: body.whole,
      session: count(body.session),
    }
  }
  if (frame.heartbeatRequest) return readHeartbeatRequest(frame.heartbeatRequest)
  if (frame.heartbeatReply) return readHeartbeatReply(frame.heartbeatReply)
  if (frame.forwardRequest) {
    const { id, commands } = frame.forwardRequest
    return { type: "ForwardRequest", id: count(id), commands: atMost(itemsMax, commands).map(copy) }
  }
  if (frame.forwardReply) {
    const { id, answers } = frame.forwardReply
    return { type: "ForwardReply", id: count(id), answers: atMost(itemsMax, answers) }
  }
  if (frame.queryRequest) {
    const { id, queries } = frame.queryRequest
    return { type: "QueryRequest", id: count(id), queries: atMost(itemsMax, queries) }
  }
  if (frame.queryReply) {
    const { id, answers } = frame.queryReply
    return { type: "QueryReply", id: count(id), answers: atMost(itemsMax, answers) }
  }
  return readState(frame) ?? readRare(frame)
}

/** The heartbeats of a frame that holds them. Throws {@link Malformed}. */
export const readBeats = ({ beats }: wire.Beats): ReadonlyArray<Beat> =>
  atMost(beatsMax, beats).map(({ group, request, reply }): Beat => {
    const name = text(group, idLengthMax)
    if (request && !reply) return { group: name, payload: readHeartbeatRequest(request) }
    if (reply && !request) return { group: name, payload: readHeartbeatReply(reply) }
    throw new Malformed("a heartbeat that is not one of question and answer")
  })

const readHeartbeatRequest = (body: wire.HeartbeatRequest): HeartbeatRequest => ({
  type: "HeartbeatRequest",
  term: count(body.term),
  commit: count(body.commit),
  acknowledged: count(body.acknowledged),
  round: count(body.round),
  sentAt: count(body.sentAt),
  rest: body.rest,
})

const readHeartbeatReply = (body: wire.HeartbeatReply): HeartbeatReply => ({
  type: "HeartbeatReply",
  term: count(body.term),
  round: count(body.round),
  sentAt: count(body.sentAt),
  lastIndex: count(body.lastIndex),
  whole: body.whole,
  isShort: body.isShort,
  rests: body.rests,
})

/** What is said of states, and not of logs. Null for all else. */
const readState = (frame: wire.Frame): Payload | null => {
  if (frame.stateReport) {
    const { index, hash, appliedIndex, stuckAt } = frame.stateReport
    if ((index === 0) !== (hash === "")) throw new Malformed("a checkpoint without a hash, or a hash of none")
    return {
      type: "StateReport",
      index: count(index),
      hash: hash === "" ? "" : text(hash, tokenLengthMax),
      appliedIndex: count(appliedIndex),
      stuckAt: count(stuckAt),
    }
  }
  if (frame.stateParted) {
    const { index, hash } = frame.stateParted
    return { type: "StateParted", index: count(index), hash: text(hash, tokenLengthMax) }
  }
  if (frame.stateRequest) {
    const { index, id, offset } = frame.stateRequest
    return {
      type: "StateRequest",
      index: count(index),
      id: id === "" ? "" : text(id, tokenLengthMax),
      offset: count(offset),
    }
  }
  if (frame.statePiece) {
    const { index, term, id, bytes, checksum } = frame.statePiece
    const piece = { totalBytes: count(frame.statePiece.totalBytes), offset: count(frame.statePiece.offset) }
    if (piece.offset + bytes.length > piece.totalBytes)
      throw new Malformed("a piece beyond the end of its state")
    return {
      type: "StatePiece",
      index: count(index),
      term: count(term),
      id: text(id, tokenLengthMax),
      ...piece,
      bytes: copy(bytes),
      checksum,
    }
  }
  return null
}

const readRare = (frame: wire.Frame): Message => {
  if (frame.voteRequest) {
    const body = frame.voteRequest
    return {
      type: "VoteRequest",
      term: count(body.term),
      preVote: body.preVote,
      lastIndex: count(body.lastIndex),
      lastTerm: count(body.lastTerm),
      transfer: body.transfer,
    }
  }
  if (frame.voteReply) {
    const { term, preVote, granted } = frame.voteReply
    return { type: "VoteReply", term: count(term), preVote, granted }
  }
  if (frame.snapshotChunk) return readSnapshotChunk(frame.snapshotChunk)
  if (frame.snapshotReply) {
    const body = frame.snapshotReply
    return {
      type: "SnapshotReply",
      term: count(body.term),
      id: text(body.id, tokenLengthMax),
      received: count(body.received),
      installedIndex: count(body.installedIndex),
      whole: body.whole,
      session: count(body.session),
    }
  }
  if (frame.readIndexRequest) {
    const { term, id } = frame.readIndexRequest
    return { type: "ReadIndexRequest", term: count(term), id: count(id) }
  }
  if (frame.readIndexReply) {
    const { term, id, index } = frame.readIndexReply
    return { type: "ReadIndexReply", term: count(term), id: count(id), index: count(index) }
  }
  if (frame.timeoutNow) return { type: "TimeoutNow", term: count(frame.timeoutNow.term) }
  throw new Malformed("a greeting that names a group")
}

const readAppendRequest = (body: wire.AppendRequest): Message => {
  const term = count(body.term)
  const prevIndex = count(body.prevIndex)
  const prevTerm = count(body.prevTerm)
  count(prevIndex + atMost(itemsMax, body.entries).length)
  let lastTerm = prevTerm
  const entries = body.entries.map((entry, offset): Entry => {
    // Terms never fall along a log, and nobody holds an entry of a term that is still to come.
    if (!(entry.term >= lastTerm && entry.term <= term)) throw new Malformed("terms of entries out of order")
    lastTerm = count(entry.term)
    return {
      index: prevIndex + 1 + offset,
      term: lastTerm,
      time: count(entry.time),
      kind: readKind(entry),
      data: copy(entry.data),
      origin: null,
    }
  })
  return {
    type: "AppendRequest",
    term,
    prevIndex,
    prevTerm,
    entries,
    commit: count(body.commit),
    repairThrough: count(body.repairThrough),
    session: count(body.session),
  }
}

const readKind = (entry: wire.Entry): EntryKind => {
  switch (entry.kind) {
    case wire.EntryKind.COMMAND:
      return "command"
    case wire.EntryKind.CONFIGURATION:
      return "configuration"
    case wire.EntryKind.NOOP:
      if (entry.data.length > 0) throw new Malformed("a no-op with a command")
      return "noop"
    default:
      throw new Malformed(`an entry of the kind ${entry.kind}`)
  }
}

const readSnapshotChunk = (body: wire.SnapshotChunk): Message => {
  const configuration = body.snapshot?.configuration
  if (!body.snapshot || !configuration) throw new Malformed("a piece of no snapshot")
  const totalBytes = count(body.totalBytes)
  const offset = count(body.offset)
  if (offset + body.bytes.length > totalBytes) throw new Malformed("a piece beyond the end of its snapshot")
  return {
    type: "SnapshotChunk",
    term: count(body.term),
    snapshot: {
      index: count(body.snapshot.index),
      term: count(body.snapshot.term),
      configuration: readConfiguration(configuration),
    },
    id: text(body.id, tokenLengthMax),
    totalBytes,
    offset,
    bytes: copy(body.bytes),
    checksum: body.checksum,
    repairThrough: count(body.repairThrough),
    session: count(body.session),
  }
}

const readConfiguration = (body: wire.Configuration): Configuration => ({
  voters: readMembers(body.voters),
  outgoing: readMembers(body.outgoing),
  learners: readMembers(body.learners),
  learnersNext: readMembers(body.learnersNext),
  addresses: readAddresses(body.addresses),
  ...(body.goal == null ? {} : { goal: readAim(body.goal) }),
  ...(body.epoch === 0 ? {} : { epoch: count(body.epoch) }),
  ...(body.resetFrom.length === 0 ? {} : { resetFrom: readMembers(body.resetFrom) }),
})

const readAim = (body: wire.Aim): Aim => ({
  voters: readMembers(body.voters),
  learners: readMembers(body.learners),
  addresses: readAddresses(body.addresses),
})

/** `fromEntries` defines the keys: a node that calls itself `__proto__` is a member like any other. */
const readAddresses = (body: Readonly<Record<string, wire.Address>>): Configuration["addresses"] =>
  Object.fromEntries(
    atMost(membersMax, Object.entries(body)).map(([id, { peer, client, incarnation, priorityPlusOne }]) => [
      text(id, idLengthMax),
      {
        peer: addressText(peer),
        client: addressText(client),
        ...(incarnation === "" ? {} : { incarnation: text(incarnation, tokenLengthMax) }),
        ...(priorityPlusOne === 0 ? {} : { priority: count(priorityPlusOne) - 1 }),
      },
    ]),
  )

const readMembers = (ids: ReadonlyArray<string>): ReadonlyArray<NodeId> =>
  atMost(membersMax, ids).map((id) => text(id, idLengthMax))

/** A number that is exact and counts something. */
export const count = (value: number): number => {
  if (!(Number.isSafeInteger(value) && value >= 0)) throw new Malformed(`${value} counts nothing`)
  // Not -0, which prints and compares unlike the 0 that it means.
  return value + 0
}

/** A name: never empty, never endless. */
export const text = (value: string, lengthMax: number): string => {
  if (value.length === 0 || value.length > lengthMax)
    throw new Malformed(`a name of ${value.length} characters`)
  return value
}

/** Empty when not known. */
export const addressText = (value: string): string => (value === "" ? "" : text(value, addressLengthMax))

const atMost = <A>(itemsMax: number, items: ReadonlyArray<A>): ReadonlyArray<A> => {
  if (items.length > itemsMax) throw new Malformed(`a list of ${items.length}`)
  return items
}

/** Out of the frame: a view would keep all of it in memory, and take all of it along to a worker. */
const copy = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes)
