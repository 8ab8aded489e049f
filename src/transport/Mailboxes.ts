// Where does a message go that has arrived?

import { Queue } from "effect"
import type { GroupId, NodeId } from "../consensus/types.ts"
import type { Inbound, Payload } from "./Transport.ts"

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
  private readonly limits: MailboxLimits
  private readonly boxes = new Map<GroupId, Mailbox>()

  constructor(limits: MailboxLimits) {
    this.limits = limits
  }

  attach(group: GroupId, queue: Queue.Enqueue<Inbound>): void {
    this.boxes.set(group, new Mailbox(queue, this.limits))
  }

  /** False: dropped and counted. */
  deliver(from: NodeId, group: GroupId, payload: Payload, bytes: number): boolean {
    const box = this.boxes.get(group)
    if (box === undefined) {
      this.unknownGroup += 1
      return false
    }
    if (box.offer({ from, payload }, bytes)) return true
    this.overflowed += 1
    return false
  }
}

/**
 * A queue tells how many messages wait, not how large they are. But whoever waits came last: with n in the
 * queue, at most the last n that we offered are among them, and their bytes are the difference of two running
 * totals. Others may offer to the same queue; that makes the bound only tighter.
 */
class Mailbox {
  private readonly queue: Queue.Enqueue<Inbound>
  private readonly limits: MailboxLimits
  /** Bytes offered in total, after each of the last offers; a ring with a place for each that may wait. */
  private readonly totals: Float64Array
  private offered = 0
  private total = 0

  constructor(queue: Queue.Enqueue<Inbound>, limits: MailboxLimits) {
    this.queue = queue
    this.limits = limits
    this.totals = new Float64Array(limits.mailboxMessagesMax + 1)
  }

  offer(inbound: Inbound, bytes: number): boolean {
    const waiting = this.queue.messages.length
    if (waiting >= this.limits.mailboxMessagesMax) return false
    const before = this.offered - Math.min(waiting, this.offered)
    const waitingBytes = this.total - this.totals[before % this.totals.length]!
    // An empty mailbox takes a message of any size: one larger than the bound would otherwise never arrive.
    if (waiting > 0 && waitingBytes + bytes > this.limits.mailboxBytesMax) return false
    if (!Queue.offerUnsafe(this.queue, inbound)) return false
    this.offered += 1
    this.total += bytes
    this.totals[this.offered % this.totals.length] = this.total
    return true
  }
}
