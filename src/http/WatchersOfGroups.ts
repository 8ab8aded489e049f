// Who watches at which group of this node? Each group has its own watchers, from the first one on.

import type { Metrics } from "../metrics/Metrics.ts"
import type { Door, Doors } from "./Doors.ts"
import { makeWatchCounters, type WatchCounters, Watchers, type WatchLimits } from "./Watchers.ts"

export class WatchersOfGroups {
  readonly #doors: Doors
  readonly #limits: WatchLimits
  readonly #counters: WatchCounters
  readonly #watchers = new Map<Door, Watchers>()

  constructor(doors: Doors, metrics: Metrics, limits: WatchLimits) {
    this.#doors = doors
    this.#limits = limits
    this.#counters = makeWatchCounters(metrics)
    metrics.gauge("raftlet_watchers", "Clients that watch instances.", ["group"], () =>
      // A line for each of thousands of groups at which nobody watches would help nobody.
      [...new Set([doors.find(undefined), ...this.#watchers.keys()])].map((door) => ({
        labels: [door.raft.group],
        value: this.#watchers.get(door)?.count ?? 0,
      })),
    )
  }

  of(door: Door): Watchers {
    const known = this.#watchers.get(door)
    if (known !== undefined) return known
    this.#forgetClosed()
    const watchers = new Watchers(door, this.#limits, this.#counters)
    this.#watchers.set(door, watchers)
    return watchers
  }

  /** The group is about to be closed: whoever watches there comes to the end. */
  leave(door: Door): void {
    this.#watchers.get(door)?.close()
    this.#watchers.delete(door)
  }

  /** The node stops. */
  close(): void {
    for (const watchers of this.#watchers.values()) watchers.close()
  }

  #forgetClosed(): void {
    const open = new Set(this.#doors.all())
    for (const door of this.#watchers.keys()) if (!open.has(door)) this.leave(door)
  }
}
