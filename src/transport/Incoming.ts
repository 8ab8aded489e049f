// Who has dialed us, and what may they say?

import type { GroupId, NodeId } from "../consensus/types.ts"
import { decode, encodeGreeting, type Hello, type Said } from "./codec.ts"
import { FrameReader, headerBytes, Malformed } from "./framing.ts"
import type { RefusalCause } from "./handshake.ts"
import { frameBytesMax, handshakeBytesMax } from "./limits.ts"
import type { Beat, Payload } from "./Transport.ts"

/** What a connection needs of its socket. */
export interface Wire {
  /** How many bytes were taken, which may be none; less than 0 when the socket is closed. */
  readonly write: (bytes: Uint8Array) => number
  /** Ends it after what was written. */
  readonly end: () => void
  /** Ends it now. */
  readonly terminate: () => void
}

/** To whom an incoming connection reports. Called from the socket's own callbacks: none of them waits. */
export interface Host {
  readonly greeted: (incoming: Incoming, hello: Hello) => void
  /** Something came from it, whatever it says: its process lives. */
  readonly heard: (from: Hello) => void
  readonly arrived: (from: Hello, group: GroupId, payload: Payload, bytes: number) => void
  /** Heartbeats that came in one frame, at least one. */
  readonly beaten: (from: Hello, beats: ReadonlyArray<Beat>, bytes: number) => void
  readonly pinged: (from: Hello, sequence: number) => void
  readonly refused: (cause: RefusalCause, detail: string) => void
}

const pong = encodeGreeting({ type: "Pong" })

/**
 * A connection from outside. Until its handshake is complete it can make us hold {@link handshakeBytesMax} bytes
 * and do nothing else; while we judge it, it may say nothing more.
 */
export class Incoming {
  /** Who has been let in. */
  private guest: Hello | null = null
  private state: "greeting" | "judging" | "open" | "closed" = "greeting"
  private heard = false
  private silentMillis = 0
  private ageMillis = 0
  private readonly wire: Wire
  private readonly host: Host
  private readonly reader = new FrameReader(handshakeBytesMax)

  constructor(wire: Wire, host: Host) {
    this.wire = wire
    this.host = host
  }

  get node(): NodeId | null {
    return this.guest?.nodeId ?? null
  }

  get isClosed(): boolean {
    return this.state === "closed"
  }

  data(chunk: Uint8Array): void {
    if (this.state === "closed") return
    this.heard = true
    if (this.state === "open") this.host.heard(this.guest!)
    try {
      this.reader.push(chunk, this.take)
    } catch (cause) {
      if (!(cause instanceof Malformed)) throw cause
      this.refuse("malformed", cause.message)
    }
  }

  /** Our hello is said; from here on messages pass. */
  welcome(hello: Hello, guest: Hello): void {
    if (this.state !== "judging") return
    this.state = "open"
    this.guest = guest
    this.reader.payloadBytesMax = frameBytesMax
    this.say(encodeGreeting(hello))
  }

  refuse(cause: RefusalCause, detail: string): void {
    if (this.state === "closed") return
    this.state = "closed"
    this.host.refused(cause, detail)
    this.wire.write(encodeGreeting({ type: "Refusal", cause }))
    this.wire.end()
  }

  /** Without a word: the other side is gone, or we are. */
  close(): void {
    this.state = "closed"
    this.wire.terminate()
  }

  /**
   * Time has passed. Counted in the rounds that we saw and not on a clock, so that a process that was
   * stopped for a minute does not find everybody else silent when it wakes.
   */
  passed(millis: number, limits: { readonly handshakeMillis: number; readonly silenceMillis: number }): void {
    this.ageMillis += millis
    this.silentMillis = this.heard ? 0 : this.silentMillis + millis
    this.heard = false
    if (this.state === "greeting" && this.ageMillis >= limits.handshakeMillis) {
      this.refuse("handshake-timeout", `no hello in ${this.ageMillis} ms`)
    } else if (this.state === "open" && this.silentMillis >= limits.silenceMillis) {
      this.refuse("silent", `nothing heard from ${this.node} for ${this.silentMillis} ms`)
    }
  }

  private readonly take = (bytes: Uint8Array): boolean => {
    const said = decode(bytes)
    if (this.state === "open") this.obey(said, bytes.length + headerBytes)
    else if (this.state === "greeting" && said.type === "Hello") {
      this.state = "judging"
      this.host.greeted(this, said)
    } else throw new Malformed(`${said.type} before the handshake was complete`)
    return !this.isClosed
  }

  private obey(said: Said, bytes: number): void {
    const guest = this.guest!
    if (said.type === "Message") this.host.arrived(guest, said.group, said.payload, bytes)
    else if (said.type === "Beats") {
      if (said.beats.length > 0) this.host.beaten(guest, said.beats, bytes)
    } else if (said.type === "Ping") {
      this.host.pinged(guest, said.sequence)
      this.say(pong)
    } else throw new Malformed(`${said.type} in the middle of a connection`)
  }

  /** What we say here is short and rare: a socket that does not take all of it is not read by anybody. */
  private say(frame: Uint8Array): void {
    if (this.wire.write(frame) === frame.length) return
    this.state = "closed"
    this.host.refused("not-reading", `${this.node} does not read what it asks for`)
    this.wire.terminate()
  }
}
