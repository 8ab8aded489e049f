// Where does all chance of a run come from? One seed, and streams that fork from it by name.

/**
 * A stream of random numbers that follows from its seed alone (mulberry32). Whoever draws from a fork disturbs
 * nobody else: with one client fewer, the disks still do the same.
 */
export class Chance {
  readonly #seed: number
  #state: number

  constructor(seed: number) {
    this.#seed = seed >>> 0
    this.#state = (seed ^ 0x9e3779b9) >>> 0
  }

  /** A stream of its own, the same for the same name. */
  fork(name: string): Chance {
    let hash = this.#seed ^ 0x811c9dc5
    for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193)
    return new Chance(hash)
  }

  /** From 0 (included) to 1 (excluded). */
  draw(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }

  /** A whole number from 0 to `below`, excluded. */
  below(below: number): number {
    return Math.floor(this.draw() * below)
  }

  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1)
  }

  /** True with this probability. */
  happens(probability: number): boolean {
    return this.draw() < probability
  }

  pick<Value>(values: ReadonlyArray<Value>): Value {
    return values[this.below(values.length)]!
  }

  /** So many of them, each at most once, in no order. */
  some<Value>(values: ReadonlyArray<Value>, count: number): ReadonlyArray<Value> {
    const left = [...values]
    const chosen: Array<Value> = []
    while (chosen.length < count && left.length > 0) chosen.push(left.splice(this.below(left.length), 1)[0]!)
    return chosen
  }
}
