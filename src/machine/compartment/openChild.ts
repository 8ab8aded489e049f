// How is a compartment made of a child process? For code of which nothing is known: its memory and its time are
// limited, and the node's own memory is out of its reach.

import { Effect, type Scope } from "effect"
import { Child } from "./Child.ts"
import {
  type Compartment,
  type CompartmentFault,
  type CompartmentOptions,
  defaultLimits,
} from "./Compartment.ts"
import { inTurn } from "./inTurn.ts"
import { usageOf } from "./usage.ts"
import { greeting } from "./Wall.ts"

/**
 * Ends with the scope, and at the latest with this process, whatever it is doing. The process may end while nobody
 * waits for an answer.
 */
export const openChild = Effect.fnUntraced(function* (
  options: CompartmentOptions,
): Effect.fn.Return<Compartment, CompartmentFault, Scope.Scope> {
  const limits = { ...defaultLimits, ...options.limits }
  const child = yield* Effect.acquireRelease(Child.start(options.entry, limits), ({ end }) => end)
  yield* Effect.forkScoped(child.hear)
  yield* Effect.forkScoped(child.read)
  const serves = yield* greeting(child, limits)
  child.pid = Number.parseInt(serves, 10)
  return yield* inTurn(child, usageOf(serves), limits)
})
