// What is in a copy that somebody asks for while the group goes on?

import { expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import { Cluster, type TestNode } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const commandsIn = (cluster: Cluster, node: TestNode) =>
  cluster.run(
    Effect.scoped(
      Effect.gen(function* () {
        const { snapshot, read } = yield* node.raft!.backup
        const text = new TextDecoder().decode(yield* read(0, snapshot.bytes))
        return (JSON.parse(text) as { readonly commands: ReadonlyArray<string> }).commands
      }),
    ),
  )

test("everything that the node had applied, flushed or not, also on a follower", () => {
  const cluster = new Cluster(1, ["n1", "n2", "n3"], { flushMillis: 60_000 })
  const leader = cluster.waitForLeader()
  const follower = cluster.nodes.find((node) => node !== leader)!
  for (const command of ["a", "b", "c"]) cluster.await(cluster.propose(leader, command))
  expect(commandsIn(cluster, leader)).toEqual(["a", "b", "c"])
  // A read at the follower brings it there: so nothing that was acknowledged is missing.
  cluster.await(cluster.propose(leader, "d"))
  cluster.await(cluster.read(follower))
  expect(commandsIn(cluster, follower)).toEqual(["a", "b", "c", "d"])
})

test("nothing at all, when the disk has no room for what was applied (S7)", () => {
  const cluster = new Cluster(1, ["n1"], { flushMillis: 60_000 })
  const leader = cluster.waitForLeader()
  cluster.await(cluster.propose(leader, "a"))
  expect(commandsIn(cluster, leader)).toEqual(["a"])
  cluster.await(cluster.propose(leader, "b"))
  leader.weather.isDiskFull = true
  const refused = cluster.run(Effect.flip(Effect.scoped(leader.raft!.backup)))
  expect(refused._tag).toBe("StorageFull")
  leader.weather.isDiskFull = false
  expect(commandsIn(cluster, leader)).toEqual(["a", "b"])
})
