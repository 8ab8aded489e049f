// Does any order of events break a promise? Runs of whole clusters, one seed each; a failing seed is a replay.

import type { Limits } from "../../src/consensus/node.ts"
import { isResting } from "../../src/consensus/quiet.ts"
import type { Configuration, NodeId } from "../../src/consensus/types.ts"
import { Cluster, type Faults } from "./Cluster.ts"
import type { Host } from "./Host.ts"
import { Random } from "./Random.ts"

export type Shape = "three" | "five" | "joint" | "learner" | "one" | "two"

export const shapes: ReadonlyArray<Shape> = ["three", "five", "joint", "learner", "one", "two"]

const configurationOf: Record<Shape, Configuration> = {
  one: configuration({ voters: ["a"] }),
  two: configuration({ voters: ["a", "b"] }),
  three: configuration({ voters: ["a", "b", "c"] }),
  five: configuration({ voters: ["a", "b", "c", "d", "e"] }),
  joint: configuration({ voters: ["a", "b", "c"], outgoing: ["c", "d", "e"] }),
  learner: configuration({ voters: ["a", "b", "c"], learners: ["d"] }),
}

function configuration(of: {
  readonly voters: ReadonlyArray<NodeId>
  readonly outgoing?: ReadonlyArray<NodeId>
  readonly learners?: ReadonlyArray<NodeId>
}): Configuration {
  return { outgoing: [], learners: [], learnersNext: [], addresses: {}, ...of }
}

/** Small on purpose: windows are full, memory is short and logs are cut all the time. */
const limits: Limits = {
  electionTimeoutMinMillis: 150,
  electionTimeoutMaxMillis: 300,
  heartbeatMillis: 30,
  clockDriftMillis: 10,
  appendEntriesMax: 3,
  appendBytesMax: 200,
  inFlightMessagesMax: 3,
  inFlightBytesMax: 400,
  cacheBytesMax: 200,
  quietBeatsMin: 5,
}

/** Each seed has its own weather: what never comes lets other things go far (swarm testing). */
const faultsOf = (random: Random): Faults => {
  const often = (most: number) => (random.chance(0.3) ? 0 : random.next() * most)
  return {
    drop: often(0.3),
    duplicate: often(0.2),
    reorder: often(0.6),
    crash: often(1.5),
    damage: random.chance(0.6) ? 0 : often(1),
    damageMany: random.chance(0.2),
    partition: often(2),
    pause: often(1.5),
    compact: often(1),
    slowDisk: often(0.8),
    batching: often(0.8),
    drift: random.chance(0.5),
    fullDisk: random.chance(0.5) ? 0 : often(0.5),
  }
}

const calm: Faults = {
  drop: 0,
  duplicate: 0,
  reorder: 0,
  crash: 0,
  damage: 0,
  damageMany: false,
  partition: 0,
  pause: 0,
  compact: 0,
  slowDisk: 0,
  batching: 0,
  drift: false,
  fullDisk: 0,
}

/** A cluster to which nothing happens but what a test does. */
export const calmCluster = (shape: Shape, seed: number): Cluster =>
  new Cluster({ seed, configuration: configurationOf[shape], limits, faults: { ...calm } })

/**
 * Times in which much happens and times in which nobody wants anything, and most of what goes wrong goes wrong in these.
 * Gives back how often all nodes rested at once. Throws what it found.
 */
export const runQuietly = (shape: Shape, seed: number): number => {
  const faults: Faults = {
    ...faultsOf(new Random(seed ^ 0x5bd1e995)),
    damage: 0,
    damageMany: false,
    rests: true,
  }
  const cluster = new Cluster({ seed, configuration: configurationOf[shape], limits, faults })
  const { random } = cluster
  let rests = 0
  try {
    for (let round = 0; round < 6; round++) {
      for (let count = random.between(0, 300); count > 0; count--) cluster.step()
      const [from, to] = [random.between(0, 3_000), 4_000]
      let isCounted = false
      for (let millis = 0; millis < to; millis++) {
        cluster.passCalmly()
        const doAllRest = cluster.hosts.every(({ node }) => node !== null && isResting(node))
        if (doAllRest && !isCounted) rests++
        isCounted ||= doAllRest
        if (millis < from || !random.chance(0.002)) continue
        const host = random.pick(cluster.hosts)
        disturb(cluster, host)
      }
      cluster.cut([])
      for (const host of cluster.hosts) if (host.node === null) host.start()
    }
    cluster.settle()
  } catch (error) {
    throw new Error(`shape ${shape}, seed ${seed}: ${error}\n${cluster.describe()}`, { cause: error })
  }
  return rests
}

const disturb = (cluster: Cluster, host: Host): void => {
  const { random } = cluster
  const deeds: ReadonlyArray<() => void> = [
    () => cluster.partition(),
    () => {
      host.pausedUntil = cluster.time + random.between(50, 1_500)
    },
    () => host.node !== null && cluster.propose(host),
    () => host.node !== null && cluster.read(host),
    () => {
      if (host.node !== null) host.crash()
      if (random.chance(0.5)) host.start()
    },
  ]
  random.pick(deeds)()
}

/** One run. Throws what it found, with the way to see it again. */
export const run = (shape: Shape, seed: number, steps: number): Cluster => {
  const faults = faultsOf(new Random(seed ^ 0x5bd1e995))
  const cluster = new Cluster({ seed, configuration: configurationOf[shape], limits, faults })
  let count = 0
  try {
    for (; count < steps; count++) cluster.step()
    if (!faults.damageMany) cluster.settle()
  } catch (error) {
    const where = `shape ${shape}, seed ${seed}, step ${count} of ${steps}`
    const again = `RAFTLET_SHAPE=${shape} RAFTLET_SEED=${seed} bun test test/consensus/hunt.test.ts`
    throw new Error(`${where}: ${error}\nagain: ${again}\n${cluster.describe()}`, { cause: error })
  }
  return cluster
}
