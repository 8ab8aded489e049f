// What does one seed or one kept script show, and what is the least that still shows it?

import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { plan } from "../../src/simulation/plan.ts"
import { type Report, run } from "../../src/simulation/run.ts"
import type { Script } from "../../src/simulation/script.ts"
import { shrink } from "../../src/simulation/shrink.ts"
import { planFor } from "./planFor.ts"

interface ShrinkTo {
  readonly file: string
  readonly runsMax: number
}

export const replaySeed = (seed: number, nodes: number | null, to: ShrinkTo | null): number =>
  replay(plan(seed, planFor(nodes)), `--seed ${seed}${nodes === null ? "" : ` --nodes ${nodes}`}`, to)

/** What every script has; one that was kept knows nothing of what has come since. */
const example = plan(1)
const optional: ReadonlyArray<keyof Script> = [
  "areGroupsRestless",
  "disaster",
  "groups",
  "hasLeading",
  "patienceMillis",
  "priorities",
  "split",
  "till",
]
const fields = (Object.keys(example) as ReadonlyArray<keyof Script>).filter(
  (name) => !optional.includes(name),
)

/** The script in a file, or what is wrong with it. */
export const readScript = (file: string): Script | string => {
  try {
    const read = JSON.parse(readFileSync(file, "utf8"))
    const script = read?.script ?? read
    const missing = fields.find((field) => typeof script?.[field] !== typeof example[field])
    return missing === undefined ? (script as Script) : `${file} holds no script: it has no ${missing}`
  } catch (error) {
    return `${file}: ${error instanceof Error ? error.message : error}`
  }
}

export const replay = (script: Script, name: string, to: ShrinkTo | null): number => {
  const report = run(script)
  show(script, report)
  if (report.failure === null) return 0
  if (to === null) {
    console.log(`the least that still shows it: ./bunw run simulate ${name} --shrink FILE`)
    return 1
  }
  let width = 0
  const { runs, ...least } = shrink({
    script,
    failure: report.failure,
    run,
    runsMax: to.runsMax,
    told: (best, count) => {
      if (count % 20 !== 0) return
      const line = `  ${count} runs: ${sizeOf(best)}`
      width = Math.max(width, line.length)
      console.log(line.padEnd(width))
    },
  })
  mkdirSync(dirname(to.file), { recursive: true })
  writeFileSync(
    to.file,
    `${JSON.stringify({ shows: least.failure.message, checker: least.failure.checker, script: least.script }, null, 1)}\n`,
  )
  console.log(`after ${runs} runs: ${sizeOf(least.script)}; kept in ${to.file}`)
  console.log(`again: ./bunw run simulate --script ${to.file}`)
  return 1
}

const sizeOf = ({ voters, outgoing, learners, operations, faults, forGood, groups = [] }: Script): string => {
  const nodes = new Set([...voters, ...outgoing, ...learners]).size
  const further = groups.length === 0 ? "" : `${groups.map(({ name }) => name).join(" ")} besides main, `
  return `${nodes} nodes, ${further} ${operations.length} operations, ${faults.length} faults, ${forGood.length} for good`
}

const show = (script: Script, report: Report): void => {
  const { failure, operations, steps, virtualMillis, trace, committed } = report
  console.log(`seed ${script.seed}: ${sizeOf(script)}`)
  for (const fault of failure === null ? script.faults : []) console.log(`  ${JSON.stringify(fault)}`)
  for (const note of failure?.notes ?? []) console.log(`  ${note}`)
  for (const fault of script.forGood)
    console.log(`  for good from ${script.calmAtMillis} ms: ${JSON.stringify(fault)}`)
  console.log(
    `${steps} events, ${virtualMillis} ms, trace ${trace}, ${committed} entries committed, ${JSON.stringify(operations)}`,
  )
  if (failure === null) return console.log("every promise was kept")
  console.log(
    `step ${failure.step}, ${failure.atMillis} ms: ${failure.checker}: ${failure.message}\n${failure.nodes}`,
  )
}
