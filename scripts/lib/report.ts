// How many tests passed, failed and were skipped, and why? Reads the runner's JUnit report.
//
//   bun scripts/lib/report.ts FILE RUNNER_EXIT_CODE
//
// The last line is `N passed, N failed` or `N passed, N failed, N skipped`.

import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { sourceFile } from "./SourceFile.ts"
import { skipsIn } from "./skips.ts"
import { list } from "./tree.ts"

export interface TestCase {
  readonly file: string
  readonly line: number
  /** With the names of the groups around it. */
  readonly name: string
  readonly result: "passed" | "failed" | "skipped"
}

export interface Summary {
  readonly lines: ReadonlyArray<string>
  readonly good: boolean
}

/** What the runner's files call a test (`bun test`). */
const TEST_FILES = "test/**/*{.,_}{test,spec}.{ts,tsx,js,jsx,mjs,cjs,mts,cts}"

export const casesIn = (junit: string): ReadonlyArray<TestCase> =>
  [...junit.matchAll(/<testcase\b((?:\s+[\w-]+="[^"]*")*)\s*(?:\/>|>([\s\S]*?)<\/testcase>)/g)].map(
    ([, attributes = "", body = ""]) => {
      const group = attribute(attributes, "classname")
      const name = attribute(attributes, "name")
      return {
        file: attribute(attributes, "file"),
        line: Number(attribute(attributes, "line")),
        name: group === "" ? name : `${group} > ${name}`,
        result: /<(?:failure|error)\b/.test(body) ? "failed" : /<skipped\b/.test(body) ? "skipped" : "passed",
      }
    },
  )

/**
 * `testFiles` are those that should have run: one that is not in the report broke before its first test, which
 * the report does not tell. `runnerPassed` is the runner's own word.
 */
export const summarise = (options: {
  readonly cases: ReadonlyArray<TestCase>
  readonly testFiles: ReadonlyArray<string>
  readonly runnerPassed: boolean
  readonly reasonOf: (skipped: TestCase) => string | null
}): Summary => {
  const { cases, runnerPassed } = options
  const reported = new Set(cases.map(({ file }) => file))
  const silent = options.testFiles.filter((file) => !reported.has(file))
  const count = (result: TestCase["result"]) => cases.filter((one) => one.result === result).length
  const broken = count("failed") + silent.length
  // An error between the tests belongs to none of them, and must not be lost.
  const failed = broken === 0 && !runnerPassed ? 1 : broken
  const skipped = cases.filter(({ result }) => result === "skipped")
  return {
    lines: [
      ...silent.map((file) => `did not run: ${file}`),
      ...cases.filter(({ result }) => result === "failed").map((one) => `failed: ${place(one)}`),
      ...skipped.map((one) => `SKIPPED: ${place(one)}: ${options.reasonOf(one) ?? "no reason given"}`),
      ...(failed > broken ? ["the runner failed outside of a test: see its output"] : []),
      ...(cases.length === 0 ? ["no test ran"] : []),
      `${count("passed")} passed, ${failed} failed${skipped.length === 0 ? "" : `, ${skipped.length} skipped`}`,
    ],
    good: failed === 0 && count("passed") > 0,
  }
}

const place = ({ file, line, name }: TestCase): string => `${file}:${line} ${name}`

const attribute = (attributes: string, name: string): string =>
  decode(new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1] ?? "")

const decode = (text: string): string =>
  text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hexadecimal, name: string) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal))
    if (hexadecimal !== undefined) return String.fromCodePoint(Number.parseInt(hexadecimal, 16))
    return { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" }[name] ?? whole
  })

/** A skipped test may lie in a skipped group: the nearest mark at or above it gives the reason. */
const reasonIn =
  (root: string) =>
  ({ file, line }: TestCase): string | null => {
    if (!existsSync(join(root, file))) return null
    const skips = skipsIn(sourceFile(file, readFileSync(join(root, file), "utf8")))
    return skips.findLast((skip) => skip.line <= line)?.reason ?? null
  }

if (import.meta.main) {
  const root = join(import.meta.dir, "../..")
  const [file = "", code = ""] = process.argv.slice(2)
  const summary = summarise({
    cases: existsSync(file) ? casesIn(readFileSync(file, "utf8")) : [],
    testFiles: list(root, TEST_FILES),
    runnerPassed: code === "0",
    reasonOf: reasonIn(root),
  })
  console.log(summary.lines.join("\n"))
  process.exit(summary.good ? 0 : 1)
}
