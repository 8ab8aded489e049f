// Which events can a watcher still get? The newest of the group as this node applied them, in memory.

import type { Index } from "../consensus/types.ts"
import type { Emitted } from "./Emissions.ts"
import type { Instance } from "./Instance.ts"
import type { MachineLimits } from "./limits.ts"

/** What one entry told the watchers of its instance. */
export interface KeptEvents {
  readonly index: Index
  /** The instance's, as `Instance` has it. */
  readonly id: string
  /** The entry that wrote the instance before this one did; 0 for none. Between the two it emitted nothing. */
  readonly previousIndex: Index
  readonly events: ReadonlyArray<Emitted>
  readonly bytes: number
}

/** Of all instances, in the order of the log. The oldest make room for the newest. */
export class Events {
  /** Nothing is missing of entries behind this one. */
  completeFrom: Index
  readonly #limits: Pick<MachineLimits, "eventsKeptMax" | "eventBytesKeptMax">
  #kept: Array<KeptEvents> = []
  /** How many at the front have made room: cut off many at a time. */
  #gone = 0
  #count = 0
  #bytes = 0

  /** `from`: applying goes on behind it. What came before was applied by another process, or by other nodes. */
  constructor(from: Index, limits: Pick<MachineLimits, "eventsKeptMax" | "eventBytesKeptMax">) {
    this.completeFrom = from
    this.#limits = limits
  }

  /** What the entry emitted that wrote the instance just now. */
  add(
    { id, index }: Pick<Instance, "id" | "index">,
    previousIndex: Index,
    events: ReadonlyArray<Emitted>,
  ): void {
    if (events.length === 0) return
    const bytes = events.reduce((sum, { event, data }) => sum + event.length + data.length + eventBytes, 0)
    this.#kept.push({ index, id, previousIndex, events, bytes })
    this.#count += events.length
    this.#bytes += bytes
    const { eventsKeptMax, eventBytesKeptMax } = this.#limits
    while (this.#count > eventsKeptMax || this.#bytes > eventBytesKeptMax) this.#dropOldest()
  }

  /** All that is kept of these instances, of entries behind `after`, in order. One walk for all of them. */
  behind(after: Index, ids: Iterable<string>): ReadonlyMap<string, ReadonlyArray<KeptEvents>> {
    const found = new Map<string, Array<KeptEvents>>()
    const begin = this.#positionBehind(after)
    if (begin === this.#kept.length) return found
    const wanted = new Set(ids)
    for (let at = begin; at < this.#kept.length; at++) {
      const kept = this.#kept[at]!
      if (!wanted.has(kept.id)) continue
      const others = found.get(kept.id)
      if (others === undefined) found.set(kept.id, [kept])
      else others.push(kept)
    }
    return found
  }

  /** Whole entries: half of one's events would be a gap. */
  #dropOldest(): void {
    const { index, events, bytes } = this.#kept[this.#gone++]!
    this.completeFrom = index
    this.#count -= events.length
    this.#bytes -= bytes
    if (this.#gone * 2 < this.#kept.length) return
    this.#kept = this.#kept.slice(this.#gone)
    this.#gone = 0
  }

  /** The first behind `after`: by halves, for most who ask have seen all but the newest. */
  #positionBehind(after: Index): number {
    let [low, high] = [this.#gone, this.#kept.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#kept[middle]!.index <= after) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** About what an event takes in memory besides its text. */
const eventBytes = 200
