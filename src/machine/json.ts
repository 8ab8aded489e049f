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
  /** The beginning of it, when the keys on the way are long. */
  readonly path: string
  constructor(path: string, message: string) {
    super(message)
    this.path = path.length > pathLengthMax ? path.slice(0, pathLengthMax).toWellFormed() : path
  }
}

/** A value that JSON keeps as it is, frozen all the way down. `JSON.stringify` of it is the canonical text. */
export interface Canonical {
  readonly json: Json
  /** What its text takes as UTF-8 at the most. */
  readonly textBytesMax: number
  /** Nothing was left out or bent: neither undefined, nor a symbol as key, nor -0. */
  readonly isExact: boolean
}

/**
 * A deep-frozen copy in canonical form; throws {@link NotJson}. The copy equals what `JSON.parse` makes of its
 * text down to the order of the keys.
 */
export const canonicalise = (value: unknown): Canonical => {
  const walk: Walk = { path: [], textBytesMax: 0, isExact: true }
  const json = copy(value, walk)
  return { json, textBytesMax: walk.textBytesMax, isExact: walk.isExact }
}

/** The canonical value that a text stands for; throws {@link NotJson}. */
export const parseCanonical = (text: string): Json => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new NotJson("", text.trim() === "" ? "Expected JSON, got nothing" : "Expected JSON")
  }
  return settle(value, [])
}

/** RFC 6901. */
export const jsonPointer = (path: ReadonlyArray<PropertyKey>): string =>
  path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("")

interface Walk {
  readonly path: Array<string | number>
  textBytesMax: number
  isExact: boolean
}

const copy = (value: unknown, walk: Walk): Json => {
  switch (typeof value) {
    case "boolean":
      walk.textBytesMax += wordBytesMax
      return value
    case "string":
      walk.textBytesMax += stringBytesMax(value)
      return checkedString(value, walk.path)
    case "number":
      walk.textBytesMax += numberBytesMax
      if (Object.is(value, -0)) walk.isExact = false
      return checkedNumber(value, walk.path)
    case "object":
      walk.textBytesMax += wordBytesMax
      if (value === null) return null
      if (walk.path.length === jsonDepthMax) throw new NotJson("", tooDeep)
      return Array.isArray(value) ? copyArray(value, walk) : copyObject(value, walk)
    default:
      return fail(walk.path, `Expected a JSON value, got ${typeof value}`)
  }
}

const copyArray = (values: ReadonlyArray<unknown>, walk: Walk): Json => {
  const copied: Array<Json> = []
  for (let at = 0; at < values.length; at++) {
    walk.path.push(at)
    copied.push(copy(values[at], walk))
    walk.path.pop()
  }
  return Object.freeze(copied)
}

const copyObject = (value: object, walk: Walk): Json => {
  const { path } = walk
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    fail(path, `Expected a plain object, got ${value.constructor?.name ?? "another"}`)
  }
  if (Object.getOwnPropertySymbols(value).length > 0) walk.isExact = false
  const copied: Record<string, Json> = {}
  for (const key of Object.keys(value).sort()) {
    const held = (value as Record<string, unknown>)[key]
    // An optional key that is undefined is absent: JSON knows no difference.
    if (held === undefined) {
      walk.isExact = false
      continue
    }
    path.push(key)
    checkKey(key, path)
    walk.textBytesMax += stringBytesMax(key)
    copied[key] = copy(held, walk)
    path.pop()
  }
  return Object.freeze(copied)
}

/** What `JSON.parse` gave belongs to nobody: most of it is canonical already, and is frozen where it stands. */
const settle = (value: unknown, path: Array<string | number>): Json => {
  switch (typeof value) {
    case "string":
      return checkedString(value, path)
    case "number":
      return checkedNumber(value, path)
    case "object":
      if (value === null) return null
      if (path.length === jsonDepthMax) throw new NotJson("", tooDeep)
      return Array.isArray(value) ? settleArray(value, path) : settleObject(value as ParsedObject, path)
    default:
      return value as boolean
  }
}

const settleArray = (values: Array<unknown>, path: Array<string | number>): Json => {
  for (let at = 0; at < values.length; at++) {
    path.push(at)
    values[at] = settle(values[at], path)
    path.pop()
  }
  return Object.freeze(values) as Json
}

type ParsedObject = Record<string, unknown>

const settleObject = (value: ParsedObject, path: Array<string | number>): Json => {
  const keys = Object.keys(value)
  const isSorted = keys.every((key, at) => at === 0 || keys[at - 1]! < key)
  const settled: ParsedObject = isSorted ? value : {}
  for (const key of isSorted ? keys : keys.sort()) {
    path.push(key)
    checkKey(key, path)
    settled[key] = settle(value[key], path)
    path.pop()
  }
  return Object.freeze(settled) as Json
}

const checkedString = (value: string, path: ReadonlyArray<string | number>): string =>
  value.isWellFormed() ? value : fail(path, "Expected a well-formed string, got half of a surrogate pair")

const checkedNumber = (value: number, path: ReadonlyArray<string | number>): number => {
  if (!Number.isFinite(value)) fail(path, `Expected a finite number, got ${value}`)
  // JSON has no -0: it would come back from disk as another value than it went.
  return value === 0 ? 0 : value
}

const checkKey = (key: string, path: ReadonlyArray<string | number>): void => {
  if (key === "__proto__") fail(path, 'Expected another key than "__proto__"')
  if (!key.isWellFormed()) fail(path, "Expected a well-formed key, got half of a surrogate pair")
}

const fail = (path: ReadonlyArray<string | number>, message: string): never => {
  throw new NotJson(jsonPointer(path), message)
}

const pathLengthMax = 1000
/** With the comma or colon behind it: every code unit may need an escape. */
const stringBytesMax = (text: string): number => text.length * 6 + 3
/** `-0.0000012345678901234567`, and the comma. */
const numberBytesMax = 26
/** `false` or a pair of brackets, and the comma. */
const wordBytesMax = 6
