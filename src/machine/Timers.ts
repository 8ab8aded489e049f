// Which commands wait for their time, and which is next?

import { StateCorrupt, type StateStore, type StoredTimer } from "../storage/StateStore.ts"
import { Digest, timerDigest } from "./digest.ts"

/** Whether a timer is not to fire for now, although it is due. */
export type IsHeld = (timer: Pick<StoredTimer, "actor" | "key">) => boolean

/** All timers of the group, in the order in which they fall due. Bounded: they are all in memory. */
export class Timers {
  readonly #byId = new Map<string, StoredTimer>()
  readonly #digest = new Digest("")
  /** Ascending by `dueAt`, then by id. */
  readonly #sorted: Array<StoredTimer>
  #set = new Map<string, StoredTimer>()
  #cleared = new Set<string>()

  /** Throws {@link StateCorrupt} when the disk holds others than `digest` was made of. */
  constructor(store: StateStore, digest: string) {
    this.#sorted = [...store.timers()].sort(compare)
    for (const timer of this.#sorted) {
      this.#byId.set(timer.id, timer)
      this.#digest.add(timerDigest(timer))
    }
    if (this.digest !== digest)
      throw new StateCorrupt(`timers are missing: ${this.digest} instead of ${digest}`)
  }

  get digest(): string {
    return this.#digest.toString()
  }

  get count(): number {
    return this.#sorted.length
  }

  /** In the order in which they fall due. */
  get all(): ReadonlyArray<StoredTimer> {
    return this.#sorted
  }

  /** When the first one falls due that nothing holds, log time; null when none waits. */
  nextDueAt(isHeld: IsHeld): number | null {
    return this.#sorted.find((timer) => !isHeld(timer))?.dueAt ?? null
  }

  get(id: string): StoredTimer | undefined {
    return this.#byId.get(id)
  }

  /** Those due at `now` that nothing holds, earliest first: when they are too many, some of each of a few actors. */
  due(now: number, max: number, isHeld: IsHeld): ReadonlyArray<StoredTimer> {
    const due: Array<StoredTimer> = []
    const beyond: Array<StoredTimer> = []
    const counts = new Map<string, number>()
    const ofOneMax = Math.max(1, Math.floor(max / actorsMin))
    for (const timer of this.#sorted) {
      if (timer.dueAt > now || due.length === max) break
      const count = counts.get(timer.actor) ?? 0
      if (count >= ofOneMax && beyond.length === max) continue
      if (isHeld(timer)) continue
      counts.set(timer.actor, count + 1)
      if (count < ofOneMax) due.push(timer)
      else beyond.push(timer)
    }
    return [...due, ...beyond.slice(0, max - due.length)].sort(compare)
  }

  set(timer: StoredTimer): void {
    this.#byId.set(timer.id, timer)
    this.#digest.add(timerDigest(timer))
    this.#sorted.splice(this.#positionOf(timer), 0, timer)
    this.#set.set(timer.id, timer)
  }

  clear(timer: StoredTimer): void {
    this.#byId.delete(timer.id)
    this.#digest.remove(timerDigest(timer))
    this.#sorted.splice(this.#positionOf(timer), 1)
    // One that the disk never knew needs no removal.
    if (!this.#set.delete(timer.id)) this.#cleared.add(timer.id)
  }

  unflushed(): { readonly set: ReadonlyArray<StoredTimer>; readonly cleared: ReadonlyArray<string> } {
    return { set: [...this.#set.values()], cleared: [...this.#cleared] }
  }

  flushed(): void {
    this.#set = new Map()
    this.#cleared = new Set()
  }

  #positionOf(timer: StoredTimer): number {
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compare(this.#sorted[middle]!, timer) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

const compare = (left: StoredTimer, right: StoredTimer): number =>
  left.dueAt - right.dueAt || (left.id < right.id ? -1 : left.id > right.id ? 1 : 0)

/** Whose timers fire side by side, however many one of them has. */
const actorsMin = 4
