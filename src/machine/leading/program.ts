// What does a `leading` come to, wherever it runs? A program that ends, or says why it has failed.

import { Cause, Effect, Exit } from "effect"
import { shorten } from "../beside/fault.ts"
import type { LoadedActor } from "../Registry.ts"
import type { LeadingDoor } from "./door.ts"
import type { LeadingFault } from "./Leading.ts"
import { makeContext } from "./makeContext.ts"

/** What it acquires is released when it ends. Dies when the function gives no Effect. */
export const programOf = (actor: LoadedActor, door: LeadingDoor): Effect.Effect<void, unknown> => {
  const { leading } = actor
  const begun = Effect.suspend(() => {
    const given: unknown = typeof leading === "function" ? leading(makeContext(actor, door)) : leading
    return Effect.isEffect(given) ? given : Effect.die(new Error("leading gave no Effect"))
  })
  return Effect.scoped(Effect.asVoid(begun as Effect.Effect<unknown, unknown>))
}

/** Null: it came to its end by itself. */
export const faultOf = (exit: Exit.Exit<void, unknown>): LeadingFault | null =>
  Exit.isSuccess(exit) ? null : { kind: "failed", detail: shorten(Cause.pretty(exit.cause)) }
