// How do the turns' writes get to the disk? In order, as many at once as have come while the last were written.

import { Effect, Queue } from "effect"
import type { Write } from "../consensus/types.ts"
import { type Group, post } from "./Group.ts"

export interface Writer {
  /** Hands a write over; `Persisted` comes back when it is durable. */
  readonly write: (write: Write) => void
  /** No room on the disk: nothing new should enter the log until there is. */
  readonly isFull: () => boolean
  readonly waiting: () => number
  /** How long the disk has been at work on the writes that are under way; 0 when on none. */
  readonly busyMillis: () => number
}

const FULL_RETRY_MILLIS = 500

/**
 * The group's way to the log: one batch at a time, and the next is whatever has come meanwhile. When there is
 * no room the batch waits, and all that came after it behind it: the log has no gaps.
 */
export const makeWriter = (group: Group, queue: Queue.Queue<Write>) => {
  const { clock, log, node, observer } = group
  let isFull = false
  let busySince: bigint | null = null

  const writeBatch = Effect.fnUntraced(function* (batch: ReadonlyArray<Write>) {
    const began = clock.monotonicTimeNanosUnsafe()
    busySince ??= began
    yield* log.write(batch.map((write) => ({ group: node.group, write })))
    busySince = null
    isFull = false
    const entries = batch.reduce((sum, write) => sum + write.entries.length, 0)
    observer.synced(Number(clock.monotonicTimeNanosUnsafe() - began) / 1e6, entries)
    post(group, { type: "Persisted", sequence: batch.at(-1)!.sequence })
    return true
  })

  const life = Effect.gen(function* () {
    while (true) {
      const batch = yield* Queue.takeAll(queue)
      while (!(yield* Effect.catchTag(writeBatch(batch), "StorageFull", () => Effect.succeed(false)))) {
        if (!isFull) observer.event("the disk is full: proposals are refused until there is room", {})
        isFull = true
        yield* Effect.sleep(FULL_RETRY_MILLIS)
      }
    }
  })

  const writer: Writer = {
    write: (write) => Queue.offerUnsafe(queue, write),
    isFull: () => isFull,
    waiting: () => Queue.sizeUnsafe(queue),
    busyMillis: () => (busySince === null ? 0 : Number(clock.monotonicTimeNanosUnsafe() - busySince) / 1e6),
  }
  return { writer, life }
}
