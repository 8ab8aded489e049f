// Which of several threads is a group's? The one that had the fewest when it was opened, until it is closed.

import type { GroupId } from "../consensus/types.ts"

export class Spread<Thread> {
  readonly #threads: ReadonlyArray<Thread>
  /** `openings`: whoever opens a group that is open already asks the same thread, which refuses. */
  readonly #places = new Map<GroupId, { readonly thread: Thread; openings: number }>()

  /** At least one. */
  constructor(threads: ReadonlyArray<Thread>) {
    this.#threads = threads
  }

  enter(group: GroupId): Thread {
    const place = this.#places.get(group) ?? { thread: this.#emptiest(), openings: 0 }
    place.openings++
    this.#places.set(group, place)
    return place.thread
  }

  leave(group: GroupId): void {
    const place = this.#places.get(group)!
    if (--place.openings === 0) this.#places.delete(group)
  }

  /** The first of those that have the fewest. */
  #emptiest(): Thread {
    const counts = new Map(this.#threads.map((thread) => [thread, 0]))
    for (const { thread } of this.#places.values()) counts.set(thread, counts.get(thread)! + 1)
    const fewest = Math.min(...counts.values())
    return this.#threads.find((thread) => counts.get(thread) === fewest)!
  }
}
