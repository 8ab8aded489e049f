// What may be said of a proposal after some attempts? One that is executed once and told as rejected is the one thing
// that must not happen (HAZARDS C2).

import type { Executed } from "../machine/leading/context.ts"
import { Failure, type Problem, problemIn, timeout } from "./Failure.ts"

/** What came of one attempt: JSON for this proposal, or why there is none. */
export type Said =
  | { readonly type: "told"; readonly value: unknown }
  | { readonly type: "silent"; readonly reason: string }

/** One proposal, whose attempts all have the same idempotency key. */
export class Fate {
  readonly #ifRevision: number | undefined
  #attempts = 0
  /** How many attempts have not been heard of. */
  #open = 0
  /** The newest attempt of which nobody knows what became: it may be executed as long as it is not known that it never will. */
  #doubt: Problem | null = null
  /** The newest refusal. */
  #refusal: Problem | null = null
  #repeats = 0

  constructor(ifRevision?: number) {
    this.#ifRevision = ifRevision
  }

  /** An attempt begins. What comes of it is heard, or nobody waits for it any more. */
  begins(): void {
    this.#attempts++
    this.#open++
  }

  /** An attempt was refused for what was asked besides. */
  comesToNothing(): void {
    this.#open--
  }

  /** Takes in what came of an attempt. Null: it is to be asked again. */
  hears(said: Said): Executed<unknown> | Failure | null {
    this.#open--
    if (said.type === "silent") return this.#doubts(timeout("unknown", said.reason))
    if (isExecuted(said.value)) return said.value
    const problem = problemIn(said.value)
    if (problem === null) return this.#doubts(timeout("unknown", "an answer that is none of Raftlet's"))
    if (problem.outcome !== "rejected") return this.#doubts(problem)
    this.#refusal = problem
    if (problem.retryable) return null
    if (!this.#isInDoubt || this.#isLasting(problem)) return new Failure(problem, this.#attempts)
    // What is refused by an entry is remembered: then the next answer says that it is a replay.
    this.#repeats++
    return this.#repeats < repeatsMax ? null : this.givenUp()
  }

  /** Nobody is asked any more. */
  givenUp(): Failure {
    if (!this.#isInDoubt) {
      const nobody = timeout("rejected", "there was no time to ask anybody")
      return new Failure(this.#refusal ?? nobody, this.#attempts)
    }
    const { code, detail } = this.#refusal ?? {}
    const later = code === undefined ? "" : `; asked again, a node said ${code}: ${detail}`
    const doubt = this.#doubt ?? timeout("unknown", "a node has not answered")
    return new Failure({ ...doubt, detail: `${doubt.detail}${later}` }, this.#attempts)
  }

  /** Whether an attempt may be executed that is not known to be. */
  get #isInDoubt(): boolean {
    return this.#doubt !== null || this.#open > 0
  }

  #doubts(problem: Problem): null {
    this.#doubt = problem
    return null
  }

  /**
   * Whether it speaks for earlier attempts as well: no later state lets any of them be executed. Of other refusals only the
   * attempt that was refused is known to have come to nothing; one before it may meet another state, or have met it.
   */
  #isLasting({ replayed, code, revision }: Problem): boolean {
    if (replayed === true || code === "idempotency-mismatch") return true
    return (
      code === "revision-mismatch" &&
      typeof revision === "number" &&
      revision > (this.#ifRevision ?? Infinity)
    )
  }
}

const isExecuted = (value: unknown): value is Executed<unknown> => {
  if (typeof value !== "object" || value === null || !("result" in value)) return false
  const { revision, index, term, replayed } = value as Partial<Executed<unknown>>
  return (
    Number.isSafeInteger(revision) &&
    Number.isSafeInteger(index) &&
    Number.isSafeInteger(term) &&
    typeof replayed === "boolean"
  )
}

/** One of them may have crossed with the entry that settles it. */
const repeatsMax = 3
