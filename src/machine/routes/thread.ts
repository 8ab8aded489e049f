// What runs in the thread of an actor's routes? Its module, in an open realm, and nothing else.

import { heapSize } from "bun:jsc"
import { Effect, Result, Semaphore } from "effect"
import { shorten } from "../beside/fault.ts"
import { giveWay } from "../beside/giveWay.ts"
import { allowMore, printTo } from "../beside/prints.ts"
import { loadActor } from "../Registry.ts"
import { evaluateOpenly } from "../realm/evaluate.ts"
import { messageOf } from "../thrown.ts"
import { Answerer } from "./Answerer.ts"
import { askedOf } from "./bytes.ts"
import { Caller } from "./Caller.ts"
import { askingMax, niceness } from "./limits.ts"
import { makeContext } from "./makeContext.ts"
import { programOf } from "./program.ts"
import { responseOf } from "./response.ts"
import { sayTypes } from "./typedBodies.ts"
import type { FromThread, ToThread } from "./words.ts"

declare const self: Worker

const post = self.postMessage.bind(self) as (message: FromThread) => void
const caller = new Caller(post)
let answerer: Answerer | null = null

self.onmessage = ({ data }: MessageEvent<ToThread>) => {
  switch (data.type) {
    case "begin":
      return begin(data)
    case "ping":
      allowMore()
      return post({ type: "pong", heapBytes: heapSize() })
    case "answers":
      return caller.hear(data)
    default:
      return answerer?.hear(data)
  }
}

const begin = ({ actor, version, code, node }: Extract<ToThread, { type: "begin" }>): void => {
  const serve = Result.try({
    try: () => {
      const loaded = loadActor(actor, version, evaluateOpenly(code))
      const known = Result.getOrThrowWith(loaded, (reason) => new Error(reason))
      return programOf(known, makeContext(known, node, ask))
    },
    catch: messageOf,
  })
  if (Result.isFailure(serve)) {
    return post({ type: "over", fault: { kind: "load", detail: shorten(serve.failure) } })
  }
  const failed = (cause: unknown): void => console.error("a request has failed:", cause)
  answerer = new Answerer({ say: post, serve: serve.success, failed })
  post({ type: "begun" })
}

// Who asks for more at once waits here, where it costs nobody else anything.
const asking = Semaphore.makeUnsafe(askingMax)

/** Straight to this node's own doors. Rejected when the node gives no answer, as `fetch` is. */
const ask = (request: Request): Promise<Response> =>
  Effect.runPromise(
    askedOf(request).pipe(
      Effect.flatMap((asked) => asking.withPermit(caller.call(asked))),
      Effect.map(responseOf),
      Effect.mapError(
        ({ message, detail }: { message?: string; detail?: string }) => new TypeError(detail ?? message),
      ),
    ),
    { signal: request.signal },
  )

giveWay(niceness)
sayTypes(self)
printTo((line) => post({ type: "prints", line }))
// What nobody waits for has failed all the same, and nobody knows what else that broke. Bun itself ends the thread for it,
// sooner or later, where it does not call this.
process.on("unhandledRejection", (reason) =>
  post({ type: "over", fault: { kind: "failed", detail: shorten(messageOf(reason)) } }),
)
// Loaded: from here on what it does not answer is its code's doing.
post({ type: "pong", heapBytes: heapSize() })
