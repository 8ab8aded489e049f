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

/** From the first seed on, until one is red that is green without the bug. */
const simulate = async (laboratory: Laboratory, plant: Plant): Promise<Verdict> => {
  const { seeds } = laboratory
  for (let from = 1; from <= seeds; ) {
    const found = await hunt(laboratory, plant.id, from, seeds - from + 1)
    if (found === null) break
    if (typeof found === "string") return { kind: "broken", reason: found }
    if (await isGreen(laboratory, found.seed)) return { kind: "simulation", seeds: found.seed, ...found }
    from = found.seed + 1
  }
  return { kind: "missed", seeds }
}

type Red = Pick<Extract<Verdict, { kind: "simulation" }>, "seed" | "checker" | "message">

/** Null: all green. A text: why that cannot be said. */
const hunt = async (
  laboratory: Laboratory,
  id: string,
  from: number,
  count: number,
): Promise<Red | string | null> => {
  // One seed after the other, or the first to fail would not be the first.
  const how = ["--from", `${from}`, "--seeds", `${count}`, "--jobs", "1", "--first", "--json"]
  const { code, stdout, stderr, problem } = await runPlanted(laboratory, [laboratory.simulation, ...how], id)
  if (problem !== null) return problem
  if (code === 0) return null
  const red = stdout
    .split("\n")
    .map(redIn)
    .find((found) => found !== null)
  return code === 1 && red !== undefined ? red : `exit code ${code}: ${lastLines(stderr)}`
}

const green = new Map<number, Promise<boolean>>()

const isGreen = (laboratory: Laboratory, seed: number): Promise<boolean> => {
  const known = green.get(seed) ?? hunt(laboratory, "", seed, 1).then((found) => found === null)
  green.set(seed, known)
  return known
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
    // A group of their own: a bug may make any of them run for ever.
    detached: true,
  })
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    process.kill(-child.pid, "SIGKILL")
  }, minutesMax * 60_000)
  running.add(child.pid)
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  running.delete(child.pid)
  clearTimeout(timer)
  if (isLate) return { code, stdout, stderr, problem: `no answer within ${minutesMax} minutes` }
  return { code, stdout, stderr, problem: code === misfitExitCode ? stderr.trim() : null }
}

const running = new Set<number>()

/** Ends what is under way; for whoever is told to stop. */
export const stopAll = (): void => {
  for (const pid of running) process.kill(-pid, "SIGKILL")
}

/** One line of the simulation's, if it is one that tells of a failure. */
const redIn = (line: string): Red | null => {
  if (!line.startsWith("{")) return null
  const { seed, checker, message } = JSON.parse(line) as Record<string, unknown>
  return typeof seed === "number" && typeof checker === "string"
    ? { seed, checker, message: `${message}` }
    : null
}

const lastLines = (text: string): string => text.trim().split("\n").slice(-5).join("\n")

const preload = "scripts/plants/preload.ts"
