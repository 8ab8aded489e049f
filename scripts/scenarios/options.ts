// What was asked for on the command line? Wrong words are said in one line.

import { parseArgs } from "node:util"
import { scenarios } from "./plans.ts"

export interface ScenarioOptions {
  readonly only: ReadonlyArray<number>
  /** Of load in each. */
  readonly seconds: number
  readonly network: "auto" | "namespaces" | "proxy"
  /** Where the report goes, as Markdown and as JSON; null: it is printed alone. */
  readonly report: string | null
}

export const usage = `bun run scenarios [--only N,N] [--seconds S] [--network auto|namespaces|proxy] [--report FILE]

Eight scenarios, each with a cluster of real processes of its own. Clients publish and subscribe authenticated
messages all the time (actors/topic, with actors/auth and actors/metering), while the leader of the service and
others are killed, cut off, added and removed. A scenario fails on any wrong answer, on any error that a client saw,
on two leaders in one term, on replicas that differ, and on metering files that are not what clients were told.
Exit code 0 when all are green, 1 when not.

${scenarios.map(({ number, title }) => `  ${number}  ${title}`).join("\n")}

  --only N,N    these alone (default: all)
  --seconds S   of load in each, at least 10 (default: 60)
  --network N   namespaces: each node in a network namespace of its own, with a packet filter; wants root on Linux.
                proxy: all nodes on loopback, with a proxy between them. auto: namespaces where they can be had
                (default: auto)
  --report F    writes F.md and F.json`

/** Null: help was asked for. Throws an Error with the one line to say. */
export const parseOptions = (words: ReadonlyArray<string>): ScenarioOptions | null => {
  const { values } = parseArgs({
    args: [...words],
    options: {
      only: { type: "string" },
      seconds: { type: "string", default: "60" },
      network: { type: "string", default: "auto" },
      report: { type: "string" },
      help: { type: "boolean", default: false },
    },
  })
  if (values.help) return null
  const { network } = values
  if (network !== "auto" && network !== "namespaces" && network !== "proxy")
    throw new Error(`--network: ${network} is none of auto, namespaces, proxy`)
  if (!/^[1-9]\d{1,3}$/.test(values.seconds) || Number(values.seconds) > 3600)
    throw new Error(`--seconds: ${JSON.stringify(values.seconds)} is no whole number from 10 to 3600`)
  if (values.report === "") throw new Error("--report: a file is missing")
  const numbers = scenarios.map(({ number }) => number)
  const only = values.only?.split(",").map(Number) ?? numbers
  const unknown = only.find((number) => !numbers.includes(number))
  if (unknown !== undefined) throw new Error(`--only: ${values.only} is no list of numbers from 1 to 8`)
  return { only, seconds: Number(values.seconds), network, report: values.report ?? null }
}
