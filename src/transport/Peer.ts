// How does a node keep a connection to one peer, and what does it send on it?

import { Deferred, Effect, type Fiber, Latch, Random } from "effect"
import type { GroupId, NodeId } from "../consensus/types.ts"
import { encode, encodeBeats, encodeGreeting, type Hello } from "./codec.ts"
import { headerBytes } from "./framing.ts"
import { type Acquaintance, heed, helloTo, objection, type Self } from "./handshake.ts"
import { frameBytesMax, type SocketLimits } from "./limits.ts"
import { isControl, Outbound } from "./Outbound.ts"
import { type ConnectionLost, lost, Outgoing, refused } from "./Outgoing.ts"
import { type Beat, isBeat, type Payload, type PeerConnection } from "./Transport.ts"
import { describe, emptyTally } from "./tally.ts"
import { sleepTogether } from "./together.ts"

/** What a peer needs of the node that it is a peer of. */
export interface Home {
  readonly self: Self
  readonly limits: SocketLimits
  readonly acquaintance: (peer: NodeId, incarnation: string) => Effect.Effect<Acquaintance>
  /** `held`: the connection had been of use. */
  readonly disconnected: (peer: NodeId, loss: ConnectionLost, held: boolean) => void
  /** Whether several groups live here: then their heartbeats are gathered. */
  readonly isShared: () => boolean
  /** Runs it when all has run that is due now. */
  readonly afterBurst: (run: () => void) => void
}

/** This process lives, and has nothing else to say. */
const pulse = encodeBeats([])

export class Peer {
  readonly id: NodeId
  readonly tally = emptyTally()
  /** Runs {@link keepConnected}; null when nobody does. */
  dialer: Fiber.Fiber<never> | null = null
  /** What `dialer` dials. */
  address = ""
  /** Where it serves clients, by its own word at the last handshake; empty before. */
  client = ""
  /** Its data directory, by its own word when it was last met; empty before. */
  incarnation = ""
  private readonly home: Home
  private readonly outbound: Outbound
  /** Set while messages may leave. */
  private connection: Outgoing | null = null
  /** The socket took less than it was offered: it tells when it has room again. */
  private isFull = false
  private isFlushDue = false
  private isGatheringDue = false
  /** Opened when there is a reason to dial again before the pause is over. */
  private readonly dialNow = Latch.makeUnsafe()

  constructor(id: NodeId, home: Home) {
    this.id = id
    this.home = home
    this.outbound = new Outbound(home.limits)
  }

  describe(): PeerConnection {
    const state = this.connection === null ? "connecting" : "open"
    return describe(this.id, state, this.outbound.bytes, this.tally, this)
  }

  /** False: dropped and counted. */
  send(group: GroupId, payload: Payload): boolean {
    if (this.connection === null) return this.drop()
    // With one group there is nothing to wait for: its heartbeat leaves with the turn.
    if (isBeat(payload) && this.home.isShared()) return this.gather({ group, payload }) || this.drop()
    const frame = encode(group, payload)
    // The peer would take it for an attack and hang up, again and again.
    if (frame.length > headerBytes + frameBytesMax) return this.drop()
    return this.offer(frame, isControl(payload.type), group) || this.drop()
  }

  /** The peer has just dialed us, so it can be reached: no reason to wait any longer. */
  isAlive(): void {
    this.dialNow.openUnsafe()
  }

  /** For ever: dials, sends, and dials again when the connection ends. */
  readonly keepConnected = (): Effect.Effect<never> =>
    Effect.gen({ self: this }, function* () {
      const { backoffMinMillis, backoffMaxMillis, probeMillis } = this.home.limits
      let failures = 0
      while (true) {
        const life = { millis: 0 }
        const loss = yield* Effect.flip(this.connect(life))
        // One that breaks at once, every time, is no better than one that never opens.
        const held = life.millis >= probeMillis
        this.home.disconnected(this.id, loss, held)
        failures = held ? 0 : failures + 1
        const ceiling = Math.min(backoffMaxMillis, backoffMinMillis * 2 ** failures)
        // Jittered: peers that lost the same node do not come back to it in step.
        const pause = yield* Random.nextBetween(ceiling / 2, ceiling)
        yield* Effect.raceFirst(Effect.sleep(pause), this.dialNow.await)
        this.dialNow.closeUnsafe()
      }
    })

  /** One connection from dial to end. */
  private readonly connect = (life: { millis: number }): Effect.Effect<never, ConnectionLost> =>
    Effect.gen({ self: this }, function* () {
      const connection = yield* Effect.acquireRelease(
        Effect.sync(() => new Outgoing(() => this.drained())),
        (connection) => Effect.sync(() => this.lose(connection)),
      )
      yield* this.greet(connection).pipe(
        Effect.timeoutOrElse({
          duration: this.home.limits.handshakeMillis,
          orElse: () => Effect.fail(lost("handshake-timeout")),
        }),
      )
      this.connection = connection
      this.tally.opened += 1
      this.tally.refusal = null
      return yield* Effect.raceFirst(this.watch(connection, life), Deferred.await(connection.ended))
    }).pipe(
      Effect.tapError((loss) => Effect.sync(() => this.count(loss))),
      Effect.scoped,
    )

  private readonly greet = Effect.fnUntraced({ self: this }, function* (connection: Outgoing) {
    const { self, acquaintance } = this.home
    yield* connection.open(this.address)
    connection.write(encodeGreeting(helloTo(self, this.id)))
    const hello: Hello = yield* Deferred.await(connection.answered)
    const cause = objection(self, hello, (id) => (id === this.id ? null : "wrong-node"))
    if (cause !== null) return yield* refused(cause, `${this.address} is ${JSON.stringify(hello.nodeId)}`)
    const known = yield* acquaintance(this.id, hello.incarnation)
    if (known !== "known") return yield* refused(known, `${this.id} at ${this.address}`)
    heed(self, hello)
    this.client = hello.client
    this.incarnation = hello.incarnation
  })

  /**
   * TCP alone notices a peer whose machine has vanished after minutes. Rounds are counted and not a clock:
   * see {@link Incoming.passed}.
   */
  private readonly watch = Effect.fnUntraced(
    { self: this },
    function* (connection: Outgoing, life: { millis: number }) {
      const { self, limits } = this.home
      const { probeMillis, silenceMillis } = limits
      let silentMillis = 0
      while (silentMillis < silenceMillis) {
        this.offer(encodeGreeting({ type: "Ping", sequence: self.witness.own.sequence }), true)
        const slept = yield* sleepTogether(probeMillis)
        life.millis += slept
        silentMillis = connection.heard ? 0 : silentMillis + slept
        connection.heard = false
      }
      return yield* lost("silent", `nothing heard from ${this.id} for ${silentMillis} ms`)
    },
  )

  /** Once a round: the peer hears that this process lives. */
  beat(): void {
    // Who does not take what is there already need not be told the same again and again.
    if (!this.isFull && this.connection !== null) this.offer(pulse, true)
  }

  private count(loss: ConnectionLost): void {
    if (!loss.refused) return
    this.tally.refused += 1
    this.tally.refusal = loss.reason
  }

  private drop(): false {
    this.tally.dropped += 1
    return false
  }

  private gather(beat: Beat): boolean {
    if (!this.outbound.gather(beat)) return false
    if (!this.isGatheringDue) {
      this.isGatheringDue = true
      this.home.afterBurst(() => {
        this.isGatheringDue = false
        this.outbound.closeGathering()
        this.flush()
      })
    }
    return true
  }

  private offer(frame: Uint8Array, control: boolean, group: GroupId | null = null): boolean {
    if (!this.outbound.offer(frame, control, group)) return false
    // All that is said in this turn leaves together, when the turn is over.
    if (!this.isFlushDue && !this.isFull) {
      this.isFlushDue = true
      queueMicrotask(() => this.flush())
    }
    return true
  }

  private drained(): void {
    this.isFull = false
    this.flush()
  }

  private flush(): void {
    this.isFlushDue = false
    const { connection, outbound, tally } = this
    if (connection === null || this.isFull) return
    while (true) {
      const waiting = outbound.frames
      const bytes = outbound.next()
      if (bytes.length === 0) return
      tally.sentMessages += waiting - outbound.frames
      // Less than 0: closed, which the connection's own fiber will learn in a moment.
      const taken = Math.max(0, connection.write(bytes))
      outbound.wrote(taken)
      tally.sentBytes += taken
      if (taken < bytes.length) {
        this.isFull = true
        return
      }
    }
  }

  private lose(connection: Outgoing): void {
    const isGone = this.outbound.bytes > 0
    if (this.connection === connection) {
      this.connection = null
      this.isFull = false
      this.tally.dropped += this.outbound.clear()
    }
    connection.close(isGone)
  }
}
