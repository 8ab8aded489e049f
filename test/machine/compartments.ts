// How does a test speak with a compartment?

import { readFileSync } from "node:fs"
import { Effect, type Scope } from "effect"
import type {
  Compartment,
  CompartmentFault,
  CompartmentLimits,
} from "../../src/machine/compartment/Compartment.ts"
import { openChild } from "../../src/machine/compartment/openChild.ts"
import { openWorker } from "../../src/machine/compartment/openWorker.ts"

export const kinds = { worker: openWorker, child: openChild }

export type Kind = keyof typeof kinds

type Body = (compartment: Compartment) => Effect.Effect<unknown, unknown, Scope.Scope>

/** Opens one, tries `body` on it, and closes it. */
export const within = (kind: Kind, limits: Partial<CompartmentLimits>, body: Body): Promise<void> =>
  kinds[kind]({ entry: guest, limits }).pipe(
    Effect.flatMap(body),
    Effect.scoped,
    Effect.asVoid,
    Effect.runPromise,
  )

export const guest = new URL("./compartmentGuest.ts", import.meta.url)

/** More than any answer takes that comes at all, and short enough to wait for. */
export const deadlineMillis = 300

export const requestOf = (act: string, rest = ""): Uint8Array => new TextEncoder().encode(`${act}\n${rest}`)

/** What it answers, as text. */
export const ask = (
  compartment: Compartment,
  act: string,
  rest = "",
  millis = deadlineMillis,
): Effect.Effect<string, CompartmentFault> =>
  Effect.map(compartment.call(requestOf(act, rest), millis), (bytes) => new TextDecoder().decode(bytes))

/** Why it does not answer. */
export const provoke = (
  compartment: Compartment,
  act: string,
  rest = "",
  millis = deadlineMillis,
): Effect.Effect<CompartmentFault, string> => Effect.flip(ask(compartment, act, rest, millis))

/**
 * Whether the thread, or process, is no more that "whoServes" named; who only waits for its parent to take note of its
 * end is not. Only where threads can be looked up.
 */
export const isGone = (thread: string): boolean => {
  try {
    return /^State:\s*Z/m.test(readFileSync(`/proc/${thread}/status`, "latin1"))
  } catch {
    return true
  }
}
