// How is a compartment made of a Worker? For code whose author runs the node: it shares the node's memory, and
// nothing limits how much of it it takes.

import { Cause, Effect, Queue, type Scope } from "effect"
import {
  type Compartment,
  type CompartmentFault,
  type CompartmentOptions,
  defaultLimits,
  fault,
} from "./Compartment.ts"
import { inTurn } from "./inTurn.ts"
import type { Answer } from "./protocol.ts"
import { usageOf } from "./usage.ts"
import { greeting, type Wall } from "./Wall.ts"

/** Ends with the scope, whatever it is doing. The process may end while nobody waits for an answer. */
export const openWorker = Effect.fnUntraced(function* (
  options: CompartmentOptions,
): Effect.fn.Return<Compartment, CompartmentFault, Scope.Scope> {
  const limits = { ...defaultLimits, ...options.limits }
  const wall = yield* Effect.acquireRelease(startThread(options.entry), ({ end }) => end)
  const { cpuMillis } = usageOf(yield* greeting(wall, limits))
  return yield* inTurn(wall, { cpuMillis, residentBytes: () => null }, limits)
})

const startThread = Effect.fnUntraced(function* (entry: URL): Effect.fn.Return<Wall> {
  const answers = yield* Queue.unbounded<Answer, CompartmentFault>()
  const die = (detail: string) => Queue.failCauseUnsafe(answers, Cause.fail(fault("crash", detail)))
  const worker = new Worker(entry, { name: "raftlet compartment" })
  worker.unref()
  worker.onmessage = ({ data }: MessageEvent<Answer>) => Queue.offerUnsafe(answers, data)
  worker.onerror = (event) => {
    event.preventDefault()
    die(event.message)
  }
  worker.addEventListener("close", () => die("the thread ended"))
  return {
    // A copy, which is given away: the caller keeps its bytes, and may ask another compartment.
    send: ({ number, bytes }) =>
      Effect.sync(() => {
        const own = bytes.slice()
        worker.postMessage({ number, bytes: own }, [own.buffer])
      }),
    receive: Queue.take(answers),
    end: Effect.sync(() => worker.terminate()),
  }
})
