// What of time and chance does a client need?

/** The machine's own, unless a test has another one. */
export interface Clock {
  /** Milliseconds since some moment; never goes back. */
  readonly now: () => number
  /** Until so much time has passed, or the signal says that nobody waits any more: then it succeeds as well. */
  readonly sleep: (millis: number, signal: AbortSignal) => Promise<void>
  /** At least 0, below 1. */
  readonly random: () => number
}

export const hostClock: Clock = {
  now: () => performance.now(),
  sleep: (millis, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const end = () => {
        clearTimeout(timer)
        signal.removeEventListener("abort", end)
        resolve()
      }
      const timer = setTimeout(end, millis)
      signal.addEventListener("abort", end)
    }),
  random: () => Math.random(),
}
