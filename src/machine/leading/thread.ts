// What runs in the thread of a `leading`? Its module, in an open realm, and nothing else.

import { heapSize } from "bun:jsc"
import { Effect, type Fiber, Result } from "effect"
import { shorten } from "../beside/fault.ts"
import { giveWay } from "../beside/giveWay.ts"
import { allowMore, printTo } from "../beside/prints.ts"
import { loadActor } from "../Registry.ts"
import { evaluateOpenly } from "../realm/evaluate.ts"
import { messageOf } from "../thrown.ts"
import type { DoorAnswer, LeadingDoor } from "./door.ts"
import type { LeadingFault } from "./Leading.ts"
import { faultOf, programOf } from "./program.ts"
import type { FromThread, ToThread } from "./protocol.ts"

declare const self: Worker

const post = self.postMessage.bind(self) as (message: FromThread) => void
const asked = new Map<number, (answer: DoorAnswer) => void>()
let calls = 0
let running: Fiber.Fiber<void, unknown> | null = null

self.onmessage = ({ data }: MessageEvent<ToThread>) => {
  switch (data.type) {
    case "begin":
      return begin(data)
    case "answered":
      asked.get(data.id)?.(data.answer)
      asked.delete(data.id)
      return
    case "ping":
      allowMore()
      return post({ type: "pong", heapBytes: heapSize() })
    case "end":
      return running === null ? end(null) : running.interruptUnsafe()
  }
}

const begin = ({ actor, version, code, about }: Extract<ToThread, { type: "begin" }>): void => {
  const loaded = Result.try({
    try: () =>
      Result.getOrThrowWith(loadActor(actor, version, evaluateOpenly(code)), (reason) => new Error(reason)),
    catch: messageOf,
  })
  if (Result.isFailure(loaded)) return end({ kind: "load", detail: shorten(loaded.failure) })
  const door: LeadingDoor = {
    about,
    close: () => {},
    ask: (call) =>
      Effect.callback((resume) => {
        const id = ++calls
        asked.set(id, (answer) => resume(Effect.succeed(answer)))
        post({ type: "asks", id, call })
      }),
  }
  running = Effect.runFork(programOf(loaded.success, door))
  running.addObserver((exit) => end(faultOf(exit)))
}

/** Of nine parts of a processor that is wanted by both, the node gets eight. */
const niceness = 10

const end = (fault: LeadingFault | null): void => post({ type: "over", fault })

giveWay(niceness)
printTo((line) => post({ type: "prints", line }))
// What nobody waits for has failed all the same.
process.on("unhandledRejection", (reason) => end({ kind: "failed", detail: shorten(messageOf(reason)) }))
// Loaded: from here on what it does not answer is its code's doing.
post({ type: "pong", heapBytes: heapSize() })
