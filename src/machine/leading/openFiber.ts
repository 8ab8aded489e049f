// A `leading` as a fiber beside the caller's own: for the simulation, where time and chance are the caller's, and for
// tests.

import { Effect, Fiber } from "effect"
import type { Actors } from "../Registry.ts"
import type { LeadingFault } from "./Leading.ts"
import { faultOf, programOf } from "./program.ts"
import type { OpenStint } from "./Stint.ts"

export const openFiber =
  (actors: Actors): OpenStint =>
  ({ actor, version, door }) =>
    Effect.gen(function* () {
      const loaded = actors.find(actor, version)
      if (loaded === undefined)
        return yield* Effect.fail<LeadingFault>({ kind: "load", detail: "no such code" })
      const fiber = yield* Effect.acquireRelease(Effect.forkDetach(programOf(loaded, door)), (fiber) =>
        Effect.sync(() => fiber.interruptUnsafe()),
      )
      return {
        over: Effect.flatMap(Fiber.await(fiber), (exit) => {
          const fault = faultOf(exit)
          return fault === null ? Effect.void : Effect.fail(fault)
        }),
        end: Fiber.interrupt(fiber),
      }
    })
