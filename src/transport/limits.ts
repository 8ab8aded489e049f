// How much, how long, how many? Everything in this room that could grow has its bound here.

const kibibyte = 1024
const mebibyte = 1024 * kibibyte

/** Characters of a node id or a group id. */
export const idLengthMax = 128
/** Characters of a cluster id, an incarnation or a snapshot id. */
export const tokenLengthMax = 256
/** Characters of an address. */
export const addressLengthMax = 512
/** Members of a configuration, each list on its own. */
export const membersMax = 1024
/** Entries of one append, commands or answers of one forwarded batch. */
export const itemsMax = 65_536
/** Heartbeats of one frame, and its bytes with the header. */
export const beatsMax = 4_096
export const beatsBytesMax = 256 * kibibyte

/** A batch of commands of 1 MiB each and a snapshot chunk must fit, with room to spare. */
export const frameBytesMax = 16 * mebibyte
/** A stranger gets to send this much, and no more, before it has said who it is. */
export const handshakeBytesMax = 4 * kibibyte

export interface PulseLimits {
  /**
   * A round while a peer is missed that was heard before. As long as all are heard, rounds are twice as long; each tells every
   * peer that this node's process lives.
   */
  readonly pulseMillis: number
  /** A peer that has said nothing at all for so long is silent: the shortest election timeout. Its connection may live on. */
  readonly silentMillis: number
}

export interface SocketLimits extends PulseLimits {
  /**
   * Bulk that may wait for one peer. Above it messages are dropped, but for those of a group that has hardly any there: then
   * it may be twice as much.
   */
  readonly bulkBytesMax: number
  /** Control messages that may wait for one peer: room of their own, so that a flood of bulk costs no heartbeat. */
  readonly controlBytesMax: number
  /** What one write gathers; also the most bulk that a control message may find before it in a round. */
  readonly gatherBytesMax: number
  /** Messages that may wait in one group's mailbox. Above it what arrives is dropped. */
  readonly mailboxMessagesMax: number
  readonly mailboxBytesMax: number
  /** Connections from outside, strangers included. */
  readonly incomingMax: number
  /** From the first byte of a connection until both sides know each other. */
  readonly handshakeMillis: number
  /** How often a dialer asks whether the peer is still there. */
  readonly probeMillis: number
  /** A connection on which nothing was heard for so long is dead, whatever TCP believes. */
  readonly silenceMillis: number
  /** First and longest pause before dialing again. */
  readonly backoffMinMillis: number
  readonly backoffMaxMillis: number
}

export const socketLimits: SocketLimits = {
  bulkBytesMax: 2 * frameBytesMax,
  controlBytesMax: mebibyte,
  gatherBytesMax: 256 * kibibyte,
  mailboxMessagesMax: 10_000,
  mailboxBytesMax: 64 * mebibyte,
  incomingMax: 256,
  handshakeMillis: 2_000,
  probeMillis: 1_000,
  silenceMillis: 5_000,
  pulseMillis: 50,
  silentMillis: 250,
  backoffMinMillis: 20,
  backoffMaxMillis: 1_000,
}
