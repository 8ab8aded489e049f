// How does one thread ask another as a client asks a server? A request goes whole; an answer comes whole, or as a stream of
// which the other side says no more than is read.

import { Effect } from "effect"
import { isBodiless } from "./bytes.ts"
import type { AnswerersWord, Asked, AskersWord, Part } from "./words.ts"

export interface Answer {
  readonly status: number
  readonly headers: ReadonlyArray<readonly [string, string]>
  /** Null: none. */
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null
}

/** There is no answer. */
export interface Unanswered {
  readonly _tag: "Unanswered"
  /** `failed`: the other side says so. `lost`: it has ended meanwhile. */
  readonly reason: "failed" | "lost"
  readonly detail: string
}

type Head = Extract<Part, { part: "head" }>

class Call {
  readonly asked: Asked
  readonly resume: (answer: Effect.Effect<Answer, Unanswered>) => void
  /** Of the body, once its head is there. */
  body: ReadableStreamDefaultController<Uint8Array> | null = null
  isWanted = false

  constructor(asked: Asked, resume: Call["resume"]) {
    this.asked = asked
    this.resume = resume
  }
}

export class Caller {
  readonly #say: (word: AskersWord) => void
  readonly #calls = new Map<number, Call>()
  #last = 0

  constructor(say: (word: AskersWord) => void) {
    this.#say = say
  }

  /** Those whose answer is still being read among them. */
  get underWay(): number {
    return this.#calls.size
  }

  /** Interrupted, it tells the other side that nobody waits any more. */
  call(asked: Asked): Effect.Effect<Answer, Unanswered> {
    return Effect.callback((resume) => {
      const id = ++this.#last
      this.#calls.set(id, new Call(asked, resume))
      this.#say({ type: "asks", id, asked })
      return Effect.sync(() => this.#drop(id))
    })
  }

  /** Of answers that nobody waits for any more it takes nothing. Must not throw: users' code may have said it. */
  hear({ id, part }: AnswerersWord): void {
    const call = this.#calls.get(id)
    if (call === undefined) return
    switch (part.part) {
      case "whole":
        this.#calls.delete(id)
        return call.resume(Effect.succeed(withBody(call.asked, part, part.body)))
      case "head":
        if (call.body === null) this.#begin(id, call, part)
        return
      case "chunk":
        // Unasked for, it would fill our memory.
        if (!call.isWanted) return this.#end(id, call, "its answer comes faster than it is read")
        call.isWanted = false
        call.body?.enqueue(part.bytes)
        return
      case "end":
        return this.#end(id, call, null)
      case "failed":
        return this.#end(id, call, part.detail)
    }
  }

  /** The other side has ended: nothing is answered any more. */
  lose(detail: string): void {
    for (const [id, call] of this.#calls) {
      if (call.body !== null) this.#end(id, call, detail)
      else {
        this.#calls.delete(id)
        call.resume(Effect.fail({ _tag: "Unanswered", reason: "lost", detail }))
      }
    }
  }

  #begin(id: number, call: Call, head: Head): void {
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          call.body = controller
        },
        pull: () => {
          if (call.isWanted || !this.#calls.has(id)) return
          call.isWanted = true
          this.#say({ type: "wants", id })
        },
        cancel: () => this.#drop(id),
      },
      { highWaterMark: 0 },
    )
    call.resume(Effect.succeed(withBody(call.asked, head, body)))
  }

  /** Null: in good order. */
  #end(id: number, call: Call, failure: string | null): void {
    this.#calls.delete(id)
    if (call.body === null) {
      const detail = failure ?? "its answer has no head"
      return call.resume(Effect.fail({ _tag: "Unanswered", reason: "failed", detail }))
    }
    if (failure === null) call.body.close()
    else call.body.error(new Error(failure))
  }

  #drop(id: number): void {
    if (this.#calls.delete(id)) this.#say({ type: "drops", id })
  }
}

const withBody = (
  { method }: Asked,
  { status, headers }: Omit<Head, "part">,
  body: Answer["body"],
): Answer => ({
  status,
  headers,
  body: isBodiless(method, status) ? null : body,
})
