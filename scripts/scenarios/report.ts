// What came of the scenarios, as a table and as JSON?

import type { ScenarioReport } from "./run.ts"

const wordsMax = 5

/** Markdown. */
export const tableOf = (reports: ReadonlyArray<ScenarioReport>): string => {
  const rows = reports.map((report) => {
    const { before, during, after } = report.p99Millis
    return [
      report.number,
      report.title,
      report.operations,
      report.errors.length,
      `${Math.round(report.longestPauseMillis)} ms`,
      `${Math.round(before)}, ${Math.round(during)}, ${Math.round(after)} ms`,
      `${report.leaderships}, ${report.twins.length === 0 ? "never two in a term" : "TWO IN A TERM"}`,
      report.differences.length === 0 ? "equal" : "DIFFER",
      `${report.files}, ${report.wrongFiles.length === 0 ? "right" : "WRONG"}`,
      report.isGreen ? "green" : "RED",
    ]
  })
  const head = [
    "",
    "scenario",
    "operations",
    "errors",
    "longest pause",
    "p99 before, during, after",
    "leaderships",
    "replicas",
    "metering files",
    "",
  ]
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n")
}

/** What was wrong, line by line; not all of it where there is a lot. */
export const faultsOf = (report: ScenarioReport): ReadonlyArray<string> =>
  (["errors", "wrongs", "twins", "differences", "wrongFiles"] as const).flatMap((kind) => {
    const all = report[kind]
    const more = all.length > wordsMax ? [`… and ${all.length - wordsMax} more`] : []
    return [...all.slice(0, wordsMax), ...more].map((line) => `${kind}: ${line}`)
  })
