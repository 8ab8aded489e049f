// How do nodes talk over TCP? One listener, one peer object per peer, and the rules between them.

import { Clock, Context, Deferred, Effect, FiberSet, Layer, Queue, Random, Scheduler, Schema } from "effect"
import type { Address, Index, NodeId } from "../consensus/types.ts"
import { Acceptor, type Greeting } from "./Acceptor.ts"
import { formatAddress, type HostPort } from "./address.ts"
import { type Acquaintance, isRefusalCause, type RefusalCause, type Self } from "./handshake.ts"
import { type SocketLimits, socketLimits } from "./limits.ts"
import { Mailboxes } from "./Mailboxes.ts"
import { Notices } from "./Notices.ts"
import { type Home, Peer } from "./Peer.ts"
import { Pulses } from "./Pulses.ts"
import { Transport } from "./Transport.ts"
import { sleepTogether } from "./together.ts"
import { Witness } from "./Witness.ts"

/** The peer port cannot be had: taken, not ours, or not an address of this machine. */
export class ListenFailed extends Schema.TaggedError<ListenFailed>()("ListenFailed", {
  address: Schema.String,
  message: Schema.String,
}) {}

/** Counts from the start of the transport. */
export interface PeerPortCounters {
  /** Connections that were made to this port. */
  readonly accepted: number
  /** Of these, with a complete handshake, now. */
  readonly open: number
  /** Connections that this node ended, by cause. */
  readonly refused: Readonly<Record<RefusalCause, number>>
  /** Messages for a group that this node does not run. */
  readonly unknownGroup: number
  /** Messages for which a mailbox had no room. */
  readonly overflowed: number
  /** Messages of a peer whose data directory is not the one that their group goes by. */
  readonly unadmitted: number
}

/** Where this node listens for its peers, and what came of it. */
export class PeerPort extends Context.Service<
  PeerPort,
  {
    /** As it was bound: the port is a real one even when 0 was asked for. */
    readonly listening: HostPort
    readonly counters: () => PeerPortCounters
    /** Ends when a peer knows of a reset in which this node was given up: by whose word. */
    readonly superseded: Effect.Effect<NodeId>
  }
>()("raftlet/transport/PeerPort") {}

export interface SocketOptions {
  readonly id: NodeId
  readonly clusterId: string
  readonly incarnation: string
  /** Where this node serves clients: `http://host:port`. Told to the peers. */
  readonly client?: string
  /** Where the peers reach this node. Told to those who do not know it yet. */
  readonly peer?: string
  readonly listen: HostPort
  /** `LogStore.sequence`: how far this node's log has come. */
  readonly sequence?: () => number
  /** As for `connect`; whom to talk to from the start. */
  readonly peers?: Readonly<Record<NodeId, Address>>
  /**
   * `LogStore.rememberIncarnation`: whether the node behind this id is the one that was seen first. Without it
   * the transport remembers as long as it lives.
   */
  readonly rememberIncarnation?: (
    peer: NodeId,
    incarnation: string,
  ) => Effect.Effect<"known" | "another", unknown>
  readonly limits?: Partial<SocketLimits>
}

export const layerSocket = (options: SocketOptions): Layer.Layer<Transport | PeerPort, ListenFailed> =>
  Layer.effectContext(make(options))

const make = Effect.fnUntraced(function* (options: SocketOptions) {
  const limits = { ...socketLimits, ...options.limits }
  const { clusterId, id, incarnation, client = "", peer = "" } = options
  const { sequence = () => 0 } = options
  const witness = new Witness(() => ({ incarnation, sequence: sequence() }))
  const self: Self = {
    clusterId,
    id,
    incarnation,
    client,
    peer,
    asOf: 0,
    epoch: 0,
    outsiders: new Set(),
    witness,
    session: (yield* Random.next).toString(36).slice(2) || "0",
  }
  const clock = yield* Clock.Clock
  const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
  const dispatcher = (yield* Scheduler.Scheduler).makeDispatcher()
  const pulses = new Pulses(limits.silentMillis)
  const incarnations = new Map<NodeId, string>()
  /** By the configuration that it knows this node is a member. */
  let belongs = false
  const remember = options.rememberIncarnation ?? rememberInMemory()
  const acquaintance = acquaintanceBy(remember, incarnations, () => belongs)
  const superseded = yield* Deferred.make<NodeId>()
  /** It has been said once whom to connect to. */
  const informed = yield* Deferred.make<void>()
  const notices = new Notices(yield* Queue.unbounded<string>())
  const mailboxes = new Mailboxes(limits)
  const peers = new Map<NodeId, Peer>()

  const count = (from: NodeId, bytes: number): void => {
    const { tally } = peers.get(from)!
    tally.receivedMessages += 1
    tally.receivedBytes += bytes
  }
  const acceptor = new Acceptor(
    {
      self,
      limits,
      notices,
      acquaintance,
      isPeer: (id) => peers.has(id),
      joined: (id, address) => keepConnected(id, address),
      welcomed: (hello) => {
        const peer = peers.get(hello.nodeId)!
        peer.incarnation = hello.incarnation
        peer.isAlive()
        pulses.hears(hello.nodeId, hello.session, now())
      },
      heard: ({ nodeId, session }) => pulses.hears(nodeId, session, now()),
      arrived: (from, group, payload, bytes) => {
        count(from.nodeId, bytes)
        mailboxes.deliver(from, group, payload, bytes)
      },
      beaten: (from, beats, bytes) => {
        count(from.nodeId, bytes)
        mailboxes.deliverAll(from, beats, bytes)
      },
    },
    yield* Queue.unbounded<Greeting>(),
  )
  const listener = yield* Effect.acquireRelease(
    Effect.try({
      try: () => acceptor.listen(options.listen),
      catch: (cause) =>
        new ListenFailed({
          address: formatAddress(options.listen),
          message: reasonOf(cause),
        }),
    }),
    (listener) => Effect.sync(() => listener.stop(true)),
  )

  const home: Home = {
    self,
    limits,
    acquaintance,
    disconnected: (peer, { reason, detail }, held) => {
      // Who belongs to nobody yet cannot have been given up.
      if (reason === "superseded" && belongs) Deferred.doneUnsafe(superseded, Effect.succeed(peer))
      if (held) notices.forget(`${peer} `)
      notices.tell(
        `${peer} ${isRefusalCause(reason) ? reason : "lost"}`,
        `no connection to ${peer}: ${reason}${detail && `: ${detail}`}`,
      )
    },
    isShared: () => mailboxes.size > 1,
    afterBurst: (run) => dispatcher.scheduleTask(run, 0),
  }
  const dial = yield* FiberSet.runtime(yield* FiberSet.make<never>())()

  const keepConnected = (id: NodeId, address: string): void => {
    const peer = peers.get(id) ?? new Peer(id, home)
    peers.set(id, peer)
    if (peer.dialer !== null) return
    peer.address = address
    peer.dialer = dial(peer.keepConnected())
  }

  // One synchronous turn: of two calls, the later one wins whole.
  const connect = (
    named: Readonly<Record<NodeId, Address>>,
    asOf: Index,
    epoch = 0,
    outsiders: ReadonlySet<NodeId> = new Set(),
  ): void => {
    self.asOf = asOf
    self.epoch = epoch
    self.outsiders = outsiders
    Deferred.doneUnsafe(informed, Effect.void)
    belongs = Object.hasOwn(named, self.id)
    const before = new Map(incarnations)
    incarnations.clear()
    for (const [id, { incarnation }] of Object.entries(named)) {
      if (incarnation !== undefined) incarnations.set(id, incarnation)
    }
    for (const [id, peer] of peers) {
      const incarnation = incarnations.get(id)
      // Whoever is connected may be the one that this member was: both sides are judged again (HAZARDS S6, M10).
      const isNamedAnew = incarnation !== undefined && incarnation !== before.get(id)
      if (isNamedAnew) acceptor.dismiss(id)
      if (named[id]?.peer === peer.address && !isNamedAnew) continue
      peer.dialer?.interruptUnsafe()
      peer.dialer = null
      if (Object.hasOwn(named, id)) continue
      acceptor.dismiss(id)
      peers.delete(id)
      pulses.forget(id)
      notices.forget(`${id} `)
    }
    for (const [id, { peer: address }] of Object.entries(named)) {
      if (id !== self.id) keepConnected(id, address)
    }
  }

  yield* Effect.forkScoped(notices.write)
  yield* Effect.forkScoped(Effect.andThen(Deferred.await(informed), acceptor.judge))
  yield* Effect.forkScoped(acceptor.sweep())
  // One timer for all peers: a process at rest wakes for little else.
  const round = Effect.suspend(() => sleepTogether(pulses.roundMillis(now(), limits.pulseMillis))).pipe(
    Effect.map((slept) => {
      pulses.passed(slept)
      for (const peer of peers.values()) peer.beat()
    }),
  )
  yield* Effect.forkScoped(Effect.forever(round))
  if (options.peers !== undefined) connect(options.peers, 0)

  return Context.make(
    Transport,
    Transport.of({
      send: (to, group, payload) => peers.get(to)?.send(group, payload) ?? false,
      attach: (group, mailbox, admits) => Effect.sync(() => mailboxes.attach(group, mailbox, admits)),
      detach: (group) => Effect.sync(() => mailboxes.detach(group)),
      connect: (named, asOf, epoch, outsiders) => Effect.sync(() => connect(named, asOf, epoch, outsiders)),
      connections: () => [...peers.values()].map((peer) => peer.describe()),
      pulse: (peer) => pulses.of(peer),
      onPulse: (told) => pulses.on(told),
      witnessed: () => witness.told,
    }),
  ).pipe(
    Context.add(
      PeerPort,
      PeerPort.of({
        listening: { hostname: options.listen.hostname, port: listener.port },
        superseded: Deferred.await(superseded),
        counters: () => ({
          accepted: acceptor.accepted,
          open: acceptor.open,
          refused: { ...notices.refused },
          unknownGroup: mailboxes.unknownGroup,
          overflowed: mailboxes.overflowed,
          unadmitted: mailboxes.unadmitted,
        }),
      }),
    ),
  )
})

type RememberIncarnation = NonNullable<SocketOptions["rememberIncarnation"]>

/**
 * Whatever goes wrong in the look-up, nobody comes in; and the next one is judged again. Who belongs to no cluster yet has
 * nothing that others could have lost, and remembers nobody for good: whom it has met may be wiped and taken in anew before
 * it is taken in itself, and nobody but its leader could tell it which is meant. The configuration does, once it has one.
 */
const acquaintanceBy =
  (remember: RememberIncarnation, named: ReadonlyMap<NodeId, string>, belongs: () => boolean) =>
  (peer: NodeId, incarnation: string): Effect.Effect<Acquaintance> => {
    const expected = named.get(peer)
    if (expected !== undefined) {
      return Effect.succeed(expected === incarnation ? "known" : "other-incarnation")
    }
    if (!belongs()) return Effect.succeed("known")
    return remember(peer, incarnation).pipe(
      Effect.map((known): Acquaintance => (known === "known" ? "known" : "other-incarnation")),
      Effect.catch(() => Effect.succeed<Acquaintance>("unavailable")),
      Effect.catchDefect(() => Effect.succeed<Acquaintance>("unavailable")),
    )
  }

const rememberInMemory = (): RememberIncarnation => {
  const seen = new Map<NodeId, string>()
  return (peer, incarnation) =>
    Effect.sync(() => {
      const first = seen.get(peer) ?? incarnation
      seen.set(peer, first)
      return first === incarnation ? "known" : "another"
    })
}

/** Bun's own words name neither the port nor what is wrong with it. */
const reasonOf = (cause: unknown): string => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  if (code === "EADDRINUSE") return "the port is in use"
  if (code === "EADDRNOTAVAIL") return "this machine does not have the address"
  if (code === "EACCES") return "this user may not take the port"
  return cause instanceof Error ? cause.message : String(cause)
}
