// Where does a message go that has arrived?

import type { GroupId, NodeId } from "../consensus/types.ts"
import type { Admits, Beat, Inbound, Letterbox, Payload } from "./Transport.ts"

/** Whose message it is: a node, and the data directory that it has. */
export interface Sender {
  readonly nodeId: NodeId
  readonly incarnation: string
}

export interface MailboxLimits {
  readonly mailboxMessagesMax: number
  readonly mailboxBytesMax: number
}

/** The mailboxes of this node's groups, each bounded in messages and bytes. */
export class Mailboxes {
  /** Messages for a group that this node does not run. */
  unknownGroup = 0
  /** Messages for which a mailbox had no room. */
  overflowed = 0
  /** Messages of a peer whose data directory is not the one that their group goes by. */
  unadmitted = 0
  private readonly limits: MailboxLimits
  private readonly boxes = new Map<GroupId, Mailbox>()

  constructor(limits: MailboxLimits) {
    this.limits = limits
  }

  /** How many groups live here. */
  get size(): number {
    return this.boxes.size
  }

  attach(group: GroupId, letters: Letterbox, admits: Admits = everybody): void {
    this.boxes.set(group, new Mailbox(letters, this.limits, admits))
  }

  detach(group: GroupId): void {
    this.boxes.delete(group)
  }

  /** False: dropped and counted. */
  deliver(sender: Sender, group: GroupId, payload: Payload, bytes: number): boolean {
    const box = this.boxes.get(group)
    if (box === undefined) {
      this.unknownGroup += 1
      return false
    }
    const { nodeId: from, incarnation } = sender
    if (!box.admits(from, incarnation, payload.type)) {
      this.unadmitted += 1
      return false
    }
    if (box.offer({ from, payload }, bytes)) return true
    this.overflowed += 1
    return false
  }

  /** Each as if it had come alone; one whose group is not here, or full, keeps no other from arriving. */
  deliverAll(sender: Sender, beats: ReadonlyArray<Beat>, bytes: number): void {
    const share = Math.ceil(bytes / beats.length)
    for (const { group, payload } of beats) this.deliver(sender, group, payload, share)
  }
}

const everybody: Admits = () => true

/**
 * It is known how many messages wait, not how large they are. But whoever waits came last: of n that wait, at most the last
 * n that we offered are among them, and their bytes are the difference of two running totals. Others may offer something
 * as well; that makes the bound only tighter.
 */
class Mailbox {
  readonly admits: Admits
  private readonly letters: Letterbox
  private readonly limits: MailboxLimits
  /** Bytes offered in total, after each of the last offers; a ring with a place for each that has ever waited at once. */
  private totals = new Float64Array(RING_PLACES_MIN)
  private offered = 0
  private total = 0

  constructor(letters: Letterbox, limits: MailboxLimits, admits: Admits) {
    this.admits = admits
    this.letters = letters
    this.limits = limits
  }

  offer(inbound: Inbound, bytes: number): boolean {
    const waiting = this.letters.size
    if (waiting >= this.limits.mailboxMessagesMax) return false
    // Of ours no more than the ring has room for: they waited already when the last one was offered.
    const before = this.offered - Math.min(waiting, this.offered, this.totals.length - 1)
    const waitingBytes = this.total - this.totals[before % this.totals.length]!
    // An empty mailbox takes a message of any size: one larger than the bound would otherwise never arrive.
    if (waiting > 0 && waitingBytes + bytes > this.limits.mailboxBytesMax) return false
    if (!this.letters.offer(inbound)) return false
    // A place for each that waits now, for this one, and for the total before them.
    if (waiting + 2 > this.totals.length) this.grow(waiting + 2)
    this.offered += 1
    this.total += bytes
    this.totals[this.offered % this.totals.length] = this.total
    return true
  }
  /** Most groups never have more than a few that wait: room is taken when there is need. */
  private grow(placesMin: number): void {
    const { totals, offered } = this
    const oldest = Math.max(0, offered - totals.length + 1)
    const places = Math.max(2 * totals.length, placesMin)
    // What was offered before the oldest has been taken.
    this.totals = new Float64Array(places).fill(totals[oldest % totals.length]!)
    for (let at = oldest; at <= offered; at++) this.totals[at % places] = totals[at % totals.length]!
  }
}

const RING_PLACES_MIN = 16
