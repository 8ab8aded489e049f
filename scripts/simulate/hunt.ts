// How are many seeds run at once, and what do they add up to?

import { join } from "node:path"
import { type Marker, markerNames, markers } from "../../src/simulation/markers.ts"
import type { Result } from "./job.ts"

export interface HuntOptions {
  readonly from: number
  /** Null: until the time is over. */
  readonly seeds: number | null
  readonly minutes: number | null
  readonly nodes: number | null
  readonly jobs: number
  /** A marker that was never seen is a failure. */
  readonly markers: boolean
  readonly first: boolean
  readonly json: boolean
}

/** Each of these is run by two processes, which must come to the same trace. */
const isRunTwice = (seed: number): boolean => seed % 16 === 0

/** Where the seeds come from, and where their results go. */
class Hunt {
  readonly #options: HuntOptions
  readonly #again: Array<{ readonly seed: number; readonly by: number }> = []
  readonly #traces = new Map<number, string>()
  readonly #seen = new Map<Marker, number>()
  readonly #endsAt: number
  readonly failures: Array<Result> = []
  /** Seeds whose second run was another one. */
  readonly unlike: Array<number> = []
  done = 0
  /** Seeds that have been run by two processes. */
  twice = 0
  #next: number
  steps = 0
  virtualMillis = 0
  cpuMillis = 0
  operations = 0
  /** Of members, that came to their end. */
  changes = 0

  constructor(options: HuntOptions) {
    this.#options = options
    this.#next = options.from
    this.#endsAt =
      options.minutes === null ? Number.POSITIVE_INFINITY : performance.now() + options.minutes * 60_000
  }

  /** The next seed for this process to run; null when there is none left for it. */
  take(by: number): number | null {
    const { first, seeds, from } = this.#options
    if (first && this.failures.length > 0) return null
    const isOver = seeds === null ? performance.now() >= this.#endsAt : this.#next >= from + seeds
    if (isOver) {
      const at = this.#again.findIndex((again) => again.by !== by)
      return at === -1 ? null : this.#again.splice(at, 1)[0]!.seed
    }
    const seed = this.#next++
    if (isRunTwice(seed)) this.#again.push({ seed, by })
    return seed
  }

  took(result: Result): void {
    this.cpuMillis += result.cpuMillis
    this.steps += result.steps
    const trace = this.#traces.get(result.seed)
    if (trace !== undefined) {
      this.twice++
      if (trace !== result.trace) this.unlike.push(result.seed)
      return
    }
    this.#traces.set(result.seed, result.trace)
    this.done++
    this.virtualMillis += result.virtualMillis
    for (const count of Object.values(result.operations)) this.operations += count
    this.changes += result.changes
    for (const marker of result.seen) this.#seen.set(marker, (this.#seen.get(marker) ?? 0) + 1)
    if (result.failure !== null) this.failures.push(result)
  }

  get unseen(): ReadonlyArray<Marker> {
    return markerNames.filter((name) => !this.#seen.has(name))
  }

  get rarest(): ReadonlyArray<string> {
    return [...this.#seen]
      .sort((left, right) => left[1] - right[1])
      .slice(0, 5)
      .map(([name, count]) => `${name} (${count})`)
  }
}

export const hunt = async (options: HuntOptions): Promise<number> => {
  const say = options.json ? console.error : console.log
  const beganAt = performance.now()
  const hunt = new Hunt(options)
  const progress = setInterval(() => say(`  ${hunt.done} seeds, ${hunt.failures.length} failed`), 10_000)
  const failed = (result: Result): void => {
    if (options.json) {
      const { checker, message, step } = result.failure!
      console.log(JSON.stringify({ seed: result.seed, step, checker, message }))
    } else say(describe(result, options.nodes))
  }
  const { jobs, nodes } = options
  await Promise.all(Array.from({ length: jobs }, (_, by) => work(hunt, by, nodes, failed)))
  // A process that was alone has left its own to another one.
  if (jobs === 1) await work(hunt, jobs, nodes, failed)
  clearInterval(progress)
  return conclude(hunt, options, (performance.now() - beganAt) / 1000, say)
}

/** One process, kept at work until no seed is left. */
const work = async (
  hunt: Hunt,
  by: number,
  nodes: number | null,
  failed: (result: Result) => void,
): Promise<void> => {
  const first = hunt.take(by)
  // A process without a seed would never say anything, and be waited for.
  if (first === null) return
  const job = Bun.spawn(
    // What was loaded into this process before it began (`--preload`) is loaded there as well.
    [
      process.execPath,
      ...process.execArgv,
      join(import.meta.dir, "..", "simulate.ts"),
      "--job",
      ...(nodes === null ? [] : ["--nodes", String(nodes)]),
    ],
    { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  )
  const give = (seed: number | null): boolean => {
    if (seed === null) return false
    job.stdin.write(`${seed}\n`)
    job.stdin.flush()
    return true
  }
  let isBusy = give(first)
  let text = ""
  const decoder = new TextDecoder()
  for await (const piece of job.stdout) {
    text += decoder.decode(piece, { stream: true })
    const lines = text.split("\n")
    text = lines.pop()!
    for (const line of lines) {
      const result = JSON.parse(line) as Result
      const known = hunt.failures.length
      hunt.took(result)
      if (hunt.failures.length > known) failed(result)
      isBusy = give(hunt.take(by))
    }
    if (!isBusy) break
  }
  job.stdin.end()
  if ((await job.exited) !== 0 || isBusy) throw new Error("a process of the hunt has died")
}

const conclude = (hunt: Hunt, options: HuntOptions, seconds: number, say: (line: string) => void): number => {
  const { done, twice, failures, unlike, unseen, steps, cpuMillis, virtualMillis } = hunt
  say(
    `${done} seeds in ${seconds.toFixed(0)} s: ${steps} events (a task run on one of the simulated processes), ` +
      `${Math.round(steps / (cpuMillis / 1000))} per CPU second with all checkers on; ` +
      `${(virtualMillis / 3_600_000).toFixed(1)} hours of virtual time, ${hunt.operations} operations of clients, ` +
      `${hunt.changes} changes of members`,
  )
  if (unlike.length > 0) say(`seeds that were not the same twice: ${unlike.join(", ")}`)
  else say(`${twice} seeds were run once more, by another process, and were the same`)
  say(unseen.length === 0 ? `every marker was seen; rarest: ${hunt.rarest.join(", ")}` : "never seen:")
  for (const name of unseen) say(`  ${name}: ${markers[name]}`)
  say(`${done - failures.length} passed, ${failures.length} failed`)
  const lacks = options.markers && unseen.length > 0
  return failures.length === 0 && unlike.length === 0 && !lacks ? 0 : 1
}

const describe = ({ seed, failure }: Result, nodes: number | null): string => {
  const { checker, message, step, atMillis, nodes: at } = failure!
  const again = `./bunw run simulate --seed ${seed}${nodes === null ? "" : ` --nodes ${nodes}`}`
  return `seed ${seed}, step ${step}, ${atMillis} ms: ${checker}: ${message}\n${at}\n  again: ${again}\n  less:  ${again} --shrink FILE`
}
