// How are refusals told to an operator without letting a stranger write our log?

import { Effect, Queue } from "effect"
import { emptyRefusals, type RefusalCause } from "./handshake.ts"

/** Every refusal is counted; one line of log for each key, however often it happens. */
export class Notices {
  readonly refused: Record<RefusalCause, number> = emptyRefusals()
  private readonly told = new Set<string>()
  /** Bounded by `told`: each key enters once. */
  private readonly lines: Queue.Queue<string>

  constructor(lines: Queue.Queue<string>) {
    this.lines = lines
  }

  /** Keys come from a small set, never from the wire. */
  tell(key: string, line: string): void {
    if (this.told.has(key)) return
    this.told.add(key)
    Queue.offerUnsafe(this.lines, line)
  }

  /** What was told under this prefix is news again. */
  forget(prefix: string): void {
    for (const key of this.told) if (key.startsWith(prefix)) this.told.delete(key)
  }

  /** For ever: writes the log, apart from those who have something to tell. */
  readonly write: Effect.Effect<never> = Effect.suspend(() => Queue.take(this.lines)).pipe(
    Effect.flatMap((line) => Effect.logWarning(line)),
    Effect.forever,
  )
}
