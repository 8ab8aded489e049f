// How is a load bounded without being spread thin? In bursts: clients meet at full speed, then all of them wait.

/** So many a second on average at the most. After `stop` nobody waits any more. */
export class Pace {
  readonly #perBurst: number
  #timer: ReturnType<typeof setInterval> | null = null
  #left: number
  #waiting: Array<() => void> = []
  #isOver = false

  constructor(perSecond: number) {
    this.#perBurst = Math.max(1, Math.round((perSecond * burstMillis) / 1000))
    this.#left = this.#perBurst
  }

  start(): void {
    this.#timer ??= setInterval(() => this.refill(), burstMillis)
  }

  /** Null: now. */
  take(): Promise<void> | null {
    if (this.#isOver) return null
    if (this.#left > 0) {
      this.#left -= 1
      return null
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** What was not used is gone: a pause is not made up for. */
  refill(): void {
    const served = this.#waiting.splice(0, this.#perBurst)
    this.#left = this.#perBurst - served.length
    for (const resolve of served) resolve()
  }

  stop(): void {
    this.#isOver = true
    if (this.#timer !== null) clearInterval(this.#timer)
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

const burstMillis = 200
