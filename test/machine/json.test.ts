// Does a value stay the same on every replica, on disk and back? (HAZARDS D3)

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { canonicalise, jsonDepthMax, NotJson, parseCanonical } from "../../src/machine/json.ts"

const refusal = (value: unknown): { readonly path: string; readonly message: string } => {
  try {
    canonicalise(value)
  } catch (error) {
    if (error instanceof NotJson) return { path: error.path, message: error.message }
  }
  throw new Error("it was taken")
}

/** Keys in the order in which they stand, at every level. */
const shape = (value: unknown): unknown =>
  typeof value !== "object" || value === null
    ? value
    : Array.isArray(value)
      ? value.map(shape)
      : Object.entries(value).map(([key, held]) => [key, shape(held)])

test("the canonical form equals what its own text is read as, down to the order of keys", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      fc.pre(!JSON.stringify(value).includes("__proto__"))
      const canonical = canonicalise(value)
      const text = JSON.stringify(canonical)
      expect(shape(JSON.parse(text))).toEqual(shape(canonical))
      expect(JSON.stringify(parseCanonical(text))).toBe(text)
      expect(canonical).toEqual(JSON.parse(JSON.stringify(value)))
    }),
    { numRuns: 300 },
  )
})

test("two objects that differ in the order of their keys have one form", () => {
  expect(JSON.stringify(canonicalise({ b: 1, a: { d: 1, c: 2 }, 10: 0, 9: 0 }))).toBe(
    JSON.stringify(canonicalise({ 9: 0, a: { c: 2, d: 1 }, 10: 0, b: 1 })),
  )
})

test("-0 becomes 0, as it would on its way to disk and back", () => {
  expect(Object.is(canonicalise(-0), 0)).toBe(true)
})

test("the canonical form is frozen all the way down", () => {
  const canonical = canonicalise({ a: [{ b: 1 }] }) as { readonly a: ReadonlyArray<object> }
  expect([canonical, canonical.a, canonical.a[0]].every(Object.isFrozen)).toBe(true)
})

describe("what JSON drops or bends is refused, and named by its place", () => {
  const circle: Record<string, unknown> = {}
  circle.self = circle
  let deep: unknown = 0
  for (let level = 0; level <= jsonDepthMax; level++) deep = [deep]
  const refusals: ReadonlyArray<readonly [string, unknown, string]> = [
    ["not a number", { a: [1, Number.NaN] }, "/a/1"],
    ["infinity", { "a/b": Infinity }, "/a~1b"],
    ["a big integer", { "~": 1n }, "/~0"],
    ["undefined in a list", [undefined], "/0"],
    // biome-ignore lint/suspicious/noSparseArray: that is what is refused
    ["a hole in a list", [1, , 2], "/1"],
    ["a function", { f: () => 1 }, "/f"],
    ["a symbol", [Symbol("s")], "/0"],
    ["half of a surrogate pair", ["\udc00"], "/0"],
    ["a key that is half of a pair", { "\ud800": 1 }, "/\ud800"],
    ["a date", { at: new Date(0) }, "/at"],
    ["a map", new Map(), ""],
    ["bytes", { bytes: new Uint8Array(1) }, "/bytes"],
    ["a key that reaches for the prototype", JSON.parse('{"a":{"__proto__":1}}'), "/a/__proto__"],
    ["a circle", circle, ""],
    ["more levels than there may be", deep, ""],
  ]
  for (const [what, value, path] of refusals) {
    test(what, () => expect(refusal(value).path).toBe(path))
  }
})
