// What does a test see of an outcome? Values instead of texts, as a client over HTTP would.

import type { Json } from "../machine/actor.ts"
import type { Outcome, QueryOutcome } from "../machine/outcome.ts"

/** What became of a command. */
export type CommandAnswer<Result = Json> =
  | {
      readonly outcome: "executed"
      readonly result: Result
      readonly revision: number
      readonly replayed: boolean
    }
  /** By the machine or by the reducer's own `reject`: then `code`, `detail` and `data` are the reducer's. */
  | { readonly outcome: "refused"; readonly code: string; readonly detail: string; readonly data: Json }

export const commandAnswer = <Result = Json>(outcome: Outcome): CommandAnswer<Result> => {
  if (outcome._tag === "Accepted") {
    const { revision, replayed } = outcome
    return { outcome: "executed", result: JSON.parse(outcome.result), revision, replayed }
  }
  const extra = JSON.parse(outcome.extra)
  return outcome.code === "rejected"
    ? {
        outcome: "refused",
        code: extra.reason.code,
        detail: extra.reason.message,
        data: extra.reason.data ?? null,
      }
    : { outcome: "refused", code: outcome.code, detail: outcome.detail, data: extra }
}

/** What a read found; what was wrong with it is thrown. */
export const readAnswer = (outcome: QueryOutcome): { readonly [name: string]: Json } => {
  if (outcome._tag === "Answered") return JSON.parse(outcome.body)
  const extra = JSON.parse(outcome.extra)
  throw new Error(`${extra.reason?.code ?? outcome.code}: ${outcome.detail}`)
}
