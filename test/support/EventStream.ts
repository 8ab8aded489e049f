// What does a client make of a stream of server-sent events? As the standard has it (WHATWG HTML §9.2.6).

export interface StreamEvent {
  /** The client's cursor once it has seen this one. */
  readonly id: string
  readonly event: string
  readonly data: string
}

export class EventStream {
  /** What the client would resume with. */
  lastEventId: string
  retryMillis: number | null = null
  comments = 0
  readonly #reader: Pick<ReadableStreamDefaultReader<Uint8Array>, "read" | "cancel">
  readonly #decoder = new TextDecoder()
  readonly #ready: Array<StreamEvent> = []
  #text = ""
  #id: string
  #event = ""
  #data: Array<string> = []

  constructor(response: Response, lastEventId = "") {
    if (response.body === null) throw new Error("the answer has no body")
    this.#reader = response.body.getReader()
    this.lastEventId = lastEventId
    this.#id = lastEventId
  }

  /** The next event; null when the stream has ended. What it was in the middle of then is no event. */
  async next(): Promise<StreamEvent | null> {
    while (this.#ready.length === 0) if (!(await this.#read())) return null
    return this.#ready.shift()!
  }

  /** So many events. Throws when the stream ends before. */
  async take(count: number): Promise<ReadonlyArray<StreamEvent>> {
    const events: Array<StreamEvent> = []
    while (events.length < count) {
      const event = await this.next()
      if (event === null) throw new Error(`ended after ${events.length} of ${count} events`)
      events.push(event)
    }
    return events
  }

  /** Reads on until it is so. */
  async until(isSo: (stream: EventStream) => boolean): Promise<void> {
    while (!isSo(this)) if (!(await this.#read())) throw new Error("ended")
  }

  /** Goes away. */
  close(): Promise<void> {
    return this.#reader.cancel()
  }

  async #read(): Promise<boolean> {
    const { done, value } = await this.#reader.read()
    if (done) return false
    this.#feed(this.#decoder.decode(value, { stream: true }))
    return true
  }

  #feed(text: string): void {
    this.#text += text
    const lines = this.#text.split("\n")
    this.#text = lines.pop()!
    for (const line of lines) this.#line(line)
  }

  #line(line: string): void {
    if (line === "") return this.#dispatch()
    const colon = line.indexOf(":")
    if (colon === 0) {
      this.comments++
      return
    }
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "")
    if (name === "event") this.#event = value
    else if (name === "data") this.#data.push(value)
    else if (name === "id" && !value.includes("\0")) this.#id = value
    else if (name === "retry" && /^\d+$/.test(value)) this.retryMillis = Number(value)
  }

  #dispatch(): void {
    this.lastEventId = this.#id
    const data = this.#data.join("\n")
    const event = this.#event || "message"
    const isEmpty = this.#data.length === 0
    this.#event = ""
    this.#data = []
    if (!isEmpty) this.#ready.push({ id: this.#id, event, data })
  }
}
