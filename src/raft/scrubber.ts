// Is the state on the disk still what was written, also where nobody looks? All of it is read now and then.

import { Effect } from "effect"
import type { Millis } from "../consensus/types.ts"
import type { Checkpoints } from "./Checkpoints.ts"
import { type Group, nowOf } from "./Group.ts"
import { isInRepair } from "./repair.ts"
import { partOver } from "./snapshotter.ts"

/** How often all of the state was read, and how long the last time took. Written by the scrubber's life alone. */
export interface Scrubbed {
  count: number
  tookMillis: Millis
}

const LOOK_MILLIS = 500
const REST_SCRUB_MILLIS = 3_600_000
/** Reading is at work for no more than one part in so many of the time. */
const PAUSES_PER_SCRUB = 20

/** Behind each checkpoint, and after so long; but a large state less often: it would keep the disk busy. */
export const scrubber = Effect.fnUntraced(function* (
  group: Group,
  checkpoints: Checkpoints,
  scrubbed: Scrubbed,
) {
  const { clock, machine, options, snapshots } = group
  let endedAt = nowOf(clock)
  let behind = 0
  while (true) {
    // Nothing is written while the group rests; what the disk does to it is looked for all the same.
    yield* Effect.timeoutOption(group.rest.awake, REST_SCRUB_MILLIS)
    yield* Effect.sleep(Math.min(options.scrubMillis, LOOK_MILLIS))
    if (isInRepair(group)) continue
    const pausedMillis = nowOf(clock) - endedAt
    const newest = checkpoints.newest?.index ?? 0
    const isDue = newest > behind || pausedMillis >= options.scrubMillis
    if (!isDue || pausedMillis < PAUSES_PER_SCRUB * scrubbed.tookMillis) continue
    // What was never flushed has no file yet, and needs none.
    if ((yield* machine.position).index === 0) continue
    behind = newest
    scrubbed.tookMillis = yield* snapshots.verify.pipe(
      Effect.catchTag("StateDamaged", ({ reason }) => Effect.as(partOver(group, reason), 0)),
    )
    endedAt = nowOf(clock)
    scrubbed.count++
  }
})
