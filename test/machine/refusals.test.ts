// Can a refusal be read in a line, whatever is wrong with how much of a value?

import { expect, test } from "bun:test"
import { canonicalise, NotJson } from "../../src/machine/json.ts"
import { issuesText } from "../../src/machine/refusals.ts"

test("the first places are named, and none of them fills the line", () => {
  const issues = Array.from({ length: 5 }, (_, at) => ({ path: `/a/${at}`, message: "Expected number" }))
  expect(issuesText(issues.slice(0, 1))).toBe("at /a/0: Expected number")
  expect(issuesText(issues)).toBe(
    "at /a/0: Expected number; at /a/1: Expected number; at /a/2: Expected number; and more",
  )
  expect(issuesText([{ path: "", message: "Expected object" }])).toBe("at the whole: Expected object")
  const half = `/${"x".repeat(198)}\u{1f980}`
  const long = issuesText([{ path: half, message: "y".repeat(1000) }])
  expect(long).toBe(`at /${"x".repeat(198)}\ufffd…: ${"y".repeat(200)}…`)
})

test("the place of what is not JSON is bounded, too: its keys are whoever's", () => {
  const path = (key: string): string => {
    try {
      canonicalise({ [key]: Number.NaN })
    } catch (error) {
      if (error instanceof NotJson) return error.path
    }
    throw new Error("it is JSON")
  }
  expect(path("a")).toBe("/a")
  expect(path("k".repeat(100_000))).toBe(`/${"k".repeat(999)}`)
})
