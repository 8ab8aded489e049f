// How long may something take?

import type { Clock } from "./Clock.ts"
import { Link } from "./Link.ts"

/** In place of a result that did not come in time. */
export const late: unique symbol = Symbol("late")

/**
 * What `body` gives, or {@link late}; or throws the reason of `signal`, once that is given. The signal that `body` has is
 * given in the end whatever happened, and nobody waits for a body that does not care.
 */
export const within = async <A>(
  clock: Clock,
  millis: number,
  signal: AbortSignal,
  body: (signal: AbortSignal) => Promise<A>,
): Promise<A | typeof late> => {
  signal.throwIfAborted()
  const link = new Link(signal)
  const end = async (): Promise<typeof late> => {
    await clock.sleep(millis, link.signal)
    signal.throwIfAborted()
    return late
  }
  try {
    return await Promise.race([body(link.signal), end()])
  } catch (cause) {
    signal.throwIfAborted()
    throw cause
  } finally {
    link.release()
  }
}
