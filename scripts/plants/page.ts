// What does docs/PLANTED-BUGS.md say? One row for each bug, with older results where it was not tried now.

import { hazards } from "./hazards.ts"
import { filesOf, type Plant } from "./Plant.ts"
import { themes } from "./patches.ts"
import type { Verdict } from "./trial.ts"

export const pagePath = "docs/PLANTED-BUGS.md"

/** `earlier`: the page as it is, whose results stay for all that was not tried. */
export const renderPage = (verdicts: ReadonlyMap<string, Verdict>, earlier: string): string => {
  const kept = resultsOn(earlier)
  const tables = themes.map(({ name, plants }) => {
    const rows = plants.map((plant) => {
      const verdict = verdicts.get(plant.id)
      return row(plant, verdict === undefined ? (kept.get(plant.id) ?? untried) : cellsOf(verdict))
    })
    return `## ${name}\n\n| bug | what the code does wrong | planted in | seeds | caught by |\n|---|---|---|---|---|\n${rows.join("\n")}\n`
  })
  return `${introduction}\n${tables.join("\n")}\n${absent()}`
}

const introduction = `# Planted bugs

A checker that was never red proves nothing. Each bug below is a patch of a line or two, put into the product's text as
it is loaded (\`scripts/plants/\`); the product itself has no switch for any of them. \`./bunw run plants --write\` made
this page: for each bug it runs the simulation with the seeds 1, 2, 3, … until one goes red, and says how many that took
and which checker saw it. What the simulation does not run, such as SQLite and sockets, is tried with the test that
watches it.
`

const absent = (): string => {
  const items = hazards.flatMap(({ theme, name, absent }) =>
    absent === undefined ? [] : [`- **${theme}: ${name}.** ${absent}`],
  )
  return `## Not planted\n\n${items.join("\n")}\n`
}

/** The last two cells of a row. */
type Cells = readonly [seeds: string, caughtBy: string]

const untried: Cells = ["", "not tried yet"]

const row = (plant: Plant, [seeds, caughtBy]: Cells): string => {
  const files = filesOf(plant).map((file) => `\`${file.slice("src/".length)}\``)
  const title = plant.note === undefined ? plant.title : `${plant.title}. ${plant.note}`
  return `| \`${plant.id}\` | ${cell(title)} | ${files.join(", ")} | ${seeds} | ${caughtBy} |`
}

const cellsOf = (verdict: Verdict): Cells => {
  switch (verdict.kind) {
    case "simulation":
      return [`${verdict.seeds}`, cell(verdict.checker)]
    case "test":
      return ["", `\`${verdict.file}\`: ${cell(verdict.title)}`]
    case "missed":
      return [verdict.seeds === null ? "" : `none of ${verdict.seeds}`, "**not caught**"]
    case "broken":
      return ["", "**not tried**"]
  }
}

/** By the id of the plant. */
const resultsOn = (page: string): ReadonlyMap<string, Cells> =>
  new Map(
    page.split("\n").flatMap((line) => {
      const id = /^\| `([^`]+)` \|/.exec(line)?.[1]
      if (id === undefined) return []
      const [seeds = "", caughtBy = ""] = line.split(/(?<!\\)\|/).slice(-3, -1)
      return [[id, [seeds.trim(), caughtBy.trim()]] as const]
    }),
  )

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ")
