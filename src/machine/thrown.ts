// What does it say that was thrown: to people, and in the state, where every replica must say the same?

/** For people. */
export const messageOf = (error: unknown): string => {
  try {
    const message = error instanceof Error ? `${error.message}` : String(error)
    return message.slice(0, messageLengthMax).toWellFormed()
  } catch {
    return "something that has no text"
  }
}

/**
 * The same wherever the same is thrown. The engine words its own errors as it likes, otherwise once code is hot than at
 * first: of those it is the name alone.
 */
export const lastingMessageOf = (error: unknown): string => engineNameOf(error) ?? messageOf(error)

/** All that the error says, for whoever waits for it now; undefined when that is what may be remembered. */
export const wordsOf = (error: unknown): string | undefined => {
  const name = engineNameOf(error)
  return name === undefined ? undefined : `${name}: ${messageOf(error)}`
}

/** Undefined: whoever threw it has worded it, or an error of a class of its own. */
const engineNameOf = (error: unknown): string | undefined => {
  try {
    return typeof error === "object" && error !== null
      ? engineNames.get(Object.getPrototypeOf(error))
      : undefined
  } catch {
    // A proxy that does not say what it is.
    return undefined
  }
}

const engineNames: ReadonlyMap<unknown, string> = new Map(
  [TypeError, RangeError, ReferenceError, SyntaxError, EvalError, URIError].map(
    ({ prototype, name }) => [prototype, name] as const,
  ),
)

export const messageLengthMax = 1000
