// How does a request's body get in without taking the node's memory or time with it?

import { decodeUtf8, parseJson } from "./json.ts"
import { Problem } from "./problem.ts"

export interface BodyLimits {
  /** One body, unless the route allows more. */
  readonly bodyBytesMax: number
  /** A body of many proposals. */
  readonly batchBytesMax: number
  /** All bodies that are being read at one time. */
  readonly bodiesBytesMax: number
  /** From the head of a request to the last byte of its body. */
  readonly bodyMillisMax: number
}

export const defaultBodyLimits: BodyLimits = {
  bodyBytesMax: 1024 * 1024,
  batchBytesMax: 16 * 1024 * 1024,
  bodiesBytesMax: 256 * 1024 * 1024,
  bodyMillisMax: 30_000,
}

/** A body under way. */
interface Pending {
  readonly since: number
  readonly giveUp: () => void
}

/** Reads the bodies of one server, and knows how many bytes it holds. */
export class Bodies {
  readonly #limits: BodyLimits
  readonly #pending = new Set<Pending>()
  #watching = false
  #bytes = 0

  constructor(limits: BodyLimits) {
    this.#limits = limits
  }

  /** Bytes that are reserved for bodies under way. */
  get bytes(): number {
    return this.#bytes
  }

  /** The JSON value of the body; undefined when there is none. Throws a problem. */
  async json(request: Request, batch = false): Promise<unknown> {
    const bytesMax = batch ? this.#limits.batchBytesMax : this.#limits.bodyBytesMax
    const announced = announcedBytes(request)
    // Answered before a byte is read: the connection is closed, or the rest would have to be swallowed.
    if (announced > bytesMax) throw tooLarge(bytesMax)
    // Asked for only when it must be: a request whose `body` was touched is read through a stream, far slower.
    if (announced === 0 || (announced === -1 && request.body === null)) return undefined
    // A body without a media type is refused as well: that is what a foreign web page can send unasked.
    checkMediaType(request)
    const bytes = await this.#read(request, announced, bytesMax)
    return bytes.length === 0 ? undefined : parseJson(decodeUtf8(bytes), "The body")
  }

  /** The body as text when its media type is one of these; null, and nothing is read, when it is another. */
  async text(request: Request, types: RegExp): Promise<string | null> {
    const type = request.headers.get("content-type")
    if (type === null || !types.test(type)) return null
    checkEncoding(request)
    const bytesMax = this.#limits.bodyBytesMax
    const announced = announcedBytes(request)
    if (announced > bytesMax) throw tooLarge(bytesMax)
    if (announced === 0 || (announced === -1 && request.body === null)) return ""
    return decodeUtf8(await this.#read(request, announced, bytesMax))
  }

  /** The body as it came, whatever it is; null when there is none. Throws a problem. */
  async whole(request: Request): Promise<Uint8Array | null> {
    const bytesMax = this.#limits.bodyBytesMax
    const announced = announcedBytes(request)
    if (announced > bytesMax) throw tooLarge(bytesMax)
    if (announced === 0 || (announced === -1 && request.body === null)) return null
    return this.#read(request, announced, bytesMax)
  }

  /** The body as it came, to be passed on: whoever gets it looks at it. As large as that of many proposals. */
  async raw(request: Request): Promise<Uint8Array> {
    const bytesMax = this.#limits.batchBytesMax
    const announced = announcedBytes(request)
    if (announced > bytesMax) throw tooLarge(bytesMax)
    if (announced === 0 || (announced === -1 && request.body === null)) return new Uint8Array(0)
    return this.#read(request, announced, bytesMax)
  }

  #read(request: Request, announced: number, bytesMax: number): Promise<Uint8Array> {
    const reservation = { bytes: 0 }
    if (announced > 0) this.#reserve(reservation, announced)
    const whole = announced > 0 ? request.bytes() : this.#readUnannounced(request, reservation, bytesMax)
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#pending.delete(pending)
        this.#bytes -= reservation.bytes
        reservation.bytes = 0
      }
      const pending: Pending = {
        since: performance.now(),
        giveUp: () => {
          end()
          reject(tooSlow(this.#limits.bodyMillisMax))
        },
      }
      whole.then(
        (bytes) => {
          end()
          resolve(bytes)
        },
        (cause) => {
          end()
          reject(
            cause instanceof Problem
              ? cause
              : new Problem("bad-request", "The body ended before it was complete."),
          )
        },
      )
      this.#pending.add(pending)
      this.#watch()
    })
  }

  async #readUnannounced(
    request: Request,
    reservation: { bytes: number },
    bytesMax: number,
  ): Promise<Uint8Array> {
    const chunks: Array<Uint8Array> = []
    const reader = (request.body as ReadableStream<Uint8Array>).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return Buffer.concat(chunks)
      if (reservation.bytes + value.length > bytesMax) {
        // The reader may wait for ever for a peer that sends no more; the problem must not.
        reader.cancel().catch(() => undefined)
        throw tooLarge(bytesMax)
      }
      this.#reserve(reservation, value.length)
      chunks.push(value)
    }
  }

  /** One timer for all bodies, as long as there are any: nearly all have come before it is ever asked. */
  #watch(): void {
    if (this.#watching) return
    this.#watching = true
    const look = () => {
      const expired = performance.now() - this.#limits.bodyMillisMax
      // In the order of their beginning: the first that is young enough ends the search.
      for (const pending of this.#pending) {
        if (pending.since > expired) break
        pending.giveUp()
      }
      const [oldest] = this.#pending
      this.#watching = oldest !== undefined
      if (oldest !== undefined) setTimeout(look, Math.ceil(oldest.since - expired)).unref()
    }
    setTimeout(look, this.#limits.bodyMillisMax).unref()
  }

  #reserve(reservation: { bytes: number }, bytes: number): void {
    if (this.#bytes + bytes > this.#limits.bodiesBytesMax) {
      throw new Problem("overloaded", "Too many bodies are being read.", { headers: closing })
    }
    this.#bytes += bytes
    reservation.bytes += bytes
  }
}

/** -1: the request does not say, as with chunked encoding. What is no number Bun has refused already. */
const announcedBytes = (request: Request): number => {
  const header = request.headers.get("content-length")
  return header === null ? -1 : Number(header)
}

const checkEncoding = (request: Request): void => {
  const encoding = request.headers.get("content-encoding")
  if (encoding === null || encoding.toLowerCase() === "identity") return
  throw new Problem("unsupported-media-type", `The body must not be encoded; it is ${encoding}.`, {
    headers: closing,
  })
}

const checkMediaType = (request: Request): void => {
  checkEncoding(request)
  const type = request.headers.get("content-type")
  if (type === "application/json") return
  if (type !== null && jsonType.test(type)) return
  throw new Problem(
    "unsupported-media-type",
    `The body must come as Content-Type: application/json, not ${type ?? "without a type"}.`,
    { headers: closing },
  )
}

const tooLarge = (bytesMax: number): Problem =>
  new Problem("too-large", `The body is larger than ${bytesMax} bytes.`, { headers: closing })

const tooSlow = (millis: number): Problem =>
  new Problem("bad-request", `The body did not arrive within ${millis} ms.`, { headers: closing })

/** What is left of the body on the wire is nobody's next request. */
const closing = { Connection: "close" }
const jsonType = /^\s*application\/(?:json|[\w.!#$&^-]+\+json)\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i
