// Who is to blame when code does not answer where it runs? Not a call that had no place to run, nor one that was run where
// others had left something behind.

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import { type Compartment, type CompartmentFault, fault } from "../../src/machine/compartment/Compartment.ts"
import type { Call, Reply } from "../../src/machine/Executor.ts"
import { GuestDoors } from "../../src/machine/GuestDoors.ts"
import { Instance } from "../../src/machine/Instance.ts"
import { unpackMessage } from "../../src/machine/inside/message.ts"
import { encodeReplies } from "../../src/machine/inside/protocol.ts"
import { type Lodger, Quarters, type QuartersOptions } from "../../src/machine/inside/Quarters.ts"
import { defaultLimits } from "../../src/machine/limits.ts"
import { hurried } from "./Housed.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

/** A call by the name of its query; what it is answered is its name again. */
const ask = (query: string): Call => ({
  type: "ask",
  actor: "till",
  version: "v",
  instance: undefined,
  key: "a",
  query,
  input: null,
  now: 0,
})
const reduce = (command: string, instance?: Instance): Call => ({
  type: "reduce",
  actor: "till",
  version: "v",
  instance,
  key: command,
  command,
  input: null,
  ifRevision: null,
  commandId: "",
  caller: "",
  seed: new Uint8Array(16),
  now: 0,
  index: 1,
  term: 1,
  timersMax: 0,
})

interface Place {
  /** Calls that were run here before. */
  readonly ran: Array<string>
}

/** Compartments whose calls fail as the test has it. */
class Houses {
  readonly places: Array<Place> = []
  readonly batches: Array<ReadonlyArray<string>> = []
  readonly #fails: (name: string, place: Place, all: ReadonlyArray<Place>) => CompartmentFault | null

  constructor(fails: (name: string, place: Place, all: ReadonlyArray<Place>) => CompartmentFault | null) {
    this.#fails = fails
  }

  readonly open: QuartersOptions["open"] = Effect.sync((): Compartment => {
    const place: Place = { ran: [] }
    this.places.push(place)
    return {
      memoryBytes: Effect.succeed(null),
      cpuMillis: Effect.succeed(null),
      call: (request) => Effect.suspend(() => this.#answer(place, request)),
    }
  })

  #answer(place: Place, request: Uint8Array): Effect.Effect<Uint8Array, CompartmentFault> {
    const { calls } = unpackMessage(request).document as {
      calls: ReadonlyArray<{ query?: string; command?: string }>
    }
    const names = calls.map(({ query, command }) => query ?? command ?? "")
    this.batches.push(names)
    const replies: Array<Reply> = []
    for (const name of names) {
      const failed = this.#fails(name, place, this.places)
      if (failed !== null) return Effect.fail(failed)
      place.ran.push(name)
      replies.push({ type: "answered", text: JSON.stringify(name) })
    }
    return Effect.succeed(encodeReplies(replies))
  }
}

const lodger: Lodger = { space: 1, code: () => null }

const quartersOf = (houses: Pick<Houses, "open">, options: Partial<QuartersOptions> = {}) =>
  new Quarters({
    open: houses.open,
    limits: defaultLimits,
    deadlineMillis: 100,
    lastDeadlineMillis: 200,
    loadMillisMax: 100,
    relapsesMax: 2,
    residentBytesMax: 1e6,
    sparesStarved: true,
    isCounted: true,
    ...options,
  })

const told = (replies: ReadonlyArray<Reply>) =>
  replies.map((reply) =>
    reply.type === "faulted"
      ? reply.fault.kind
      : reply.type === "answered"
        ? JSON.parse(reply.text)
        : reply.type,
  )
const run = async (quarters: Quarters, ...calls: ReadonlyArray<Call>) =>
  told(await hurried(quarters.run(lodger, calls, true)))

describe("a call", () => {
  test("that fails alone is to blame, and what comes before it is not run again for it", async () => {
    const houses = new Houses((name) => (name === "loop" ? fault("deadline", "it computed") : null))
    expect(await run(quartersOf(houses), reduce("one"), reduce("loop"), reduce("two"))).toEqual([
      "one",
      "deadline",
    ])
    expect(houses.batches).toEqual([["one", "loop", "two"], ["one"], ["loop"], ["loop"]])
  })

  test("for which no place can be opened is not to blame", async () => {
    const open: QuartersOptions["open"] = Effect.fail(fault("crash", "no process could be started"))
    expect(await run(quartersOf({ open }), reduce("one"))).toEqual(["host"])
    expect(await run(quartersOf({ open }), ask("one"))).toEqual(["host"])
  })

  test("whose place is closed meanwhile is not to blame", async () => {
    const houses = new Houses(() => fault("ended", "the compartment was closed"))
    const quarters = quartersOf(houses)
    expect(await run(quarters, reduce("one"))).toEqual(["host"])
    await hurried(quarters.end)
    expect(await run(quarters, reduce("one"))).toEqual(["host"])
  })

  test("whose place has died is run in another, a question as well", async () => {
    const houses = new Houses((_, place, all) => (place === all[0] ? fault("ended", "after crash") : null))
    expect(await run(quartersOf(houses), ask("one"))).toEqual(["one"])
  })

  test("that had too little of the CPU is not to blame before the log, and is behind it", async () => {
    const houses = new Houses(() => fault("starved", "no answer"))
    expect(await run(quartersOf(houses), reduce("one"))).toEqual(["host"])
    expect(await run(quartersOf(houses, { sparesStarved: false }), reduce("one"))).toEqual(["deadline"])
  })

  test("that fails only where others have run is run again, but not time and again", async () => {
    const houses = new Houses((_, place) => (place.ran.length > 0 ? fault("memory", "too much") : null))
    const quarters = quartersOf(houses)
    expect(await run(quarters, reduce("one"))).toEqual(["one"])
    for (const name of ["two", "three"]) expect(await run(quarters, reduce(name))).toEqual([name])
    expect(await run(quarters, reduce("four"))).toEqual(["memory"])
  })
})

test("of questions that are asked together three may fail, then the others are given up unasked", async () => {
  const houses = new Houses((name) => (name === "fine" ? null : fault("deadline", "it computed")))
  const replies = await run(quartersOf(houses), ...["fine", "1", "2", "3", "4", "fine"].map(ask))
  expect(replies).toEqual(["fine", "deadline", "deadline", "deadline", "host", "host"])
})

test("states that are too much for one message go in several", async () => {
  const houses = new Houses(() => null)
  const large = (key: string) =>
    Instance.received(
      `till/${key}`,
      { actor: "till", key, revision: 1, version: "v", index: 1 },
      JSON.stringify("x".repeat(2_000_000)),
    )
  const calls = Array.from({ length: 10 }, (_, at) => reduce(`${at}`, large(`${at}`)))
  expect(await run(quartersOf(houses), ...calls)).toHaveLength(10)
  expect(houses.batches.length).toBeGreaterThan(1)
  expect(houses.batches.length).toBeLessThan(10)
})

test("a state stays where it is run, until others that were used later have taken its room", async () => {
  const brought: Array<boolean> = []
  const quarters = quartersOf({
    open: Effect.succeed({
      memoryBytes: Effect.succeed(null),
      cpuMillis: Effect.succeed(null),
      call: (request) =>
        Effect.sync(() => {
          brought.push(request.byteLength > 150_000)
          return encodeReplies([{ type: "answered", text: "1" }])
        }),
    }),
  })
  const stateOf = (key: string) =>
    Instance.received(
      `till/${key}`,
      { actor: "till", key, revision: 1, version: "v", index: 1 },
      JSON.stringify("x".repeat(150_000)),
    )
  const [a, b] = [stateOf("a"), stateOf("b")]
  for (const instance of [a, a, b, b, a]) {
    await run(quarters, { ...ask("n"), key: instance.key, instance } as Call)
  }
  expect(brought).toEqual([true, false, true, false, true])
})

test("a door with somebody in it stays open, however many others are opened meanwhile", async () => {
  const ended: Array<string> = []
  const release = Promise.withResolvers<void>()
  let opened = 0
  const doors = new GuestDoors(() => {
    const name = `${opened++}`
    const open: QuartersOptions["open"] = Effect.acquireRelease(
      Effect.sync(
        (): Compartment => ({
          memoryBytes: Effect.succeed(null),
          cpuMillis: Effect.succeed(null),
          call: () =>
            Effect.promise(async () => {
              if (name === "0") await release.promise
              return encodeReplies([{ type: "answered", text: `"${name}"` }])
            }),
        }),
      ),
      () => Effect.sync(() => ended.push(name)),
    )
    return quartersOf({ open })
  })
  const first = hurried(doors.run(lodger, "busy", [ask("one")]))
  for (let at = 1; at <= 20; at++) {
    expect(told(await hurried(doors.run(lodger, `other-${at}`, [ask("one")])))).toEqual([`${at}`])
  }
  expect(ended).not.toContain("0")
  expect(ended.length).toBeGreaterThan(10)
  release.resolve()
  expect(told(await first)).toEqual(["0"])
  await hurried(doors.end)
  expect(told(await hurried(doors.run(lodger, "busy", [ask("one")])))).toEqual(["host"])
})
