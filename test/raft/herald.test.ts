// Does every node's log say what entries have changed of actors, once, and never more than somebody can read?

import { expect, test } from "bun:test"
import { Schema } from "effect"
import { actor } from "../../src/index.ts"
import { registryOf } from "../../src/machine/Registry.ts"
import type { Change } from "../../src/machine/system/changes.ts"
import { Herald, linesPerWindowMax, windowMillis } from "../../src/raft/Herald.ts"
import { SimulatedCluster } from "../../src/simulation/Cluster.ts"
import { Session } from "../../src/simulation/Session.ts"
import { World } from "../../src/simulation/World.ts"
import { configurationOf } from "../storage/support.ts"

const hearing = () => {
  const world = new World(1)
  const lines: Array<readonly [string, string, Readonly<Record<string, unknown>>]> = []
  const around = {
    clock: world.root.clock,
    observer: {
      ...{ stage: () => {}, synced: () => {}, read: () => {}, turned: () => {} },
      event: (message: string, details: Readonly<Record<string, unknown>>, level = "info") =>
        void lines.push([level, message, details]),
    },
  }
  const herald = new Herald()
  const held = { quarantined: 0, suspended: [] }
  const hear = (...changes: ReadonlyArray<Change>) => herald.heard(around, { changes, ...held })
  return { world, lines, around, herald, hear }
}

const repaired = (index: number): Change => ({
  ...{ index, actor: "till", key: "a" },
  ...{ what: "repaired", how: "before" },
})

test("each change is a line, and what an operator has to look at is a warning", () => {
  const { lines, hear, herald } = hearing()
  const [actor, key, version] = ["till", "a", "v1"]
  hear(
    { index: 1, actor, what: "registered", version, number: 3, by: "n1" },
    { index: 2, actor, what: "activated", from: null, to: version, number: 3 },
    {
      ...{ index: 3, actor, what: "quarantined", key, version, by: "n2" },
      fault: { kind: "memory", detail: `${"x".repeat(199)}\u{1f980}` },
    },
    { index: 3, actor, what: "voided", key, from: 2 },
    { index: 3, actor, what: "suspended", version, instances: 10 },
    { ...repaired(4) },
    { index: 4, actor, what: "lifted", version },
    { index: 5, actor, what: "rolledBack", from: version, to: "v0", number: 2 },
    { index: 6, actor, what: "placed", groups: ["till-1", "till-2"], by: "n1" },
    { index: 7, actor, what: "owns", ranges: Array.from({ length: 21 }, (_, at) => ({ from: at, to: at })) },
  )
  expect(lines).toEqual([
    ["info", "a version has come in", { index: 1, actor, version, number: 3, by: "n1" }],
    ["info", "a version is active from here on", { index: 2, actor, from: "none", to: version, number: 3 }],
    [
      "warn",
      "an instance is in quarantine",
      {
        ...{ index: 3, actor, key, version, fault: "memory", by: "n2" },
        detail: `${"x".repeat(199)}\ufffd`,
      },
    ],
    ["warn", "a command is voided: nobody could get past it", { index: 3, actor, key, from: 2 }],
    ["warn", "an actor is suspended", { index: 3, actor, version, instances: 10 }],
    ["info", "an instance is repaired", { index: 4, actor, key, how: "before" }],
    ["info", "an actor is no longer suspended", { index: 4, actor, version }],
    ["info", "an actor is rolled back", { index: 5, actor, from: version, to: "v0", number: 2 }],
    ["info", "it is settled where an actor lives", { index: 6, actor, groups: "till-1, till-2", by: "n1" }],
    [
      "info",
      "the group has an actor's keys",
      {
        index: 7,
        actor,
        slots: `${Array.from({ length: 20 }, (_, at) => `${at}-${at}`).join(", ")} and 1 more`,
      },
    ],
  ])
  expect(herald.toldIndex).toBe(7)
})

test("who executes a long log writes so many lines at a time, and counts the others in one", () => {
  const { world, lines, around, herald, hear } = hearing()
  for (let index = 1; index <= linesPerWindowMax + 7; index++) hear(repaired(index))
  herald.sweep(around)
  expect(lines).toHaveLength(linesPerWindowMax)
  expect(herald.toldIndex).toBe(linesPerWindowMax + 7)
  world.runFor(windowMillis)
  herald.sweep(around)
  herald.sweep(around)
  expect(lines.slice(linesPerWindowMax)).toEqual([
    [
      "warn",
      "changes of actors were too many for a line each",
      { count: 7, from: linesPerWindowMax + 1, to: linesPerWindowMax + 7 },
    ],
  ])
  hear(repaired(1000))
  expect(lines.at(-1)).toMatchObject(["info", "an instance is repaired", { index: 1000 }])
})

test("a state that a node goes on from says what of it takes no commands, and else nothing", () => {
  const { lines, around, herald } = hearing()
  herald.opened(around, { changes: [repaired(1)], quarantined: 0, suspended: [] })
  expect(lines).toEqual([])
  herald.opened(around, { changes: [], quarantined: 3, suspended: ["till", "box"] })
  expect(lines).toEqual([
    [
      "warn",
      "the state that this node goes on from has instances in quarantine",
      { instances: 3, suspended: "till, box" },
    ],
  ])
})

const deep = actor({
  version: 1,
  state: Schema.Struct({ value: Schema.Int }),
  initial: { value: 0 },
  commands: {
    fall: { output: Schema.Null, reduce: (state) => ({ state, result: null }) },
  },
})

test("every replica says it, whoever led; who starts again says what it finds, and not the whole of its log", () => {
  const cluster = new SimulatedCluster({
    seed: 8,
    configuration: configurationOf("n1", "n2", "n3"),
    registry: registryOf({ deep }),
    faultsOf: () => (call) => (call.type === "reduce" ? { kind: "deadline", detail: "it hangs" } : null),
  })
  const linesOf = (id: string, part: string) =>
    cluster.notes.filter((line) => line.includes(` ms: ${id}: `) && line.includes(part))
  const session = new Session(cluster, "c", {
    ...{ hopMillisMax: 1, replyLoss: 0, attemptMillis: 5_000, patienceMillis: 20_000 },
  })
  let answered = 0
  const command = { actor: "deep", key: "a", command: "fall", input: "null", idempotencyKey: "k" }
  session.propose([{ ...command, ifRevision: null }], () => answered++)
  const allSaid = () => ["n1", "n2", "n3"].every((id) => linesOf(id, "a command is voided").length > 0)
  expect(cluster.runUntil(allSaid, 30_000)).toBe(true)
  for (const id of ["n1", "n2", "n3"]) {
    expect(linesOf(id, "a command is voided")).toHaveLength(1)
    expect(linesOf(id, '"actor":"deep","key":"a","version":"v1","fault":"deadline"')).toHaveLength(1)
    expect(linesOf(id, "goes on from")).toEqual([])
  }
  // Long enough for a flush: what it covers is not executed again.
  cluster.runFor(3_000)
  cluster.node("n2").crash()
  cluster.node("n2").start()
  expect(cluster.runUntil(() => linesOf("n2", "goes on from").length > 0, 5_000)).toBe(true)
  cluster.runFor(3_000)
  expect(linesOf("n2", "a command is voided")).toHaveLength(1)
  expect(linesOf("n2", "goes on from")).toHaveLength(1)
})
