// What was asked for on the command line? Wrong words are said in one line.

import { parseArgs } from "node:util"

export interface ChaosOptions {
  readonly minutes: number
  readonly nodes: 3 | 5
  readonly seed: number
  /** Null: a temporary directory that goes away after success. */
  readonly out: string | null
  readonly network: "auto" | "namespaces" | "proxy"
  readonly clients: number
  readonly rate: number
  /** Operations per second that must be held on average while faults run. */
  readonly floor: number
}

export const usage = `bun run chaos [--minutes M] [--nodes 3|5] [--seed S] [--network auto|namespaces|proxy]
               [--clients N] [--rate N] [--floor N] [--out DIR]

Runs a cluster of real node processes under load while nodes are killed and stopped and the network between them is
cut, and checks what the clients saw: linearizable, nothing acknowledged lost, everything executed once, all
replicas equal in the end. Exit code 0 when all of it holds, 1 when not.

  --minutes M   how long faults run; may be a fraction (default: 1)
  --nodes N     3 or 5 (default: 3)
  --seed S      draws the same faults again (default: by chance)
  --network N   namespaces: each node in a network namespace of its own, with a packet filter; wants root on Linux.
                proxy: all nodes on loopback, with a proxy between them. auto: namespaces where they can be had
                (default: auto)
  --clients N   closed loops, each with one operation under way (default: 64)
  --rate N      operations per second that they begin at the most, in bursts (default: 2000)
  --floor N     operations per second that must be held on average while faults run; 0 for none (default: 500)
  --out DIR     where history.jsonl, the nodes' logs and their data go, and stay (default: a temporary directory,
                kept only after a failure)`

/** Null: help was asked for. Throws an Error with the one line to say. */
export const parseOptions = (
  words: ReadonlyArray<string>,
  anySeed: () => number = () => crypto.getRandomValues(new Uint32Array(1))[0]!,
): ChaosOptions | null => {
  const { values } = parseArgs({
    args: [...words],
    options: {
      minutes: { type: "string", default: "1" },
      nodes: { type: "string", default: "3" },
      seed: { type: "string" },
      network: { type: "string", default: "auto" },
      clients: { type: "string", default: "64" },
      rate: { type: "string", default: "2000" },
      floor: { type: "string", default: "500" },
      out: { type: "string" },
      help: { type: "boolean", default: false },
    },
  })
  if (values.help) return null
  const { network } = values
  if (network !== "auto" && network !== "namespaces" && network !== "proxy") {
    throw new Error(`--network: ${network} is none of auto, namespaces, proxy`)
  }
  const nodes = number("--nodes", values.nodes, 1, 1000)
  if (nodes !== 3 && nodes !== 5) throw new Error(`--nodes: 3 or 5, not ${values.nodes}`)
  if (values.out === "") throw new Error("--out: a directory is missing")
  return {
    minutes: number("--minutes", values.minutes, 0.05, 24 * 60, /^\d{1,4}(?:\.\d{1,6})?$/),
    nodes,
    seed: values.seed === undefined ? anySeed() : number("--seed", values.seed, 0, 2 ** 32 - 1),
    out: values.out ?? null,
    network,
    clients: number("--clients", values.clients, 1, 1000),
    rate: number("--rate", values.rate, 1, rateMax),
    floor: number("--floor", values.floor, 0, 1_000_000),
  }
}

/** Nodes remember the newest 100,000 outcomes: a retry that came later than those would be taken for something new. */
const rateMax = 4000

const number = (flag: string, text: string, min: number, max: number, form = /^\d{1,10}$/): number => {
  const value = Number(text)
  if (form.test(text) && value >= min && value <= max) return value
  const whole = form.test("0.5") ? "number" : "whole number"
  throw new Error(`${flag}: ${JSON.stringify(text)} is no ${whole} from ${min} to ${max}`)
}
