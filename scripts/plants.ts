// `bun run plants`: does the hunt catch the bugs that it should? Plants one after the other and runs the simulation,
// or the test that a plant names, until it is caught.

import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import type { NamedTest, Plant } from "./plants/Plant.ts"
import { pagePath, renderPage } from "./plants/page.ts"
import { allPlants } from "./plants/patches.ts"
import { type Laboratory, objectionTo, stopAll, tryPlant, type Verdict } from "./plants/trial.ts"
import { typeErrorsOf } from "./plants/types.ts"

const usage = `bun run plants [--only ID,…] [--seeds N] [--jobs N] [--minutes N] [--write] [--list | --types]

Plants each bug, or those that are named, and runs the simulation with the seeds 1 to N (1000) until one is red.
Exit code 1: one was not caught.

--jobs N      so many plants at once (2)
--minutes N   for one plant at the most (30)
--write       put the results into ${pagePath}; the rows of bugs that were not tried stay
--list        name the bugs, and try none
--types       let the compiler look at each, and try none`

const root = join(import.meta.dir, "..")

const options = () => {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: "string" },
        seeds: { type: "string", default: "1000" },
        jobs: { type: "string", default: "2" },
        minutes: { type: "string", default: "30" },
        write: { type: "boolean", default: false },
        list: { type: "boolean", default: false },
        types: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
        // For the tests of this script.
        simulation: { type: "string", default: "scripts/simulate.ts" },
      },
    })
    const [seeds, jobs, minutes] = [values.seeds, values.jobs, values.minutes].map(Number) as [
      number,
      number,
      number,
    ]
    const ids = values.only?.split(",") ?? allPlants.map(({ id }) => id)
    const unknown = ids.filter((id) => !allPlants.some((plant) => plant.id === id))
    if (unknown.length > 0) return `there is no plant ${unknown.join(", ")}: see --list`
    if (![seeds, jobs, minutes].every((number) => number > 0))
      return "--seeds, --jobs and --minutes want numbers"
    return { ...values, seeds, jobs, minutes, plants: allPlants.filter(({ id }) => ids.includes(id)) }
  } catch (error) {
    return (error as Error).message
  }
}

const main = async (): Promise<number> => {
  const given = options()
  if (typeof given === "string") {
    console.error(`${given}\n\n${usage}`)
    return 2
  }
  if (given.help) {
    console.log(usage)
    return 0
  }
  const { plants, jobs, seeds, minutes, simulation } = given
  if (given.list) {
    for (const { id, title } of plants) console.log(`${id.padEnd(width(plants))}  ${title}`)
    return 0
  }
  if (given.types) return await checkTypes(plants)
  const laboratory: Laboratory = { root, simulation, seeds, minutesMax: minutes }
  const verdicts = await tryAll(laboratory, plants, jobs)
  if (given.write) {
    const path = join(root, pagePath)
    writeFileSync(path, renderPage(verdicts, existsSync(path) ? readFileSync(path, "utf8") : ""))
  }
  const uncaught = plants.filter(({ id }) => !isCaught(verdicts.get(id)!))
  console.log(
    uncaught.length === 0
      ? `plants: all ${plants.length} caught`
      : `plants: ${uncaught.length} of ${plants.length} not caught: ${uncaught.map(({ id }) => id).join(", ")}`,
  )
  return uncaught.length === 0 ? 0 : 1
}

const checkTypes = async (plants: ReadonlyArray<Plant>): Promise<number> => {
  const wrong = [...(await typeErrorsOf(root, plants))].filter(([, errors]) => errors !== "")
  for (const [id, errors] of wrong) console.log(`FAIL ${id}\n${errors}`)
  console.log(wrong.length === 0 ? `plants: all ${plants.length} compile` : "plants: not all compile")
  return wrong.length === 0 ? 0 : 1
}

const tryAll = async (
  laboratory: Laboratory,
  plants: ReadonlyArray<Plant>,
  jobs: number,
): Promise<ReadonlyMap<string, Verdict>> => {
  const verdicts = new Map<string, Verdict>()
  const objections = new Map<string, Promise<string | null>>()
  const soundTest = (test: NamedTest): Promise<string | null> => {
    const name = `${test.file} ${test.name}`
    const known = objections.get(name) ?? objectionTo(laboratory, test)
    objections.set(name, known)
    return known
  }
  const waiting = [...plants]
  const worker = async (): Promise<void> => {
    for (let plant = waiting.shift(); plant !== undefined; plant = waiting.shift()) {
      const objection = plant.test === undefined ? null : await soundTest(plant.test)
      const verdict: Verdict =
        objection === null ? await tryPlant(laboratory, plant) : { kind: "broken", reason: objection }
      verdicts.set(plant.id, verdict)
      console.log(
        `${isCaught(verdict) ? "ok  " : "FAIL"} ${plant.id.padEnd(width(plants))}  ${describe(verdict)}`,
      )
    }
  }
  await Promise.all(Array.from({ length: jobs }, worker))
  return verdicts
}

const isCaught = ({ kind }: Verdict): boolean => kind === "simulation" || kind === "test"

const describe = (verdict: Verdict): string => {
  switch (verdict.kind) {
    case "simulation":
      return `seed ${verdict.seed}, ${verdict.checker}: ${verdict.message.split("\n")[0]}`
    case "test":
      return `${verdict.file}: ${verdict.title}`
    case "missed":
      return verdict.seeds === null ? "the test stays green" : `not within ${verdict.seeds} seeds`
    case "broken":
      return verdict.reason
  }
}

const width = (plants: ReadonlyArray<Plant>): number => Math.max(...plants.map(({ id }) => id.length))

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.on(signal, () => {
    stopAll()
    process.exit(code)
  })
}
process.exit(await main())
