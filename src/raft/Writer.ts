// How do the turns' writes get to the disk? In order, as many at once as have come while the last were written.

import { Effect } from "effect"
import type { Write } from "../consensus/types.ts"
import type { Begin } from "./Errand.ts"
import { type Group, post } from "./Group.ts"
import { Inbox } from "./Inbox.ts"
import { noteRoom } from "./room.ts"

/** How often what found no room is tried again, and how often term and vote are looked for meanwhile. */
const FULL_RETRY_MILLIS = 250
const FULL_LOOK_MILLIS = 10

/**
 * The group's way to the log: one batch at a time, and the next is whatever has come meanwhile. When there is
 * no room the batch waits, and all that came after it behind it: the log has no gaps.
 */
export class Writer {
  readonly #group: Group
  readonly #inbox: Inbox<Write>
  #busySince: bigint | null = null

  constructor(group: Group, begin: Begin) {
    this.#group = group
    this.#inbox = new Inbox(begin, () => this.#writeAll())
  }

  /** Hands a write over; `Persisted` comes back when it is durable. */
  write(write: Write): void {
    this.#inbox.offer(write)
  }

  waiting(): number {
    return this.#inbox.size
  }

  /** How long the disk has been at work on the writes that are under way; 0 when on none. */
  busyMillis(): number {
    const { clock } = this.#group
    return this.#busySince === null ? 0 : Number(clock.monotonicTimeNanosUnsafe() - this.#busySince) / 1e6
  }

  #writeAll() {
    return Effect.gen({ self: this }, function* () {
      while (this.#inbox.size > 0) {
        let batch = this.#inbox.takeAll()
        while (!(yield* this.#writeBatch(batch))) batch = yield* this.#wait(batch)
      }
    })
  }

  #writeBatch(batch: ReadonlyArray<Write>) {
    return Effect.gen({ self: this }, function* () {
      const { clock, observer } = this.#group
      const began = clock.monotonicTimeNanosUnsafe()
      this.#busySince = began
      const written = yield* this.#isWritten(batch)
      this.#busySince = null
      noteRoom(this.#group)
      if (!written) return false
      const entries = batch.reduce((sum, write) => sum + write.entries.length, 0)
      observer.synced(Number(clock.monotonicTimeNanosUnsafe() - began) / 1e6, entries)
      post(this.#group, { type: "Persisted", sequence: batch.at(-1)!.sequence })
      return true
    })
  }

  /** False: there is no room, and nothing of it was written. */
  #isWritten(writes: ReadonlyArray<Write>) {
    const { log, node } = this.#group
    return log.write(writes.map((write) => ({ group: node.group, write }))).pipe(
      Effect.as(true),
      Effect.catchTag("StorageFull", () => Effect.succeed(false)),
    )
  }

  /** There was no room for a batch. Gives back what is still to be written when it is time to try again. */
  #wait(batch: ReadonlyArray<Write>) {
    return Effect.gen({ self: this }, function* () {
      let writes = batch
      // As much of it as fits.
      while (writes.length > 1 && (yield* this.#writeBatch(writes.slice(0, 1)))) writes = writes.slice(1)
      writes = yield* this.#writeHardState(writes)
      for (let waited = 0; waited < FULL_RETRY_MILLIS; waited += FULL_LOOK_MILLIS) {
        yield* Effect.sleep(FULL_LOOK_MILLIS)
        const arrived = this.#inbox.takeAll()
        if (arrived.length > 0) writes = yield* this.#writeHardState([...writes, ...arrived])
      }
      return writes
    })
  }

  /**
   * Term and vote need no room, and an election cannot wait for it: they become durable ahead of the entries that were
   * to be written with or before them. Gives back what is left of the writes.
   */
  #writeHardState(writes: ReadonlyArray<Write>) {
    return Effect.gen({ self: this }, function* () {
      const newest = writes.findLast(({ hardState }) => hardState !== null)
      if (newest === undefined) return writes
      const ahead: Write = { ...newest, install: null, truncateFrom: null, entries: [], standing: null }
      if (!(yield* this.#isWritten([ahead]))) return writes
      post(this.#group, { type: "HardStatePersisted", sequence: writes.at(-1)!.sequence })
      return writes.map((write) => ({ ...write, hardState: null }))
    })
  }
}
