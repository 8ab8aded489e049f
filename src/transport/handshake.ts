// May these two nodes talk? Both sides ask, before either says or believes anything else.
//
//   dialer ── Hello: protocol, cluster, who I am, whom I want ──▶ acceptor   judges, remembers the incarnation
//   dialer ◀─ Hello: the same from the other side ─────────────── acceptor   or: Refusal, and the end
//   dialer ── messages, Ping: how far my log is ──▶ acceptor ── Pong ──▶ dialer
//   dialer ── Beats: heartbeats of many groups, or none: I live ──▶ acceptor
//
// Messages go only from the dialer to the acceptor: each pair of nodes has a connection for each direction.
// That needs no rule for who of two that dial at once gives way, and a cut in one direction cuts one direction.

import type { Index, NodeId } from "../consensus/types.ts"
import type { Hello } from "./codec.ts"
import type { Witness } from "./Witness.ts"

/** The versions of the protocol that this code speaks. Two nodes need one in common. */
export const protocol = { oldest: 1, newest: 1 } as const

const refusalCauses = [
  /** No common protocol version. */
  "other-protocol",
  "other-cluster",
  /** The other one looks for somebody else at this address. */
  "wrong-recipient",
  /** Somebody else answers at this address. */
  "wrong-node",
  /** Not among those that this node was told to connect to. */
  "unknown-node",
  /** It knows nothing of a reset in which it was given up: it must not go on (HAZARDS O7). */
  "superseded",
  /** The node has lost its data since it was last seen here: it is not the one that we know (HAZARDS S6). */
  "other-incarnation",
  "malformed",
  "handshake-timeout",
  "silent",
  "too-many-connections",
  /** It does not read what we answer. */
  "not-reading",
  /** This node could not look up what it knows. */
  "unavailable",
] as const

export type RefusalCause = (typeof refusalCauses)[number]

export const isRefusalCause = (cause: string): cause is RefusalCause =>
  (refusalCauses as ReadonlyArray<string>).includes(cause)

/** For whoever was refused, in its own log. */
const meanings: Readonly<Partial<Record<RefusalCause, string>>> = {
  "other-protocol": "it speaks no version of the protocol that this node does",
  "other-cluster": "it belongs to another cluster",
  "wrong-recipient": "another node is at its address",
  "unknown-node": "it does not count this node among the members, not yet or not any more",
  superseded: "the cluster was recovered without this node",
  "other-incarnation": "the member of this name has another data directory there, or not this one yet",
  unavailable: "it could not look up whether it knows this node",
}

/** The words of the other side go into the log: those that we do not know, quoted. */
export const meaningOf = (cause: string): string =>
  isRefusalCause(cause) ? (meanings[cause] ?? "it said so") : `it said ${JSON.stringify(cause)}`

export const emptyRefusals = (): Record<RefusalCause, number> =>
  Object.fromEntries(refusalCauses.map((cause) => [cause, 0])) as Record<RefusalCause, number>

/** What the disk says of an incarnation; `unavailable` when it says nothing. */
export type Acquaintance = "known" | "other-incarnation" | "unavailable"

export interface Self {
  readonly clusterId: string
  readonly id: NodeId
  readonly incarnation: string
  /** Where this node serves clients: `http://host:port`, or empty. Peers tell theirs to send clients there. */
  readonly client: string
  /** Where its peers reach it: `host:port`, or empty. */
  readonly peer: string
  /** Where the newest configuration that it knows stands in the log; 0 while it knows none. */
  asOf: Index
  /** The term of the newest reset by decree that it knows of. */
  epoch: number
  /** Peers that no configuration of this epoch names: the reset behind it may have given them up. */
  outsiders: ReadonlySet<NodeId>
  readonly witness: Witness
  /** Of this process: no two starts of a node have the same. */
  readonly session: string
}

export const helloTo = (self: Self, recipient: NodeId): Hello => ({
  type: "Hello",
  oldestProtocol: protocol.oldest,
  newestProtocol: protocol.newest,
  clusterId: self.clusterId,
  nodeId: self.id,
  incarnation: self.incarnation,
  recipient,
  client: self.client,
  peer: self.peer,
  asOf: self.asOf,
  epoch: self.epoch,
  sequence: self.witness.own.sequence,
  witnessed: self.witness.of(recipient),
  session: self.session,
})

/** What a hello that nothing speaks against tells of both logs. Before any message of its speaker. */
export const heed = ({ witness }: Self, { nodeId, incarnation, sequence, witnessed }: Hello): void => {
  witness.hears(nodeId, { incarnation, sequence })
  witness.isTold(witnessed)
}

/** Whether a caller may come in. A member that lags behind a reset may: it is to learn of it. */
export const objectionToCaller = (hello: Hello, self: Self, isPeer: boolean): RefusalCause | null => {
  const isGivenUp = self.outsiders.has(hello.nodeId) && hello.epoch < self.epoch
  return isPeer && hello.nodeId !== self.id && !isGivenUp ? null : objectionToStranger(hello, self)
}

/**
 * Whether a caller that this node does not know may come in: by a newer configuration it knows that this node belongs
 * to it, which this node has yet to learn. One that was removed has an older one (HAZARDS M9); one from before a reset
 * never comes in, whatever stands in its log (O7).
 */
export const objectionToStranger = (hello: Hello, self: Self): RefusalCause | null => {
  // Somebody who calls itself by this node's name is not ahead of it.
  if (hello.nodeId === self.id) return "unknown-node"
  if (hello.epoch < self.epoch) return "superseded"
  const isAhead = hello.epoch > self.epoch || hello.asOf > self.asOf
  return hello.peer !== "" && isAhead ? null : "unknown-node"
}

/** Null: nothing speaks against it. Whether the incarnation is the known one, only the disk can tell. */
export const objection = (
  self: Self,
  hello: Hello,
  isExpected: (id: NodeId) => RefusalCause | null,
): RefusalCause | null => {
  if (hello.newestProtocol < protocol.oldest || hello.oldestProtocol > protocol.newest)
    return "other-protocol"
  if (hello.clusterId !== self.clusterId) return "other-cluster"
  if (hello.recipient !== self.id) return "wrong-recipient"
  return isExpected(hello.nodeId)
}
