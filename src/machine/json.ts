// Which values stay the same on every replica, on disk and back? One canonical form of JSON: keys in order,
// no -0, nothing that JSON drops or bends (HAZARDS D3).

import type { Json } from "./actor.ts"

/** Deeper values say more about their sender than about an actor, and recursion must end (HAZARDS D6). */
export const jsonDepthMax = 128
/** The one answer to every depth, wherever on the way it was noticed. */
export const tooDeep = `Expected at most ${jsonDepthMax} levels`

/** A value that JSON cannot keep. `path` is a JSON pointer. */
export class NotJson extends Error {
  override readonly name = "NotJson"
  readonly path: string
  constructor(path: string, message: string) {
    super(message)
    this.path = path
  }
}

/**
 * A deep-frozen copy in canonical form; throws {@link NotJson}. `JSON.stringify` of it is the canonical text,
 * and the copy equals what `JSON.parse` makes of that text down to the order of the keys.
 */
export const canonicalise = (value: unknown): Json => {
  const path: Array<string | number> = []
  return copy(value, path)
}

/** The canonical value that a text stands for; throws {@link NotJson}. */
export const parseCanonical = (text: string): Json => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new NotJson("", text.trim() === "" ? "Expected JSON, got nothing" : "Expected JSON")
  }
  return canonicalise(value)
}

/** RFC 6901. */
export const jsonPointer = (path: ReadonlyArray<PropertyKey>): string =>
  path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("")

const copy = (value: unknown, path: Array<string | number>): Json => {
  switch (typeof value) {
    case "boolean":
      return value
    case "string":
      if (!value.isWellFormed()) fail(path, "Expected a well-formed string, got half of a surrogate pair")
      return value
    case "number":
      if (!Number.isFinite(value)) fail(path, `Expected a finite number, got ${value}`)
      // JSON has no -0: it would come back from disk as another value than it went.
      return value === 0 ? 0 : value
    case "object":
      if (value === null) return null
      if (path.length === jsonDepthMax) throw new NotJson("", tooDeep)
      return Array.isArray(value) ? copyArray(value, path) : copyObject(value, path)
    default:
      return fail(path, `Expected a JSON value, got ${typeof value}`)
  }
}

const copyArray = (values: ReadonlyArray<unknown>, path: Array<string | number>): Json => {
  const copied: Array<Json> = []
  for (let at = 0; at < values.length; at++) {
    path.push(at)
    copied.push(copy(values[at], path))
    path.pop()
  }
  return Object.freeze(copied)
}

const copyObject = (value: object, path: Array<string | number>): Json => {
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    fail(path, `Expected a plain object, got ${value.constructor?.name ?? "another"}`)
  }
  const copied: Record<string, Json> = {}
  for (const key of Object.keys(value).sort()) {
    const held = (value as Record<string, unknown>)[key]
    // An optional key that is undefined is absent: JSON knows no difference.
    if (held === undefined) continue
    path.push(key)
    if (key === "__proto__") fail(path, 'Expected another key than "__proto__"')
    if (!key.isWellFormed()) fail(path, "Expected a well-formed key, got half of a surrogate pair")
    copied[key] = copy(held, path)
    path.pop()
  }
  return Object.freeze(copied)
}

const fail = (path: ReadonlyArray<string | number>, message: string): never => {
  throw new NotJson(jsonPointer(path), message)
}
