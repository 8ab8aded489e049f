// Who comes in? Listens on the peer port and judges each newcomer's hello.

import { Effect, Queue } from "effect"
import type { NodeId } from "../consensus/types.ts"
import type { HostPort } from "./address.ts"
import type { Hello } from "./codec.ts"
import {
  type Acquaintance,
  heed,
  helloTo,
  objection,
  objectionToCaller,
  type RefusalCause,
  type Self,
} from "./handshake.ts"
import { type Host, Incoming } from "./Incoming.ts"
import type { SocketLimits } from "./limits.ts"
import type { Notices } from "./Notices.ts"
import { sleepTogether } from "./together.ts"

/** What the acceptor needs of the node whose door it keeps. */
export interface Household {
  readonly self: Self
  readonly limits: SocketLimits
  readonly notices: Notices
  readonly isPeer: (id: NodeId) => boolean
  /** A caller that was unknown has been let in: it is a peer now. */
  readonly joined: (id: NodeId, address: string) => void
  readonly acquaintance: (peer: NodeId, incarnation: string) => Effect.Effect<Acquaintance>
  /** The peer has come in: it lives. */
  readonly welcomed: (peer: Hello) => void
  readonly heard: Host["heard"]
  readonly arrived: Host["arrived"]
  readonly beaten: Host["beaten"]
}

/** A hello that waits to be judged. */
export interface Greeting {
  readonly incoming: Incoming
  readonly hello: Hello
}

export class Acceptor {
  /** Connections that were ever made to this port. */
  accepted = 0
  private readonly household: Household
  private readonly greetings: Queue.Queue<Greeting>
  /** All connections, oldest first. */
  private readonly incoming = new Set<Incoming>()
  /** The one connection that each peer may have. */
  private readonly welcome = new Map<NodeId, Incoming>()
  private readonly host: Host

  constructor(household: Household, greetings: Queue.Queue<Greeting>) {
    this.household = household
    this.greetings = greetings
    this.host = {
      greeted: (incoming, hello) => void Queue.offerUnsafe(greetings, { incoming, hello }),
      heard: household.heard,
      arrived: household.arrived,
      beaten: household.beaten,
      pinged: ({ nodeId, incarnation }, sequence) =>
        household.self.witness.hears(nodeId, { incarnation, sequence }),
      refused: (cause, detail) => this.count(cause, detail),
    }
  }

  /** Of the connections now here, those whose handshake is complete. */
  get open(): number {
    return this.welcome.size
  }

  /** Throws when the port cannot be had. */
  listen(at: HostPort): Bun.TCPSocketListener<Incoming | null> {
    return Bun.listen<Incoming | null>({
      ...at,
      socket: {
        // With TLS this belongs into `handshake`, once `authorized`.
        open: (socket) => {
          socket.data = null
          this.accepted += 1
          socket.setNoDelay(true)
          if (!this.hasRoom()) return void socket.terminate()
          socket.data = new Incoming(socket, this.host)
          this.incoming.add(socket.data)
        },
        data: (socket, chunk) => socket.data?.data(chunk),
        close: (socket) => this.gone(socket.data),
        // A handler threw: broken code of ours, on a connection that may not go on with it.
        error: (socket, error) => {
          this.household.notices.tell("acceptor broken", `a peer connection broke: ${error.stack ?? error}`)
          socket.terminate()
        },
      },
    })
  }

  /** The node is no longer a peer. */
  dismiss(node: NodeId): void {
    this.welcome.get(node)?.close()
  }

  /** For ever: answers hellos in the order in which they came. */
  readonly judge: Effect.Effect<never> = Effect.suspend(() => Queue.take(this.greetings)).pipe(
    Effect.flatMap(({ incoming, hello }) => this.answer(incoming, hello)),
    Effect.forever,
  )

  /** For ever: ends what has been silent for too long. */
  readonly sweep = (): Effect.Effect<never> => {
    const { handshakeMillis, probeMillis } = this.household.limits
    const roundMillis = Math.min(handshakeMillis, probeMillis)
    return sleepTogether(roundMillis).pipe(
      Effect.map((slept) => {
        for (const incoming of this.incoming) incoming.passed(slept, this.household.limits)
      }),
      Effect.forever,
    )
  }

  private readonly answer = Effect.fnUntraced({ self: this }, function* (incoming: Incoming, hello: Hello) {
    const { self, isPeer, joined, acquaintance, welcomed } = this.household
    const isExpected = (id: NodeId): RefusalCause | null => objectionToCaller(hello, self, isPeer(id))
    const stranger = objection(self, hello, isExpected)
    if (stranger !== null) return incoming.refuse(stranger, describe(hello))
    const { asOf } = self
    const known = yield* acquaintance(hello.nodeId, hello.incarnation)
    if (known !== "known") return incoming.refuse(known, describe(hello))
    // Things may have changed while the disk was asked.
    if (isExpected(hello.nodeId) !== null) return incoming.refuse("unknown-node", describe(hello))
    if (self.asOf !== asOf) return incoming.refuse("unavailable", describe(hello))
    if (incoming.isClosed) return
    heed(self, hello)
    if (!isPeer(hello.nodeId)) joined(hello.nodeId, hello.peer)
    // The older one is a leftover: a node has one connection to us, and dials anew when it has lost that.
    this.dismiss(hello.nodeId)
    this.welcome.set(hello.nodeId, incoming)
    incoming.welcome(helloTo(self, hello.nodeId), hello)
    welcomed(hello)
  })

  /** When full, the one who has waited longest without a proper hello makes room. */
  private hasRoom(): boolean {
    if (this.incoming.size < this.household.limits.incomingMax) return true
    for (const incoming of this.incoming) {
      if (incoming.node !== null) continue
      this.incoming.delete(incoming)
      incoming.refuse("too-many-connections", `more than ${this.household.limits.incomingMax}`)
      return true
    }
    this.count("too-many-connections", `more than ${this.household.limits.incomingMax}`)
    return false
  }

  private gone(incoming: Incoming | null): void {
    if (incoming === null) return
    incoming.close()
    this.incoming.delete(incoming)
    if (incoming.node !== null && this.welcome.get(incoming.node) === incoming)
      this.welcome.delete(incoming.node)
  }

  private count(cause: RefusalCause, detail: string): void {
    const { notices } = this.household
    notices.refused[cause] += 1
    notices.tell(`refused ${cause}`, `refused a connection to the peer port: ${cause}: ${detail}`)
  }
}

/** What a stranger says of itself goes into the log quoted. */
const describe = (hello: Hello): string =>
  `node ${JSON.stringify(hello.nodeId)} of cluster ${JSON.stringify(hello.clusterId)}, looking for ` +
  `${JSON.stringify(hello.recipient)}, protocol ${hello.oldestProtocol} to ${hello.newestProtocol}`
