// When may a refusal that comes from the state leave? At once when every later state gives it too; else as a read's answer.

import type { Role } from "../consensus/node.ts"
import type { Outcome } from "../machine/outcome.ts"
import { failure } from "./failure.ts"
import type { Group } from "./Group.ts"
import type { ReadOrigin } from "./origins.ts"
import type { Waiter } from "./waiters.ts"

/** A later state gives the same answer: what was executed is remembered, and revisions never fall. */
export const isLasting = (outcome: Outcome): boolean =>
  outcome._tag === "Accepted" || outcome.replayed || lastingCodes.has(outcome.code)

const lastingCodes: ReadonlySet<string> = new Set([
  "revision-mismatch",
  "idempotency-mismatch",
  "too-large",
  "overloaded",
])

/**
 * Waits for a read index with a refusal that a newer state might not give. It is told by a leader whose state held all of
 * the terms before its own, and who leads still: else a version that another leader has switched on would be unknown
 * here. `servedBy`: the leadership of which that was true when the machine was asked.
 */
export const doubtful = (
  { node }: Group,
  waiter: Waiter,
  outcome: Outcome,
  servedBy: Role | null,
): ReadOrigin => ({
  confirmed: () => {
    if (node.role === servedBy) settle(waiter, outcome)
    else waiter.dismissed("not-leader")
  },
  dismissed: () => waiter.dismissed("not-leader"),
})

/** Nobody would say that it was not executed who could only not look at it: an earlier attempt may be under way. */
export const settle = (waiter: Waiter, outcome: Outcome): void => {
  const isLater = outcome._tag === "Refused" && outcome.code === "overloaded"
  if (isLater) waiter.refused(failure("overloaded", "rejected", outcome.detail))
  else waiter.applied(outcome)
}
