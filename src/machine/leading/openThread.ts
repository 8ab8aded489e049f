// A `leading` in a thread of its own: how a node runs it. Whatever it does there, the node goes on, and can end it.

import { Deferred, Effect, Exit, Option, type Scope } from "effect"
import type { MachineHost } from "../MachineHost.ts"
import type { DoorCall } from "./door.ts"
import type { LeadingFault } from "./Leading.ts"
import { shorten } from "./program.ts"
import { readFromThread, type ToThread } from "./protocol.ts"
import type { OpenStint, Stint, StintAsked } from "./Stint.ts"
import { defaultLimits, type Pulse, type ThreadLimits, watchOver } from "./watchOver.ts"

/** `environment`: what `process.env` says there besides what it says here. */
export const openThread =
  (
    code: MachineHost["Service"]["code"],
    limits: Partial<ThreadLimits> = {},
    environment: Environment = {},
  ): OpenStint =>
  (asked) =>
    Effect.gen(function* () {
      const { actor, version } = asked
      const text = yield* Effect.mapError(code({ actor, version }), ({ message }) => noCode(message))
      if (text === null) return yield* Effect.fail(noCode("the code of this version is not here"))
      return yield* begin(asked, text, { ...defaultLimits, ...limits }, environment)
    })

export type Environment = Readonly<Record<string, string>>

const begin = Effect.fnUntraced(function* (
  { actor, version, door, print }: StintAsked,
  code: string,
  limits: ThreadLimits,
  environment: Environment,
): Effect.fn.Return<Stint, never, Scope.Scope> {
  const over = yield* Deferred.make<void, LeadingFault>()
  const fail = (kind: LeadingFault["kind"], detail: string): void => {
    Deferred.doneUnsafe(over, Exit.fail({ kind, detail: shorten(detail) }))
  }
  const pulse: Pulse = { unanswered: 0, heapBytes: null }
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  let asking = 0

  const worker = yield* Effect.acquireRelease(
    Effect.sync(
      () =>
        new Worker(new URL("./thread.ts", import.meta.url), {
          name: `raftlet leading ${actor}`,
          env: { ...(process.env as Environment), ...environment },
        }),
    ),
    (worker) =>
      Effect.sync(() => {
        worker.onmessage = null
        worker.terminate()
      }),
  )
  const say = (message: ToThread): void => worker.postMessage(message)
  // Whatever is thrown here would end the node.
  const hear = (said: unknown): void => {
    const message = Option.getOrNull(readFromThread(said))
    if (message === null) return fail("crash", "it says what nobody understands")
    switch (message.type) {
      case "asks": {
        const { id, call } = message
        // Its own side keeps to fewer: what asks for more is broken, and is not to fill our memory.
        if (asking >= askingMax) return fail("crash", "it asks for too much at once")
        asking++
        fork(door.ask(call as DoorCall)).addObserver((exit) => {
          asking--
          if (Exit.isSuccess(exit)) say({ type: "answered", id, answer: exit.value })
        })
        return
      }
      case "pong":
        pulse.unanswered = 0
        pulse.heapBytes = message.heapBytes
        return
      case "prints":
        return print(message.line)
      case "over":
        if (message.fault !== null) fail(message.fault.kind, message.fault.detail)
        else Deferred.doneUnsafe(over, Exit.void)
    }
  }
  // The process may end while it runs.
  worker.unref()
  worker.onmessage = ({ data }: MessageEvent<unknown>) => hear(data)
  worker.onerror = (event) => {
    event.preventDefault()
    fail("crash", event.message)
  }
  worker.addEventListener("close", () => fail("crash", "its thread ended"))
  say({ type: "begin", actor, version, code, about: door.about })
  yield* Effect.forkScoped(watchOver(pulse, limits, () => say({ type: "ping" }), fail))
  return {
    over: Deferred.await(over),
    end: Effect.andThen(
      Effect.sync(() => say({ type: "end" })),
      Effect.asVoid(Effect.exit(Deferred.await(over))),
    ),
  }
})

const noCode = (detail: string): LeadingFault => ({ kind: "load", detail: shorten(detail) })

const askingMax = 256
