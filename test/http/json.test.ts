// Does the strict reader accept all JSON that is safe, see it as JSON.parse does, and end in linear time? (H1, H8)

import { expect, test } from "bun:test"
import fc from "fast-check"
import { parseJson } from "../../src/http/json.ts"
import { Problem } from "../../src/http/problem.ts"

const verdict = (text: string): unknown => {
  try {
    return { value: parseJson(text, "It") }
  } catch (cause) {
    if (cause instanceof Problem) return cause.code
    throw cause
  }
}

test("what JSON.stringify writes is read as JSON.parse reads it (H8)", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 8 }), fc.integer({ min: 0, max: 3 }), (text, spaces) => {
      const spaced = JSON.stringify(JSON.parse(text), null, spaces)
      fc.pre(!/__proto__|\\ud[89a-f]|\d{16}/i.test(spaced))
      expect(verdict(spaced)).toEqual({ value: JSON.parse(spaced) })
    }),
    { numRuns: 500 },
  )
})

test("no text throws anything but a problem (H1)", () => {
  const fragments = fc.constantFrom(
    ...'[]{},:"\\0123456789.eE+-tfnu \ud83d\ude00',
    "\\u",
    "d800",
    "__proto__",
  )
  fc.assert(
    fc.property(fc.array(fragments, { maxLength: 40 }), (parts) => {
      verdict(parts.join(""))
    }),
    { numRuns: 2000 },
  )
})

test("the largest safe integers, small fractions and doubles by intent pass (H8)", () => {
  for (const text of ["9007199254740991", "-9007199254740991", "0.1", "1e300", "-0", "1E-400", "12e-1"]) {
    expect(verdict(text)).toEqual({ value: JSON.parse(text) })
  }
  expect(verdict("9007199254740992")).toBe("bad-request")
  expect(verdict("-9007199254740992")).toBe("bad-request")
})

test("keys that look alike are different keys, and repeat across objects (H1)", () => {
  for (const text of ['{"a":{"a":[{"a":1},{"a":2}]}}', '{"a":"a","b":"a"}', '{"é":1,"e\u0301":2}']) {
    expect(verdict(text)).toEqual({ value: JSON.parse(text) })
  }
})

test("escaped quotes and backslashes do not move the end of a string (H1)", () => {
  for (const text of ['"\\""', '"\\\\"', '{"\\\\":1,"\\"":2}', '"\\\\\\""', '["\\u0000","\\ud83d\\ude00"]']) {
    expect(verdict(text)).toEqual({ value: JSON.parse(text) })
  }
  expect(verdict('{"a\\\\":1,"a\\\\":2}')).toBe("bad-request")
})

test("a megabyte of the worst takes no more than linear time (H2)", () => {
  const started = performance.now()
  verdict(`"${"\\\\".repeat(500_000)}`)
  verdict(`"${'\\"'.repeat(500_000)}"`)
  verdict("[".repeat(1_000_000))
  verdict(`[${"-".repeat(1_000_000)}]`)
  verdict(`{${Array.from({ length: 80_000 }, (_, at) => `"${at}":1`).join()}}`)
  expect(performance.now() - started).toBeLessThan(2000)
})
