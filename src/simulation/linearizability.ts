// Is there one order of an instance's operations that explains every answer, and in which each stands between its
// start and its end?

import type { Operation } from "./history.ts"
import type { Model } from "./Model.ts"
import { Search, type Verdict } from "./Search.ts"

/** Bounds a search to some seconds and some hundred megabytes at the worst. */
export const deadEndsMax = 100_000
/** A search that is not over by then is probably looking for something that is not there. */
const deadEndsSoon = 500

/**
 * All operations are of one instance. What is `ok` or `refused` happened once, between its start and its end;
 * what is `unknown` once or never, at any time since its start; what was `rejected` did not happen.
 */
export const linearize = <State>(
  model: Model<State>,
  operations: ReadonlyArray<Operation>,
  limit = deadEndsMax,
): Verdict => {
  const search = new Search(model, operations, "once")
  const soon = search.run(Math.min(limit, deadEndsSoon))
  if (soon.kind !== "undecided") return soon
  // Which of the unknown ones happened can be asked in endless ways. It need not be asked when an answer stays
  // unexplained though each of them may have happened in the place of any other.
  const generous = new Search(model, operations, "often").run(limit)
  if (generous.kind !== "violation") return search.run(limit)
  // What stands in it twice did not happen twice.
  const isOrder = new Set(generous.furthest.order).size === generous.furthest.order.length
  return {
    kind: "violation",
    deadEnds: soon.deadEnds + generous.deadEnds,
    furthest: isOrder ? generous.furthest : soon.furthest,
  }
}
