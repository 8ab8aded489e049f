// Do the metering files say what clients were told? They are counted by hand, from the calls that had an answer: nothing of
// this asks the cluster.

import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { until } from "../../test/process/support/wait.ts"
import type { Call } from "./Load.ts"
import { Wrongs } from "./Wrongs.ts"

export interface FilesReport {
  readonly count: number
  readonly wrongs: ReadonlyArray<string>
}

/** A minute is over, its grace as well, and its file is written and looked for once in a second. */
const waitMillisMax = 60_000 + 30_000

/** `directory`: where all nodes write them. Waits until the last minute of the calls is over. */
export const checkFiles = async (
  directory: string,
  calls: ReadonlyArray<Call>,
  millisMax = waitMillisMax,
): Promise<FilesReport> => {
  const told = countBy(calls.map(({ tenant, api, status }) => ({ tenant, api, isError: status >= 400 })))
  const wrongs = new Wrongs()
  let files: ReadonlyArray<string> = []
  try {
    await until(
      "the files to say what clients were told",
      () => {
        files = minuteFiles(directory)
        return same(told, countBy(files.flatMap(callsIn))) || null
      },
      millisMax,
    )
  } catch {
    const written = countBy(files.flatMap(callsIn))
    for (const name of new Set([...told.keys(), ...written.keys()])) {
      const [clients, said] = [told.get(name) ?? 0, written.get(name) ?? 0]
      if (clients !== said) wrongs.add(`${name}: clients were told ${clients}, the files say ${said}`)
    }
  }
  if (files.length === 0) wrongs.add("there is no file")
  for (const file of files) {
    const csv = file.replace(/\.jsonl$/, ".csv")
    const lines = (path: string) => readFileSync(path, "utf8").split("\n").length
    if (!existsSync(csv) || lines(csv) !== lines(file) + 1) wrongs.add(`${csv} is not beside its twin`)
  }
  return { count: files.length, wrongs: wrongs.shown }
}

interface Counted {
  readonly tenant: string
  readonly api: string
  readonly isError: boolean
}

const countBy = (calls: ReadonlyArray<Counted>): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const { tenant, api, isError } of calls) {
    const name = `${tenant} ${api}${isError ? ", errors" : ""}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

const same = (left: ReadonlyMap<string, number>, right: ReadonlyMap<string, number>): boolean =>
  left.size === right.size && [...left].every(([name, count]) => right.get(name) === count)

const minuteFiles = (directory: string): ReadonlyArray<string> => {
  const home = join(directory, "minute")
  if (!existsSync(home)) return []
  return readdirSync(home, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".jsonl"))
    .map((name) => join(home, name))
}

const callsIn = (file: string): ReadonlyArray<Counted> =>
  readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .flatMap((line) => {
      const { tenant, api, calls, errors } = JSON.parse(line) as {
        readonly tenant: string
        readonly api: string
        readonly calls: number
        readonly errors: number
      }
      return Array.from({ length: calls }, (_, at) => ({ tenant, api, isError: at < errors }))
    })
