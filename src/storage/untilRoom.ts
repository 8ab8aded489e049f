// What does somebody do on a full disk who can neither go on nor back? It waits for room (HAZARDS S7).

import { Effect, Schedule } from "effect"

/** How often a full disk is asked whether it has room again. */
export const fullMillis = 250

/** `effect` may be begun again after it has found no room. */
export const untilRoom = <A, E extends { readonly _tag: string }>(
  effect: Effect.Effect<A, E>,
): Effect.Effect<A, E> =>
  Effect.retry(effect, { while: ({ _tag }) => _tag === "StorageFull", schedule: Schedule.spaced(fullMillis) })
