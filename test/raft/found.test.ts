// What did the simulation find that no test had shown? Each as a run of its own.

import { expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import { registryOf } from "../../src/machine/Registry.ts"
import alarm from "../../src/simulation/actors/alarm.ts"
import { SimulatedCluster } from "../../src/simulation/Cluster.ts"
import { type Fate, Session } from "../../src/simulation/Session.ts"
import { Cluster } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

test("a node that has restarted takes no answer to an older request for its own (R12, C7)", () => {
  const cluster = new Cluster(1, ["n1", "n2", "n3"])
  const leader = cluster.waitForLeader()
  const follower = cluster.nodes.find((node) => node !== leader)!
  cluster.world.runFor(200)
  // Committed by the others, and not answered before the leader's own disk has it.
  leader.weather.writeMillis = 200
  cluster.propose(follower, "older")
  cluster.world.runFor(20)
  cluster.stop(follower)
  cluster.start(follower)
  cluster.world.runUntil(() => follower.raft!.status().leader === leader.id, 1000)
  const newer = cluster.propose(follower, "newer")
  expect(cluster.await(newer)).toMatchObject({ _tag: "Accepted", result: '"newer"' })
})

const simulated = () => {
  const voters = ["n1", "n2", "n3"]
  const addresses = Object.fromEntries(voters.map((id) => [id, { peer: `${id}:1`, client: "" }]))
  const configuration = { voters, outgoing: [], learners: [], learnersNext: [], addresses }
  const cluster = new SimulatedCluster({ seed: 1, configuration, registry: registryOf({ alarm }) })
  cluster.runUntil(() => cluster.leader !== null, 5000)
  return cluster
}

test("a due timer is proposed once, however long the disk takes (D9)", () => {
  const cluster = simulated()
  const leader = cluster.leader!
  const session = new Session(cluster, "test", {
    hopMillisMax: 0,
    replyLoss: 0,
    attemptMillis: 5000,
    patienceMillis: 10_000,
  })
  session.startAt(leader.id)
  const armed: Array<Fate> = []
  const wishes = ["a", "b", "c"].map((item) => ({
    actor: "alarm",
    key: "k",
    command: "arm",
    input: JSON.stringify({ item, afterMillis: 10 }),
    idempotencyKey: item,
    ifRevision: null,
  }))
  session.propose(wishes, (fates) => armed.push(...fates))
  cluster.runUntil(() => armed.length === 3, 5000)
  // Longer than the leader waits between two looks at its timers, and shorter than it bears a disk that is stuck.
  Object.assign(leader.disk.weather, { syncMillisMin: 350, syncMillisMax: 350 })
  cluster.runUntil(() => cluster.executions.accepted("alarm/k").length === 6, 10_000)
  cluster.runFor(2000)
  // The leader's no-op and its first checkpoint, three that set a timer, three timers.
  expect(leader.record!.log.lastIndex).toBe(8)
})

test("a group whose disk fails while nobody writes ends (S2)", () => {
  const cluster = new Cluster(1, ["n1", "n2", "n3"])
  cluster.waitForLeader()
  const [node] = cluster.nodes
  const stopped = cluster.fork(Effect.flip(node!.raft!.stopped))
  node!.weather.isDiskBroken = true
  cluster.world.runUntil(() => stopped.pollUnsafe() !== undefined, 5000)
  expect(stopped.pollUnsafe()).toMatchObject({
    _tag: "Success",
    value: { fault: "world", message: "idle: EIO" },
  })
})
