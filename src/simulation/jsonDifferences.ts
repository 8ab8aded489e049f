// Where do two values differ, as they stand in JSON?

import type { Json } from "../machine/actor.ts"
import { jsonPointer } from "../machine/json.ts"

export interface JsonDifference {
  /** JSON pointer; empty for the whole value. */
  readonly path: string
  /** Undefined: there is nothing at that path. */
  readonly before: Json | undefined
  readonly after: Json | undefined
}

/** All places, or the first so many: the smallest values that are not the same. */
export const jsonDifferences = (before: Json, after: Json, max = 20): ReadonlyArray<JsonDifference> => {
  const found: Array<JsonDifference> = []
  compare(before, after, [], (difference) => {
    if (found.length < max) found.push(difference)
  })
  return found
}

/** In words: `at /cents: 2 against 1`. Empty when there is no difference. */
export const tellDifference = (before: Json, after: Json): string => {
  const [first, ...others] = jsonDifferences(before, after)
  if (first === undefined) return ""
  const where = first.path === "" ? "" : `at ${first.path}: `
  const more = others.length === 0 ? "" : `, and ${others.length} more`
  return `${where}${shown(first.after)} against ${shown(first.before)}${more}`
}

/** Short enough to be read in a line. */
export const shown = (value: Json | undefined): string => {
  const text = value === undefined ? "nothing" : JSON.stringify(value)
  return text.length > shownMax ? `${text.slice(0, shownMax)}…` : text
}

const compare = (
  before: Json | undefined,
  after: Json | undefined,
  path: ReadonlyArray<string | number>,
  tell: (difference: JsonDifference) => void,
): void => {
  if (before === after) return
  if (isHolder(before) && isHolder(after) && Array.isArray(before) === Array.isArray(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compare(before[key], after[key], [...path, key], tell)
    }
  } else tell({ path: jsonPointer(path), before, after })
}

const isHolder = (value: Json | undefined): value is { readonly [key: string]: Json | undefined } =>
  typeof value === "object" && value !== null

const shownMax = 200
