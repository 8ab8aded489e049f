// How does one thread answer another as a server answers a client? With a function of the request, each in a fiber of its
// own, which ends when nobody waits any more.

import { Cause, Effect, type Fiber, Latch } from "effect"
import { shorten } from "../beside/fault.ts"
import { messageOf } from "../thrown.ts"
import { alone, attempt, isBodiless, pairsOf, requestOf } from "./bytes.ts"
import { chunkBytesMax, wholeBytesMax } from "./limits.ts"
import { type AnswerersWord, type Asked, type AskersWord, isStatus, type Part } from "./words.ts"

export interface AnswererOptions {
  readonly say: (word: AnswerersWord) => void
  readonly serve: (request: Request) => Effect.Effect<Response, unknown>
  /** It has failed, and the other side hears no more than that. */
  readonly failed: (cause: unknown) => void
}

interface Work {
  readonly fiber: Fiber.Fiber<void>
  /** Open when the next chunk is wanted. */
  readonly wanted: Latch.Latch
}

export class Answerer {
  readonly #options: AnswererOptions
  readonly #works = new Map<number, Work>()

  constructor(options: AnswererOptions) {
    this.#options = options
  }

  /** Those whose answer is still on its way among them. */
  get underWay(): number {
    return this.#works.size
  }

  hear(word: AskersWord): void {
    const { id } = word
    const work = this.#works.get(id)
    switch (word.type) {
      case "asks":
        return this.#begin(id, word.asked)
      case "wants":
        work?.wanted.openUnsafe()
        return
      case "drops":
        this.#works.delete(id)
        work?.fiber.interruptUnsafe()
    }
  }

  /** Nobody waits for anything any more. */
  dropAll(): void {
    for (const id of [...this.#works.keys()]) this.hear({ type: "drops", id })
  }

  #begin(id: number, asked: Asked): void {
    const wanted = Latch.makeUnsafe()
    const fiber = Effect.runFork(Effect.scoped(this.#answer(id, asked, wanted)))
    this.#works.set(id, { fiber, wanted })
    fiber.addObserver(() => this.#works.delete(id))
  }

  readonly #answer = Effect.fnUntraced(function* (
    this: Answerer,
    id: number,
    asked: Asked,
    wanted: Latch.Latch,
  ) {
    const { say, serve, failed } = this.#options
    const leaving = yield* Effect.acquireRelease(
      Effect.sync(() => new AbortController()),
      (controller) => Effect.sync(() => controller.abort()),
    )
    const tell = (part: Part): void => say({ type: "answers", id, part })
    const answering = Effect.suspend(() => serve(requestOf(asked, leaving.signal))).pipe(
      Effect.flatMap((response) => sendOn(asked.method, response, wanted, tell)),
    )
    yield* Effect.catchCause(answering, (cause) =>
      Effect.sync(() => {
        // What was thrown is told to whoever looks after this side.
        const thrown = Cause.squash(cause)
        failed(thrown)
        tell({ part: "failed", detail: shorten(messageOf(thrown)) })
      }),
    )
  }).bind(this)
}

/** All that there is of it at once is one message. */
const sendOn = Effect.fnUntraced(function* (
  method: string,
  response: Response,
  wanted: Latch.Latch,
  tell: (part: Part) => void,
) {
  const body = response.body as ReadableStream<unknown> | null
  const reader = yield* Effect.acquireRelease(
    Effect.sync(() => body?.getReader() ?? null),
    // What is read to its end minds no cancelling.
    (reader) => (reader === null ? Effect.void : Effect.ignore(attempt(() => reader.cancel()))),
  )
  // As of `Response.error()`, or of what an upstream has said: the other side would take it for the word of a broken thread.
  if (!isStatus(response.status))
    return yield* Effect.fail(new Error(`an answer cannot have the status ${response.status}`))
  const head = { status: response.status, headers: yield* pairsOf(response.headers) }
  if (reader === null) return tell({ part: "whole", ...head, body: null })
  if (isBodiless(method, response.status)) return tell({ part: "whole", ...head, body: null })
  const first = yield* attempt(() => reader.read())
  if (first.done) return tell({ part: "whole", ...head, body: new Uint8Array() })
  let next = reader.read()
  let bytes = yield* bytesOf(first.value)
  const soon = yield* Effect.raceFirst(
    attempt(() => next),
    Effect.as(Effect.sleep(0), null),
  )
  if (soon?.done === true && bytes.length <= wholeBytesMax)
    return tell({ part: "whole", ...head, body: alone(bytes) })
  tell({ part: "head", ...head })
  while (true) {
    for (let at = 0; at < bytes.length; at += chunkBytesMax) {
      yield* wanted.await
      wanted.closeUnsafe()
      tell({ part: "chunk", bytes: bytes.slice(at, at + chunkBytesMax) })
    }
    const read = yield* attempt(() => next)
    if (read.done) return tell({ part: "end" })
    bytes = yield* bytesOf(read.value)
    next = reader.read()
    // Of nothing but empty ones there is no end, and this thread has others to serve.
    if (bytes.length === 0) yield* Effect.sleep(0)
  }
})

/** A stream gives whatever was put into it. */
const bytesOf = (chunk: unknown): Effect.Effect<Uint8Array, Error> => {
  if (chunk instanceof Uint8Array) return Effect.succeed(chunk)
  if (typeof chunk === "string") return Effect.succeed(new TextEncoder().encode(chunk))
  return Effect.fail(new Error("a body is made of bytes"))
}
