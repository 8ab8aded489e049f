// Does the leader of a group with seats follow no step but the newest, and in no term but the one in which it asked?

import { expect, test } from "bun:test"
import { Clock, Context, Effect, Random, Scheduler } from "effect"
import type { Change, Configuration } from "../../src/consensus/types.ts"
import { follower } from "../../src/groups/follower.ts"
import type { SeatedGroup } from "../../src/groups/following.ts"
import type { RunningGroup } from "../../src/groups/Groups.ts"
import { decodeCommand } from "../../src/machine/command.ts"
import type { ChangeRequest, Proposal, Read } from "../../src/raft/Raft.ts"
import { Unrest } from "../../src/raft/Unrest.ts"
import { World } from "../../src/simulation/World.ts"

const configurationOf = (ids: string): Configuration => ({
  voters: [...ids],
  outgoing: [],
  learners: [],
  learnersNext: [],
  addresses: Object.fromEntries(
    [...ids].map((id) => [id, { peer: `${id}:1`, client: "", incarnation: `${id}-1` }]),
  ),
})

/** A node that leads `orders`, as it knows of step 7; what `main` answers, and how long that takes. */
const led = (options: {
  readonly isNewest: boolean
  readonly asked?: (terms: { now: number }) => void
  /** False: all members of `main` run it. */
  readonly seated?: false
  readonly main?: Configuration
  readonly own?: Configuration
  readonly unrest?: Unrest
  readonly looked?: (at: number) => void
}) => {
  const world = new World(1)
  const term = { now: 3 }
  const asked: Array<string> = []
  const changes: Array<Change> = []
  const { main = configurationOf("abcde"), own = configurationOf("abc") } = options
  const common = {
    now: () => world.nowMillis,
    read: ({ answer }: Read) => answer({ _tag: "Answered", body: "{}", index: 9 }),
  }
  const mainRaft = {
    ...common,
    status: () => ({ id: "a", heardMillis: 0, configuration: main }),
    glance: () => ({ committed: main, configuration: main }),
    propose: (proposals: ReadonlyArray<Proposal>) => {
      const { command, answer } = proposals[0]!
      asked.push(decodeCommand(command)!.command)
      options.asked?.(term)
      const result = JSON.stringify({ isNewest: options.isNewest })
      answer({ _tag: "Accepted", result, revision: 1, index: 9, term: 1, replayed: false })
    },
  }
  const raft = {
    ...common,
    group: "orders",
    status: () => ({ term: term.now, configuration: own, committed: own, serving: true }),
    glance: () => {
      options.looked?.(world.nowMillis)
      return { configuration: own, committed: own, serving: true }
    },
    change: ({ change, answer }: ChangeRequest) => {
      changes.push(change)
      answer({ _tag: "Failure", code: "would-lose-quorum", outcome: "rejected", detail: "" })
    },
  }
  const seated: SeatedGroup = {
    group: "orders",
    seating: {
      replicas: 3,
      like: "orders",
      step: 7,
      seats: [..."abd"].map((id) => ({ id, incarnation: `${id}-1` })),
      leaving: ["c"],
      isReached: false,
    },
  }
  const groupOf = (given: object) => ({ raft: given, leading: null }) as unknown as RunningGroup
  const life = follower(
    groupOf(mainRaft),
    () => [groupOf(raft)],
    options.seated === false
      ? { seated: [], seatingOf: () => undefined }
      : { seated: [seated], seatingOf: () => seated.seating },
    {
      incarnations: Effect.succeed(new Map([..."abc"].map((id) => [id, `${id}-1`]))),
      isHeard: (id) => id !== "c",
    },
    options.unrest,
  )
  const context = Context.empty().pipe(
    Context.add(Scheduler.Scheduler, world.scheduler),
    Context.add(Clock.Clock, world.clock(1_700_000_000_000)),
    Context.add(Random.Random, world.random),
  )
  Effect.runForkWith(context)(life)
  world.runUntil(() => false, 3_000)
  return { asked, changes, world }
}

test("it changes towards the step that main says is the newest, and asks that once in a term", () => {
  const { asked, changes } = led({ isNewest: true })
  expect(asked).toEqual(["follow"])
  expect(changes.length).toBeGreaterThan(1)
  expect(changes[0]).toMatchObject({ kind: "set", voters: ["a", "b", "d"], learners: [] })
})

test("it changes nothing towards a step that is not the newest, whatever its own state says", () => {
  const { asked, changes } = led({ isNewest: false })
  expect(asked.length).toBeGreaterThan(1)
  expect(changes).toEqual([])
})

test("it changes nothing when it leads in another term by the time that it is answered", () => {
  const { changes } = led({
    isNewest: true,
    asked: (term) => {
      term.now++
    },
  })
  expect(changes).toEqual([])
})

/** As a group that was made of a backup begins. */
const unnamed = (ids: string): Configuration => ({
  ...configurationOf(ids),
  addresses: Object.fromEntries([...ids].map((id) => [id, { peer: `${id}:1`, client: "" }])),
})

test("a thousand groups to which nothing happens are not looked at all the time", () => {
  const unrest = new Unrest()
  const looks: Array<number> = []
  const { world } = led({
    isNewest: true,
    seated: false,
    main: configurationOf("abc"),
    unrest,
    looked: (at) => looks.push(at),
  })
  world.runFor(27_000)
  const since = looks.length
  world.runFor(20_000)
  expect(looks.length).toBe(since)
  unrest.note()
  world.runFor(5_000)
  expect(looks.length).toBeGreaterThan(since)
  const then = looks.length
  world.runFor(61_000)
  expect(looks.length).toBeGreaterThan(then)
})

test("it says whose data directories it counts on, of those whom it hears (S6)", () => {
  const { changes } = led({ isNewest: true, seated: false, main: unnamed("abc"), own: unnamed("abc") })
  expect(changes[0]).toEqual({
    kind: "set",
    voters: ["a", "b", "c"],
    learners: [],
    addresses: { ...configurationOf("ab").addresses, c: { peer: "c:1", client: "" } },
  })
  const named = configurationOf("abc")
  expect(led({ isNewest: true, seated: false, main: unnamed("abc"), own: named }).changes).toEqual([])
})
