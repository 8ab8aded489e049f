// When may a refusal that comes from the state leave? At once when every later state gives it too; else as a read's answer.

import type { Node } from "../consensus/node.ts"
import type { Index, Term } from "../consensus/types.ts"
import type { Outcome } from "../machine/outcome.ts"
import { failure } from "./failure.ts"
import type { ReadOrigin } from "./origins.ts"
import type { Waiter } from "./waiters.ts"

/** All that anybody may know of when a command comes, as far as this node leads in that term. */
export interface Arrival {
  readonly term: Term
  readonly index: Index
}

/** Null: what earlier leaders have committed is not known yet. */
export const arrivalAt = ({ role, term, commitIndex }: Node): Arrival | null =>
  role.kind === "leader" && commitIndex >= role.firstIndexOfTerm ? { term, index: commitIndex } : null

/**
 * Waits for a read index with a refusal that a newer state might not give: else a version that another leader has
 * switched on, or that somebody has read of at another node, would be unknown here. `asOf`: the machine had come there
 * when it was asked. `again`: has it asked once more, when it has come further. Not after a trial that had seen all there
 * was when the command came, if this node has led ever since: it may take seconds, in which the log always goes on.
 */
export const doubtful = (
  waiter: Waiter,
  outcome: Outcome,
  asOf: Index,
  node: Pick<Node, "term">,
  again: (waiter: Waiter, index: Index) => void,
): ReadOrigin => ({
  confirmed: (index) => {
    if (asOf >= index || waiter.triedIn === node.term) settle(waiter, outcome)
    else again(waiter, index)
  },
  dismissed: () => waiter.dismissed("not-leader"),
})

/** Nobody would say that it was not executed who could only not look at it: an earlier attempt may be under way. */
export const settle = (waiter: Waiter, outcome: Outcome): void => {
  const isLater = outcome._tag === "Refused" && outcome.code === "overloaded"
  if (isLater) waiter.refused(failure("overloaded", "rejected", outcome.detail))
  else waiter.applied(outcome)
}
