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
      const canonical = canonicalise(value).json
      const text = JSON.stringify(canonical)
      expect(shape(JSON.parse(text))).toEqual(shape(canonical))
      expect(JSON.stringify(parseCanonical(text))).toBe(text)
      expect(canonical).toEqual(JSON.parse(JSON.stringify(value)))
    }),
    { numRuns: 300 },
  )
})

test("two objects that differ in the order of their keys have one form", () => {
  expect(JSON.stringify(canonicalise({ b: 1, a: { d: 1, c: 2 }, 10: 0, 9: 0 }).json)).toBe(
    JSON.stringify(canonicalise({ 9: 0, a: { c: 2, d: 1 }, 10: 0, b: 1 }).json),
  )
})

test("-0 becomes 0, as it would on its way to disk and back", () => {
  expect(Object.is(canonicalise(-0).json, 0)).toBe(true)
})

test("a text and a value have one canonical form, or are refused for one reason", () => {
  const keys = fc.constantFrom("a", "b", "10", "9", "", "__proto__", "\ud800", "é", "constructor")
  const numbers = fc.constantFrom(-0, 0, 1.5, 1e300)
  const { value: values } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, "x", "\udc00"),
      numbers,
      tie("list"),
      tie("map"),
    ),
    list: fc.array(tie("value"), { maxLength: 4 }),
    map: fc.array(fc.tuple(keys, tie("value")), { maxLength: 5 }).map(Object.fromEntries),
  }))
  const told = (make: () => unknown): unknown => {
    try {
      return shape(make())
    } catch (error) {
      return error instanceof NotJson ? `${error.path} ${error.message}` : error
    }
  }
  fc.assert(
    fc.property(values, (value) => {
      const text = JSON.stringify(value)
      expect(told(() => parseCanonical(text))).toEqual(told(() => canonicalise(JSON.parse(text)).json))
    }),
    { numRuns: 500 },
  )
  expect(told(() => parseCanonical("[-0]"))).toEqual([0])
  expect(told(() => parseCanonical('{"a":[1e400]}'))).toBe("/a/0 Expected a finite number, got Infinity")
})

test("the canonical form is frozen all the way down, of a value and of a text", () => {
  for (const canonical of [
    canonicalise({ b: 1, a: [{ b: 1 }] }).json,
    parseCanonical('{"b":1,"a":[{"b":1}]}'),
  ]) {
    const { a } = canonical as { readonly a: ReadonlyArray<object> }
    expect([canonical, a, a[0]].every(Object.isFrozen)).toBe(true)
  }
})

test("what a text takes at the most is never less than what it takes", () => {
  const numbers = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(-1.2345678901234567e-6, -Number.MAX_VALUE, 123456789012345680000, -5e-324),
  )
  const values = fc.oneof(fc.jsonValue({ maxDepth: 4, stringUnit: "binary" }), fc.array(numbers), fc.string())
  fc.assert(
    fc.property(values, (value) => {
      fc.pre(!JSON.stringify(value).includes("__proto__"))
      const { json, textBytesMax } = canonicalise(value)
      expect(Buffer.byteLength(JSON.stringify(json))).toBeLessThanOrEqual(textBytesMax)
    }),
    { numRuns: 300 },
  )
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
