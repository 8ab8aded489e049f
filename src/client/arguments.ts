// Which mistakes of a caller are known before anybody is asked? They are TypeErrors, and say what is wrong.

import { Failure } from "./Failure.ts"

/**
 * Nobody was asked. What a call is given was often written by somebody else, in a request to a handler that lets this pass:
 * to them it is a bad request, as every {@link Failure} has an answer of its own, and no defect of the handler.
 */
export class WrongArgument extends TypeError {
  readonly outcome = "rejected"
  readonly retryable = false

  getResponse(): Response {
    const { message: detail, outcome, retryable } = this
    const [type, title] = ["urn:raftlet:problem:bad-request", "The request cannot be understood"]
    return new Failure(
      { type, title, status: 400, detail, code: "bad-request", outcome, retryable },
      0,
    ).getResponse()
  }
}

/** Without a slash at its end. */
export const checkUrl = (text: string): string => {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new TypeError(`the URL of a node must be like http://127.0.0.1:4001, not ${JSON.stringify(text)}`)
  }
  // Not shown: what stands there may be a secret.
  if (url.username !== "" || url.password !== "")
    throw new TypeError("the URL of a node must not hold credentials")
  if (!/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "") {
    throw new TypeError(
      `the URL of a node must be http or https and end with its path: ${JSON.stringify(text)}`,
    )
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "")
}

export const checkUrls = (given: string | ReadonlyArray<string>): ReadonlyArray<string> => {
  const urls = typeof given === "string" ? [given] : given
  if (urls.length === 0) throw new TypeError("a client needs the URL of one node at the least")
  return [...new Set(urls.map(checkUrl))]
}

export const checkName = (name: unknown, what: string): void => {
  if (typeof name !== "string" || name === "")
    throw new WrongArgument(`${what} must be text that is not empty`)
}

export const checkKey = (key: unknown): void => {
  checkName(key, "key")
  const text = key as string
  if (encoder.encode(text).length > keyBytesMax)
    throw new WrongArgument(`key is longer than ${keyBytesMax} bytes of UTF-8`)
  if (text.includes("\0")) throw new WrongArgument("key holds a NUL")
  // Half of a surrogate pair: `encodeURIComponent` throws of it as well, but does not say of what.
  if (/\p{Surrogate}/u.test(text)) throw new WrongArgument("key holds half of a surrogate pair")
}

/** A segment of a path is one that no URL parser takes for a step. */
export const isSegment = (text: string): boolean => text !== "." && text !== ".." && !text.includes("\ufffd")

/** Segments of a path. Throws a TypeError of what cannot stand in one. */
export const pathOf = (...segments: ReadonlyArray<string>): string => {
  const wrong = segments.find((segment) => !isSegment(segment))
  if (wrong === undefined) return segments.map((segment) => `/${encodeURIComponent(segment)}`).join("")
  throw new WrongArgument(
    `${JSON.stringify(wrong)} cannot stand in the path of a URL: such a key can be written, and not read`,
  )
}

export const checkIdempotencyKey = (key: string): void => {
  if (!/^[\x20-\x7e]{1,128}$/.test(key))
    throw new WrongArgument("idempotencyKey must be 1 to 128 printable ASCII characters")
}

export const checkWhole = (value: number | undefined, name: string, min = 0): void => {
  if (value !== undefined && !(Number.isSafeInteger(value) && value >= min)) {
    throw new WrongArgument(`${name} must be a whole number from ${min} on`)
  }
}

export const checkMillis = (value: number, name: string): void => {
  if (!(value > 0 && value <= millisMax))
    throw new WrongArgument(`${name} must be more than 0 milliseconds, and at most a day`)
}

/** JSON; undefined is null. Throws of what JSON cannot hold. */
export const jsonOf = (input: unknown): string => {
  try {
    const text = JSON.stringify(input ?? null)
    if (text !== undefined) return text
  } catch (cause) {
    // A cycle, a BigInt, or deeper than the stack.
    throw new WrongArgument(`input must be JSON: ${cause instanceof Error ? cause.message : cause}`)
  }
  throw new WrongArgument("input must be JSON")
}

const encoder = new TextEncoder()
const keyBytesMax = 512
const millisMax = 24 * 3600 * 1000
