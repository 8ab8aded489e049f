// Is the state on the disk still what was written, also where nobody looks? All of it is read now and then.

import { Effect } from "effect"
import type { Millis } from "../consensus/types.ts"
import type { Checkpoints } from "./Checkpoints.ts"
import { type Group, nowOf } from "./Group.ts"
import { isInRepair } from "./repair.ts"
import { partOver } from "./snapshotter.ts"

/** How often all of the state was read, and how long the last time took. Written by the scrubber alone. */
export interface Scrubbed {
  count: number
  tookMillis: Millis
}

const LOOK_MILLIS = 500
const REST_SCRUB_MILLIS = 3_600_000
/** Reading is at work for no more than one part in so many of the time. */
const PAUSES_PER_SCRUB = 20

/** Behind each checkpoint, and after so long; but a large state less often: it would keep the disk busy. */
export class Scrubber {
  readonly scrubbed: Scrubbed = { count: 0, tookMillis: 0 }
  readonly #group: Group
  readonly #checkpoints: Checkpoints
  #endedAt: Millis
  #behind = 0

  constructor(group: Group, checkpoints: Checkpoints) {
    this.#group = group
    this.#checkpoints = checkpoints
    this.#endedAt = nowOf(group.clock)
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

  /** Nothing is written while the group rests; what the disk does to it is looked for all the same. */
  night() {
    return Effect.gen({ self: this }, function* () {
      while (this.#group.rest.isResting) {
        yield* Effect.sleep(REST_SCRUB_MILLIS)
        if (this.#group.rest.isResting) yield* this.#look()
      }
    })
  }

  #look() {
    return Effect.gen({ self: this }, function* () {
      const { clock, machine, options, snapshots } = this.#group
      if (isInRepair(this.#group)) return
      const pausedMillis = nowOf(clock) - this.#endedAt
      const newest = this.#checkpoints.newest?.index ?? 0
      const isDue = newest > this.#behind || pausedMillis >= options.scrubMillis
      if (!isDue || pausedMillis < PAUSES_PER_SCRUB * this.scrubbed.tookMillis) return
      // What was never flushed has no file yet, and needs none.
      if ((yield* machine.position).index === 0) return
      this.#behind = newest
      this.scrubbed.tookMillis = yield* snapshots.verify.pipe(
        Effect.catchTag("StateDamaged", ({ reason }) => Effect.as(partOver(this.#group, reason), 0)),
      )
      this.#endedAt = nowOf(clock)
      this.scrubbed.count++
    })
  }
}
