// How does one connection to a peer come about, and how does it end?

import { Data, Deferred, Effect } from "effect"
import { type HostPort, parseAddress } from "./address.ts"
import { decode, type Hello } from "./codec.ts"
import { FrameReader, Malformed } from "./framing.ts"
import { isRefusalCause, meaningOf } from "./handshake.ts"
import { handshakeBytesMax } from "./limits.ts"

/** Why there is no connection, or no longer. */
export class ConnectionLost extends Data.TaggedError("ConnectionLost")<{
  readonly reason: string
  /** They, or we, do not want this connection, as opposed to a network that does not have it. */
  readonly refused: boolean
  readonly detail: string
}> {}

export const lost = (reason: string, detail = ""): ConnectionLost =>
  new ConnectionLost({ reason, refused: false, detail })

export const refused = (reason: string, detail = ""): ConnectionLost =>
  new ConnectionLost({ reason, refused: true, detail })

/**
 * One attempt to reach a peer and the connection that comes of it. All that it hears is one hello, pongs, and a
 * refusal.
 */
export class Outgoing {
  /** The other side's hello; fails when the connection ends before. */
  readonly answered = Deferred.makeUnsafe<Hello, ConnectionLost>()
  readonly ended = Deferred.makeUnsafe<never, ConnectionLost>()
  /** The peer said something, or took something after it had been full: it lives. */
  heard = false
  private isClosed = false
  private socket: Bun.Socket | null = null
  private readonly reader = new FrameReader(handshakeBytesMax)
  private readonly drained: () => void

  constructor(drained: () => void) {
    this.drained = drained
  }

  /** Succeeds when the socket is open. */
  readonly open = (address: string): Effect.Effect<void, ConnectionLost> =>
    Effect.callback((resume) => {
      const target = parseAddress(address)
      if (target === null) return resume(Effect.fail(lost("bad-address", address)))
      try {
        this.dial(target, resume)
      } catch (cause) {
        resume(Effect.fail(lost("unreachable", String(cause))))
      }
    })

  /** As the socket: how many bytes were taken. */
  write(bytes: Uint8Array): number {
    return this.socket === null || this.isClosed ? -1 : this.socket.write(bytes)
  }

  /** What the kernel has taken still leaves, unless the peer is known to be gone. */
  close(isGone: boolean): void {
    if (this.isClosed) return
    this.isClosed = true
    if (isGone) this.socket?.terminate()
    else this.socket?.end()
  }

  /** One callback, one line: what happens next is decided in the fiber that owns this connection. */
  private dial(target: HostPort, resume: (effect: Effect.Effect<void, ConnectionLost>) => void): void {
    Bun.connect({
      ...target,
      socket: {
        // With TLS this belongs into `handshake`, once `authorized`: what is written in `open` would be lost.
        open: (socket) => {
          this.socket = socket
          // Nobody waits any more for a connection that came too late.
          if (this.isClosed) return void socket.terminate()
          socket.setNoDelay(true)
          resume(Effect.void)
        },
        data: (_, chunk) => this.data(chunk),
        drain: () => {
          this.heard = true
          this.drained()
        },
        close: () => this.fail(lost("closed")),
        error: (_, error) => this.fail(lost("broken", String(error))),
        connectError: (_, error) => resume(Effect.fail(lost("unreachable", String(error)))),
      },
    }).catch((error: unknown) => resume(Effect.fail(lost("unreachable", String(error)))))
  }

  private data(chunk: Uint8Array): void {
    if (this.isClosed) return
    this.heard = true
    try {
      this.reader.push(chunk, (bytes) => this.take(bytes))
    } catch (cause) {
      if (!(cause instanceof Malformed)) throw cause
      this.fail(refused("malformed", cause.message))
    }
  }

  private take(bytes: Uint8Array): boolean {
    const said = decode(bytes)
    const isFirst = !Deferred.isDoneUnsafe(this.answered)
    if (said.type === "Refusal") {
      this.fail(refused(isRefusalCause(said.cause) ? said.cause : "refused", meaningOf(said.cause)))
      return false
    }
    if (said.type === "Hello" && isFirst) Deferred.doneUnsafe(this.answered, Effect.succeed(said))
    else if (said.type !== "Pong" || isFirst) throw new Malformed(`${said.type} from the one we dialed`)
    return true
  }

  private fail(loss: ConnectionLost): void {
    Deferred.doneUnsafe(this.answered, Effect.fail(loss))
    Deferred.doneUnsafe(this.ended, Effect.fail(loss))
  }
}
