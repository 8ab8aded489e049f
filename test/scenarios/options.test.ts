// Are wrong words on the command line said in one line, before anything is started?

import { expect, test } from "bun:test"
import { parseOptions, usage } from "../../scripts/scenarios/options.ts"

const parse = (line: string) => parseOptions(line === "" ? [] : line.split(" "))

test("without words all eight run for a minute each", () => {
  expect(parse("")).toEqual({ only: [1, 2, 3, 4, 5, 6, 7, 8], seconds: 60, network: "auto", report: null })
  expect(parse("--help")).toBeNull()
  for (const number of [1, 8]) expect(usage).toContain(`  ${number}  `)
})

test("all can be said", () => {
  expect(parse("--only 2,5 --seconds 10 --network proxy --report /tmp/r")).toEqual({
    only: [2, 5],
    seconds: 10,
    network: "proxy",
    report: "/tmp/r",
  })
})

test.each([
  ["--only 9", "--only"],
  ["--only 1,", "--only"],
  ["--only one", "--only"],
  ["--seconds 9", "--seconds"],
  ["--seconds 1e3", "--seconds"],
  ["--network lan", "--network"],
  ["--minutes 1", "--minutes"],
])("%s is refused", (line, flag) => {
  expect(() => parse(line)).toThrow(flag)
})
