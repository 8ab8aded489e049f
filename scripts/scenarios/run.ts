// How does one scenario go, and what came of it?
//
//   load ────────────────────────────────────────────────▶
//        before (1/5)   during: what is done (3/5)   after (1/5)   → checks

import { mkdirSync } from "node:fs"
import { join } from "node:path"
import type { Network } from "../chaos/Network.ts"
import { differencesOf } from "./equal.ts"
import { checkFiles } from "./files.ts"
import { Leaders } from "./Leaders.ts"
import { type Call, Load } from "./Load.ts"
import type { Scenario } from "./plans.ts"
import { World } from "./World.ts"

export interface ScenarioReport {
  readonly number: number
  readonly title: string
  readonly network: Network["kind"]
  readonly seconds: number
  readonly operations: number
  /** Each in words, the first of them. */
  readonly errors: ReadonlyArray<string>
  readonly wrongs: ReadonlyArray<string>
  /** The longest time in which no client had an answer. */
  readonly longestPauseMillis: number
  readonly p99Millis: { readonly before: number; readonly during: number; readonly after: number }
  /** How many leaderships were seen, in how many of which there were two at once: none, or the scenario has failed. */
  readonly leaderships: number
  readonly twins: ReadonlyArray<string>
  readonly differences: ReadonlyArray<string>
  /** How many files there were, and what was wrong with them. */
  readonly files: number
  readonly wrongFiles: ReadonlyArray<string>
  readonly isGreen: boolean
}

export interface RunOptions {
  readonly scenario: Scenario
  readonly network: Network
  readonly directory: string
  readonly seconds: number
  readonly say: (line: string) => void
}

const actors = join(import.meta.dir, "../../actors")

export const runScenario = async (options: RunOptions): Promise<ScenarioReport> => {
  const { scenario, network, directory, seconds, say } = options
  const { number, title, service, nodes, hit } = scenario
  mkdirSync(directory, { recursive: true })
  const millis = seconds * 1000
  const hitMillis = 0.6 * millis
  const metering = join(directory, "metering")
  const environment = { RAFTLET_METERING_DIR: metering }
  const world = new World({ network, directory, actors, environment, service, nodes, hitMillis, say })
  const failures: Array<string> = []
  const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      failures.push(`${what}: ${error instanceof Error ? error.message : error}`)
    }
  }
  try {
    await world.begin()
    const leaders = new Leaders(() => world.running)
    const load = new Load({ urls: world.urls, nodes: () => world.running })
    await load.begin()
    const began = performance.now()
    await Bun.sleep(0.2 * millis)
    const hitAt = performance.now()
    await attempt("what was to happen did not", () => hit(world))
    const healedAt = performance.now()
    await Bun.sleep(0.2 * millis)
    const ended = performance.now()
    await load.stop()
    await leaders.stop()
    say("checking")
    const differences: Array<string> = []
    await attempt("replicas", async () => differences.push(...(await differencesOf(world.running))))
    const { calls, errors, wrongs } = load
    // Who was not let in belongs to nobody, and is counted nowhere.
    const files = await checkFiles(
      metering,
      calls.filter(({ status }) => status !== 401),
    )
    const within = (from: number, to: number) => calls.filter(({ end }) => end >= from && end < to)
    const report = {
      number,
      title,
      network: network.kind,
      seconds: Math.round((ended - began) / 1000),
      operations: calls.length,
      errors: [...failures, ...errors],
      wrongs: wrongs.shown,
      longestPauseMillis: longestPause(within(began, ended), began, ended),
      p99Millis: {
        before: p99(within(began, hitAt)),
        during: p99(within(hitAt, healedAt)),
        after: p99(within(healedAt, ended)),
      },
      leaderships: leaders.count,
      twins: leaders.twins,
      differences,
      files: files.count,
      wrongFiles: files.wrongs,
    }
    const bad = [report.errors, report.wrongs, report.twins, report.differences, report.wrongFiles]
    return { ...report, isGreen: calls.length > 0 && bad.every((list) => list.length === 0) }
  } finally {
    await world.end()
  }
}

const longestPause = (calls: ReadonlyArray<Call>, began: number, ended: number): number => {
  const ends = [began, ...calls.map(({ end }) => end).sort((a, b) => a - b), ended]
  return Math.max(...ends.slice(1).map((end, at) => end - ends[at]!))
}

const p99 = (calls: ReadonlyArray<Call>): number => {
  const sorted = calls.map(({ start, end }) => end - start).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length * 0.99)] ?? 0
}
