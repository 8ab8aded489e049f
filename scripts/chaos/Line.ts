// How does one client ask, cheaply? One connection, one request at a time: the clients share the cores with the
// nodes that they ask.

export interface Answer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/**
 * Why there was no answer. `sent` false: the request never left. True: nobody knows what became of it.
 */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer"
  readonly sent: boolean

  constructor(message: string, sent: boolean) {
    super(message)
    this.sent = sent
  }
}

/** A kept-alive HTTP/1.1 connection to whichever node is asked; dialed anew when it broke or another is asked. */
export class Line {
  #address = ""
  #socket: Bun.Socket<unknown> | null = null
  /** Counts the connections: callbacks of an earlier one mean nothing. */
  #dialed = 0
  #waiting: {
    readonly resolve: (answer: Answer) => void
    readonly reject: (error: NoAnswer) => void
  } | null = null
  #chunks: Array<Uint8Array> = []
  #head = ""
  #missing = 0

  /** `address`: `HOST:PORT`. `request`: all of it. Rejects with {@link NoAnswer}. */
  async ask(address: string, request: string, millisMax: number): Promise<Answer> {
    if (address !== this.#address) this.close()
    this.#address = address
    const timer = setTimeout(() => this.#fail("timeout", this.#socket !== null), millisMax)
    try {
      if (this.#socket === null) await this.#dial()
      // It may have broken before this was told that it is open.
      if (this.#socket === null) throw new NoAnswer("closed", false)
      const { promise, resolve, reject } = Promise.withResolvers<Answer>()
      this.#waiting = { resolve, reject }
      // Shorter than any socket's room, and nothing else is under way.
      const taken = this.#socket.write(request)
      if (taken < request.length) this.#fail("the connection does not take the request", taken > 0)
      return await promise
    } finally {
      clearTimeout(timer)
      this.#waiting = null
    }
  }

  close(): void {
    this.#dialed += 1
    this.#socket?.terminate()
    this.#socket = null
    this.#chunks = []
    this.#head = ""
    this.#missing = 0
  }

  #dial(): Promise<void> {
    const number = ++this.#dialed
    const isThis = (): boolean => number === this.#dialed
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting = { resolve: () => {}, reject }
    const refused = (error: unknown): void => {
      if (isThis()) this.#fail(codeOf(error), false)
    }
    const [hostname, port] = this.#address.split(":") as [string, string]
    Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        open: (socket) => {
          if (!isThis()) return void socket.terminate()
          this.#socket = socket
          socket.setNoDelay(true)
          resolve()
        },
        data: (_, bytes) => {
          if (isThis()) this.#take(bytes)
        },
        close: () => {
          if (isThis()) this.#fail("closed", true)
        },
        error: (_, error) => {
          if (isThis()) this.#fail(codeOf(error), true)
        },
      },
    }).catch(refused)
    return promise
  }

  #fail(message: string, sent: boolean): void {
    this.close()
    this.#waiting?.reject(new NoAnswer(message, sent))
  }

  #take(bytes: Uint8Array): void {
    if (this.#missing === 0) {
      // One character for each byte.
      this.#head += Buffer.from(bytes).toString("latin1")
      const end = this.#head.indexOf("\r\n\r\n")
      if (end === -1) return
      const rest = bytes.subarray(bytes.length - (this.#head.length - (end + 4)))
      this.#head = this.#head.slice(0, end)
      this.#missing = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#head)?.[1] ?? 0) - rest.length
      this.#chunks = [rest]
    } else {
      this.#missing -= bytes.length
      this.#chunks.push(bytes)
    }
    if (this.#missing > 0) return
    const answer = {
      status: Number(this.#head.slice(9, 12)),
      head: this.#head,
      body: decoder.decode(Buffer.concat(this.#chunks)),
    }
    if (/\r\nconnection: *close/i.test(this.#head)) this.close()
    this.#head = ""
    this.#missing = 0
    this.#waiting?.resolve(answer)
  }
}

/** The value of a header, or null. */
export const headerOf = (head: string, name: string): string | null => {
  const begin = head.toLowerCase().indexOf(`\r\n${name}:`)
  if (begin === -1) return null
  const end = head.indexOf("\r\n", begin + 2)
  return head.slice(begin + name.length + 3, end === -1 ? undefined : end).trim()
}

const codeOf = (error: unknown): string =>
  error instanceof Error
    ? "code" in error && typeof error.code === "string"
      ? error.code
      : error.message
    : `${error}`

const decoder = new TextDecoder()
