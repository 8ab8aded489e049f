// How do nodes of one process talk to each other, with links that tests can cut?

import { Clock, Effect, FiberSet, Layer, Scheduler } from "effect"
import type { GroupId, Millis, NodeId } from "../consensus/types.ts"
import { decode, encode } from "./codec.ts"
import { headerBytes } from "./framing.ts"
import { Gathering } from "./Gathering.ts"
import { type PulseLimits, socketLimits } from "./limits.ts"
import { Mailboxes, type MailboxLimits } from "./Mailboxes.ts"
import { Pulses } from "./Pulses.ts"
import { type Beat, isBeat, type Payload, type PeerConnection, Transport } from "./Transport.ts"
import { describe, emptyTally, type Tally } from "./tally.ts"

/**
 * Cables between the nodes of one process. A message arrives before `send` returns, or never; heartbeats of several groups
 * at the end of their burst.
 */
export class MemoryNetwork {
  private readonly nodes = new Map<NodeId, MemoryNode>()
  private readonly cuts = new Set<string>()
  /** How many nodes were ever plugged in. */
  private plugged = 0

  /** From now on nothing sent by `from` reaches `to`. The other direction is not touched. */
  cutOneWay(from: NodeId, to: NodeId): void {
    this.change(() => this.cuts.add(cable(from, to)))
  }

  cut(one: NodeId, other: NodeId): void {
    this.cutOneWay(one, other)
    this.cutOneWay(other, one)
  }

  healOneWay(from: NodeId, to: NodeId): void {
    this.change(() => this.cuts.delete(cable(from, to)))
  }

  heal(one: NodeId, other: NodeId): void {
    this.healOneWay(one, other)
    this.healOneWay(other, one)
  }

  healAll(): void {
    this.change(() => this.cuts.clear())
  }

  /** The node at the end of an uncut cable, if both ends know each other. */
  reach(from: NodeId, to: NodeId): MemoryNode | null {
    const node = this.nodes.get(to)
    if (node === undefined || this.cuts.has(cable(from, to))) return null
    return node.peers.has(from) && this.nodes.get(from)?.peers.has(to) === true ? node : null
  }

  plug(node: MemoryNode): void {
    if (this.nodes.has(node.id)) throw new Error(`two nodes are called ${node.id}`)
    node.session = `${++this.plugged}`
    this.change(() => this.nodes.set(node.id, node))
  }

  unplug(node: MemoryNode): void {
    this.change(() => this.nodes.delete(node.id))
  }

  /** Everybody hears everybody up to the change, and whom they can reach after it: no pulse ticks in between. */
  change(act: () => void): void {
    for (const node of this.nodes.values()) node.listen()
    act()
    for (const node of this.nodes.values()) node.listen()
  }

  incarnationOf(id: NodeId): string {
    return this.nodes.get(id)?.incarnation ?? ""
  }

  /** The session of a node that reaches the other; null: nothing that it says is heard there. */
  sessionOf(from: NodeId, to: NodeId): string | null {
    return this.reach(from, to) === null ? null : this.nodes.get(from)!.session
  }
}

const cable = (from: NodeId, to: NodeId): string => JSON.stringify([from, to])

/** What a node needs of the life around it. */
interface Around {
  readonly now: () => Millis
  readonly afterBurst: (run: () => void) => void
  readonly run: (life: Effect.Effect<void>) => void
}

/** One node's end of the cables. */
class MemoryNode {
  readonly id: NodeId
  readonly incarnation: string
  session = ""
  /** Whom this node keeps a connection to. */
  readonly peers = new Map<NodeId, Tally>()
  readonly mailboxes: Mailboxes
  readonly pulses: Pulses
  private readonly network: MemoryNetwork
  private readonly around: Around
  private readonly pulseMillis: number
  /** Heartbeats that have not left yet. */
  private readonly gatherings = new Map<NodeId, Gathering>()
  private isCounting = false

  constructor(
    network: MemoryNetwork,
    options: { readonly id: NodeId; readonly incarnation: string },
    limits: MailboxLimits & PulseLimits,
    around: Around,
  ) {
    this.network = network
    this.id = options.id
    this.incarnation = options.incarnation
    this.mailboxes = new Mailboxes(limits)
    this.pulses = new Pulses(limits.silentMillis)
    this.pulseMillis = limits.pulseMillis
    this.around = around
  }

  connect(named: ReadonlyArray<NodeId>): void {
    for (const id of this.peers.keys()) {
      if (named.includes(id)) continue
      this.peers.delete(id)
      this.pulses.forget(id)
    }
    for (const id of named) {
      if (id !== this.id && !this.peers.has(id)) this.peers.set(id, { ...emptyTally(), opened: 1 })
    }
  }

  describe(): ReadonlyArray<PeerConnection> {
    return [...this.peers].map(([id, tally]) => {
      const peer = this.network.reach(this.id, id)
      return describe(id, peer === null ? "connecting" : "open", 0, tally, peer ?? {})
    })
  }

  send(to: NodeId, group: GroupId, payload: Payload): boolean {
    const tally = this.peers.get(to)
    if (tally === undefined) return false
    const target = this.network.reach(this.id, to)
    if (target === null) {
      tally.dropped += 1
      return false
    }
    if (isBeat(payload) && this.mailboxes.size > 1) this.gather(to, { group, payload })
    else {
      if (this.gatherings.get(to)?.holds(group) === true) this.closeGathering(to)
      this.carry(tally, target, encode(group, payload))
    }
    return true
  }

  receive(from: NodeId, frame: Uint8Array): void {
    const said = decode(frame.subarray(headerBytes))
    if (said.type !== "Message" && said.type !== "Beats")
      throw new Error(`a ${said.type} where only messages travel`)
    const tally = this.peers.get(from)!
    tally.receivedMessages += 1
    tally.receivedBytes += frame.length
    const sender = { nodeId: from, incarnation: this.network.incarnationOf(from) }
    if (said.type === "Beats") this.mailboxes.deliverAll(sender, said.beats, frame.length)
    else this.mailboxes.deliver(sender, said.group, said.payload, frame.length)
  }

  /**
   * Hears all peers that reach this node now. As long as they do there is nothing to count; and who is silent already
   * needs no counting either.
   */
  listen(): void {
    if (!this.hearAll() || this.isCounting) return
    this.isCounting = true
    this.around.run(this.count())
  }

  /** True when somebody who was heard is not any more, and not silent for long enough. */
  private hearAll(): boolean {
    let isInDoubt = false
    for (const peer of this.peers.keys()) {
      const session = this.network.sessionOf(peer, this.id)
      if (session !== null) this.pulses.hears(peer, session, this.around.now())
      else if (this.pulses.isHeard(peer)) isInDoubt = true
    }
    return isInDoubt
  }

  private readonly count = Effect.fnUntraced({ self: this }, function* () {
    while (this.isCounting) {
      yield* Effect.sleep(this.pulseMillis)
      this.pulses.passed(this.pulseMillis)
      this.isCounting = this.hearAll()
    }
  })

  private gather(to: NodeId, beat: Beat): void {
    const known = this.gatherings.get(to)
    const gathering = known ?? new Gathering()
    if (known === undefined) this.gatherings.set(to, gathering)
    if (!gathering.hasRoomFor(beat)) this.closeGathering(to)
    if (gathering.size === 0) this.around.afterBurst(() => this.closeGathering(to))
    gathering.add(beat)
  }

  private closeGathering(to: NodeId): void {
    const gathering = this.gatherings.get(to)!
    if (gathering.size === 0) return
    const frame = gathering.take()
    const tally = this.peers.get(to)
    const target = this.network.reach(this.id, to)
    if (tally !== undefined && target !== null) this.carry(tally, target, frame)
  }

  private carry(tally: Tally, target: MemoryNode, frame: Uint8Array): void {
    tally.sentMessages += 1
    tally.sentBytes += frame.length
    target.receive(this.id, frame)
  }
}

/**
 * A transport over `network`. Messages pass through the codec, so that what would not survive the wire does not
 * survive here, and an ill-formed one throws at its sender.
 */
export const layerMemory = (options: {
  readonly network: MemoryNetwork
  readonly id: NodeId
  readonly incarnation?: string
  readonly limits?: Partial<MailboxLimits & PulseLimits>
}): Layer.Layer<Transport> =>
  Layer.effect(
    Transport,
    Effect.gen(function* () {
      const { network, id, incarnation = "" } = options
      const clock = yield* Clock.Clock
      const dispatcher = (yield* Scheduler.Scheduler).makeDispatcher()
      const limits = { ...socketLimits, ...options.limits }
      const node = new MemoryNode(network, { id, incarnation }, limits, {
        now: () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n),
        afterBurst: (run) => dispatcher.scheduleTask(run, 0),
        run: yield* FiberSet.runtime(yield* FiberSet.make<void>())(),
      })
      yield* Effect.acquireRelease(
        Effect.sync(() => network.plug(node)),
        () => Effect.sync(() => network.unplug(node)),
      )
      return Transport.of({
        send: (to, group, payload) => node.send(to, group, payload),
        attach: (group, mailbox, admits) => Effect.sync(() => node.mailboxes.attach(group, mailbox, admits)),
        detach: (group) => Effect.sync(() => node.mailboxes.detach(group)),
        connect: (peers) => Effect.sync(() => network.change(() => node.connect(Object.keys(peers)))),
        pulse: (peer) => {
          node.listen()
          return node.pulses.of(peer)
        },
        onPulse: (told) => node.pulses.on(told),
        witnessed: () => 0,
        connections: () => node.describe(),
      })
    }),
  )
