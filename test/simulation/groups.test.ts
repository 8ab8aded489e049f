// Do other groups beside `main` keep every promise in the simulation, and would it be seen if they did not?

import { expect, setDefaultTimeout, test } from "bun:test"
import type { Node } from "../../src/consensus/node.ts"
import { defaultLimits } from "../../src/raft/options.ts"
import type { Process } from "../../src/simulation/Process.ts"
import { plan } from "../../src/simulation/plan.ts"
import { RestChecks } from "../../src/simulation/RestChecks.ts"
import { roamers } from "../../src/simulation/roaming.ts"
import { run } from "../../src/simulation/run.ts"
import type { Script } from "../../src/simulation/script.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(60_000)

/** With one more group, and clients that ask both. */
const withGroup = (seed: number): Script => {
  const { disaster: _, till: __, ...script } = plan(seed, { nodes: 3, troubleMillis: 3000 })
  const operations = script.operations.filter(
    ({ act }) => !["pay", "refund", "hang"].includes(act.type) && !("actor" in act && act.actor === "till"),
  )
  return { ...script, operations, groups: [{ name: "orders", atMillis: 300, operations }] }
}

test("a group is opened, serves its clients, rests and wakes, and all that they saw holds together", () => {
  const report = run({ ...withGroup(2), faults: [], forGood: [], changes: [] })
  expect(report.failure).toBeNull()
  expect(report.seen).toContain("group opened")
  expect(report.operations.ok).toBeGreaterThan(100)
})

test("it does so when everything goes wrong that may", () => {
  const reports = [1, 3, 5].map((seed) => run(withGroup(seed)))
  expect(reports.map(({ failure }) => failure)).toEqual([null, null, null])
})

test("a script without groups is the run that it always was", () => {
  const { groups: _, ...script } = plan(9)
  expect(plan(9).groups).toBeDefined()
  expect(run(script).seen).not.toContain("group opened")
})

test("whoever sleeps on the word of a process that has ended is seen", () => {
  let nowMillis = 0
  const process = {
    get nowMillis() {
      return nowMillis
    },
    isPaused: false,
  } as Process
  const asleep = { role: { kind: "follower", leader: "n2", rest: {} }, term: 3 } as unknown as Node
  const leading = { role: { kind: "leader" }, term: 3 } as unknown as Node
  const checks = new RestChecks()
  const look = (leader: { readonly process: Process | null; readonly record: Node | null }) =>
    checks.look(
      [
        { id: "n1", process, record: asleep },
        { id: "n2", ...leader },
      ],
      defaultLimits,
    )
  for (; nowMillis < 60_000; nowMillis += 100) look({ process, record: leading })
  for (const until = nowMillis + 1500; nowMillis < until; nowMillis += 100)
    look({ process: null, record: null })
  expect(() => {
    for (const until = nowMillis + 2000; nowMillis < until; nowMillis += 100)
      look({ process: null, record: null })
  }).toThrow("rests while the process of its leader n2 has ended")
})

const withSplit = (seed: number): Script => {
  const script = withGroup(seed)
  return {
    ...script,
    groups: [...script.groups!, { name: "others", atMillis: 400, operations: [] }],
    split: { atMillis: 1200, from: "orders", to: "others", actors: [...roamers], portionLengthMax: 100 },
  }
}

test("half of the keys of its actors go to another group, and whoever asks for them goes along (G6)", () => {
  const report = run({ ...withSplit(2), faults: [], forGood: [], changes: [] })
  expect(report.failure).toBeNull()
  expect(report.seen).toContain("keys moved to another group")
  expect(report.operations.ok).toBeGreaterThan(100)
})

test("they do so when everything goes wrong that may", () => {
  const reports = [1, 3].map((seed) => run(withSplit(seed)))
  expect(reports.map(({ failure }) => failure)).toEqual([null, null])
  for (const { seen } of reports) expect(seen).toContain("keys moved to another group")
})
