// How do nodes of one process talk to each other, with links that tests can cut?

import { Effect, Layer } from "effect"
import type { NodeId } from "../consensus/types.ts"
import { decode, encode } from "./codec.ts"
import { headerBytes } from "./framing.ts"
import { socketLimits } from "./limits.ts"
import { Mailboxes, type MailboxLimits } from "./Mailboxes.ts"
import { Transport } from "./Transport.ts"
import { describe, emptyTally, type Tally } from "./tally.ts"

/** Cables between the nodes of one process. A message arrives before `send` returns, or never. */
export class MemoryNetwork {
  private readonly nodes = new Map<NodeId, MemoryNode>()
  private readonly cuts = new Set<string>()

  /** From now on nothing sent by `from` reaches `to`. The other direction is not touched. */
  cutOneWay(from: NodeId, to: NodeId): void {
    this.cuts.add(cable(from, to))
  }

  cut(one: NodeId, other: NodeId): void {
    this.cutOneWay(one, other)
    this.cutOneWay(other, one)
  }

  healOneWay(from: NodeId, to: NodeId): void {
    this.cuts.delete(cable(from, to))
  }

  heal(one: NodeId, other: NodeId): void {
    this.healOneWay(one, other)
    this.healOneWay(other, one)
  }

  healAll(): void {
    this.cuts.clear()
  }

  /** The node at the end of an uncut cable, if both ends know each other. */
  reach(from: NodeId, to: NodeId): MemoryNode | null {
    const node = this.nodes.get(to)
    if (node === undefined || this.cuts.has(cable(from, to))) return null
    return node.peers.has(from) && this.nodes.get(from)?.peers.has(to) === true ? node : null
  }

  plug(node: MemoryNode): void {
    if (this.nodes.has(node.id)) throw new Error(`two nodes are called ${node.id}`)
    this.nodes.set(node.id, node)
  }

  unplug(node: MemoryNode): void {
    this.nodes.delete(node.id)
  }
}

const cable = (from: NodeId, to: NodeId): string => JSON.stringify([from, to])

/** One node's end of the cables. */
class MemoryNode {
  readonly id: NodeId
  /** Whom this node keeps a connection to. */
  readonly peers = new Map<NodeId, Tally>()
  readonly mailboxes: Mailboxes

  constructor(id: NodeId, mailboxes: Mailboxes) {
    this.id = id
    this.mailboxes = mailboxes
  }

  connect(named: ReadonlyArray<NodeId>): void {
    for (const id of this.peers.keys()) if (!named.includes(id)) this.peers.delete(id)
    for (const id of named) {
      if (id !== this.id && !this.peers.has(id)) this.peers.set(id, { ...emptyTally(), opened: 1 })
    }
  }

  receive(from: NodeId, frame: Uint8Array): void {
    const said = decode(frame.subarray(headerBytes))
    if (said.type !== "Message") throw new Error(`a ${said.type} where only messages travel`)
    const tally = this.peers.get(from)!
    tally.receivedMessages += 1
    tally.receivedBytes += frame.length
    this.mailboxes.deliver(from, said.group, said.payload, frame.length)
  }
}

/**
 * A transport over `network`. Messages pass through the codec, so that what would not survive the wire does not
 * survive here, and an ill-formed one throws at its sender.
 */
export const layerMemory = (options: {
  readonly network: MemoryNetwork
  readonly id: NodeId
  readonly limits?: Partial<MailboxLimits>
}): Layer.Layer<Transport> =>
  Layer.effect(
    Transport,
    Effect.gen(function* () {
      const { network, id } = options
      const node = new MemoryNode(id, new Mailboxes({ ...socketLimits, ...options.limits }))
      yield* Effect.acquireRelease(
        Effect.sync(() => network.plug(node)),
        () => Effect.sync(() => network.unplug(node)),
      )
      return Transport.of({
        send: (to, group, payload) => {
          const tally = node.peers.get(to)
          if (tally === undefined) return false
          const target = network.reach(id, to)
          if (target === null) {
            tally.dropped += 1
            return false
          }
          const frame = encode(group, payload)
          tally.sentMessages += 1
          tally.sentBytes += frame.length
          target.receive(id, frame)
          return true
        },
        attach: (group, mailbox) => Effect.sync(() => node.mailboxes.attach(group, mailbox)),
        connect: (peers) => Effect.sync(() => node.connect(Object.keys(peers))),
        witnessed: () => 0,
        pulse: () => null,
        onPulse: () => () => {},
        connections: () =>
          [...node.peers].map(([peer, tally]) =>
            describe(peer, network.reach(id, peer) === null ? "connecting" : "open", 0, tally),
          ),
      })
    }),
  )
