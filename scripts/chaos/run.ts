// What does a cluster of real processes do for its clients while everything goes wrong that may go wrong, and did it
// keep its promises?

import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { checkHistory } from "../../src/simulation/checkHistory.ts"
import { Cluster } from "../../test/process/support/Cluster.ts"
import { until } from "../../test/process/support/wait.ts"
import { Clients } from "./Clients.ts"
import { broken, differences, sharedEntries, silentAlarms } from "./finals.ts"
import { History } from "./History.ts"
import type { Actor } from "./Instances.ts"
import type { Network } from "./Network.ts"
import { describeFault, type FaultKind, spells, withLeader } from "./plan.ts"
import { begin, end } from "./spell.ts"

export interface RunOptions {
  /** How long faults run. */
  readonly millis: number
  readonly seed: number
  readonly clients: number
  readonly rate: number
  /** An own one of this run. */
  readonly directory: string
  readonly network: Network
  /** Says what happens, as it happens. */
  readonly say: (line: string) => void
}

export interface ChaosReport {
  /** From before the first fault until the last one was over and all nodes were ready again. */
  readonly faultMillis: number
  /** Answered in that time, and in those parts of it in which a fault was in force. */
  readonly perSecond: number
  readonly perSecondInFaults: number
  /** The longest time in which nobody was answered. */
  readonly longestPauseMillis: number
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>
  readonly outcomes: Readonly<Record<string, number>>
  readonly setbacks: Readonly<Record<string, number>>
  readonly instances: number
  readonly checkMillis: number
  /** Every promise that was broken. */
  readonly violations: ReadonlyArray<string>
}

const actors: ReadonlyArray<Actor> = ["register", "counter", "list", "alarm"]
const actorsDirectory = join(import.meta.dir, "../../src/simulation/actors")

/** Ends with no process of its own running; the network is its owner's. */
export const runChaos = async (options: RunOptions): Promise<ChaosReport> => {
  const { directory, network } = options
  mkdirSync(directory, { recursive: true })
  const cluster = new Cluster(network.places, { directory, actors: actorsDirectory })
  const history = new History(join(directory, "history.jsonl"))
  try {
    for (const node of cluster.nodes) node.start()
    await ready(cluster)
    return await new Run(options, cluster, history).live()
  } finally {
    await history.close()
    await cluster.remove()
  }
}

class Run {
  readonly #options: RunOptions
  readonly #cluster: Cluster
  readonly #history: History
  readonly #clients: Clients
  readonly #violations: Array<string> = []
  readonly #faults: Partial<Record<FaultKind, number>> = {}
  readonly #beganAt = performance.now()
  /** What is wrong at present, in words. */
  #present = calm
  #answeredBefore = 0

  constructor(options: RunOptions, cluster: Cluster, history: History) {
    this.#options = options
    this.#cluster = cluster
    this.#history = history
    const nodes = options.network.places.map(({ id, clientAddress: address }) => ({ id, address }))
    const { clients: count, rate: perSecondMax, seed } = options
    this.#clients = new Clients({ nodes, history, count, perSecondMax, seed })
  }

  async live(): Promise<ChaosReport> {
    const held = await this.#hold()
    await this.#clients.stop()
    if (this.#violations.length === 0) await this.#expectAgreement()
    const checkedAt = performance.now()
    this.#violations.push(
      ...this.#clients.unexpected,
      ...checkHistory(this.#history.operations).map(({ message, evidence }) => `${message}\n${evidence}`),
    )
    return {
      ...held,
      faults: this.#faults,
      outcomes: countBy(this.#history.operations, ({ outcome }) => outcome),
      setbacks: this.#clients.setbacks,
      instances: this.#clients.instances.all.length,
      checkMillis: performance.now() - checkedAt,
      violations: this.#violations,
    }
  }

  /** One spell after the other until the time is over, or until a node does not come back. */
  async #hold(): Promise<
    Pick<ChaosReport, "faultMillis" | "perSecond" | "perSecondInFaults" | "longestPauseMillis">
  > {
    const { network, seed, millis } = this.#options
    const ids = this.#cluster.nodes.map(({ id }) => id)
    let inFaults = 0
    let inFaultsMillis = 0
    const before = this.#clients.answered
    const from = performance.now()
    const progress = setInterval(() => this.#sayProgress(), progressMillis)
    try {
      for (const spell of spells({ seed, ids, delays: network.delays })) {
        const left = from + millis - performance.now() - spell.calmMillis
        if (left < spellMillisMin) break
        const spellMillis = Math.min(spell.millis, Math.round(left))
        await Bun.sleep(spell.calmMillis)
        const faults = spell.faults.map((fault) => withLeader(fault, this.#clients.leader))
        this.#present = faults.map(describeFault).join(" and ")
        this.#say(`${this.#present}, for ${spellMillis} ms`)
        const [answered, beganAt] = [this.#clients.answered, performance.now()]
        await this.#clients.nextAnswer(500)
        await begin(this.#cluster, network, faults)
        await Bun.sleep(spellMillis)
        inFaults += this.#clients.answered - answered
        inFaultsMillis += performance.now() - beganAt
        await end(this.#cluster, network, faults)
        this.#present = calm
        for (const { kind } of faults) this.#faults[kind] = (this.#faults[kind] ?? 0) + 1
        await ready(this.#cluster)
      }
    } catch (error) {
      this.#violations.push(`the cluster does not recover: ${error instanceof Error ? error.message : error}`)
    } finally {
      clearInterval(progress)
    }
    const faultMillis = performance.now() - from
    if (this.#clients.answered === before) this.#violations.push("nobody was answered while faults ran")
    return {
      faultMillis,
      perSecond: ((this.#clients.answered - before) / faultMillis) * 1000,
      perSecondInFaults: (inFaults / Math.max(1, inFaultsMillis)) * 1000,
      longestPauseMillis: this.#clients.longestPauseMillis,
    }
  }

  async #expectAgreement(): Promise<void> {
    const { operations } = this.#history
    try {
      await this.#clients.lastLook()
      await until("all alarms to have rung", async () => {
        const [first] = await this.#cluster.contents("alarm")
        return silentAlarms(operations, first!.instances) === 0 || null
      })
      for (const actor of actors) {
        const contents = await this.#cluster.contents(actor)
        this.#violations.push(
          ...differences(actor, contents),
          ...broken(actor, operations, contents[0]!.instances),
        )
      }
      this.#violations.push(...sharedEntries(operations))
    } catch (error) {
      this.#violations.push(`the replicas do not agree: ${error instanceof Error ? error.message : error}`)
    }
  }

  #sayProgress(): void {
    const { answered, leader } = this.#clients
    const perSecond = ((answered - this.#answeredBefore) / progressMillis) * 1000
    this.#answeredBefore = answered
    this.#say(`${Math.round(perSecond)} operations/s, leader ${leader ?? "unknown"}, ${this.#present}`)
  }

  #say(line: string): void {
    const seconds = ((performance.now() - this.#beganAt) / 1000).toFixed(1)
    this.#options.say(`${seconds.padStart(6)} s  ${line}`)
  }
}

const calm = "no fault"
const progressMillis = 5000
/** What is left of the time when no more fits. */
const spellMillisMin = 200

/** Every process runs and knows a leader. */
const ready = async (cluster: Cluster): Promise<void> => {
  await Promise.all(cluster.nodes.map((node) => node.ready(recoveryMillisMax)))
}

const recoveryMillisMax = 30_000

const countBy = <A>(
  values: ReadonlyArray<A>,
  kindOf: (value: A) => string,
): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const value of values) counts[kindOf(value)] = (counts[kindOf(value)] ?? 0) + 1
  return counts
}
