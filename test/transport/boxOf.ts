// How does a test wait for what arrives?

import { Queue } from "effect"
import type { Inbound, Letterbox } from "../../src/transport/Transport.ts"

/** What arrives is in the queue. */
export const boxOf = (queue: Queue.Queue<Inbound>): Letterbox => ({
  get size() {
    return Queue.sizeUnsafe(queue)
  },
  offer: (inbound) => Queue.offerUnsafe(queue, inbound),
})
