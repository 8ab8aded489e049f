// Are groups of which nobody wants anything left alone by who looks whether leaders are even?

import { beforeEach, expect, test } from "bun:test"
import { Clock, Context, Effect, Random, Scheduler } from "effect"
import type { RunningGroup } from "../../src/groups/Groups.ts"
import { rebalancer } from "../../src/groups/rebalancer.ts"
import { silentObserver } from "../../src/raft/observer.ts"
import type { TransferRequest } from "../../src/raft/Raft.ts"
import { Unrest } from "../../src/raft/Unrest.ts"
import { World } from "../../src/simulation/World.ts"

const voters = ["n1", "n2", "n3"]
const configuration = { voters, outgoing: [], learners: [], learnersNext: [], addresses: {} }

let world: World
let unrest: Unrest
let leaders: Array<string>
let glances: number
let moved: Array<string>
let away: Set<string>

beforeEach(() => {
  world = new World(1)
  unrest = new Unrest()
  leaders = ["n1", "n1", "n2", "n3", "n2", "n3"]
  glances = 0
  moved = []
  away = new Set()
  const groups = leaders.map((_, at) => {
    const raft = {
      group: at === 0 ? "main" : `g${at}`,
      now: () => world.nowMillis,
      status: () => ({ id: "n1" }),
      glance: () => {
        if (at > 0) glances++
        return { leader: leaders[at], configuration, committed: configuration }
      },
      transfer: ({ to, answer }: TransferRequest) => {
        moved.push(`g${at} to ${to}`)
        leaders[at] = to!
        answer({ leader: to!, term: 2 })
      },
    }
    return { raft, leading: null } as unknown as RunningGroup
  })
  const life = rebalancer({
    main: groups[0]!,
    all: () => groups,
    leaders: () => new Map(),
    isThere: (id) => !away.has(id),
    observer: silentObserver,
    unrest,
  })
  const context = Context.empty().pipe(
    Context.add(Scheduler.Scheduler, world.scheduler),
    Context.add(Clock.Clock, world.clock(1_700_000_000_000)),
    Context.add(Random.Random, world.random),
  )
  Effect.runForkWith(context)(life)
})

test("nothing has happened: they are looked at once a minute", () => {
  world.runFor(5_000)
  const once = glances
  expect(once).toBeGreaterThan(0)
  world.runFor(50_000)
  expect(glances).toBe(once)
  world.runFor(60_000)
  expect(glances).toBe(2 * once)
})

test("something has happened in any of them: they are looked at, and made even though nothing happens meanwhile", () => {
  world.runFor(5_000)
  leaders = leaders.map(() => "n1")
  unrest.note()
  world.runFor(20_000)
  expect(moved.length).toBe(4)
  expect(new Set(leaders).size).toBe(3)
})

test("what nobody has told of is found within a minute", () => {
  world.runFor(5_000)
  leaders = leaders.map(() => "n1")
  world.runFor(75_000)
  expect(moved.length).toBe(4)
})

test("those that are there are even while one is away, and all are when it is back", () => {
  leaders = leaders.map(() => "n1")
  away.add("n3")
  world.runFor(20_000)
  expect([moved.length, new Set(leaders)]).toEqual([3, new Set(["n1", "n2"])])
  // Nothing tells of it but that it is heard.
  away.clear()
  world.runFor(20_000)
  expect(new Set(leaders).size).toBe(3)
})
