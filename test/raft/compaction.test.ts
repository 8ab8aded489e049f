// How far may the log be cut?

import { expect, setDefaultTimeout, test } from "bun:test"
import { Cluster } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

test("no further than the state on disk has come: behind it only the log has what was acknowledged (N1)", () => {
  const cluster = new Cluster(1, ["n1", "n2", "n3"], {
    flushMillis: 5000,
    logMarginEntries: 0,
    compactEntriesMin: 1,
  })
  const leader = cluster.waitForLeader()
  let cut = 0
  for (let round = 0; round < 100; round++) {
    cluster.await(cluster.propose(leader, `c${round}`))
    cluster.world.runFor(100)
    for (const { raft, file } of cluster.nodes) {
      const { firstIndex } = raft!.status()
      expect(firstIndex - 1).toBeLessThanOrEqual(file.position.index)
      cut = Math.max(cut, firstIndex - 1)
    }
  }
  expect(cut).toBeGreaterThan(10)
})
