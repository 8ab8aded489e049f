// Does a thread of users' code still answer, and how much memory does it hold?

import { Effect } from "effect"
import type { ThreadFault } from "./fault.ts"
import { memoryBytesMax, silenceMillisMax } from "./limits.ts"

export interface ThreadLimits {
  readonly memoryBytesMax: number
  readonly silenceMillisMax: number
}

export const defaultLimits: ThreadLimits = { memoryBytesMax, silenceMillisMax }

/** Written by whoever hears its answers. */
export interface Pulse {
  /** Pings since its last answer. */
  unanswered: number
  /** Of its heap, by its last answer; null: it has not said a word yet, and is being loaded. */
  heapBytes: number | null
}

/**
 * Asks it four times a second, until it has had too much. What is counted are looks, not the time of a clock: while
 * this process stands still, no time passes either.
 *
 * What it says of its own heap is true as of its last collection. In a loop that takes memory it says nothing: then
 * what the process has grown by counts as its doing, also where it was another one's that does not answer either.
 */
export const watchOver = Effect.fnUntraced(function* (
  pulse: Pulse,
  limits: ThreadLimits,
  ping: () => void,
  fail: (kind: ThreadFault["kind"], detail: string) => void,
) {
  const { memoryBytesMax: bytesMax, silenceMillisMax: silentMillisMax } = limits
  let residentBytes = process.memoryUsage.rss()
  while (true) {
    pulse.unanswered++
    ping()
    yield* Effect.sleep(lookMillis)
    const { unanswered, heapBytes } = pulse
    const now = process.memoryUsage.rss()
    if (unanswered === 0 || heapBytes === null) residentBytes = now
    const grownBytes = now - residentBytes
    if (heapBytes !== null && heapBytes > bytesMax)
      return fail("memory", `its heap has ${heapBytes} bytes, and ${bytesMax} are allowed`)
    if (heapBytes !== null && unanswered > 1 && grownBytes > bytesMax) {
      return fail("memory", `it does not answer, and the process has grown by ${grownBytes} bytes meanwhile`)
    }
    const silentMillis = unanswered * lookMillis
    // To be loaded takes its time where many want a processor, and is none of its doing.
    if (silentMillis >= silentMillisMax * (heapBytes === null ? 3 : 1))
      return fail("deadline", `it has not answered for ${silentMillis} ms`)
  }
})

const lookMillis = 250
