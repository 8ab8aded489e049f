// Which timer is next? A binary heap, by time, and among equals by age.

export interface Timer<Value> {
  readonly at: number
  readonly order: number
  /** Null once it was cancelled: it is dropped when its turn comes. */
  value: Value | null
}

export class TimerHeap<Value> {
  #heap: Array<Timer<Value>> = []
  #order = 0

  add(at: number, value: Value): Timer<Value> {
    const timer: Timer<Value> = { at, order: this.#order++, value }
    const heap = this.#heap
    let place = heap.length
    heap.push(timer)
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (!isBefore(timer, heap[parent]!)) break
      heap[place] = heap[parent]!
      place = parent
    }
    heap[place] = timer
    return timer
  }

  /** The time of the next one that was not cancelled; null when there is none. */
  nextAt(): number | null {
    while (this.#heap.length > 0 && this.#heap[0]!.value === null) this.#pop()
    return this.#heap[0]?.at ?? null
  }

  /** The next one that was not cancelled. */
  take(): Timer<Value> | null {
    while (this.#heap.length > 0) {
      const timer = this.#pop()
      if (timer.value !== null) return timer
    }
    return null
  }

  #pop(): Timer<Value> {
    const heap = this.#heap
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return first
    let place = 0
    while (true) {
      let child = 2 * place + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[place] = heap[child]!
      place = child
    }
    heap[place] = last
    return first
  }
}

const isBefore = <Value>(one: Timer<Value>, other: Timer<Value>): boolean =>
  one.at < other.at || (one.at === other.at && one.order < other.order)
