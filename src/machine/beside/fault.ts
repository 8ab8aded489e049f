// Why does a thread of users' code not run any more that should?

import { Cause, Option } from "effect"

export interface ThreadFault {
  /**
   * - `failed`: what it ran failed, or died of what it threw.
   * - `crash`: its thread ended.
   * - `memory`: it held more than it may.
   * - `deadline`: its thread has not answered for so long that it must be in a loop.
   * - `load`: its module could not be run.
   */
  readonly kind: "failed" | "crash" | "memory" | "deadline" | "load"
  readonly detail: string
}

/** Since the node started. */
export interface FailureCount {
  readonly actor: string
  readonly kind: ThreadFault["kind"]
  readonly count: number
}

/** How often which actor has failed, by what became of it. */
export class Failures {
  readonly #counts = new Map<string, FailureCount>()

  get counts(): ReadonlyArray<FailureCount> {
    return [...this.#counts.values()]
  }

  add(actor: string, kind: ThreadFault["kind"]): void {
    const name = `${actor} ${kind}`
    this.#counts.set(name, { actor, kind, count: (this.#counts.get(name)?.count ?? 0) + 1 })
  }
}

/** What it died of is a fault as well. */
export const faultIn = (cause: Cause.Cause<ThreadFault>): ThreadFault =>
  Option.getOrElse(Cause.findErrorOption(cause), () => ({
    kind: "crash" as const,
    detail: shorten(Cause.pretty(cause)),
  }))

/** Bounded: it is kept, and written into the node's log. */
export const shorten = (text: string): string => (text.length > 2_000 ? `${text.slice(0, 2_000)}…` : text)
