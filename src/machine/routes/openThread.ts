// An actor's routes in a thread of their own: how a node runs them.

import { Deferred, Effect, Exit, type Scope } from "effect"
import type { ThreadFault } from "../beside/fault.ts"
import { openWorker } from "../beside/openWorker.ts"
import { defaultLimits, type ThreadLimits } from "../beside/watchOver.ts"
import type { LedActor } from "../MachineHost.ts"
import { Answerer } from "./Answerer.ts"
import { Caller } from "./Caller.ts"
import { askingMax } from "./limits.ts"
import { type FromThread, readFromThread, type ToThread } from "./words.ts"

export interface RoutesThread {
  readonly caller: Caller
  /** Succeeds when it takes requests. */
  readonly begun: Effect.Effect<void>
  /** It does not end in good order: nobody tells it to. */
  readonly over: Effect.Effect<void, ThreadFault>
}

export interface ThreadAsked extends LedActor {
  readonly code: string
  readonly node: string
  /** Takes a line that it has printed. */
  readonly print: (line: string) => void
  /** What it asks of the cluster. */
  readonly serve: (request: Request) => Effect.Effect<Response, unknown>
  readonly limits?: Partial<ThreadLimits>
}

export type OpenRoutes = (asked: ThreadAsked) => Effect.Effect<RoutesThread, never, Scope.Scope>

/** It is ended at once with the scope, whatever it is doing. */
export const openThread: OpenRoutes = Effect.fnUntraced(function* ({
  actor,
  version,
  code,
  node,
  print,
  serve,
  limits,
}: ThreadAsked): Effect.fn.Return<RoutesThread, never, Scope.Scope> {
  const begun = yield* Deferred.make<void>()
  const { say, over } = yield* openWorker<ToThread, Heard>({
    url: new URL("./thread.ts", import.meta.url),
    name: `raftlet routes ${actor}`,
    limits: { ...defaultLimits, ...limits },
    read: readFromThread,
    print,
    hear: (message, fail) => {
      switch (message.type) {
        case "begun":
          Deferred.doneUnsafe(begun, Exit.void)
          return
        case "answers":
          return caller.hear(message)
        default:
          // Its own side keeps to fewer: what asks for more is broken, and is not to fill our memory.
          if (answerer.underWay >= 2 * askingMax) return fail("crash", "it asks for too much at once")
          return answerer.hear(message)
      }
    },
  })
  const caller = new Caller(say)
  const answerer = new Answerer({ say, serve, failed: () => {} })
  yield* Effect.addFinalizer(() => Effect.sync(() => answerer.dropAll()))
  say({ type: "begin", actor, version, code, node })
  return { caller, begun: Deferred.await(begun), over }
})

type Heard = Exclude<FromThread, { type: "pong" | "prints" | "over" }>
