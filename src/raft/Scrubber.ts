// Is the state on the disk still what was written, also where nobody looks? All of it is read now and then.

import { Effect } from "effect"
import type { Index, Millis } from "../consensus/types.ts"
import type { Checkpoints } from "./Checkpoints.ts"
import { type Group, nowOf } from "./Group.ts"
import type { Flushed } from "./reach.ts"
import { isInRepair } from "./repair.ts"
import { partOver } from "./snapshotter.ts"

/** How often all of the state was read, and how long the last time took. Written by the scrubber alone. */
export interface Scrubbed {
  count: number
  tookMillis: Millis
}

const LOOK_MILLIS = 500
/** Reading is at work for no more than one part in so many of the time. */
const PAUSES_PER_SCRUB = 20

/**
 * Behind each checkpoint, and after so long; but a large state less often: it would keep the disk busy. Where groups rest the
 * first checkpoint of a life is not one of them: a thousand that begin together would all be read just then.
 */
export class Scrubber {
  readonly scrubbed: Scrubbed = { count: 0, tookMillis: 0 }
  readonly #group: Group
  readonly #flushed: Flushed
  readonly #checkpoints: Checkpoints
  #endedAt: Millis
  #behind: Index | null

  constructor(group: Group, flushed: Flushed, checkpoints: Checkpoints) {
    this.#group = group
    this.#flushed = flushed
    this.#checkpoints = checkpoints
    this.#endedAt = nowOf(group.clock)
    this.#behind = group.options.rests ? null : 0
  }

  /** While the group is awake. */
  day() {
    return Effect.gen({ self: this }, function* () {
      const { options, rest } = this.#group
      while (!rest.isResting) {
        yield* Effect.sleep(Math.min(options.scrubMillis, LOOK_MILLIS))
        yield* this.#look()
      }
    })
  }

  /** Reads it now. */
  read() {
    return Effect.gen({ self: this }, function* () {
      const { clock, snapshots } = this.#group
      // What was never flushed has no file yet, and needs none.
      if (isInRepair(this.#group) || this.#flushed.index === 0) return
      this.#behind = this.#checkpoints.newest?.index ?? 0
      this.scrubbed.tookMillis = yield* snapshots.verify.pipe(
        Effect.catchTag("StateDamaged", ({ reason }) => Effect.as(partOver(this.#group, reason), 0)),
      )
      this.#endedAt = nowOf(clock)
      this.scrubbed.count++
    })
  }

  #look() {
    return Effect.gen({ self: this }, function* () {
      const { clock, options } = this.#group
      const pausedMillis = nowOf(clock) - this.#endedAt
      const newest = this.#checkpoints.newest?.index ?? 0
      if (newest > 0) this.#behind ??= newest
      const isDue = newest > (this.#behind ?? 0) || pausedMillis >= options.scrubMillis
      if (!isDue || pausedMillis < PAUSES_PER_SCRUB * this.scrubbed.tookMillis) return
      yield* this.read()
    })
  }
}
