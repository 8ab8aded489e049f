// A `leading` in a thread of its own: how a node runs it.

import { Effect, Exit, type Scope } from "effect"
import { shorten } from "../beside/fault.ts"
import { type Environment, openWorker } from "../beside/openWorker.ts"
import { defaultLimits, type ThreadLimits } from "../beside/watchOver.ts"
import type { MachineHost } from "../MachineHost.ts"
import type { DoorCall } from "./door.ts"
import type { LeadingFault } from "./Leading.ts"
import { type FromThread, readFromThread, type ToThread } from "./protocol.ts"
import type { OpenStint, Stint, StintAsked } from "./Stint.ts"

export type { Environment } from "../beside/openWorker.ts"

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

const begin = Effect.fnUntraced(function* (
  { actor, version, door, print }: StintAsked,
  code: string,
  limits: ThreadLimits,
  environment: Environment,
): Effect.fn.Return<Stint, never, Scope.Scope> {
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  let asking = 0
  const { say, over } = yield* openWorker<ToThread, Extract<FromThread, { type: "asks" }>>({
    url: new URL("./thread.ts", import.meta.url),
    name: `raftlet leading ${actor}`,
    environment,
    limits,
    read: readFromThread,
    print,
    hear: ({ id, call }, fail) => {
      // Its own side keeps to fewer: what asks for more is broken, and is not to fill our memory.
      if (asking >= askingMax) return fail("crash", "it asks for too much at once")
      asking++
      fork(door.ask(call as DoorCall)).addObserver((exit) => {
        asking--
        if (Exit.isSuccess(exit)) say({ type: "answered", id, answer: exit.value })
      })
    },
  })
  say({ type: "begin", actor, version, code, about: door.about })
  return {
    over,
    end: Effect.andThen(
      Effect.sync(() => say({ type: "end" })),
      Effect.asVoid(Effect.exit(over)),
    ),
  }
})

const noCode = (detail: string): LeadingFault => ({ kind: "load", detail: shorten(detail) })

const askingMax = 256
