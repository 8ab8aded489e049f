// What can go wrong when a `leading` asks its group for something?

import { Schema } from "effect"

/** Of the error table in the contract: `rejected`, `invalid-input`, `revision-mismatch`, `not-leader`, `timeout`, … */
const code = Schema.String

/** The reducer's own words, or the machine's about it, when the code is `rejected`. */
const reason = Schema.NullOr(
  Schema.Struct({ code: Schema.String, message: Schema.String, data: Schema.Unknown }),
)

/**
 * The command was not executed, or nobody can tell. `outcome`: with `rejected` it did not and will not happen; with
 * `unknown` it may have, or still may: propose it again with the same `idempotencyKey` to find out.
 */
export class ProposeFailed extends Schema.TaggedError<ProposeFailed>()("ProposeFailed", {
  code,
  outcome: Schema.Literals(["rejected", "unknown"]),
  message: Schema.String,
  reason,
}) {}

/** There is no answer to the question. It may be asked again. */
export class ReadFailed extends Schema.TaggedError<ReadFailed>()("ReadFailed", {
  code,
  message: Schema.String,
  reason,
}) {}
