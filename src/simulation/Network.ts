// How do messages travel when the network is simulated? Links with weather, and connections that break.

import { Effect, Layer } from "effect"
import type { Address, GroupId, Index, NodeId } from "../consensus/types.ts"
import { decode, encode } from "../transport/codec.ts"
import { headerBytes } from "../transport/framing.ts"
import {
  type Acquaintance,
  heed,
  helloTo,
  objection,
  objectionToCaller,
  type Self,
} from "../transport/handshake.ts"
import { type PulseLimits, socketLimits } from "../transport/limits.ts"
import { Mailboxes, type MailboxLimits } from "../transport/Mailboxes.ts"
import { isControl } from "../transport/Outbound.ts"
import { isBeat, type Payload, type PeerConnection, Transport } from "../transport/Transport.ts"
import { describe, emptyTally, type Tally } from "../transport/tally.ts"
import { Departures } from "./Departures.ts"
import { type Audible, Hearing } from "./Hearing.ts"
import { Link, type LinkWeather } from "./Link.ts"
import type { Process } from "./Process.ts"
import type { World } from "./World.ts"

/** Who looks on: after a message was sent or has arrived. */
export interface NetworkWatcher {
  readonly sent: (from: NodeId, to: NodeId, payload: Payload, group: GroupId) => void
  /** `isGone`: the process that it was sent to has ended. */
  readonly lost: (from: NodeId, to: NodeId, payload: Payload, isGone: boolean, group: GroupId) => void
  readonly arrived: (from: NodeId, to: NodeId, payload: Payload, group: GroupId) => void
  /** A handshake between the two has failed. */
  readonly refused: (from: NodeId, to: NodeId) => void
}

export interface Limits extends MailboxLimits, PulseLimits {
  /** Bytes that may be under way on one link; what is more is dropped at the sender. */
  readonly linkBytesMax: number
  /** The pause before dialing again, at the least and at the most. */
  readonly redialMinMillis: number
  readonly redialMaxMillis: number
  /** A connection over a link that has let nothing through for so long breaks. */
  readonly silenceMillis: number
}

export const defaultNetworkLimits: Limits = {
  mailboxMessagesMax: socketLimits.mailboxMessagesMax,
  mailboxBytesMax: socketLimits.mailboxBytesMax,
  linkBytesMax: socketLimits.bulkBytesMax,
  redialMinMillis: 5,
  redialMaxMillis: 60,
  silenceMillis: 400,
  pulseMillis: socketLimits.pulseMillis,
  silentMillis: socketLimits.silentMillis,
}

/** A node's end of its connections, as long as its process lives. */
interface Endpoint {
  readonly self: Self
  readonly process: Process
  readonly mailboxes: Mailboxes
  readonly peers: Map<NodeId, Tally>
  readonly acquaintance: (peer: NodeId, incarnation: string) => Effect.Effect<Acquaintance>
  /** It has been said once whom to connect to: before that nobody comes in. */
  isInformed: boolean
  /** By the configuration that it knows it is a member: only then it remembers whom it meets. */
  belongs: boolean
  /** When its peers last heard how far its log has come. */
  pingedAt: number
  /** Of peers that are one incarnation and no other. */
  readonly incarnations: Map<NodeId, string>
  /** Peers that messages leave for, by a connection between these two processes. */
  readonly open: Map<NodeId, Process>
  readonly departures: Departures
  readonly hearing: Hearing
}

/**
 * A connection carries messages one way, from its dialer, as the real transport's do. It opens with the real
 * handshake and breaks when one of the two processes ends, or when its link has been cut for too long: then
 * `send` says so. A cut, a loss or a full link is not noticed by anybody.
 */
export class Network {
  readonly #world: World
  readonly #limits: Limits
  readonly #watcher: NetworkWatcher
  readonly #endpoints = new Map<NodeId, Endpoint>()
  readonly #links = new Map<NodeId, Map<NodeId, Link>>()
  readonly #weather: LinkWeather
  readonly #met = new Set<string>()

  constructor(world: World, weather: LinkWeather, limits: Limits, watcher: NetworkWatcher) {
    this.#world = world
    this.#weather = weather
    this.#limits = limits
    this.#watcher = watcher
  }

  /** From `from` to `to` only: the other direction has a link of its own. */
  link(from: NodeId, to: NodeId): Link {
    const links = this.#links.get(from) ?? new Map<NodeId, Link>()
    this.#links.set(from, links)
    const known = links.get(to)
    if (known !== undefined) return known
    const link = new Link(this.#world, this.#world.chance.fork(`link ${from} ${to}`), { ...this.#weather })
    links.set(to, link)
    return link
  }

  get links(): ReadonlyArray<Link> {
    return [...this.#links.values()].flatMap((links) => [...links.values()])
  }

  cut(from: NodeId, to: NodeId): void {
    const link = this.link(from, to)
    if (link.isCut) return
    link.isCut = true
    const since = ++link.cuts
    // Pings need both directions: after a while both sides give up what they believed to be connections.
    this.#world.after(this.#limits.silenceMillis, () => {
      if (!link.isCut || link.cuts !== since) return
      this.#disconnect(from, to)
      this.#disconnect(to, from)
    })
  }

  heal(from: NodeId, to: NodeId): void {
    this.link(from, to).isCut = false
  }

  healAll(): void {
    for (const link of this.links) link.isCut = false
  }

  /** The process has ended: its connections break, and what is on its way to it is lost. */
  unplug(id: NodeId): void {
    const endpoint = this.#endpoints.get(id)
    if (endpoint === undefined) return
    this.#endpoints.delete(id)
    for (const other of this.#endpoints.values()) if (other.open.has(id)) this.#disconnect(other.self.id, id)
  }

  /** Whether the two have ever let each other in: since then each knows the other's incarnation. */
  haveMet(one: NodeId, other: NodeId): boolean {
    return this.#met.has(`${one} ${other}`) || this.#met.has(`${other} ${one}`)
  }

  /** Messages leave on this way. */
  isOpen(from: NodeId, to: NodeId): boolean {
    return this.#endpoints.get(from)?.open.has(to) ?? false
  }

  plug(endpoint: Endpoint): void {
    const { id } = endpoint.self
    if (this.#endpoints.has(id)) throw new Error(`two processes are ${id}`)
    this.#endpoints.set(id, endpoint)
  }

  /** Whom the node wants connections to, from now on. */
  connect(
    endpoint: Endpoint,
    addresses: Readonly<Record<NodeId, Address>>,
    asOf: Index,
    epoch: number,
    outsiders: ReadonlySet<NodeId>,
  ): void {
    const { self, peers, incarnations } = endpoint
    const named = Object.keys(addresses)
    endpoint.isInformed = true
    endpoint.belongs = named.includes(self.id)
    self.asOf = asOf
    self.epoch = epoch
    self.outsiders = outsiders
    incarnations.clear()
    for (const id of named) {
      const { incarnation } = addresses[id]!
      if (incarnation !== undefined) incarnations.set(id, incarnation)
    }
    for (const id of [...peers.keys()]) {
      if (named.includes(id)) continue
      peers.delete(id)
      endpoint.open.delete(id)
      endpoint.hearing.pulses.forget(id)
      // Its connection to this node ends as well; it may dial again.
      this.#disconnect(id, self.id)
    }
    for (const id of named) if (id !== self.id) this.#keepConnected(endpoint, id)
  }

  #keepConnected(endpoint: Endpoint, id: NodeId): void {
    if (endpoint.peers.has(id)) return
    endpoint.peers.set(id, emptyTally())
    this.#dialLater(endpoint, id)
  }

  send(endpoint: Endpoint, to: NodeId, group: GroupId, payload: Payload): boolean {
    const tally = endpoint.peers.get(to)
    if (tally === undefined) return false
    const receiver = endpoint.open.get(to)
    const frame = encode(group, payload)
    const from = endpoint.self.id
    const link = this.link(from, to)
    if (receiver === undefined || link.bytes + frame.length > this.#limits.linkBytesMax) {
      tally.dropped++
      return false
    }
    tally.sentBytes += frame.length
    this.#watcher.sent(from, to, payload, group)
    // As on sockets: with one group there is nobody to travel with.
    const beat = isBeat(payload) && endpoint.mailboxes.size > 1 ? { group, payload } : null
    const joined = beat && endpoint.departures.join(to, receiver, beat)
    if (joined !== null) {
      if (!joined.isCarried) this.#watcher.lost(from, to, payload, false, group)
      return true
    }
    endpoint.departures.close(to, group)
    tally.sentMessages++
    // A real connection repeats nothing. The decisions bear it all the same; what is forwarded relies on it: a
    // command that was refused must not come again by itself (HAZARDS C2).
    const mayRepeat = payload.type !== "ForwardRequest"
    const lane = isControl(payload.type) ? "control" : "bulk"
    this.#ping(endpoint)
    const departure = beat && endpoint.departures.begin(to, receiver, beat)
    const carried = link.send(frame, lane, mayRepeat, () =>
      this.#arrive(endpoint.self, to, receiver, departure?.frame ?? frame),
    )
    if (carried) return true
    if (departure !== null) departure.isCarried = false
    this.#watcher.lost(from, to, payload, false, group)
    return true
  }

  connections(endpoint: Endpoint): ReadonlyArray<PeerConnection> {
    const { self, open, peers } = endpoint
    return [...peers].map(([peer, tally]) => {
      const bytes = this.link(self.id, peer).bytes
      const isOpen = open.has(peer)
      // Who is there now may be one that this node has not let in.
      const incarnation = isOpen ? (this.#endpoints.get(peer)?.self.incarnation ?? "") : ""
      return describe(peer, isOpen ? "open" : "connecting", bytes, tally, { incarnation })
    })
  }

  /** What an endpoint is made of. */
  departures(): Departures {
    return new Departures(this.#world)
  }

  hearing(endpoint: Pick<Endpoint, "self" | "process" | "peers">): Hearing {
    return new Hearing(endpoint.process, this.#limits, () => this.#audible(endpoint))
  }

  /** Of its peers, those whose words come through now. */
  *#audible({ self, process, peers }: Pick<Endpoint, "self" | "process" | "peers">): Iterable<Audible> {
    for (const id of peers.keys()) {
      const peer = this.#endpoints.get(id)
      if (peer?.open.get(self.id) !== process || peer.process.isPaused) continue
      const link = this.link(id, self.id)
      if (link.isClear) yield { id, session: peer.self.session, loss: link.weather.loss }
    }
  }

  /** All its peers hear how far its log has come, now and then, as pings tell it: without waiting for a timer. */
  #ping(endpoint: Endpoint): void {
    const { nowMillis } = this.#world
    if (nowMillis - endpoint.pingedAt < socketLimits.probeMillis) return
    endpoint.pingedAt = nowMillis
    const { id, witness } = endpoint.self
    for (const [to, process] of endpoint.open) {
      const peer = this.#endpoints.get(to)
      const isHeard = peer?.process === process && !process.isPaused && !this.link(id, to).isCut
      if (isHeard) peer.self.witness.hears(id, witness.own)
    }
  }

  #arrive(sender: Self, to: NodeId, receiver: Process, frame: Uint8Array): void {
    const from = sender.id
    const endpoint = this.#endpoints.get(to)
    const said = decode(frame.subarray(headerBytes))
    if (said.type !== "Message" && said.type !== "Beats")
      throw new Error(`a ${said.type} where only messages travel`)
    const messages = said.type === "Beats" ? said.beats : [said]
    const tally = endpoint?.peers.get(from)
    if (endpoint === undefined || tally === undefined || endpoint.process !== receiver) {
      for (const { payload, group } of messages) this.#watcher.lost(from, to, payload, true, group)
      return
    }
    // Into the sockets of a process that stands still; it reads them when it goes on.
    receiver.run(() => {
      tally.receivedMessages++
      tally.receivedBytes += frame.length
      // What is left of a connection that has ended tells nothing of the process behind the next one.
      if (this.#endpoints.get(from)?.self === sender) endpoint.hearing.hears(from, sender.session)
      for (const { payload, group } of messages) this.#watcher.arrived(from, to, payload, group)
      const { incarnation } = sender
      for (const { group, payload } of messages) {
        endpoint.mailboxes.deliver({ nodeId: from, incarnation }, group, payload, frame.length)
      }
    })
  }

  #disconnect(from: NodeId, to: NodeId): void {
    const endpoint = this.#endpoints.get(from)
    if (endpoint === undefined || !endpoint.open.delete(to)) return
    this.#dialLater(endpoint, to)
  }

  #dialLater(endpoint: Endpoint, to: NodeId): void {
    const { redialMinMillis, redialMaxMillis } = this.#limits
    const pause = this.#world.chance.between(redialMinMillis, redialMaxMillis)
    endpoint.process.after(pause, () => this.#dial(endpoint, to))
  }

  #dial(endpoint: Endpoint, to: NodeId): void {
    const from = endpoint.self.id
    if (this.#endpoints.get(from) !== endpoint || !endpoint.peers.has(to) || endpoint.open.has(to)) return
    const acceptor = this.#endpoints.get(to)
    const isReachable = !this.link(from, to).isCut && !this.link(to, from).isCut
    if (acceptor?.isInformed !== true || !isReachable || acceptor.process.isPaused) {
      return this.#dialLater(endpoint, to)
    }
    let isOver = false
    const over = (isOpen: boolean): void => {
      if (isOver) return
      isOver = true
      if (this.#endpoints.get(from) !== endpoint) return
      if (isOpen && this.#endpoints.get(to) === acceptor) {
        endpoint.open.set(to, acceptor.process)
        this.#met.add(`${from} ${to}`)
        this.#keepConnected(acceptor, from)
        acceptor.process.run(() => acceptor.hearing.hears(from, endpoint.self.session))
        endpoint.peers.get(to)!.opened++
      } else this.#dialLater(endpoint, to)
    }
    // The other side may end, or stand still, in the middle.
    endpoint.process.after(this.#limits.silenceMillis, () => over(false))
    judge(acceptor, endpoint.self, (accepted) =>
      judge(endpoint, acceptor.self, (believed) => {
        if (!isOver && !(accepted && believed)) {
          endpoint.peers.get(to)!.refused++
          this.#watcher.refused(from, to)
        }
        over(accepted && believed)
      }),
    )
  }
}

/** One side of the handshake, on that side's process; it never answers when that one ends. */
const judge = (judging: Endpoint, stranger: Self, answer: (welcome: boolean) => void): void => {
  const { self, peers, acquaintance, process } = judging
  const hello = helloTo(stranger, self.id)
  const isExpected = (id: NodeId) => objectionToCaller(hello, self, peers.has(id))
  const isStranger = objection(self, hello, isExpected) !== null
  if (isStranger) return answer(false)
  const conclude = (isKnown: boolean): void => {
    if (isKnown) heed(self, hello)
    answer(isKnown)
  }
  const expected = judging.incarnations.get(stranger.id)
  if (expected !== undefined) return conclude(expected === stranger.incarnation)
  if (!judging.belongs) return conclude(true)
  process.fork(
    Effect.map(acquaintance(stranger.id, stranger.incarnation), (known) => conclude(known === "known")),
  )
}

/** The transport of one process. */
export const layerNetwork = (options: {
  readonly network: Network
  readonly process: Process
  readonly self: Self
  readonly limits: MailboxLimits
  readonly acquaintance: Endpoint["acquaintance"]
}): Layer.Layer<Transport> =>
  Layer.effect(
    Transport,
    Effect.gen(function* () {
      const { network, process, self, acquaintance } = options
      const mailboxes = new Mailboxes(options.limits)
      const peers = new Map<NodeId, Tally>()
      const hearing = network.hearing({ self, process, peers })
      const endpoint: Endpoint = {
        self,
        process,
        mailboxes,
        peers,
        acquaintance,
        isInformed: false,
        belongs: false,
        pingedAt: Number.NEGATIVE_INFINITY,
        incarnations: new Map(),
        open: new Map(),
        departures: network.departures(),
        hearing,
      }
      yield* Effect.acquireRelease(
        Effect.sync(() => network.plug(endpoint)),
        () => Effect.sync(() => network.unplug(self.id)),
      )
      return Transport.of({
        send: (to, group, payload) => network.send(endpoint, to, group, payload),
        attach: (group, mailbox, admits) => Effect.sync(() => mailboxes.attach(group, mailbox, admits)),
        detach: (group) => Effect.sync(() => mailboxes.detach(group)),
        connect: (
          peers: Readonly<Record<NodeId, Address>>,
          asOf: Index,
          epoch = 0,
          outsiders: ReadonlySet<NodeId> = new Set(),
        ) => Effect.sync(() => network.connect(endpoint, peers, asOf, epoch, outsiders)),
        connections: () => network.connections(endpoint),
        pulse: (peer) => hearing.of(peer),
        onPulse: (told) => hearing.on(told),
        witnessed: () => self.witness.told,
      })
    }),
  )
