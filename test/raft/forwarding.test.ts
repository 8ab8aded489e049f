// A command goes from node to node: how far, and as what?

import { expect, setDefaultTimeout, test } from "bun:test"
import { encodeCommand } from "../../src/machine/command.ts"
import { encode } from "../../src/transport/codec.ts"
import { Cluster } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

test("who does not lead says so, and hands on nothing that was handed to it (C3)", () => {
  const cluster = new Cluster(1, ["n1", "n2", "n3"])
  const leader = cluster.waitForLeader()
  const [from, to] = cluster.nodes.filter((node) => node !== leader)
  const forward = (target: string, command: string): void => {
    const commands = [new TextEncoder().encode(command)]
    const frame = encode("main", { type: "ForwardRequest", id: 7, commands })
    cluster.network.reach(from!.id, target)!.receive(from!.id, frame)
  }
  forward(to!.id, "to a follower")
  forward(leader.id, "to the leader")
  cluster.world.runFor(3000)
  for (const { applied } of cluster.nodes) expect(applied).toEqual(["to the leader"])
})

test("a command that gets no answer goes out again as the same: its key makes the two one execution (C1)", () => {
  const cluster = new Cluster(1, ["n1", "n2", "n3"])
  const leader = cluster.waitForLeader()
  const follower = cluster.nodes.find((node) => node !== leader)!
  const command = encodeCommand({
    actor: "counter",
    key: "a",
    command: "add",
    input: '{"by":1}',
    idempotencyKey: "once",
    ifRevision: null,
    version: "",
    seed: new Uint8Array(16),
    caller: "",
    door: follower.id,
  })
  // It is heard, and hears nothing.
  cluster.network.cutOneWay(leader.id, follower.id)
  const asked = cluster.propose(follower, new TextDecoder().decode(command), { millis: 20_000 })
  cluster.world.runUntil(() => leader.applied.length > 0, 1000)
  cluster.world.runFor(2000)
  cluster.network.healAll()
  expect(cluster.await(asked)).toMatchObject({ _tag: "Accepted", replayed: true })
  expect(leader.applied.length).toBe(1)
})
