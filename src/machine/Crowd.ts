// Does another group have work as well? Then nobody's is taken in one go.

import type { GroupId, Millis } from "../consensus/types.ts"

interface Worker {
  readonly group: GroupId
  /** Since when it has had work again and again. */
  since: Millis
  at: Millis
}

/**
 * Of what groups share: a thread, or a node. Who waits for a thread that is at work is seen only when it is through: so
 * what counts is who has had work lately, again and again, and is likely to have some soon. Who asks once in a second would find
 * nothing of what others were held up for.
 */
export class Crowd {
  readonly #workers = new Map<GroupId, Worker>()
  #forgotAt: Millis = Number.NEGATIVE_INFINITY
  #newest: Worker | null = null
  /** The newest of those that are another group. */
  #other: Worker | null = null

  /** That group has work, at that time of a clock that does not jump. */
  note(group: GroupId, now: Millis): void {
    const worker = this.#worker(group, now)
    if (now - worker.at >= lastingMillis) worker.since = now
    worker.at = now
    if (!isSteady(worker)) return
    if (this.#newest?.group !== group) this.#other = this.#newest
    this.#newest = worker
  }

  /** Whether one beside `group` is at work. */
  isAround(group: GroupId, now: Millis): boolean {
    const other = this.#newest?.group === group ? this.#other : this.#newest
    return other !== null && isSteady(other) && now - other.at < lastingMillis
  }

  #worker(group: GroupId, now: Millis): Worker {
    const known = this.#workers.get(group)
    if (known !== undefined) return known
    if (this.#workers.size >= keptMax) this.#forget(now)
    const worker = { group, since: now, at: now }
    // Otherwise there is a crowd without it.
    if (this.#workers.size < keptMax) this.#workers.set(group, worker)
    return worker
  }

  /** Those that are at work no more. */
  #forget(now: Millis): void {
    if (now - this.#forgotAt < lastingMillis) return
    this.#forgotAt = now
    for (const [group, { at }] of this.#workers) if (now - at >= lastingMillis) this.#workers.delete(group)
  }
}

const isSteady = ({ since, at }: Worker): boolean => at - since >= steadyMillis

/** Work that comes later is not the same work. */
const lastingMillis = 500
/** For so long it has to have come, more than once. */
const steadyMillis = 100
/** A thousand groups may each have had some once. */
const keptMax = 1024
