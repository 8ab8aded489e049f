// How do bytes go through the proxy in one direction, late, held back, or never? In order, and bounded.

/** From one socket to another. The sockets' callbacks are its owner's; it pauses the source when too much waits. */
export class Stream {
  readonly #source: Bun.Socket<unknown>
  readonly #sink: Bun.Socket<unknown>
  readonly #waiting: Array<{ readonly cameAt: number; bytes: Uint8Array }> = []
  #waitingBytes = 0
  #delayMillis = 0
  #isHeld = false
  #isSourcePaused = false
  #hasSourceEnded = false
  #isSinkFull = false
  #isClosed = false
  #timer: ReturnType<typeof setTimeout> | null = null

  constructor(source: Bun.Socket<unknown>, sink: Bun.Socket<unknown>) {
    this.#source = source
    this.#sink = sink
  }

  /** While it is held nothing arrives, also no end; then all of it, in order. Holds for what waits already, too. */
  set(options: { readonly isHeld: boolean; readonly delayMillis: number }): void {
    this.#isHeld = options.isHeld
    this.#delayMillis = options.delayMillis
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#flow()
  }

  take(bytes: Uint8Array): void {
    this.#waiting.push({ cameAt: performance.now(), bytes })
    this.#waitingBytes += bytes.length
    this.#flow()
  }

  sourceEnded(): void {
    this.#hasSourceEnded = true
    this.#flow()
  }

  sinkDrained(): void {
    this.#isSinkFull = false
    this.#flow()
  }

  /** Drops what waits: the sockets are no more. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#waiting.length = 0
    this.#isClosed = true
  }

  #flow(): void {
    if (this.#isClosed) return
    while (!this.#isHeld && !this.#isSinkFull) {
      const next = this.#waiting[0]
      if (next === undefined) {
        if (this.#hasSourceEnded) this.#sink.end()
        break
      }
      const millis = next.cameAt + this.#delayMillis - performance.now()
      if (millis > 0) {
        this.#timer ??= setTimeout(() => {
          this.#timer = null
          this.#flow()
        }, millis)
        break
      }
      const taken = Math.max(0, this.#sink.write(next.bytes))
      this.#waitingBytes -= taken
      if (taken === next.bytes.length) this.#waiting.shift()
      else {
        next.bytes = next.bytes.subarray(taken)
        this.#isSinkFull = true
      }
    }
    const isFull = this.#waitingBytes >= waitingBytesMax
    if (isFull === this.#isSourcePaused) return
    this.#isSourcePaused = isFull
    if (isFull) this.#source.pause()
    else this.#source.resume()
  }
}

/** Then the source's own socket fills, as it would on a link that takes no more. */
const waitingBytesMax = 256 * 1024
