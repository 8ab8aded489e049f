// Which bytes does a request's target name? Exact decoding of path segments and query strings: nothing is
// normalised, repaired or skipped, because a key that changes on its way in is another key.

import { unknownActor } from "../machine/refusals.ts"
import { fromRefused, Problem } from "./problem.ts"

/** The path as it was sent, still percent-encoded, and without steps up and on the spot (`..`, `.`). hono matches on this, so `%2F` never splits a segment. */
export const rawPath = (request: Request): string => {
  const url = request.url
  // An unusable Host header leaves Bun with a bare path.
  const start = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("://") + 3)
  if (start === -1) return "/"
  const end = url.indexOf("?", start)
  return end === -1 ? url.slice(start) : url.slice(start, end)
}

/**
 * Whether the path, as it was sent, seems to begin otherwise than it does. A server's `Request` has an address that is resolved:
 * `/x/topic/../../admin/node` is `/admin/node` by then, and whoever stands in front and lets through what begins with `/x/`
 * has seen another one. `sent`: its first segments, as many as anybody goes by, as the server's router found them in the bytes.
 */
export const isDisguised = (sent: Readonly<Record<string, string>>, request: Request): boolean => {
  const segments = rawPath(request).split("/").slice(1)
  return Object.values(sent).some((segment, at) => {
    const found = decoded(segments[at] ?? "")
    // What is no text is the name of nothing, whatever it seemed to be.
    return found !== null && found !== segment
  })
}

const decoded = (raw: string): string | null => {
  if (!raw.includes("%")) return raw
  try {
    return decodeURIComponent(raw)
  } catch {
    return null
  }
}

/** One path segment or query part as text. Throws a `bad-request` problem. */
export const decodePart = (raw: string, what: string): string => {
  if (!raw.includes("%")) return raw
  try {
    return decodeURIComponent(raw)
  } catch {
    throw new Problem("bad-request", `${what} is not percent-encoded UTF-8.`)
  }
}

/** The actor's name in a path's segment. Throws a `bad-request` or `unknown-actor` problem. */
export const actorOfSegment = (raw: string): string => checkActor(decodePart(raw, "The actor's name"))

/** Such names are the system's own, in the log and in the state: no client writes or reads there. */
export const checkActor = (name: string): string => {
  if (name.startsWith("$")) throw fromRefused(unknownActor(name))
  return name
}

/** The key in a path's segment. Throws a `bad-request` problem. */
export const keyOfSegment = (raw: string): string => {
  const key = checkKey(decodePart(raw, "The key"))
  // Bytes that are no UTF-8 were replaced by U+FFFD before we see the path: they would all be one key, and
  // not the one that was meant.
  if (key.includes("\ufffd")) {
    throw new Problem(
      "bad-request",
      "The key in the path is not UTF-8, or holds U+FFFD, which cannot be told from that here.",
    )
  }
  return key
}

export const keyBytesMax = 512

/** Checks a key, from wherever it comes: 1 to 512 bytes of UTF-8 without NUL. */
export const checkKey = (key: string): string => {
  if (key.length === 0) throw new Problem("bad-request", "The key is empty.")
  // A UTF-16 unit is at most three bytes, so most keys need no count.
  if (key.length * 3 > keyBytesMax && Buffer.byteLength(key) > keyBytesMax) {
    throw new Problem("bad-request", `The key is longer than ${keyBytesMax} bytes.`)
  }
  if (key.includes("\0")) throw new Problem("bad-request", "The key holds a NUL.")
  if (!key.isWellFormed()) throw new Problem("bad-request", "The key holds half of a surrogate pair.")
  return key
}

/** The query string's parameters. Unknown and repeated ones are mistakes, not noise. */
export const parseQuery = (request: Request, allowed: ReadonlyArray<string>): ReadonlyMap<string, string> => {
  const start = request.url.indexOf("?")
  if (start === -1) return empty
  const parameters = new Map<string, string>()
  for (const part of request.url.slice(start + 1).split("&")) {
    if (part === "") continue
    const equals = part.indexOf("=")
    const name = decodeQueryPart(equals === -1 ? part : part.slice(0, equals))
    if (!allowed.includes(name)) {
      throw new Problem(
        "bad-request",
        `The query parameter ${JSON.stringify(name)} is not known here: ${listed(allowed)}.`,
      )
    }
    if (parameters.has(name)) throw new Problem("bad-request", `The query parameter ${name} stands twice.`)
    parameters.set(name, equals === -1 ? "" : decodeQueryPart(part.slice(equals + 1)))
  }
  return parameters
}

const listed = (names: ReadonlyArray<string>): string => {
  if (names.length < 2) return names.length === 0 ? "there are none" : `there is ${names[0]}`
  return `there are ${names.slice(0, -1).join(", ")} and ${names.at(-1)}`
}

/** A whole number between bounds; null when it is not given. */
export const parseCount = (
  text: string | null | undefined,
  name: string,
  min: number,
  max: number,
): number | null => {
  if (text === null || text === undefined) return null
  const value = Number(text)
  if (!/^\d{1,16}$/.test(text) || value < min || value > max) {
    throw new Problem("bad-request", `${name} must be a whole number from ${min} to ${max}.`)
  }
  return value
}

/** `1` and `true`, `0` and `false`. */
export const parseSwitch = (text: string | undefined, name: string): boolean => {
  if (text === undefined || text === "0" || text === "false") return false
  if (text === "1" || text === "true") return true
  throw new Problem("bad-request", `${name} must be 1 or 0.`)
}

// In a query string a plus has meant a space since the first forms.
const decodeQueryPart = (raw: string): string => decodePart(raw.replaceAll("+", "%20"), "The query string")

const empty: ReadonlyMap<string, string> = new Map()
