// Does a cluster serve whenever it can? Fixed failures, a whole cluster each, on virtual time.

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import type { Cluster } from "./Cluster.ts"
import type { Host } from "./Host.ts"
import { calmCluster, type Shape } from "./hunt.ts"
import { Random } from "./Random.ts"

// What is preloaded counts for the first file of a run only.
setDefaultTimeout(60_000)

const electionTimeoutMaxMillis = 300

const pass = (cluster: Cluster, millis: number): void => {
  for (const until = cluster.time + millis; cluster.time < until; ) cluster.passCalmly()
}

/** Who leads in the newest term, and still does as far as it knows. */
const leaderOf = (cluster: Cluster): Host | undefined =>
  cluster.hosts
    .filter(({ node }) => node?.role.kind === "leader")
    .sort((one, other) => other.node!.term - one.node!.term)[0]

const highestTerm = (cluster: Cluster): number =>
  Math.max(...cluster.hosts.map(({ node }) => node?.term ?? 0))

/** Waits for a leader; gives back how long it took. */
const elects = (cluster: Cluster, atMostMillis: number): number => {
  const from = cluster.time
  while (leaderOf(cluster) === undefined && cluster.time - from < atMostMillis) pass(cluster, 5)
  return cluster.time - from
}

/** Whoever leads takes a proposal every now and then; gives back how far the commit came meanwhile. */
const serves = (cluster: Cluster, millis: number): number => {
  const before = cluster.checker.committedIndex
  for (const until = cluster.time + millis; cluster.time < until; pass(cluster, 20))
    for (const host of cluster.hosts)
      if (host.isRunning && host.node!.role.kind === "leader") cluster.propose(host)
  return cluster.checker.committedIndex - before
}

const linksOf = (cluster: Cluster): ReadonlyArray<string> => {
  const ids = cluster.hosts.map(({ id }) => id)
  return ids.flatMap((from) => ids.filter((to) => to !== from).map((to) => `${from}>${to}`))
}

/** All links of a node, in and out. */
const around = (cluster: Cluster, id: string): ReadonlyArray<string> =>
  linksOf(cluster).filter((link) => link.split(">").includes(id))

describe("a leader is found", () => {
  for (const shape of ["one", "two", "three", "five", "joint", "learner"] as const satisfies Array<Shape>) {
    test(`${shape}: in a fresh cluster within ten election timeouts, whatever the chance (E14)`, () => {
      const took: Array<number> = []
      for (let seed = 1; seed <= 200; seed++)
        took.push(elects(calmCluster(shape, seed), 10 * electionTimeoutMaxMillis))
      expect(Math.max(...took)).toBeLessThan(10 * electionTimeoutMaxMillis)
      // Mostly at the first attempt.
      expect(took.sort((a, b) => a - b)[100]!).toBeLessThan(2 * electionTimeoutMaxMillis)
    })
  }

  test("after the leader stops, within a few election timeouts (E14)", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const cluster = calmCluster("three", seed)
      elects(cluster, 3000)
      leaderOf(cluster)!.crash()
      expect(elects(cluster, 3000)).toBeLessThan(6 * electionTimeoutMaxMillis)
      expect(serves(cluster, 200)).toBeGreaterThan(0)
    }
  })
})

describe("a healthy leader goes on leading", () => {
  test("when a node comes back that was cut off: its term has not grown (E7)", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = calmCluster("three", seed)
      elects(cluster, 3000)
      serves(cluster, 500)
      const leader = leaderOf(cluster)!
      const term = leader.node!.term
      const away = cluster.hosts.find((host) => host !== leader)!
      cluster.cut(around(cluster, away.id))
      expect(serves(cluster, 5000)).toBeGreaterThan(100)
      cluster.cut([])
      expect(serves(cluster, 2000)).toBeGreaterThan(50)
      expect(leaderOf(cluster)).toBe(leader)
      expect(highestTerm(cluster)).toBe(term)
    }
  })

  test("when a node hears nobody but is heard by all (E7, E10)", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = calmCluster("five", seed)
      elects(cluster, 3000)
      serves(cluster, 500)
      const leader = leaderOf(cluster)!
      const deaf = cluster.hosts.find((host) => host !== leader)!
      cluster.cut(linksOf(cluster).filter((link) => link.endsWith(`>${deaf.id}`)))
      const term = highestTerm(cluster)
      expect(serves(cluster, 5000)).toBeGreaterThan(100)
      expect(leaderOf(cluster)).toBe(leader)
      expect(highestTerm(cluster)).toBe(term)
    }
  })
})

describe("links fail for good, one way or both, and some majority is still linked among itself", () => {
  /** The nodes of which each hears each, if they are enough. */
  const hasLinkedMajority = (cluster: Cluster, cut: ReadonlySet<string>): boolean => {
    const ids = cluster.hosts.map(({ id }) => id)
    for (let chosen = 0; chosen < 2 ** ids.length; chosen++) {
      const group = ids.filter((_, at) => chosen & (1 << at))
      const isLinked = group.every((from) => group.every((to) => !cut.has(`${from}>${to}`)))
      if (isLinked && group.length * 2 > ids.length) return true
    }
    return false
  }

  const servesWithout = (cluster: Cluster, cut: ReadonlySet<string>): void => {
    elects(cluster, 3000)
    serves(cluster, 300)
    const term = highestTerm(cluster)
    cluster.cut(cut)
    // A leader cut off steps down, and another is found, in bounded time; then it is served.
    serves(cluster, 10 * electionTimeoutMaxMillis)
    const committed = serves(cluster, 4 * electionTimeoutMaxMillis)
    if (committed === 0) throw new Error(`nothing is committed without ${[...cut]}${cluster.describe()}`)
    expect(highestTerm(cluster) - term).toBeLessThanOrEqual(6)
  }

  test("three nodes: each of the 64 ways is served within ten election timeouts, terms stay low (E10, E11)", () => {
    for (let ways = 0; ways < 64; ways++) {
      for (let seed = 1; seed <= 4; seed++) {
        const cluster = calmCluster("three", seed)
        const cut = new Set(linksOf(cluster).filter((_, at) => ways & (1 << at)))
        if (hasLinkedMajority(cluster, cut)) servesWithout(cluster, cut)
      }
    }
  })

  test("three nodes that are all up-to-date and have nothing to do: the terms stay low all the same (E7, E10)", () => {
    for (let ways = 0; ways < 64; ways++) {
      const cluster = calmCluster("three", ways)
      const cut = new Set(linksOf(cluster).filter((_, at) => ways & (1 << at)))
      elects(cluster, 3000)
      pass(cluster, 500)
      const term = highestTerm(cluster)
      cluster.cut(cut)
      pass(cluster, 5000)
      expect(highestTerm(cluster) - term).toBeLessThanOrEqual(6)
      cluster.cut([])
      pass(cluster, 1000)
      expect(serves(cluster, 200)).toBeGreaterThan(0)
    }
  })

  test("five nodes: any of many ways (E10, E11)", () => {
    const random = new Random(7)
    for (let way = 0; way < 150; way++) {
      const cluster = calmCluster("five", way)
      const share = random.next() * 0.6
      const cut = new Set(linksOf(cluster).filter(() => random.chance(share)))
      if (hasLinkedMajority(cluster, cut)) servesWithout(cluster, cut)
    }
  })
})

describe("the leader's own failures", () => {
  test("its disk hangs but its network lives: another leads soon, and serves (E12)", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = calmCluster("three", seed)
      elects(cluster, 3000)
      serves(cluster, 300)
      const stuck = leaderOf(cluster)!
      stuck.diskHangs = true
      serves(cluster, 6 * electionTimeoutMaxMillis)
      expect(leaderOf(cluster)).not.toBe(stuck)
      expect(serves(cluster, 1000)).toBeGreaterThan(20)
    }
  })

  test("it stands still past its time and goes on: it serves nothing before it knows (E13)", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = calmCluster("three", seed)
      elects(cluster, 3000)
      serves(cluster, 300)
      const stopped = leaderOf(cluster)!
      stopped.pausedUntil = cluster.time + 2010
      expect(serves(cluster, 1990)).toBeGreaterThan(20)
      expect(stopped.node!.role.kind).toBe("leader")
      // It wakes and is asked at once, before it has heard anything: the checker looks at what it says.
      pass(cluster, 10)
      cluster.read(stopped)
      cluster.checkLeases()
      pass(cluster, 200)
      expect(stopped.node!.role.kind).toBe("follower")
      expect(leaderOf(cluster)).toBeDefined()
    }
  })

  test("it is cut off: within two election timeouts it has stepped down, and who waits has heard (E11)", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = calmCluster("three", seed)
      elects(cluster, 3000)
      serves(cluster, 300)
      const leader = leaderOf(cluster)!
      cluster.cut(around(cluster, leader.id))
      cluster.propose(leader)
      const open = leader.node!.log.entryAt(leader.node!.log.lastIndex)!.origin
      expect(open).toMatchObject({ answer: null })
      pass(cluster, 2 * electionTimeoutMaxMillis)
      expect(leader.node!.role.kind).not.toBe("leader")
      expect(open).toMatchObject({ answer: "lost" })
    }
  })
})
