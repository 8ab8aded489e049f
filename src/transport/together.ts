// When does whoever looks now and then look? All of a process at the same moments: it wakes once for all of them.

import { Clock, Effect } from "effect"
import type { Millis } from "../consensus/types.ts"

/** How long it is from `now` to the next whole multiple of `millis`, at the least half of that. */
export const untilTogether = (now: Millis, millis: Millis): Millis => {
  const remaining = millis - (now % millis)
  return remaining < millis / 2 ? remaining + millis : remaining
}

/** Sleeps about so long, as {@link untilTogether} says by the monotonic clock. Gives back how long that was to be. */
export const sleepTogether = (millis: Millis): Effect.Effect<Millis> =>
  Clock.clockWith((clock) => {
    const now = Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
    const slept = untilTogether(now, millis)
    return Effect.as(Effect.sleep(slept), slept)
  })
