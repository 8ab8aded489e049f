// Is one planted bug caught, how soon, and by whom? Runs the simulation, or the test that the plant names, in a
// process of its own that has the bug.

import { join } from "node:path"
import type { NamedTest, Plant } from "./Plant.ts"

export type Verdict =
  /** The simulation went red at `seed`, after `seeds` of them. */
  | {
      readonly kind: "simulation"
      readonly seed: number
      readonly seeds: number
      readonly checker: string
      readonly message: string
    }
  | { readonly kind: "test"; readonly file: string; readonly title: string }
  | { readonly kind: "missed"; readonly seeds: number | null }
  /** Nothing can be said: the patch does not fit, or the program broke without naming what it found. */
  | { readonly kind: "broken"; readonly reason: string }

export interface Laboratory {
  readonly root: string
  /** Runs seeds 1, 2, … up to `--seeds N`; see `./bunw run simulate --help`. */
  readonly simulation: string
  readonly seeds: number
  /** Per plant. */
  readonly minutesMax: number
}

/** The preload ends with it when its patch does not fit. */
export const misfitExitCode = 70

export const tryPlant = async (laboratory: Laboratory, plant: Plant): Promise<Verdict> =>
  plant.test === undefined
    ? await simulate(laboratory, plant)
    : await runTest(laboratory, plant.test, plant.id)

/** Null: it is green without any bug, as it must be before its red proves anything. */
export const objectionTo = async (laboratory: Laboratory, test: NamedTest): Promise<string | null> => {
  const verdict = await runTest(laboratory, test, "")
  if (verdict.kind === "missed") return null
  return verdict.kind === "broken" ? verdict.reason : `${test.file} is red without the bug`
}

const simulate = async (laboratory: Laboratory, plant: Plant): Promise<Verdict> => {
  const { simulation, seeds } = laboratory
  // One seed after the other, or the first to fail would not be the first.
  const args = [simulation, "--seeds", `${seeds}`, "--jobs", "1", "--first", "--json"]
  const ended = await runPlanted(laboratory, args, plant.id)
  if (ended.problem !== null) return { kind: "broken", reason: ended.problem }
  if (ended.code === 0) return { kind: "missed", seeds }
  const failure = ended.stdout
    .split("\n")
    .map(failureIn)
    .find((found) => found !== null)
  if (ended.code !== 1 || failure === undefined) {
    return { kind: "broken", reason: `exit code ${ended.code}: ${lastLines(ended.stderr)}` }
  }
  return { kind: "simulation", seeds: failure.seed, ...failure }
}

const runTest = async (laboratory: Laboratory, test: NamedTest, id: string): Promise<Verdict> => {
  const args = ["test", test.file, "--test-name-pattern", RegExp.escape(test.name)]
  const { code, stderr, problem } = await runPlanted(laboratory, args, id)
  if (problem !== null) return { kind: "broken", reason: problem }
  if (code === 0) return { kind: "missed", seeds: null }
  const title = /^\(fail\) (.*?)(?: \[[\d.]+ ?m?s\])?$/m.exec(stderr)?.[1]
  return title === undefined
    ? { kind: "broken", reason: `exit code ${code}: ${lastLines(stderr)}` }
    : { kind: "test", file: test.file, title }
}

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** It did not come to an end that says anything. */
  readonly problem: string | null
}

/** `id` empty: without a bug. */
const runPlanted = async (
  { root, minutesMax }: Laboratory,
  args: ReadonlyArray<string>,
  id: string,
): Promise<Ended> => {
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: root,
    // Also the processes that this one starts are to have the bug.
    env: { ...process.env, RAFTLET_PLANT: id, BUN_OPTIONS: `--preload=${join(root, preload)}` },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: minutesMax * 60_000,
    killSignal: "SIGKILL",
  })
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, stdout, stderr, problem: problemOf(child.signalCode, code, stderr, minutesMax) }
}

const problemOf = (signal: unknown, code: number, stderr: string, minutesMax: number): string | null => {
  if (signal === "SIGKILL") return `no answer within ${minutesMax} minutes`
  return code === misfitExitCode ? stderr.trim() : null
}

/** One line of the simulation's, if it is one that tells of a failure. */
const failureIn = (
  line: string,
): Pick<Extract<Verdict, { kind: "simulation" }>, "seed" | "checker" | "message"> | null => {
  if (!line.startsWith("{")) return null
  const { seed, checker, message } = JSON.parse(line) as Record<string, unknown>
  return typeof seed === "number" && typeof checker === "string"
    ? { seed, checker, message: `${message}` }
    : null
}

const lastLines = (text: string): string => text.trim().split("\n").slice(-5).join("\n")

const preload = "scripts/plants/preload.ts"
