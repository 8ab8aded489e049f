// Is what a node shows of its log committed, all of it, and its own?

import { expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Fiber } from "effect"
import { defaultLimits } from "../../src/raft/options.ts"
import type { LogRange } from "../../src/raft/Raft.ts"
import { Cluster, type TestNode } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const all: LogRange = { from: 1, entriesMax: 1000, bytesMax: 1_000_000 }

const page = (cluster: Cluster, node: TestNode, range: Partial<LogRange> = {}) =>
  cluster.run(node.raft!.log({ ...all, ...range }))

const commandsOf = ({ entries }: ReturnType<typeof page>) =>
  entries.flatMap(({ command }) => (command === null ? [] : [new TextDecoder().decode(command)]))

test("an entry that no majority has is not shown, though the leader's disk has it (CONTRACT §3, L8)", () => {
  const cluster = new Cluster(1, ["n1", "n2", "n3"])
  const leader = cluster.waitForLeader()
  cluster.await(cluster.propose(leader, "agreed"))
  for (const node of cluster.nodes) if (node !== leader) cluster.network.cut(leader.id, node.id)
  cluster.propose(leader, "alone")
  cluster.world.runFor(50)
  expect(leader.raft!.status()).toMatchObject({ persistedIndex: 3, commitIndex: 2 })
  const shown = page(cluster, leader)
  expect(shown).toMatchObject({ firstIndex: 1, lastIndex: 2, entries: [{ kind: "noop" }, { index: 2 }] })
  expect(commandsOf(shown)).toEqual(["agreed"])
  expect(page(cluster, leader, { from: 3 }).entries).toEqual([])
})

test("a follower shows the same from its own log, page by page", () => {
  const cluster = new Cluster(2, ["n1", "n2", "n3"])
  const leader = cluster.waitForLeader()
  for (const command of ["a", "b", "c", "d"]) cluster.await(cluster.propose(leader, command))
  const follower = cluster.nodes.find((node) => node !== leader)!
  cluster.world.runFor(200)
  expect(commandsOf(page(cluster, follower, { from: 2, entriesMax: 2 }))).toEqual(["a", "b"])
  expect(commandsOf(page(cluster, follower, { from: 4, entriesMax: 2 }))).toEqual(["c", "d"])
  // One comes in any case, or a large one would stop the reader for ever.
  expect(commandsOf(page(cluster, follower, { from: 2, bytesMax: 1 }))).toEqual(["a"])
})

/** One node that keeps little of its log, and next to none of that in memory. */
const forgetful = (seed: number) => {
  const cluster = new Cluster(seed, ["n1"], {
    limits: { ...defaultLimits, cacheBytesMax: 0 },
    flushMillis: 100,
    logMarginEntries: 5,
    compactEntriesMin: 1,
  })
  const node = cluster.waitForLeader()
  const write = (count: number) => {
    for (let at = 0; at < count; at++) cluster.await(cluster.propose(node, `${at}`))
    cluster.world.runFor(1000)
  }
  return { cluster, node, write }
}

test("what only the disk has is shown as well, and what only a snapshot has is not (S14)", () => {
  const { cluster, node, write } = forgetful(3)
  write(20)
  const { firstIndex, lastIndex } = node.raft!.status()
  expect(firstIndex).toBeGreaterThan(1)
  const shown = page(cluster, node, { from: 0 })
  expect({ firstIndex: shown.firstIndex, lastIndex: shown.lastIndex }).toEqual({ firstIndex, lastIndex })
  expect(shown.entries.map(({ index }) => index)).toEqual(
    Array.from({ length: lastIndex - firstIndex + 1 }, (_, at) => firstIndex + at),
  )
})

test("a log that is cut while it is read is shown from where it begins then (S14)", () => {
  const { cluster, node, write } = forgetful(4)
  write(20)
  const before = node.raft!.status().firstIndex
  node.weather.readMillis = 1500
  const reading = cluster.fork(node.raft!.log(all))
  cluster.world.runFor(10)
  write(20)
  node.weather.readMillis = 0
  const { firstIndex } = node.raft!.status()
  expect(firstIndex).toBeGreaterThan(before)
  const shown = cluster.run(Fiber.join(reading))
  expect(shown).toMatchObject({ firstIndex, entries: { 0: { index: firstIndex } } })
})

test("a log that has lost something shows nothing before its repair (S4)", () => {
  const cluster = new Cluster(5, ["n1", "n2", "n3"])
  const leader = cluster.waitForLeader()
  for (let at = 0; at < 20; at++) cluster.await(cluster.propose(leader, `c${at}`))
  cluster.world.runFor(500)
  const damaged = cluster.nodes.find((node) => node !== leader)!
  cluster.stop(damaged)
  damaged.disk.log.goBack(10)
  damaged.file.position = { ...damaged.file.position, index: 0, term: 0 }
  damaged.file.commands = []
  for (const node of cluster.nodes) if (node !== damaged) cluster.network.cut(damaged.id, node.id)
  cluster.start(damaged)
  expect(damaged.raft!.status().standing).toBe("suspect")
  expect(cluster.run(Effect.flip(damaged.raft!.log(all)))).toMatchObject({ _tag: "LogInRepair" })
  cluster.network.healAll()
  cluster.world.runUntil(() => damaged.raft!.status().standing === "whole", 10_000)
  expect(commandsOf(page(cluster, damaged)).slice(0, 2)).toEqual(["c0", "c1"])
})
