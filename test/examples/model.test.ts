// Does the example of a model hold? (docs/TESTING.md)

import { test } from "bun:test"
import { actorModel, testCluster } from "raftlet/testing"
import counter from "../../actors/counter.ts"

const models = {
  counter: actorModel<number>({
    initial: () => 0,
    commands: { add: (value, { by }: { by: number }) => ({ state: value + by, result: value + by }) },
    queries: { value: (value) => value },
  }),
}

test("a counter answers as one machine would that never fails, whatever happens", () => {
  const cluster = testCluster({ actors: { counter }, models })
  cluster.survive({
    millis: 1000,
    next: (chance) => ({ actor: "counter", key: "a", command: "add", input: { by: chance.between(1, 5) } }),
  })
})
