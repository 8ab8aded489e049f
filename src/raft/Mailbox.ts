// Where does what comes for a group wait for its next turn?

export class Mailbox<A> {
  #waiting: Array<A> = []
  #told: () => void = () => {}

  /** How many wait. */
  get size(): number {
    return this.#waiting.length
  }

  /** In order; it takes all. */
  offer(item: A): boolean {
    this.#waiting.push(item)
    this.#told()
    return true
  }

  takeAll(): ReadonlyArray<A> {
    const all = this.#waiting
    this.#waiting = []
    return all
  }

  /** Calls it with all that comes from now on: quick, and must not throw. */
  tells(told: () => void): void {
    this.#told = told
  }
}
