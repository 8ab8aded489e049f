// Which of several threads is a group's? The one that had the fewest when it was opened, until it is closed.

import type { GroupId } from "../consensus/types.ts"

export class Spread<Thread> {
  readonly #threads: ReadonlyArray<Thread>
  readonly #counts: Map<Thread, number>
  /** `openings`: whoever opens a group that is open already asks the same thread, which refuses. */
  readonly #places = new Map<GroupId, { readonly thread: Thread; openings: number }>()

  /** At least one. */
  constructor(threads: ReadonlyArray<Thread>) {
    this.#threads = threads
    this.#counts = new Map(threads.map((thread) => [thread, 0]))
  }

  enter(group: GroupId): Thread {
    const place = this.#places.get(group) ?? { thread: this.#emptiest(), openings: 0 }
    if (place.openings++ === 0) this.#count(place.thread, 1)
    this.#places.set(group, place)
    return place.thread
  }

  leave(group: GroupId): void {
    const place = this.#places.get(group)!
    if (--place.openings > 0) return
    this.#places.delete(group)
    this.#count(place.thread, -1)
  }

  /** The first of those that have the fewest. */
  #emptiest(): Thread {
    const fewest = Math.min(...this.#counts.values())
    return this.#threads.find((thread) => this.#counts.get(thread) === fewest)!
  }

  #count(thread: Thread, by: number): void {
    this.#counts.set(thread, this.#counts.get(thread)! + by)
  }
}
