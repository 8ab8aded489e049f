// Where in what a child says does its answer begin and end?

import { Effect } from "effect"
import { type CompartmentFault, fault, tooLarge } from "./Compartment.ts"
import { type Answer, answerHeadBytes, statuses } from "./protocol.ts"

/** Puts one answer at a time together. */
export class AnswerReader {
  readonly #bytesMax: number
  readonly #head = new Uint8Array(answerHeadBytes)
  #headBytes = 0
  #body: Uint8Array | null = null
  #bodyBytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** The answer, when it ends with this chunk. Fails when this is none, or more than one. */
  readonly push = Effect.fnUntraced({ self: this }, function* (chunk: Uint8Array): Effect.fn.Return<
    Answer | null,
    CompartmentFault
  > {
    const headBytes = Math.min(answerHeadBytes - this.#headBytes, chunk.length)
    this.#head.set(chunk.subarray(0, headBytes), this.#headBytes)
    this.#headBytes += headBytes
    if (this.#headBytes < answerHeadBytes) return null
    const head = new DataView(this.#head.buffer)
    const length = head.getUint32(0, true)
    if (length > this.#bytesMax) return yield* tooLarge("answer", length, this.#bytesMax)
    // As large as was said. What never comes is never touched, and takes no memory.
    this.#body ??= new Uint8Array(length)
    const rest = chunk.subarray(headBytes)
    if (rest.length > length - this.#bodyBytes) return yield* fault("crash", "it said more than its answer")
    this.#body.set(rest, this.#bodyBytes)
    this.#bodyBytes += rest.length
    if (this.#bodyBytes < length) return null
    const status = statuses[head.getUint8(8)]
    if (status === undefined) return yield* fault("crash", "what it said is no answer")
    const answer = { number: head.getUint32(4, true), status, bytes: this.#body }
    this.#headBytes = 0
    this.#body = null
    this.#bodyBytes = 0
    return answer
  })
}
