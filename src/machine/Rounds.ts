// Whose turn is it, when many have work for one thread? One piece of each in turn, in the order in which it gave them.

interface Queue<Item> {
  readonly items: Array<Item>
  /** Those before it have had their turn. */
  next: number
}

export class Rounds<Key, Item> {
  /** Of those who have something waiting. Whose turn is next comes first. */
  readonly #queues = new Map<Key, Queue<Item>>()

  add(key: Key, item: Item): void {
    const queue = this.#queues.get(key)
    if (queue === undefined) this.#queues.set(key, { items: [item], next: 0 })
    else queue.items.push(item)
  }

  /** Undefined: nothing waits. */
  next(): Item | undefined {
    for (const [key, queue] of this.#queues) {
      this.#queues.delete(key)
      const item = queue.items[queue.next++]
      if (queue.next === spentMax) queue.items.splice(0, queue.next)
      queue.next %= spentMax
      if (queue.next < queue.items.length) this.#queues.set(key, queue)
      return item
    }
    return undefined
  }
}

/** Kept of what had its turn: to cut off each at once would move all that wait. */
const spentMax = 1_024
