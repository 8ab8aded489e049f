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
}

const FULL_RETRY_MILLIS = 500

/**
 * The group's way to the log. Two batches are under way at once: while one is being synced the next crosses
 * to the writer's thread. The store keeps their order.
 */
export const makeWriter = (
  group: Group,
  queue: Queue.Queue<Write>,
): { writer: Writer; life: Effect.Effect<void, WriteError> } => {
  let isFull = false
  const writeBatch = Effect.fnUntraced(function* (batch: ReadonlyArray<Write>) {
    const began = group.clock.monotonicTimeNanosUnsafe()
    yield* group.log.write(batch.map((write) => ({ group: group.node.group, write })))
    isFull = false
    const entries = batch.reduce((sum, write) => sum + write.entries.length, 0)
    group.observer.synced(Number(group.clock.monotonicTimeNanosUnsafe() - began) / 1e6, entries)
    post(group, { type: "Persisted", sequence: batch.at(-1)!.sequence })
  })
  const waitForRoom = Effect.fnUntraced(function* (batch: ReadonlyArray<Write>) {
    while (true) {
      const written = yield* writeBatch(batch).pipe(
        Effect.as(true),
        Effect.catchTag("StorageFull", () => Effect.succeed(false)),
      )
      if (written) return
      if (!isFull) group.observer.event("the disk is full: proposals are refused until there is room", {})
      isFull = true
      yield* Effect.sleep(FULL_RETRY_MILLIS)
    }
  })
  const life = Effect.gen(function* () {
    while (true) yield* waitForRoom(yield* Queue.takeAll(queue))
  })
  return {
    writer: {
      write: (write) => Queue.offerUnsafe(queue, write),
      isFull: () => isFull,
      waiting: () => Queue.sizeUnsafe(queue),
    },
    life,
  }
}

type WriteError =
  Effect.Error<ReturnType<Group["log"]["write"]>> extends infer E
    ? Exclude<E, { _tag: "StorageFull" }>
    : never
