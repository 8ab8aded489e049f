// Would the simulation see it? Faults of our own code that nobody waits for, that a bad disk could hide, or that all
// replicas share.

import { afterEach, expect, mock, setDefaultTimeout, spyOn, test } from "bun:test"
import { Effect } from "effect"
import { MachineCore } from "../../src/machine/MachineCore.ts"
import { registryOf } from "../../src/machine/Registry.ts"
import { Timers } from "../../src/machine/Timers.ts"
import counter from "../../src/simulation/actors/counter.ts"
import { SimulatedCluster } from "../../src/simulation/Cluster.ts"
import { plan } from "../../src/simulation/plan.ts"
import { run } from "../../src/simulation/run.ts"
import { BrokenCode } from "../../src/storage/assert.ts"
import { LogFile } from "../../src/storage/LogFile.ts"
import { configurationOf } from "../storage/support.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(60_000)

afterEach(() => {
  mock.restore()
})

const started = (): SimulatedCluster => {
  const cluster = new SimulatedCluster({
    seed: 1,
    configuration: configurationOf("n1", "n2", "n3"),
    registry: registryOf({ counter }),
  })
  cluster.runUntil(() => cluster.leader !== null, 10_000)
  return cluster
}

test("a timer that all replicas forget alike (D9)", () => {
  const set = Timers.prototype.set
  spyOn(Timers.prototype, "set").mockImplementation(function (this: Timers, timer) {
    if (timer.dueAt % 3 !== 0) set.call(this, timer)
  })
  expect(run(plan(1)).failure?.checker).toBe("timers")
})

test("lives that keep each other awake while no time passes", () => {
  const cluster = started()
  cluster.node("n1").process!.fork(Effect.forever(Effect.yieldNow))
  expect(() => cluster.runFor(1000)).toThrow("time goes on")
})

test("a broken assertion in a handshake, which would be tried again", () => {
  spyOn(LogFile.prototype, "rememberIncarnation").mockImplementation(() => {
    throw new BrokenCode("planted")
  })
  expect(() => started()).toThrow("planted")
})

test("a broken assertion in what an operator asked for", () => {
  const cluster = started()
  const asked = Effect.andThen(Effect.sleep(1), Effect.die(new Error("planted")))
  cluster.node("n1").perform(() => asked)
  expect(() => cluster.runFor(100)).toThrow("planted")
})

test("a machine that throws at a node whose disk was bad before", () => {
  const cluster = started()
  for (const { id } of cluster.nodes) cluster.excused.add(id)
  spyOn(MachineCore.prototype, "flush").mockImplementation(() => {
    throw new Error("planted")
  })
  expect(() => cluster.runFor(5000)).toThrow("planted")
})
