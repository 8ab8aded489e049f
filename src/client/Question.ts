// What may be said of a question, which changes nothing, after some attempts?

import { Failure, type Problem, problemIn, timeout } from "./Failure.ts"
import type { Said } from "./Fate.ts"

/** Asked until somebody answers, or says what no other node would say otherwise. */
export class Question<Answer> {
  readonly #isAnswer: (value: object) => boolean
  #attempts = 0
  #last: Problem = timeout("rejected", "there was no time to ask anybody")

  constructor(isAnswer: (value: object) => boolean) {
    this.#isAnswer = isAnswer
  }

  /** Null: it is to be asked again. */
  hears(said: Said): Answer | Failure | null {
    this.#attempts++
    if (said.type === "told") {
      const problem = problemIn(said.value)
      if (problem !== null) {
        this.#last = problem
        return problem.retryable ? null : this.givenUp()
      }
      const { value } = said
      if (typeof value === "object" && value !== null && this.#isAnswer(value)) return value as Answer
    }
    const reason = said.type === "silent" ? said.reason : "an answer that is none of Raftlet's"
    this.#last = timeout("rejected", reason)
    return null
  }

  /** Nobody is asked any more. */
  givenUp(): Failure {
    return new Failure(this.#last, this.#attempts)
  }
}
