// What does a checker say when a promise is broken?

/** A promise that was not kept: who saw it, and the facts that disagree. */
export class Violation extends Error {
  override readonly name = "Violation"
  /** Which checker saw it, one word or two. */
  readonly checker: string

  constructor(checker: string, message: string) {
    super(message)
    this.checker = checker
  }
}

/** Throws what it found; the first one ends a run. */
export function insist(
  checker: string,
  holds: boolean,
  message: string,
  ...facts: ReadonlyArray<unknown>
): asserts holds {
  if (holds) return
  const shown = facts.map((fact) => (typeof fact === "string" ? fact : JSON.stringify(fact)))
  throw new Violation(checker, facts.length === 0 ? message : `${message}: ${shown.join(" against ")}`)
}
