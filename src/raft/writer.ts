// How do the turns' writes get to the disk? In order, as many at once as have come while the last were written.

import { Effect, Queue } from "effect"
import type { Write } from "../consensus/types.ts"
import { type Group, post } from "./Group.ts"
import { noteRoom } from "./room.ts"

export interface Writer {
  /** Hands a write over; `Persisted` comes back when it is durable. */
  readonly write: (write: Write) => void
  readonly waiting: () => number
  /** How long the disk has been at work on the writes that are under way; 0 when on none. */
  readonly busyMillis: () => number
}

/** How often what found no room is tried again, and how often term and vote are looked for meanwhile. */
const FULL_RETRY_MILLIS = 250
const FULL_LOOK_MILLIS = 10

/**
 * The group's way to the log: one batch at a time, and the next is whatever has come meanwhile. When there is
 * no room the batch waits, and all that came after it behind it: the log has no gaps.
 */
export const makeWriter = (group: Group, queue: Queue.Queue<Write>) => {
  const { clock, log, node, observer } = group
  let busySince: bigint | null = null

  /** False: there is no room, and nothing of it was written. */
  const isWritten = (writes: ReadonlyArray<Write>) =>
    log.write(writes.map((write) => ({ group: node.group, write }))).pipe(
      Effect.as(true),
      Effect.catchTag("StorageFull", () => Effect.succeed(false)),
    )

  const writeBatch = Effect.fnUntraced(function* (batch: ReadonlyArray<Write>) {
    const began = clock.monotonicTimeNanosUnsafe()
    busySince = began
    const written = yield* isWritten(batch)
    busySince = null
    noteRoom(group)
    if (!written) return false
    const entries = batch.reduce((sum, write) => sum + write.entries.length, 0)
    observer.synced(Number(clock.monotonicTimeNanosUnsafe() - began) / 1e6, entries)
    post(group, { type: "Persisted", sequence: batch.at(-1)!.sequence })
    return true
  })

  /**
   * Term and vote need no room, and an election cannot wait for it: they become durable ahead of the entries that were
   * to be written with or before them. Gives back what is left of the writes.
   */
  const writeHardState = Effect.fnUntraced(function* (writes: ReadonlyArray<Write>) {
    const newest = writes.findLast(({ hardState }) => hardState !== null)
    if (newest === undefined) return writes
    const ahead: Write = { ...newest, install: null, truncateFrom: null, entries: [], standing: null }
    if (!(yield* isWritten([ahead]))) return writes
    post(group, { type: "HardStatePersisted", sequence: writes.at(-1)!.sequence })
    return writes.map((write) => ({ ...write, hardState: null }))
  })

  /** There was no room for a batch. Gives back what is still to be written when it is time to try again. */
  const wait = Effect.fnUntraced(function* (batch: ReadonlyArray<Write>) {
    let writes = batch
    // As much of it as fits.
    while (writes.length > 1 && (yield* writeBatch(writes.slice(0, 1)))) writes = writes.slice(1)
    writes = yield* writeHardState(writes)
    for (let waited = 0; waited < FULL_RETRY_MILLIS; waited += FULL_LOOK_MILLIS) {
      yield* Effect.sleep(FULL_LOOK_MILLIS)
      const arrived = yield* Queue.clear(queue)
      if (arrived.length > 0) writes = yield* writeHardState([...writes, ...arrived])
    }
    return writes
  })

  const life = Effect.gen(function* () {
    while (true) {
      let batch: ReadonlyArray<Write> = yield* Queue.takeAll(queue)
      while (!(yield* writeBatch(batch))) batch = yield* wait(batch)
    }
  })

  const writer: Writer = {
    write: (write) => Queue.offerUnsafe(queue, write),
    waiting: () => Queue.sizeUnsafe(queue),
    busyMillis: () => (busySince === null ? 0 : Number(clock.monotonicTimeNanosUnsafe() - busySince) / 1e6),
  }
  return { writer, life }
}
