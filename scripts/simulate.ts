// `bun run simulate`: does any seed break a promise? Whole clusters on virtual time, one seed after the other.

import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { hunt } from "./simulate/hunt.ts"
import { serve } from "./simulate/job.ts"
import { readScript, replay, replaySeed } from "./simulate/replay.ts"

const usage = `bun run simulate [--seeds N] [--from S] [--minutes M] [--nodes N] [--jobs J]
bun run simulate --seed S [--shrink FILE]
bun run simulate --script FILE [--shrink FILE]

Runs whole clusters, their clients, their disks and their network in a deterministic simulation: the same seed is
the same run, on any machine. Every step is checked against the promises of Raft, and everything that clients saw
against a single machine that never fails.

  --seeds N      so many seeds (100)
  --from S       beginning with this one (1)
  --minutes M    instead of a number of seeds: for so long
  --nodes N      clusters of so many voters; otherwise each seed draws its own
  --jobs J       processes (as many as this machine has cores)
  --markers      fail also when a situation that the hunt must meet was never met
  --first        stop at the first failure
  --json         one line of JSON for each failure, on stdout
  --seed S       this one alone, with all that it shows
  --script FILE  a script that was kept, as --shrink writes it
  --shrink FILE  look for the least that still fails, and keep it there
  --runs N       how often shrinking may run the script (400)`

const fail = (message: string): never => {
  console.error(`simulate: ${message}`)
  process.exit(2)
}

const readOptions = () => {
  try {
    return parseArgs({
      options: {
        seeds: { type: "string" },
        from: { type: "string", default: "1" },
        minutes: { type: "string" },
        nodes: { type: "string" },
        jobs: { type: "string", default: String(availableParallelism()) },
        markers: { type: "boolean", default: false },
        first: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        seed: { type: "string" },
        script: { type: "string" },
        shrink: { type: "string" },
        runs: { type: "string", default: "400" },
        job: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values
  } catch (error) {
    return fail(error instanceof Error ? error.message.split("\n")[0]! : String(error))
  }
}

const main = async (): Promise<number> => {
  const options = readOptions()
  const whole = (name: string, text: string, least: number): number => {
    const value = Number(text)
    return Number.isSafeInteger(value) && value >= least
      ? value
      : fail(`--${name} takes a whole number from ${least}, not "${text}"`)
  }
  if (options.help) {
    console.log(usage)
    return 0
  }
  const nodes = options.nodes === undefined ? null : whole("nodes", options.nodes, 1)
  const shrink =
    options.shrink === undefined ? null : { file: options.shrink, runsMax: whole("runs", options.runs, 1) }
  if (options.job) return await serve(nodes)
  if (options.seed !== undefined && options.script !== undefined) return fail("--seed or --script, not both")
  if (options.seed !== undefined || options.script !== undefined) {
    const many = (["seeds", "minutes"] as const).find((name) => options[name] !== undefined)
    if (many !== undefined) return fail(`--${many} goes without --seed and --script, which run one alone`)
  }
  if (options.seed !== undefined) return replaySeed(whole("seed", options.seed, 0), nodes, shrink)
  if (options.script !== undefined) {
    const script = readScript(options.script)
    return typeof script === "string" ? fail(script) : replay(script, `--script ${options.script}`, shrink)
  }
  if (shrink !== null) return fail("--shrink goes with --seed or --script")
  const minutes = options.minutes === undefined ? null : Number(options.minutes)
  if (minutes !== null && !(minutes > 0))
    return fail(`--minutes takes a number above 0, not "${options.minutes}"`)
  if (minutes !== null && options.seeds !== undefined) return fail("--seeds or --minutes, not both")
  return await hunt({
    from: whole("from", options.from, 0),
    seeds: minutes === null ? whole("seeds", options.seeds ?? "100", 1) : null,
    minutes,
    nodes,
    jobs: whole("jobs", options.jobs, 1),
    markers: options.markers,
    first: options.first,
    json: options.json,
  })
}

process.exit(await main())
