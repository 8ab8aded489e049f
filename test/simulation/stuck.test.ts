// What if the code of a committed command fails wherever it runs? The group votes itself past it, by an entry.

import { expect, test } from "bun:test"
import { Schema } from "effect"
import { actor } from "../../src/index.ts"
import { registryOf } from "../../src/machine/Registry.ts"
import { SimulatedCluster } from "../../src/simulation/Cluster.ts"
import { Session } from "../../src/simulation/Session.ts"
import { testCluster } from "../../src/testing.ts"
import { configurationOf } from "../storage/support.ts"

/** Its stack runs over: no outcome may follow from that, since its depth is each node's own. */
const deep = actor({
  version: 1,
  state: Schema.Struct({ value: Schema.Int }),
  initial: { value: 0 },
  commands: {
    add: { output: Schema.Int, reduce: ({ value }) => ({ state: { value: value + 1 }, result: value + 1 }) },
    fall: {
      output: Schema.Null,
      reduce: () => {
        const down = (): number => 1 + down()
        return { state: { value: down() }, result: null }
      },
    },
  },
  queries: { value: { output: Schema.Int, read: ({ value }) => value } },
})

const patient = { hopMillisMax: 1, replyLoss: 0, attemptMillis: 5_000, patienceMillis: 20_000 }

const add = (key: string) => ({ actor: "deep", key, command: "add" })
const fall = (key: string) => ({ actor: "deep", key, command: "fall" })

test("the instance goes into quarantine, its command is refused, and all others go on (HAZARDS D5, D6)", () => {
  const cluster = testCluster({ nodes: 3, actors: { deep }, seed: 3 })
  cluster.execute(add("a"))
  expect(cluster.execute(fall("a"))).toMatchObject({ outcome: "refused", code: "quarantined" })
  expect(cluster.execute(add("a"))).toMatchObject({ outcome: "refused", code: "quarantined" })
  expect(cluster.execute(add("b"))).toMatchObject({ outcome: "executed", result: 1 })
  cluster.settle()
  // It may have been acknowledged by somebody who is gone: without it nothing is told.
  for (const node of cluster.nodes) {
    expect(() => cluster.query("deep", "a", "value", { node })).toThrow("quarantined")
    expect(cluster.query("deep", "b", "value", { node })).toBe(1)
  }
})

test("also when the leader dies that was stuck first, and whoever was stuck starts again", () => {
  const cluster = testCluster({ nodes: 3, actors: { deep }, seed: 4 })
  cluster.execute(add("a"))
  cluster.ask(fall("a"))
  cluster.runFor(60)
  const leader = cluster.waitForLeader()
  cluster.crash(leader)
  // Its word is waited for.
  cluster.runFor(12_000)
  expect(cluster.execute(add("b"))).toMatchObject({ outcome: "executed", result: 1 })
  expect(cluster.execute(add("a"))).toMatchObject({ outcome: "refused", code: "quarantined" })
  cluster.start(leader)
  cluster.settle()
  for (const node of cluster.nodes) expect(cluster.query("deep", "b", "value", { node })).toBe(1)
})

test("a minority that is stuck alone voids nothing", () => {
  const cluster = testCluster({ nodes: 3, actors: { deep }, seed: 5 })
  cluster.execute(add("a"))
  const [first, second] = cluster.nodes.filter((node) => node !== cluster.waitForLeader())
  cluster.crash(first!)
  cluster.crash(second!)
  cluster.ask(fall("a"))
  cluster.runFor(5_000)
  cluster.start(first!)
  cluster.start(second!)
  expect(cluster.execute(add("b"))).toMatchObject({ outcome: "executed" })
  cluster.settle()
})

test("what a leader has executed and answered is not voided while it starts again, though all others are stuck (R16)", () => {
  let isArmed = false
  let spared = ""
  const cluster = new SimulatedCluster({
    seed: 8,
    configuration: configurationOf("n1", "n2", "n3"),
    registry: registryOf({ deep }),
    faultsOf: (id) => (call, lane) =>
      isArmed && id !== spared && lane === "log" && call.type === "reduce"
        ? { kind: "deadline", detail: "it hangs here" }
        : null,
  })
  const session = new Session(cluster, "c", patient)
  const fates: Array<unknown> = []
  const add = (idempotencyKey: string) =>
    session.propose(
      [{ actor: "deep", key: "a", command: "add", input: "null", idempotencyKey, ifRevision: null }],
      ([fate]) => fates.push(fate),
    )
  add("one")
  cluster.runUntil(() => fates.length === 1, 20_000)
  const leader = cluster.leader!
  spared = leader.id
  isArmed = true
  add("two")
  cluster.runUntil(() => fates.length === 2, 20_000)
  expect(fates[1]).toMatchObject({ outcome: { _tag: "Accepted", result: "2" } })
  leader.crash()
  cluster.runFor(8_000)
  expect(cluster.leader?.id).not.toBe(leader.id)
  leader.start()
  const havePassed = () => ["n1", "n2", "n3"].every((id) => (cluster.node(id).record?.appliedIndex ?? 0) >= 3)
  expect(cluster.runUntil(havePassed, 20_000)).toBe(true)
  isArmed = false
  add("two")
  cluster.runUntil(() => fates.length === 3, 20_000)
  expect(fates[2]).toMatchObject({ outcome: { _tag: "Accepted", result: "2", replayed: true } })
})

test("who alone cannot get past an entry takes the state of another, also when its own log holds all of it", () => {
  const cluster = new SimulatedCluster({
    seed: 6,
    configuration: configurationOf("n1", "n2", "n3"),
    registry: registryOf({ deep }),
    faultsOf: (id) => (call, lane) =>
      id === "n3" && lane === "log" && call.type === "reduce" && call.index > 3
        ? { kind: "deadline", detail: "it hangs here" }
        : null,
  })
  const session = new Session(cluster, "c", patient)
  let answered = 0
  const add = (idempotencyKey: string) =>
    session.propose(
      [{ actor: "deep", key: "a", command: "add", input: "null", idempotencyKey, ifRevision: null }],
      () => answered++,
    )
  for (const key of ["one", "two", "three", "four"]) add(key)
  cluster.runUntil(() => answered === 4, 20_000)
  const hasPassed = () => (cluster.node("n3").record?.appliedIndex ?? 0) > 4
  expect(cluster.node("n3").record?.log.base.index).toBe(0)
  expect(cluster.runUntil(hasPassed, 15_000)).toBe(true)
  expect(cluster.node("n3").repairs).toBe(1)
})

test("a leader that is stuck itself gives its state to one that is stuck behind it: together they void what stops them", () => {
  const cluster = new SimulatedCluster({
    seed: 9,
    configuration: configurationOf("n1", "n2", "n3"),
    registry: registryOf({ deep }),
    faultsOf: (id) => (call, lane) =>
      lane === "log" &&
      call.type === "reduce" &&
      (call.command === "fall" || (id === "n3" && call.key === "a"))
        ? { kind: "deadline", detail: "it hangs here" }
        : null,
  })
  const session = new Session(cluster, "c", { ...patient, patienceMillis: 60_000 })
  const fates: Array<unknown> = []
  const ask = (key: string, command: string) =>
    session.propose(
      [{ actor: "deep", key, command, input: "null", idempotencyKey: `${key} ${command}`, ifRevision: null }],
      ([fate]) => fates.push(fate),
    )
  ask("a", "add")
  cluster.runUntil(() => fates.length === 1 && cluster.leader !== null && cluster.leader.id !== "n3", 20_000)
  // Without n3 nobody is a majority.
  for (const id of ["n1", "n2"]) if (id !== cluster.leader!.id) cluster.node(id).crash()
  ask("b", "fall")
  expect(cluster.runUntil(() => fates.length === 2, 60_000)).toBe(true)
  expect(fates[1]).toMatchObject({ outcome: { code: "quarantined" } })
})
