// Does a life begin when there is work, end when there is none, and miss nothing that comes between the two?

import { beforeEach, describe, expect, test } from "bun:test"
import { Cause, Clock, Context, Deferred, Effect, Exit, Random, Scheduler, Scope } from "effect"
import { daily } from "../../src/raft/daily.ts"
import { type Begin, Errand } from "../../src/raft/Errand.ts"
import type { Group } from "../../src/raft/Group.ts"
import { Inbox } from "../../src/raft/Inbox.ts"
import { makeRun, type Run } from "../../src/raft/run.ts"
import { World } from "../../src/simulation/World.ts"

let world: World
let scope: Scope.Closeable
let died: Array<unknown>
let run: Run
let begin: Begin

beforeEach(() => {
  world = new World(1)
  scope = Scope.makeUnsafe()
  died = []
  const services = Context.empty().pipe(
    Context.add(Scheduler.Scheduler, world.scheduler),
    Context.add(Clock.Clock, world.clock(0)),
    Context.add(Random.Random, world.random),
  )
  run = makeRun(services, (cause) => died.push(Cause.squash(cause)))
  begin = (life) => run(life, scope)
})

const close = (closed: Scope.Closeable) => {
  world.root.fork(Scope.close(closed, Exit.void))
  world.runFor(1)
}

describe("an errand", () => {
  test("begins at once, one life at a time, and again for what was raised meanwhile", () => {
    const gate = Deferred.makeUnsafe<void>()
    let begun = 0
    let ended = 0
    const errand = new Errand(begin, () =>
      Effect.gen(function* () {
        begun++
        yield* Deferred.await(gate)
        ended++
      }),
    )
    errand.raise()
    expect([begun, ended]).toEqual([1, 0])
    errand.raise()
    errand.raise()
    expect([begun, ended]).toEqual([1, 0])
    Deferred.doneUnsafe(gate, Effect.void)
    world.runFor(1)
    expect([begun, ended]).toEqual([2, 2])
    errand.raise()
    expect([begun, ended]).toEqual([3, 3])
  })

  test("that fails is told of once, and is not begun again", () => {
    let begun = 0
    const errand = new Errand(begin, () => Effect.fail(`broken ${++begun}`))
    errand.raise()
    errand.raise()
    expect([begun, died]).toEqual([1, ["broken 1"]])
  })

  test("ends with its scope, in the midst of what it does, and nothing begins there any more", () => {
    let begun = 0
    let interrupted = 0
    const errand = new Errand(begin, () => {
      begun++
      return Effect.onInterrupt(Effect.never, () => Effect.sync(() => void interrupted++))
    })
    errand.raise()
    close(scope)
    expect([begun, interrupted, died]).toEqual([1, 1, []])
    const late = new Errand(begin, () => Effect.sync(() => void begun++))
    late.raise()
    expect(begun).toBe(1)
  })

  test("can be waited for by who does the work: what was raised before it waits is heard as well", () => {
    const heardAt: Array<number> = []
    const errand = new Errand(begin, (own) =>
      Effect.gen(function* () {
        yield* Effect.sleep(10)
        for (let times = 0; times < 2; times++) {
          yield* own.raised
          own.lower()
          heardAt.push(world.nowMillis)
        }
      }),
    )
    errand.raise()
    world.runFor(5)
    errand.raise()
    world.runFor(15)
    expect(heardAt).toEqual([10])
    world.runFor(10)
    errand.raise()
    expect(heardAt).toEqual([10, 30])
  })
})

describe("an inbox", () => {
  test("has all that comes at the same time taken together, in order, and loses nothing that comes later", () => {
    const taken: Array<ReadonlyArray<number>> = []
    const inbox: Inbox<number> = new Inbox(begin, () =>
      Effect.gen(function* () {
        while (inbox.size > 0) {
          taken.push(inbox.takeAll())
          yield* Effect.sleep(10)
        }
      }),
    )
    inbox.offer(1)
    inbox.offer(2)
    expect(taken).toEqual([])
    world.runFor(5)
    inbox.offer(3)
    inbox.offer(4)
    world.runFor(20)
    inbox.offer(5)
    world.runFor(20)
    expect(taken).toEqual([[1, 2], [3, 4], [5]])
  })

  test("drops what finds no place", () => {
    const taken: Array<number> = []
    const inbox: Inbox<number> = new Inbox(
      begin,
      () =>
        Effect.sync(() => {
          for (let next = inbox.take(); next !== undefined; next = inbox.take()) taken.push(next)
        }),
      2,
    )
    for (const item of [1, 2, 3]) inbox.offer(item)
    expect(inbox.size).toBe(2)
    world.runFor(1)
    inbox.offer(4)
    world.runFor(1)
    expect(taken).toEqual([1, 2, 4])
  })
})

describe("what ticks while a group is awake", () => {
  const resting = () => {
    const days = new Set<Errand>()
    const onWake = (errand: Errand) => {
      days.add(errand)
      return () => days.delete(errand)
    }
    const rest = { isResting: false, onWake }
    const turn = (isResting: boolean) => {
      rest.isResting = isResting
      if (!isResting) for (const errand of days) errand.raise()
    }
    return { group: { rest } as unknown as Group, rest, turn, waiting: () => days.size }
  }

  test("begins when it wakes, and is not there twice", () => {
    const { group, rest, turn } = resting()
    const ticks: Array<number> = []
    const ticking = Effect.fnUntraced(function* () {
      while (!rest.isResting) {
        yield* Effect.sleep(10)
        if (!rest.isResting) ticks.push(world.nowMillis)
      }
    })
    Effect.runSync(daily(group, run, ticking, scope))
    world.runFor(25)
    turn(true)
    world.runFor(15)
    // Asleep and awake again before it has noticed: it goes on.
    turn(false)
    turn(true)
    turn(false)
    world.runFor(25)
    expect(ticks).toEqual([10, 20, 50, 60])
  })

  test("ends with the scope, and is raised no more", () => {
    const { group, turn, waiting } = resting()
    let begun = 0
    const forever = () => {
      begun++
      return Effect.never
    }
    Effect.runSync(daily(group, run, forever, scope))
    close(scope)
    expect(waiting()).toBe(0)
    turn(true)
    turn(false)
    expect(begun).toBe(1)
  })
})
