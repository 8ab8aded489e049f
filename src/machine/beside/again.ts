// How does what users have run live on after it has failed? It is begun again, each time after a longer pause.

import { Clock, Effect, Exit } from "effect"
import { faultIn, type ThreadFault } from "./fault.ts"
import { pauseMillisMax, pauseMillisMin } from "./limits.ts"

export interface AgainOptions {
  /** It has failed, and is begun again after so long. */
  readonly failed: (fault: ThreadFault & { readonly at: number }, pauseMillis: number) => Effect.Effect<void>
  /** It is being ended: whatever has become of it, it is not begun again. */
  readonly isEnding: () => boolean
}

/** Until it succeeds, or is ended. What it takes for one run goes with that. */
export const again = Effect.fnUntraced(function* (
  run: Effect.Effect<void, ThreadFault>,
  { failed, isEnding }: AgainOptions,
): Effect.fn.Return<void> {
  let pauseMillis = pauseMillisMin
  while (true) {
    const beganAt = yield* Clock.monotonicTimeNanos
    const exit = yield* Effect.exit(run)
    if (isEnding() || Exit.isSuccess(exit)) return
    const at = yield* Clock.currentTimeMillis
    const ranMillis = Number((yield* Clock.monotonicTimeNanos) - beganAt) / 1e6
    if (ranMillis > pauseMillisMax) pauseMillis = pauseMillisMin
    yield* failed({ ...faultIn(exit.cause), at }, pauseMillis)
    yield* Effect.sleep(pauseMillis)
    pauseMillis = Math.min(2 * pauseMillis, pauseMillisMax)
  }
})
