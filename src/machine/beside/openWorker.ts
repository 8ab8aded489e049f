// How does a node have users' code run in a thread of its own, with the world open? Whatever it does there, the node goes
// on, and can end it.

import { Deferred, Effect, Exit, type Option, type Scope } from "effect"
import { shorten, type ThreadFault } from "./fault.ts"
import type { FromAnyThread, ToAnyThread } from "./protocol.ts"
import { type Pulse, type ThreadLimits, watchOver } from "./watchOver.ts"

export interface WorkerOptions<Heard> {
  /** Of the file that runs there. */
  readonly url: URL
  readonly name: string
  /** What `process.env` says there besides what it says here. */
  readonly environment?: Environment
  readonly limits: ThreadLimits
  /** None: users' code has a voice of its own there (`postMessage`), and may say anything. */
  readonly read: (said: unknown) => Option.Option<Heard | FromAnyThread>
  /** Takes a line that it has printed. */
  readonly print: (line: string) => void
  /** What it says besides what every thread does. Must not throw: that would end the node. */
  readonly hear: (message: Heard, fail: Fail) => void
}

export type Environment = Readonly<Record<string, string>>

export type Fail = (kind: ThreadFault["kind"], detail: string) => void

export interface OpenedWorker<Said> {
  readonly say: (message: Said | ToAnyThread) => void
  /** Succeeds when it came to its end in good order. */
  readonly over: Effect.Effect<void, ThreadFault>
}

/** It is ended at once with the scope, whatever it is doing. */
export const openWorker = Effect.fnUntraced(function* <Said, Heard extends { readonly type: string }>({
  url,
  name,
  environment = {},
  limits,
  read,
  print,
  hear,
}: WorkerOptions<Heard>): Effect.fn.Return<OpenedWorker<Said>, never, Scope.Scope> {
  const over = yield* Deferred.make<void, ThreadFault>()
  const fail: Fail = (kind, detail) => {
    Deferred.doneUnsafe(over, Exit.fail({ kind, detail: shorten(detail) }))
  }
  const pulse: Pulse = { unanswered: 0, heapBytes: null }
  const worker = yield* Effect.acquireRelease(
    Effect.sync(() => new Worker(url, { name, env: { ...(process.env as Environment), ...environment } })),
    (worker) =>
      Effect.sync(() => {
        worker.onmessage = null
        worker.terminate()
      }),
  )
  const say = (message: Said | ToAnyThread): void => worker.postMessage(message)
  // The process may end while it runs.
  worker.unref()
  worker.onmessage = ({ data }: MessageEvent<unknown>) => {
    const found = read(data)
    if (found._tag === "None") return fail("crash", "it says what nobody understands")
    const message = found.value as FromAnyThread
    switch (message.type) {
      case "pong":
        pulse.unanswered = 0
        pulse.heapBytes = message.heapBytes
        return
      case "prints":
        return print(message.line)
      case "over":
        if (message.fault !== null) return fail(message.fault.kind, message.fault.detail)
        Deferred.doneUnsafe(over, Exit.void)
        return
      default:
        return hear(message as Heard, fail)
    }
  }
  worker.onerror = (event) => {
    event.preventDefault()
    fail("crash", event.message)
  }
  worker.addEventListener("close", () => fail("crash", "its thread ended"))
  yield* Effect.forkScoped(watchOver(pulse, limits, () => say({ type: "ping" }), fail))
  return { say, over: Deferred.await(over) }
})
