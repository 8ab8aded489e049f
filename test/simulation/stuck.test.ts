// What if the code of a committed command fails wherever it runs? The group votes itself past it, by an entry.

import { expect, test } from "bun:test"
import { Schema } from "effect"
import { actor } from "../../src/index.ts"
import { testCluster } from "../../src/testing.ts"

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

const add = (key: string) => ({ actor: "deep", key, command: "add" })
const fall = (key: string) => ({ actor: "deep", key, command: "fall" })

test("the instance goes into quarantine, its command is refused, and all others go on (HAZARDS D5, D6)", () => {
  const cluster = testCluster({ nodes: 3, actors: { deep }, seed: 3 })
  cluster.execute(add("a"))
  expect(cluster.execute(fall("a"))).toMatchObject({ outcome: "refused", code: "quarantined" })
  expect(cluster.execute(add("a"))).toMatchObject({ outcome: "refused", code: "quarantined" })
  expect(cluster.execute(add("b"))).toMatchObject({ outcome: "executed", result: 1 })
  cluster.settle()
  for (const node of cluster.nodes) expect(cluster.query("deep", "a", "value", { node })).toBe(1)
})

test("also when the leader dies that was stuck first, and whoever was stuck starts again", () => {
  const cluster = testCluster({ nodes: 3, actors: { deep }, seed: 4 })
  cluster.execute(add("a"))
  cluster.ask(fall("a"))
  cluster.runFor(60)
  const leader = cluster.waitForLeader()
  cluster.crash(leader)
  expect(cluster.execute(add("b"))).toMatchObject({ outcome: "executed", result: 1 })
  expect(cluster.execute(add("a"))).toMatchObject({ outcome: "refused", code: "quarantined" })
  cluster.start(leader)
  cluster.settle()
  for (const node of cluster.nodes) expect(cluster.query("deep", "a", "value", { node })).toBe(1)
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
