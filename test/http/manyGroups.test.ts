// Does a node of a thousand groups say how it is in a few lines, and without asking a thousand machines each time?

import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import type { Door } from "../../src/http/Doors.ts"
import type { GroupStatus } from "../../src/raft/Raft.ts"
import { leaderless, leading, makeFake } from "./fakeRaft.ts"
import { problemOf } from "./problems.ts"

/** `main` and others, all of which this node leads unless it is said how they are. */
const manyGroups = (
  count: number,
  instead: Readonly<Record<string, Partial<GroupStatus>>> = {},
  now?: () => number,
) => {
  const base = makeFake().door
  const asked = { statuses: 0, machines: 0, machinesAtOnce: 0, most: 0, probed: [] as Array<string> }
  const machineStatus = Effect.acquireUseRelease(
    Effect.sync(() => {
      asked.machines++
      asked.most = Math.max(asked.most, ++asked.machinesAtOnce)
    }),
    () => Effect.andThen(Effect.yieldNow, base.machine.status),
    () => Effect.sync(() => asked.machinesAtOnce--),
  )
  const names = ["main", ...Array.from({ length: count - 1 }, (_, at) => `orders-${at + 1}`)]
  const doors = names.map((group): [string, Door] => [
    group,
    {
      raft: {
        ...base.raft,
        ...(now === undefined ? {} : { now }),
        group,
        status: () => {
          asked.statuses++
          return { ...leading, group, ...instead[group] }
        },
        read: (read) => {
          asked.probed.push(group)
          base.raft.read(read)
        },
      },
      machine: { ...base.machine, status: machineStatus },
    },
  ])
  return { ...makeFake({ doors: new Map(doors) }), asked }
}

describe("/metrics of many groups", () => {
  test("has totals over all, and lines for the first thousand, each asked once and few machines at a time", async () => {
    const { ask, asked } = manyGroups(1200, {
      "orders-1": { role: "follower", leader: "n2" },
      "orders-2": { ...leaderless, group: "orders-2" },
      "orders-3": { parted: { reason: "differs", index: 3, since: 1 } },
      "orders-4": { standing: "suspect" },
      "orders-1100": { configuration: { ...leading.configuration, voters: ["n1"] } },
    })
    const response = await ask("/metrics")
    const lines = (await response.text()).split("\n")
    for (const line of [
      "raftlet_groups 1200",
      "raftlet_groups_led 1198",
      "raftlet_groups_leaderless 1",
      "raftlet_groups_unready 1",
      "raftlet_groups_parted 1",
      "raftlet_groups_suspect 1",
      "raftlet_groups_behind 1",
      "raftlet_groups_unlisted 200",
      "raftlet_groups_machines_answering 1000",
      "raftlet_groups_quarantined 12000",
      'raftlet_has_leader{group="orders-2"} 0',
      'raftlet_term{group="orders-999"} 2',
    ]) {
      expect(lines).toContain(line)
    }
    expect(lines.filter((line) => line.includes('group="orders-1000"'))).toEqual([])
    // One more for the headers.
    expect(asked.statuses).toBe(1201)
    expect([asked.machines, asked.most]).toEqual([1000, 16])
  })

  test("costs a tenth of a second of a processor, at a thousand", async () => {
    const { ask } = manyGroups(1000)
    let least = Number.POSITIVE_INFINITY
    for (let time = 0; time < 8; time++) {
      const before = process.cpuUsage()
      await (await ask("/metrics")).text()
      const { user, system } = process.cpuUsage(before)
      least = Math.min(least, (user + system) / 1000)
    }
    expect(least).toBeLessThan(100)
  })

  test("does not wait for machines that hang, longer than a second for all of them", async () => {
    const base = makeFake().door
    const hung: Door = { ...base, machine: { ...base.machine, status: Effect.never } }
    const doors = Array.from({ length: 100 }, (_, at): [string, Door] => [
      at === 0 ? "main" : `orders-${at}`,
      at === 0 ? base : hung,
    ])
    const { ask } = makeFake({ doors: new Map(doors) })
    const before = performance.now()
    expect(await (await ask("/metrics")).text()).toContain("raftlet_groups_machines_answering 1\n")
    expect(performance.now() - before).toBeLessThan(3000)
  })
})

test("/healthz asks main each time, and a few others in turn", async () => {
  const { ask, asked } = manyGroups(9)
  for (let time = 0; time < 3; time++) expect((await ask("/healthz")).status).toBe(200)
  const turn = (...numbers: ReadonlyArray<number>) => ["main", ...numbers.map((at) => `orders-${at}`)]
  expect(asked.probed).toEqual([...turn(1, 2, 3, 4), ...turn(5, 6, 7, 8), ...turn(1, 2, 3, 4)])
})

test("/readyz names the first group that is not ready, and how many more", async () => {
  const { ask } = manyGroups(5, {
    "orders-2": { ...leaderless, group: "orders-2" },
    "orders-3": { ready: false },
    "orders-4": { ready: false },
  })
  expect(await problemOf(await ask("/readyz"))).toMatchObject({
    status: 503,
    code: "no-leader",
    detail: "Group orders-2 knows no leader. 2 more of the groups here are not ready.",
  })
})

test("/readyz overlooks for three seconds that a group it saw ready is on its way to another leader, and nothing else", async () => {
  const instead: Record<string, Partial<GroupStatus>> = {}
  const clock = { now: 10_000 }
  const { ask } = manyGroups(3, instead, () => clock.now)
  const status = async () => (await ask("/readyz")).status
  expect(await status()).toBe(200)
  instead["orders-1"] = { ...leaderless, group: "orders-1" }
  instead["orders-2"] = { ready: false }
  clock.now += 2_999
  expect(await status()).toBe(200)
  clock.now += 1
  expect(await status()).toBe(503)
  delete instead["orders-1"]
  delete instead["orders-2"]
  expect(await status()).toBe(200)
  for (const [group, words] of [
    ["main", { ...leaderless, group: "main" }],
    ["main", { ready: false }],
    ["orders-1", { ready: false, parted: { reason: "differs", index: 3, since: 1 } }],
    ["orders-1", { ...leaderless, group: "orders-1", outcast: "it was removed" }],
  ] as const) {
    instead[group] = words
    expect([group, await status()]).toEqual([group, 503])
    delete instead[group]
    expect(await status()).toBe(200)
  }
})
